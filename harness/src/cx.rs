//! What a check works with: clients, a namespace of its own, deterministic randomness, cases, attachments.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use sha2::{Digest as _, Sha256};

use crate::evidence::Recorder;
use crate::launch::Launcher;
use crate::observatory::{Observatory, Watch};
use crate::own_target::OwnTarget;
use crate::target::Attached;
use crate::{Client, Discovery, Soak, Stop};

/// The context of one check in one packaging. Clones are cheap and share everything.
#[derive(Clone, Debug)]
pub struct Cx {
    scope: Arc<Scope>,
    target: Arc<Attached>,
}

/// What stays the same whichever target the check speaks to.
#[derive(Debug)]
pub(crate) struct Scope {
    pub(crate) check: &'static str,
    pub(crate) packaging: String,
    pub(crate) seed: u64,
    pub(crate) namespace: String,
    pub(crate) started: Instant,
    pub(crate) deadline: Duration,
    pub(crate) request_timeout: Duration,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) http: reqwest::Client,
    pub(crate) launcher: Option<Arc<Launcher>>,
    pub(crate) observatory: Option<Arc<Observatory>>,
    pub(crate) soak: Option<Soak>,
    /// The check's part of it, once it was asked for.
    pub(crate) watch: OnceLock<Watch>,
}

impl Cx {
    pub(crate) fn new(scope: Arc<Scope>, target: Arc<Attached>) -> Cx {
        Cx { scope, target }
    }

    /// The packaging that this run of the check is about: `core` or `component`.
    #[must_use]
    pub fn packaging(&self) -> &str {
        &self.scope.packaging
    }

    /// What the target says about itself.
    #[must_use]
    pub fn discovery(&self) -> &Discovery {
        &self.target.discovery
    }

