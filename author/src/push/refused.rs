//! A runtime's refusal in the author's terms: its code and remedy, the line of the manifest, and what to type next.

use assay_harness::Exit;

use super::target::Answer;
use crate::Fault;
use crate::check::{MANIFEST, in_manifest};
use crate::document::Document;
use crate::folder::Folder;
use crate::report::{Failed, typed};

/// What was sent.
pub(super) struct Sent<'a> {
    pub folder: &'a Folder,
    pub document: &'a Document,
    pub id: &'a str,
}

/// Codes whose pointer is one into the manifest: those of the gates 1 to 4.
const OF_THE_MANIFEST: [&str; 12] = [
    "manifest-malformed",
    "digest-mismatch",
    "manifest-missing-field",
    "manifest-unknown-field",
    "manifest-invalid-value",
    "limit-out-of-bounds",
    "schema-invalid",
    "abi-unsupported",
    "capability-unknown",
    "feature-unsupported",
    "egress-rule-invalid",
    "module-over-limit",
];

impl Sent<'_> {
    /// What a refusal means. `place` is the one in the manifest that it is about, if it names none.
    pub fn refusal(&self, what: &str, answer: &Answer, place: Option<usize>) -> Failed {
        let code = answer.text("code");
        if code.is_empty() {
            let message = format!("{what}: the runtime answered {} without a problem of the contract", answer.status);
            return Failed::refused(message, Vec::new(), "See the runtime's own log.");
        }
        let message = format!("{what}: {code}");
        if ["unauthenticated", "forbidden"].contains(&code) {
            let next = "Give a token of the role admin of this runtime: export ASSAY_ADMIN_TOKEN=…";
            return Failed::usage(message, next).ending(Exit::TokenRefused);
        }
        Failed::refused(message, self.folder.naming(vec![self.fault(answer, place)]), self.next(code))
    }

    /// An upgrade that was refused, with the release that is installed.
    pub fn no_upgrade(&self, answer: &Answer, installed: &Answer) -> Failed {
        let mut failed = self.refusal("it was stored, and what is installed was not upgraded", answer, None);
        let folder = self.folder.shown();
        let follow = typed(&format!("sign {folder} --previous {}", installed.text("package")));
        failed.next = match answer.text("code") {
            "chain-broken" => format!(
                "Raise /version in {}, build, and say that it follows what is installed: {follow}",
                self.folder.manifest_path().display()
            ),
            "version-downgrade" => format!(
                "Raise /version above {} in {}, build, and: {follow}",
                installed.text("version"),
                self.folder.manifest_path().display()
            ),
            _ => failed.next,
        };
        failed
    }

    fn fault(&self, answer: &Answer, place: Option<usize>) -> Fault {
        let (code, detail) = (answer.text("code"), answer.text("detail"));
        let pointer = answer.body.get("pointer").and_then(serde_json::Value::as_str);
        let about_the_manifest = OF_THE_MANIFEST.contains(&code) || code == "module-abi-mismatch";
        let mut fault = match (pointer, place) {
            (Some(pointer), _) if about_the_manifest => in_manifest(self.document, code, pointer, detail),
            (_, Some(at)) if code == "version-exists" => {
                Fault::new(code, MANIFEST, detail).at(self.document.text(), at).pointing("/version")
            }
            (Some(pointer), _) => Fault::new(code, "answer", detail).pointing(pointer),
            (None, _) => Fault::new(code, "answer", detail),
        };
        if let Some(name) = answer.body.get("name").and_then(serde_json::Value::as_str) {
            fault = fault.named(name);
        }
        match answer.text("remedy") {
            "" => fault,
            remedy => fault.remedy(remedy),
        }
    }

    fn next(&self, code: &str) -> String {
        let folder = self.folder.shown();
        let build = typed(&format!("build {folder}"));
        match code {
            "version-exists" => format!("Raise /version in {}, then: {build}", self.folder.manifest_path().display()),
            "signature-invalid" | "key-out-of-scope" => {
                format!("Have an admin trust author.pub for {}, or leave out --no-trust.", self.id)
            }
            "release-expired"
            | "release-not-yet-valid"
            | "subject-mismatch"
            | "envelope-malformed"
            | "signature-missing" => typed(&format!("sign {folder}")),
            "key-invalid" | "key-conflict" => {
                "Have an admin make the key trusted under another name, then push with --no-trust.".to_owned()
            }
            "release-revoked" => "A revoked release never comes back: raise /version, or use another id.".to_owned(),
            "overloaded" => format!("Try again: {}", typed(&format!("push {folder}"))),
            "input-rejected" | "input-too-large" => "Correct --input.".to_owned(),
            _ => format!("Correct what is named above, then: {build}"),
        }
    }
}
