//! The target `module`: the module gate against wasmparser, wit-component and the rules of core.md 4, over modules of
//! wasm-smith, modules of the fixtures with one thing wrong, and either of them with bytes changed.

use assay_fixtures::{Packaging, sha256};
use assay_package::{Abi, Circumstances, Gates, Offer, Package, Part, Refusal, Trust};
use serde_json::{Value, json};

use crate::{
    finding::Finding,
    rates::Bare,
    source::Source,
    target::{Seed, Subject, Target},
    upload::{Empty, NOW},
};

pub mod cost;
pub mod generate;
pub mod rules;
pub mod size;

/// The target.
pub const MODULE: Target = Target {
    name: "module",
    purpose: "the module gate against wasmparser, wit-component and core.md 4",
    subject: |defect| Subject::of_gates(defect, judge),
    seeds,
    words: &[
        "\0asm\u{1}\0\0\0",
        "memory",
        "cabi_realloc",
        "handle",
        "cabi_post_handle",
        "migrate",
        "cabi_post_migrate",
        "assay:handler/log@0.1.0",
        "assay:handler/state@0.1.0",
        "assay:handler/egress@0.1.0",
        "write",
        "get",
        "send",
    ],
    planted: &[
        "modules-not-validated",
        "abi-taken-from-the-bytes",
        "all-proposals-allowed",
        "exports-unchecked",
        "export-types-unchecked",
        "migrate-type-unchecked",
        "imports-unchecked",
        "import-types-unchecked",
        "filesystem-imports-allowed",
        "environment-imports-allowed",
        "process-imports-allowed",
        "stream-imports-allowed",
        "socket-imports-allowed",
        "clock-imports-allowed",
        "randomness-imports-allowed",
        "http-imports-allowed",
        "unknown-imports-allowed",
        "look-alike-imports-allowed",
        "capabilities-undeclared-accepted",
        "initial-memory-unchecked",
        "initial-tables-unchecked",
        "first-table-counted",
        "module-cost-unbounded",
        "block-depth-unbounded",
        "loop-depth-unbounded",
        "component-entries-unbounded",
        "instances-unbounded",
        "memories-unbounded",
        "tables-unbounded",
    ],
    budget: 10_000,
    bare: Some(Bare { name: "wasmparser", text: |bytes| case(bytes).module, takes: rules::is_valid }),
};

/// A module, what the manifest says about it, and what the runtime offers.
pub struct Case {
    /// The bytes.
    pub module: Vec<u8>,
    /// `/abi`.
    pub abi: Abi,
    /// Whether `/permissions/state` is there.
    pub state: bool,
    /// Whether `/permissions/egress` is there.
    pub egress: bool,
    /// `/limits/memory_bytes`.
    pub memory_bytes: u64,
    /// What is offered.
    pub offer: Offer,
}

/// An input that starts with this byte is a module as it is.
const AS_IT_IS: u8 = 0;

/// What an input stands for.
fn case(bytes: &[u8]) -> Case {
    match bytes.split_first() {
        Some((&AS_IT_IS, module)) => generate::plain(module.to_vec()),
        _ => generate::case(&mut Source::new(bytes)),
    }
}

fn judge(bytes: &[u8], gates: &Gates) -> Result<String, Finding> {
    let case = case(bytes);
    let expected = rules::judge(&case);
    let outcome = outcome(&case, gates);
    let name = outcome.as_ref().err().and_then(|refusal| refusal.name.clone()).unwrap_or_default();
    expected.compare(outcome.as_ref().map(|_| ())).map(|seen| format!("{} {seen} {name}", case.abi))
}

/// What the gates say to the case at upload.
pub(crate) fn outcome(case: &Case, gates: &Gates) -> Result<Package, Refusal> {
    let manifest = manifest(case).to_string().into_bytes();
    let part = |name: &str, media_type: &str, bytes: Vec<u8>| Part {
        name: name.to_owned(),
        content_type: Some(media_type.to_owned()),
        bytes,
    };
    let parts =
        vec![part("manifest", "application/json", manifest), part("module", "application/wasm", case.module.clone())];
    let trust = Trust::default();
    let circumstances = Circumstances { offer: &case.offer, trust: &trust, ledger: &Empty, now: NOW };
    gates.upload(parts, &circumstances)
}

/// A manifest that is right for the case.
fn manifest(case: &Case) -> Value {
    let mut permissions = json!({});
    if case.state {
        permissions["state"] = json!({"max_bytes": 1});
    }
    if case.egress {
        permissions["egress"] = json!([]);
    }
    json!({
        "id": "com.example.fuzz", "version": "1.0.0", "name": "Fuzz", "category": "test", "abi": case.abi.as_str(),
        "module": {"digest": sha256(&case.module), "size": case.module.len()},
        "input": true, "output": true, "permissions": permissions,
        "limits": {"memory_bytes": case.memory_bytes, "timeout_ms": 1},
    })
}

fn seeds() -> Vec<Seed> {
    let behaviours = generate::BEHAVIOURS.iter().enumerate();
    let both =
        behaviours.flat_map(|(number, behaviour)| Packaging::ALL.map(|packaging| (number, behaviour(), packaging)));
    let seed = |(number, behaviour, packaging): (usize, _, Packaging)| {
        let package = assay_fixtures::Recipe::new("com.example.fuzz", behaviour).packaging(packaging).build();
        Seed { name: format!("{number}-{}", packaging.as_str()), bytes: [&[AS_IT_IS][..], &package.module].concat() }
    };
    both.map(seed).collect()
}