    /// A name that no other check, packaging or run has: a letter, then lower-case letters and digits, 21 in all. It comes
    /// from the run's nonce, so a run can be repeated against a target that keeps its data (README.md 5.1).
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.scope.namespace
    }

    /// Randomness that depends on the seed, the check and the packaging only. Two calls give the same sequence.
    #[must_use]
    pub fn rng(&self) -> StdRng {
        let seed = self.scope.seed.to_le_bytes();
        StdRng::from_seed(digest(&[&seed, self.scope.check.as_bytes(), self.scope.packaging.as_bytes()]))
    }

    /// A client with the admin token.
    #[must_use]
    pub fn admin(&self) -> Client {
        Client::new(self.clone(), Some(self.target.tokens.admin.clone()))
    }

    /// A client with the user token.
    #[must_use]
    pub fn user(&self) -> Client {
        Client::new(self.clone(), Some(self.target.tokens.user.clone()))
    }

    /// The admin token, for checks that look for it where it must not be. Evidence never shows it.
    #[must_use]
    pub fn admin_token(&self) -> &str {
        &self.target.tokens.admin
    }

    /// The user token, for checks that look for it where it must not be. Evidence never shows it.
    #[must_use]
    pub fn user_token(&self) -> &str {
        &self.target.tokens.user
    }

    /// A client without a token.
    #[must_use]
    pub fn anonymous(&self) -> Client {
        Client::new(self.clone(), None)
    }

    /// A client with another token, which is recorded as it is.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Client {
        Client::new(self.clone(), Some(token.to_owned()))
    }

    /// Runs a named case and records how it ended. The check goes on after a case that failed; its verdict is the worst of
    /// its cases and of its own end.
    pub async fn case(&self, name: impl Into<String>, case: impl Future<Output = Result<(), Stop>>) {
        let number = self.scope.recorder.begin_case(name.into());
        let end = case.await;
        self.scope.recorder.end_case(number, end);
    }

    /// Keeps a file as evidence, at most 1 MiB of it and 8 MiB in all. It is reported only if the check does not pass.
    pub fn attach(&self, name: impl Into<String>, media_type: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.scope.recorder.attach(name.into(), media_type.into(), bytes.into());
    }

    /// Starts a private instance of the launched command: its own `ASSAY_DATA`, port and tokens. What is exchanged with it
    /// goes into the same evidence. For checks with [`Need::Launch`](crate::Need::Launch).
    ///
    /// # Errors
    /// [`Stop::Skip`] if the target was not launched by the harness; [`Stop::Fail`] if the instance does not start.
    pub async fn own_target(&self) -> Result<OwnTarget, Stop> {
        OwnTarget::start(self).await
    }

    /// The check's part of the observatory: names of its own that the target can reach, the same at every call. What is seen
    /// of them is reported if the check does not pass. For checks with [`Need::Observatory`](crate::Need::Observatory).
    ///
    /// # Errors
    /// [`Stop::Skip`] if the target does not use the observatory of this run.
    pub fn observatory(&self) -> Result<Watch, Stop> {
        let Some(observatory) = &self.scope.observatory else {
            return Err(Stop::Skip(NEEDS_OBSERVATORY.to_owned()));
        };
        let watch = self.scope.watch.get_or_init(|| {
            let (watch, sightings) = observatory.sighted(self.namespace(), self.scope.started + self.scope.deadline);
            self.scope.recorder.add_sightings(sightings);
            watch
        });
        Ok(watch.clone())
    }

    /// Leaves what was exchanged so far out of the evidence, because it was judged to be right: for checks that go on for so
    /// long that nobody could read all of it.
    pub fn leave_out_earlier(&self) {
        self.scope.recorder.leave_out_earlier();
    }

    /// What a check that kills its target is told when it is to do so more often than by itself.
    #[must_use]
    pub fn soak(&self) -> Option<&Soak> {
        self.scope.soak.as_ref()
    }

    /// How long the check may take in all.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        self.scope.deadline
    }

    /// How much of that is left.
    #[must_use]
    pub fn time_left(&self) -> Duration {
        self.scope.deadline.saturating_sub(self.scope.started.elapsed())
    }

    /// The same check, another target.
    pub(crate) fn at(&self, target: Arc<Attached>) -> Cx {
        Cx { scope: Arc::clone(&self.scope), target }
    }

    pub(crate) fn base(&self) -> String {
        self.target.base()
    }

    pub(crate) fn recorder(&self) -> &Arc<Recorder> {
        &self.scope.recorder
    }

    pub(crate) fn http(&self) -> &reqwest::Client {
        &self.scope.http
    }

    pub(crate) fn launcher(&self) -> Option<&Arc<Launcher>> {
        self.scope.launcher.as_ref()
    }

    pub(crate) fn request_timeout(&self) -> Duration {
        self.scope.request_timeout
    }
}

/// Why a check with [`Need::Observatory`](crate::Need::Observatory) is skipped.
pub(crate) const NEEDS_OBSERVATORY: &str = "needs a target that uses the observatory: run with --launch COMMAND, or start \
     the target with the settings of `assay env --observatory DIR` and run with --observatory DIR";

/// See [`Cx::namespace`]: 20 letters and digits hold 100 bits, so names of different runs do not meet.
pub(crate) fn namespace(nonce: &str, check: &str, packaging: &str) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let digest = digest(&[nonce.as_bytes(), check.as_bytes(), packaging.as_bytes()]);
    let letters = digest[..20].iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
    std::iter::once('n').chain(letters).collect()
}

/// SHA-256 over the parts, each with its length in front, so that no two lists of parts are the same bytes.
fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_a_short_word_that_starts_with_a_letter() {
        let name = namespace("nonce", "core.signature.wrong-key", "core");
        assert_eq!(name.len(), 21);
        assert!(name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit()));
        assert!(name.starts_with('n'));
    }

    #[test]
    fn namespaces_differ_by_run_check_and_packaging() {
        let names = [
            namespace("a", "x.y", "core"),
            namespace("b", "x.y", "core"),
            namespace("a", "x.z", "core"),
            namespace("a", "x.y", "component"),
        ];
        assert_eq!(names.iter().collect::<std::collections::BTreeSet<_>>().len(), 4);
    }
}
