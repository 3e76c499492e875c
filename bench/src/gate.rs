//! Part a: the upload gates on large modules, beside the bare validator on the same bytes.

use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use assay_fixtures::{Behaviour, Key, Packaging, Recipe};
use assay_package::{
    Circumstances, Digest, Gates, HandlerId, KeyRequest, KeyRole, Ledger, Link, Offer, Part, Trust, Version,
};
use jiff::Timestamp;
use wasm_encoder::{
    BlockType, CodeSection, ComponentSection as _, ExportKind, ExportSection, Function, FunctionSection, MemArg,
    MemArgTarget, MemorySection, MemoryType, Module, ModuleSection, TypeSection, ValType,
};
use wasmparser::{Validator, WasmFeatures};

use crate::table::{Goal, Row};

/// A registry in which nothing is.
struct Nothing;

impl Ledger for Nothing {
    fn handler_revoked(&self, _: &HandlerId) -> bool {
        false
    }

    fn release_revoked(&self, _: &HandlerId, _: &Version) -> bool {
        false
    }

    fn release_by_digest(&self, _: &Digest) -> Option<Link> {
        None
    }
}

/// Measures modules of these many functions, so often each.
///
/// # Errors
/// If a module that should pass does not.
pub fn measure(functions: &[u32], repetitions: usize) -> Result<Vec<Row>> {
    let gates = Gates::honest();
    let key = Key::from_seed([7; 32]);
    let request = KeyRequest {
        name: key.name().parse().context("a key name")?,
        public_key: key.public_base64(),
        role: KeyRole::Publisher,
        scope: vec!["com.*".to_owned()],
        not_after: None,
    };
    let Ok(trusted) = gates.trusted_key(&request) else { bail!("the key is not right") };
    let trust = Trust::new([trusted]);
    let offer = Offer::default();
    let circumstances = Circumstances { offer: &offer, trust: &trust, ledger: &Nothing, now: Timestamp::now() };
    let mut rows = Vec::new();
    for &functions in functions {
        for packaging in Packaging::ALL {
            let recipe = Recipe::new("com.example.large", Behaviour::Echo).packaging(packaging);
            let package = recipe.edit_module(move |bytes| enlarged(bytes, packaging, functions)).build().signed(&key);
            let megabytes = package.module.len() as f64 / 1e6;
            let (mut ours, mut bare) = (Vec::new(), Vec::new());
            for _ in 0..repetitions {
                let parts = parts(&package);
                let started = Instant::now();
                let passed = gates.upload(parts, &circumstances);
                ours.push(megabytes / started.elapsed().as_secs_f64());
                if let Err(refusal) = passed {
                    bail!("the package is refused: {refusal:?}");
                }
                let started = Instant::now();
                let mut validator = Validator::new_with_features(WasmFeatures::WASM2 | WasmFeatures::COMPONENT_MODEL);
                validator.validate_all(&package.module)?;
                bare.push(megabytes / started.elapsed().as_secs_f64());
            }
            let name = format!("{} of {megabytes:.1} MB", packaging.as_str());
            rows.push(Row::figure(
                "a",
                format!("all upload gates, digest and signature included, {name}"),
                "MB/s",
                &ours,
            ));
            rows.push(Row::figure("a", format!("wasmparser alone, {name}"), "MB/s", &bare));
            let ratio = Row::ratio("a", format!("all upload gates beside wasmparser, {name}"), &ours, &bare);
            rows.push(ratio.with_goal(Goal::AtLeast(0.8)));
        }
    }
    Ok(rows)
}

fn parts(package: &assay_fixtures::Package) -> Vec<Part> {
    let part = |name: &str, media_type: &str, bytes: &Vec<u8>| Part {
        name: name.to_owned(),
        content_type: Some(media_type.to_owned()),
        bytes: bytes.clone(),
    };
    let mut parts = vec![
        part("manifest", "application/json", &package.manifest),
        part("module", "application/wasm", &package.module),
    ];
    parts.extend(package.signatures.iter().map(|bytes| part("signature", "application/vnd.dsse+json", bytes)));
    parts
}

/// A component gets a large module that it never instantiates; a core module is made anew.
fn enlarged(mut bytes: Vec<u8>, packaging: Packaging, functions: u32) -> Vec<u8> {
    let large = large(functions);
    match packaging {
        Packaging::Core => large.finish(),
        Packaging::Component => {
            ModuleSection(&large).append_to_component(&mut bytes);
            bytes
        }
    }
}

/// A module that exports what a handler must, with so many functions of about 150 bytes.
fn large(functions: u32) -> Module {
    use ValType::{I32, I64};
    let mut types = TypeSection::new();
    types.ty().function([I32; 4], [I32]);
    types.ty().function([I32, I32, I32, I32, I32, I32, I32, I32, I64, I32, I32, I32, I32], [I32]);
    types.ty().function([I32], []);
    let mut declared = FunctionSection::new();
    let mut exports = ExportSection::new();
    let mut bodies = CodeSection::new();
    exports.export("memory", ExportKind::Memory, 0);
    for (index, name) in (0..).zip(["cabi_realloc", "handle", "cabi_post_handle"]) {
        declared.function(index);
        exports.export(name, ExportKind::Func, index);
        let mut body = Function::new([]);
        body.instructions().unreachable().end();
        bodies.function(&body);
    }
    for number in 0..functions {
        declared.function(0);
        bodies.function(&filler(number));
    }
    let mut memories = MemorySection::new();
    memories.memory(MemoryType { minimum: 1, maximum: None, memory64: false, shared: false, page_size_log2: None });
    let mut module = Module::new();
    module.section(&types).section(&declared).section(&memories).section(&exports).section(&bodies);
    module
}

/// Loads, stores, arithmetic, branches and calls, as compilers write them.
fn filler(number: u32) -> Function {
    let mut body = Function::new([(2, ValType::I32)]);
    let mut code = body.instructions();
    let at = MemArg { offset: 16, align: 2, target: MemArgTarget::Memory(0), ordering: None };
    for turn in 0..6 {
        code.block(BlockType::Empty)
            .local_get(0)
            .local_get(turn % 4)
            .i32_add()
            .local_tee(4)
            .i32_const(1024 + turn.cast_signed());
        code.i32_lt_u()
            .br_if(0)
            .local_get(4)
            .local_get(1)
            .i32_load(at)
            .i32_xor()
            .local_set(5)
            .local_get(2)
            .local_get(5);
        code.i32_store(at).end();
    }
    code.local_get(0).local_get(1).local_get(2).local_get(3).call(3 + number / 2).local_get(5).i32_mul().end();
    body
}
