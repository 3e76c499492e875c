//! How a target is attached, and why it may be impossible: every refusal says what to type next.

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use reqwest::Url;

use crate::redact::Redactor;
use crate::{Discovery, Exit};

/// What to attach (README.md, section 5).
#[derive(Clone, Debug)]
pub enum Attach {
    /// A target that runs already.
    Url {
        /// Its base URL, `http` or `https`.
        url: Url,
        /// A bearer token of the role admin.
        admin_token: Option<String>,
        /// A bearer token of the role user.
        user_token: Option<String>,
    },
    /// A command that the harness launches and owns.
    Launch {
        /// Program and arguments.
        command: Vec<String>,
        /// Variables besides the contract's settings.
        env: Vec<(String, String)>,
    },
}

/// What is asked before the run starts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Probe {
    /// Discovery, and one read with each token: a typing error ends here and not in a report full of FAIL.
    Tokens,
    /// Discovery only: for targets that are wrong on purpose.
    Discovery,
}

/// Two tokens of one target.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Tokens {
    pub(crate) admin: String,
    pub(crate) user: String,
}

impl Tokens {
    /// New ones, 128 random bits each.
    pub(crate) fn random() -> Tokens {
        let token = |role: &str| format!("{role}-{}", hex::encode(rand::random::<[u8; 16]>()));
        Tokens { admin: token("admin"), user: token("user") }
    }

    pub(crate) fn teach(&self, redactor: &mut Redactor) {
        redactor.learn(&self.admin, "admin token");
        redactor.learn(&self.user, "user token");
    }
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens(..)")
    }
}

/// A target that can be spoken to.
#[derive(Debug)]
pub(crate) struct Attached {
    /// Base URL without a slash at the end; a restart changes the port.
    base: RwLock<String>,
    pub(crate) tokens: Tokens,
    pub(crate) discovery: Discovery,
}

impl Attached {
    pub(crate) fn new(base: String, tokens: Tokens, discovery: Discovery) -> Attached {
        Attached { base: RwLock::new(base), tokens, discovery }
    }

    pub(crate) fn base(&self) -> String {
        self.base.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn moved(&self, base: String) {
        *self.base.write().unwrap_or_else(PoisonError::into_inner) = base;
    }
}

/// Why a target cannot be attached.
#[derive(thiserror::Error, Debug)]
pub enum AttachError {
    /// The command line lacks something.
    #[error("{0}")]
    Usage(String),
    /// No answer.
    #[error(
        "{url} cannot be reached: {cause}\nCheck that the target runs: curl -i {url}/health\n\
         Or let the suite start it: --launch COMMAND"
    )]
    Unreachable {
        /// Base URL.
        url: String,
        /// Why.
        cause: String,
    },
    /// A token does not work.
    #[error(
        "the target refuses the {role} token: {answer}\nGive the token of this target with {flag}; a token of the role {role} \
         must be allowed to {probe}"
    )]
    TokenRefused {
        /// `admin` or `user`.
        role: &'static str,
        /// The flag that takes it.
        flag: &'static str,
        /// The request that was tried.
        probe: &'static str,
        /// What was answered.
        answer: String,
    },
    /// It speaks another version.
    #[error(
        "the target speaks contract {found}, this suite judges {expected}\nUse the release of the suite that belongs to \
         contract {found}, or a target of contract {expected}"
    )]
    ContractMismatch {
        /// The version that the target names.
        found: String,
        /// The version of this suite.
        expected: String,
    },
    /// Something answers that is no handler runtime.
    #[error(
        "what answers at {url} is no handler runtime (README.md, section 4):{}\nSee what it answers: \
         curl -i {url}/.well-known/handler-runtime",
        faults.iter().map(|fault| format!("\n  - {fault}")).collect::<String>()
    )]
    NotARuntime {
        /// Base URL.
        url: String,
        /// Every fault of its discovery document.
        faults: Vec<String>,
    },
    /// The command did not become a healthy target.
    #[error(
        "the target did not start: {reason}\n{}Run it by hand to see more: ASSAY_LISTEN=127.0.0.1:8080 ASSAY_DATA=/tmp/assay \
         ASSAY_ADMIN_TOKEN=admin ASSAY_USER_TOKEN=user {command}",
        stderr_block(stderr)
    )]
    DidNotStart {
        /// The command.
        command: String,
        /// One sentence.
        reason: String,
        /// The last lines of its stderr.
        stderr: String,
    },
    /// Ctrl-C while attaching.
    #[error("interrupted before the target was attached")]
    Interrupted,
    /// The harness cannot work here.
    #[error("{0}")]
    Harness(String),
}

impl AttachError {
    /// The exit code that goes with it.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            AttachError::Usage(_) => Exit::Usage,
            AttachError::Unreachable { .. } => Exit::Unreachable,
            AttachError::TokenRefused { .. } => Exit::TokenRefused,
            AttachError::ContractMismatch { .. } | AttachError::NotARuntime { .. } => Exit::ContractMismatch,
            AttachError::DidNotStart { .. } => Exit::DidNotStart,
            AttachError::Interrupted => Exit::Inconclusive,
            AttachError::Harness(_) => Exit::HarnessError,
        }
    }
}

fn stderr_block(stderr: &str) -> String {
    if stderr.is_empty() {
        return "It wrote nothing to stderr.\n".to_owned();
    }
    let lines: String = stderr.lines().map(|line| format!("  | {line}\n")).collect();
    format!("The end of its stderr:\n{lines}")
}

/// How long a launched target may take until it is healthy (README.md 5.2).
pub(crate) const STARTUP: Duration = Duration::from_secs(30);
