//! `package verify`: everything that a runtime would refuse, as far as it can be known without sending it.

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;

use crate::build::count;
use crate::check::{Circumstances, Envelope, MANIFEST, Parts, judge};
use crate::folder::{Contents, Folder};
use crate::key_file;
use crate::push::target::{At, Target};
use crate::report::{Done, Failed, typed};
use crate::{Fault, Findings, Offer};

/// What is verified, and by which key and bounds.
#[derive(Args, Clone, Debug)]
pub struct Verify {
    /// Folder of the package
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Public key that made the signature [default: author.pub beside DIR]
    #[arg(long, value_name = "FILE", env = "ASSAY_AUTHOR_PUB")]
    public: Option<PathBuf>,
    /// Runtime whose bounds and features count [default: those that every runtime has]
    #[arg(long, value_name = "URL")]
    target: Option<String>,
}

impl Verify {
    pub(crate) async fn run(self) -> Result<Done, Failed> {
        let folder = Folder::new(&self.dir);
        let offer = match &self.target {
            Some(url) => Offer::of(&Target::new(At { url, token: None })?.discovery().await?),
            None => Offer::of_every_runtime(),
        };
        let verified = verified(&folder, self.public, &offer)?;
        let mut done = Done::default();
        let until = verified.expires_at.map_or(String::new(), |at| format!("; it is signed until {at}"));
        done.line(format!("{}: nothing is wrong that can be known without sending it{until}", folder.shown()));
        done.line(format!("Next: {}", typed(&format!("push {}", folder.shown()))));
        done.notes = folder.naming(verified.findings.notes);
        done.member("expires_at", verified.expires_at.map(|at| at.to_string()));
        Ok(done)
    }
}

/// A package in which nothing was found to be wrong.
pub(crate) struct Verified {
    pub contents: Contents,
    pub key: [u8; 32],
    pub findings: Findings,
    pub expires_at: Option<Timestamp>,
}

/// Judges the package in a folder, signed as it has to be for an install.
pub(crate) fn verified(folder: &Folder, public: Option<PathBuf>, offer: &Offer) -> Result<Verified, Failed> {
    let contents = folder.read()?;
    let key = key_file::read_public(&public.unwrap_or_else(|| key_file::public_path(&folder.key_path())))?;
    let parts = Parts { manifest: &contents.manifest, module: &contents.module, signatures: &contents.signatures };
    let mut findings = judge(parts, offer, &Circumstances { keys: vec![key], now: Timestamp::now() });
    if findings.faults.is_empty() && contents.signatures.is_empty() {
        let missing = Fault::new("signature-missing", MANIFEST, "there is no signature-0.dsse.json in the folder");
        findings.faults.push(missing.remedy("A runtime stores such a package, and does not install it."));
    }
    if findings.faults.is_empty() {
        let ends = contents.signatures.iter().filter_map(|bytes| Envelope::read(bytes, offer).ok());
        let expires_at = ends.map(|envelope| envelope.expires_at()).min();
        return Ok(Verified { contents, key, findings, expires_at });
    }
    let message = format!("{}: {} that a runtime refuses", folder.shown(), count(&findings.faults));
    // A change of the manifest or the module needs a new pin and a new signature; a signature only itself.
    let only_signatures = findings
        .faults
        .iter()
        .all(|fault| fault.file != MANIFEST || fault.code == "signature-missing")
        && findings.faults.iter().any(|fault| fault.file.starts_with("signature") || fault.code == "signature-missing");
    let next = match only_signatures {
        true => typed(&format!("sign {}", folder.shown())),
        false => {
            let steps = ["build", "sign"].map(|step| typed(&format!("{step} {}", folder.shown())));
            format!("Correct what is named above, then: {}", steps.join(" && "))
        }
    };
    Err(Failed::refused(message, folder.naming(findings.faults), next))
}
