//! What `package verify` says and what a runtime says, about the same bytes: the author is told beforehand, with the same code, place and
//! name, and never wrongly.

mod generated;
mod packages;
mod values;

use std::cell::Cell;
use std::collections::BTreeMap;

use assay_author::{Answer, At, Circumstances, Fault, Offer, Parts, Target, judge};
use assay_fixtures::{Key, Package, Recipe};
use jiff::Timestamp;
use serde_json::json;

use crate::support::Runtime;

/// A runtime that trusts one key for everything below `com.example`.
pub struct Judges {
    target: Target,
    offer: Offer,
    bounds: BTreeMap<String, u64>,
    key: Key,
    asked: Cell<u32>,
    threads: tokio::runtime::Runtime,
    _runtime: Runtime,
}

impl Judges {
    pub fn new() -> Judges {
        let runtime = Runtime::start();
        let threads = tokio::runtime::Runtime::new().expect("threads");
        let target = Target::new(At { url: &runtime.url, token: Some("admin-by-hand") }).expect("a target");
        let key = Key::from_seed([7; 32]);
        let discovery = threads.block_on(target.discovery()).expect("discovery");
        let scope = json!({ "public_key": key.public_base64(), "role": "publisher", "scope": ["com.example.*"] });
        let trusted = threads.block_on(target.trust("agreement", &scope)).expect("an answer");
        assert_eq!(trusted.status, 201, "{trusted:?}");
        let (offer, bounds) = (Offer::of(&discovery), discovery.bounds);
        Judges { target, offer, bounds, key, asked: Cell::new(0), threads, _runtime: runtime }
    }

    /// An id that was never used.
    pub fn id(&self) -> String {
        self.asked.set(self.asked.get() + 1);
        format!("com.example.h{}", self.asked.get())
    }

    /// The package of a recipe, signed by the key that is trusted.
    pub fn signed(&self, recipe: &Recipe) -> Package {
        recipe.build().signed(&self.key)
    }

    /// A bound that the runtime publishes.
    pub fn bound(&self, name: &str) -> u32 {
        self.bounds.get(name).and_then(|bound| u32::try_from(*bound).ok()).expect(name)
    }

    /// The key that is trusted.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Both verdicts: the faults that the author is shown, and what the runtime answers.
    pub fn both(&self, package: &Package) -> (Vec<Fault>, Answer) {
        let parts = Parts { manifest: &package.manifest, module: &package.module, signatures: &package.signatures };
        let circumstances = Circumstances { keys: vec![self.key.public_key()], now: Timestamp::now() };
        let faults = judge(parts, &self.offer, &circumstances).faults;
        (faults, self.threads.block_on(self.target.upload(parts)).expect("an answer"))
    }

    /// Judges that both say the same about a package with at most one thing wrong. Answers whether it was accepted.
    pub fn agree(&self, what: &str, package: &Package) -> bool {
        let (faults, answer) = self.both(package);
        match faults.first() {
            None => assert_eq!(answer.status, 201, "{what}: verify accepts it; {}", answer.body),
            Some(fault) => {
                assert_eq!(fault.code, answer.text("code"), "{what}: {faults:#?} {}", answer.body);
                self.same_place(what, &faults, &answer);
            }
        }
        faults.is_empty()
    }

    /// Judges that a refusal is among the faults, and nothing is refused that has none. Answers whether it was accepted.
    pub fn agree_about_several(&self, what: &str, package: &Package) -> bool {
        let (faults, answer) = self.both(package);
        let code = answer.text("code");
        assert_eq!(faults.is_empty(), answer.status == 201, "{what}: {faults:#?} {}", answer.body);
        assert!(
            faults.is_empty() || faults.iter().any(|fault| fault.code == code),
            "{what}: {faults:#?} {}",
            answer.body
        );
        if !faults.is_empty() {
            self.same_place(what, &faults, &answer);
        }
        faults.is_empty()
    }

    /// Of a schema a runtime may name any place: which of two references leads in a circle is a matter of taste.
    fn same_place(&self, what: &str, faults: &[Fault], answer: &Answer) {
        let code = answer.text("code");
        let pointer = answer.body.get("pointer").and_then(|pointer| pointer.as_str());
        let name = answer.body.get("name").and_then(|name| name.as_str());
        let same = |fault: &Fault| {
            fault.code == code
                && (code == "schema-invalid" || pointer.is_none() || fault.pointer.as_deref() == pointer)
                && (name.is_none() || fault.name.as_deref() == name)
        };
        let of_the_package = !["envelope-malformed", "subject-mismatch", "manifest-malformed"].contains(&code);
        assert!(!of_the_package || faults.iter().any(same), "{what}: {faults:#?} {}", answer.body);
        // Whatever has a place in the manifest is in one of its lines.
        let lines = faults.iter().filter(|fault| fault.file == "manifest.json" && fault.pointer.is_some());
        assert!(lines.into_iter().all(|fault| fault.position.is_some()), "{what}: {faults:#?}");
    }
}
