//! `package sign`: says under the author's key that this package is a release, and until when.

use std::path::PathBuf;

use assay_fixtures::{Release, sha256, sign_digest};
use clap::Args;
use jiff::{SignedDuration, Timestamp};

use crate::Offer;
use crate::build::count;
use crate::check::{Circumstances, Envelope, Parts, is_digest, judge, read_manifest};
use crate::document::Node;
use crate::folder::Folder;
use crate::key_file;
use crate::report::{Done, Failed, typed};

/// With which key, and until when.
#[derive(Args, Clone, Debug)]
pub struct Sign {
    /// Folder of the package
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Your private key [default: author.key beside DIR]
    #[arg(long, value_name = "FILE", env = "ASSAY_AUTHOR_KEY")]
    key: Option<PathBuf>,
    /// Days until the release ends
    #[arg(long, value_name = "DAYS", default_value_t = 365, value_parser = clap::value_parser!(i64).range(1..=36500))]
    days: i64,
    /// When the release ends, instead of --days: a time such as 2027-01-01T00:00:00Z
    #[arg(long, value_name = "TIME", conflicts_with = "days")]
    expires_at: Option<Timestamp>,
    /// Package digest of the release that this one follows: needed to upgrade what is installed
    #[arg(long, value_name = "DIGEST")]
    previous: Option<String>,
}

impl Sign {
    pub(crate) fn run(self) -> Result<Done, Failed> {
        let folder = Folder::new(&self.dir);
        if self.previous.as_deref().is_some_and(|previous| !is_digest(previous)) {
            let message = "--previous is not a package digest: `sha256:` and 64 lower-case hexadecimal digits";
            return Err(Failed::usage(
                message,
                "Take it from `package` of GET /handlers/ID, or of `package build --json`.",
            ));
        }
        let contents = folder.read()?;
        let key = key_file::read_private(&self.key.clone().unwrap_or_else(|| folder.key_path()))?;
        let offer = Offer::of_every_runtime();
        let now = Timestamp::now();
        let parts = Parts { manifest: &contents.manifest, module: &contents.module, signatures: &[] };
        let findings = judge(parts, &offer, &Circumstances { keys: Vec::new(), now });
        if !findings.faults.is_empty() {
            let message = format!("it was not signed: {} that a runtime refuses", count(&findings.faults));
            let next = format!("Correct what is named above, then: {}", typed(&format!("build {}", folder.shown())));
            return Err(Failed::refused(message, folder.naming(findings.faults), next));
        }
        // A statement of whole seconds is easier to read, and none of it lies in the future.
        let issued_at = Timestamp::from_second(now.as_second()).unwrap_or(now);
        let expires_at = self.expires_at.unwrap_or(issued_at + SignedDuration::from_hours(24 * self.days));
        if expires_at <= now {
            return Err(Failed::usage(format!("--expires-at {expires_at} is over"), "Give a time that is to come."));
        }
        let document = read_manifest(&contents.manifest, &offer)
            .map_err(|fault| Failed::refused("the manifest cannot be read", vec![*fault], "Correct it."))?;
        let at = |pointer| document.at(pointer).and_then(Node::text).unwrap_or_default();
        let subject = format!("{}@{}", at("/id"), at("/version"));
        let package = sha256(&contents.manifest);
        let terms = Release { issued_at, expires_at, previous: self.previous.clone() };
        let mut signatures = others(&contents.signatures, &package, &key.public_key(), &offer);
        signatures.push(sign_digest(&subject, &package, &key, &terms));
        folder.write_signatures(&signatures)?;
        let mut done = Done::default();
        let file = self.dir.join(crate::check::signature_file(signatures.len() - 1));
        done.line(format!("{}: {} signs {subject} until {expires_at}", file.display(), key.name()));
        done.line(format!("Next: {}", typed(&format!("verify {}", folder.shown()))));
        done.member("signature", file.display().to_string());
        done.member("subject", subject);
        done.member("package", package);
        done.member("public_key", key.public_base64());
        done.member("expires_at", expires_at.to_string());
        Ok(done)
    }
}

/// Signatures of other keys about this very package stay; one of this key is made anew.
fn others(signatures: &[Vec<u8>], package: &str, key: &[u8; 32], offer: &Offer) -> Vec<Vec<u8>> {
    let stays = |bytes: &&Vec<u8>| {
        Envelope::read(bytes, offer).is_ok_and(|envelope| envelope.is_about(package) && !envelope.is_by(key))
    };
    signatures.iter().filter(stays).cloned().collect()
}
