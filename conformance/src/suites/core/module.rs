//! Gate 4: the module (core.md, section 4). Each check runs in both packagings.

use assay_fixtures::{Behaviour, Flaw, Packaging};
use assay_harness::{Cx, Group, Stop, checks};
use serde_json::json;

use crate::publisher::Publisher;
use crate::refusal::{Refusal, refused};

/// The table.
pub const GROUP: Group = Group {
    profile: "core",
    name: "module",
    checks: checks![
        each(
            "core.module.magic",
            "bytes without the magic, version and layer of WebAssembly are refused",
            &["CORE-MOD-001"],
            magic
        ),
        each("core.module.layer", "a module of the other packaging is refused", &["CORE-MOD-002"], layer),
        each("core.module.validation", "a module that does not validate is refused", &["CORE-MOD-003"], validation),
        each(
            "core.module.proposals",
            "a module that uses a proposal outside of the contract is refused",
            &["CORE-MOD-004"],
            proposals
        ),
        each(
            "core.module.export-missing",
            "a module without a required export is refused",
            &["CORE-MOD-005"],
            export_missing
        ),
        each(
            "core.module.export-types",
            "a required export of another type is refused",
            &["CORE-MOD-006"],
            export_types
        ),
        each(
            "core.module.imports",
            "an import from outside of the handler world is refused",
            &["CORE-MOD-007"],
            imports
        ),
        each(
            "core.module.import-types",
            "an import of the handler world with another type is refused",
            &["CORE-MOD-008"],
            import_types
        ),
        each(
            "core.module.capability-undeclared",
            "an import without its permission is refused",
            &["CORE-MOD-009"],
            capability_undeclared
        ),
        each(
            "core.module.initial-memory",
            "an initial memory above the limit is refused, one at the limit runs",
            &["CORE-MOD-010"],
            initial_memory
        ),
        each(
            "core.module.initial-tables",
            "initial tables count towards the memory limit",
            &["CORE-MOD-010"],
            initial_tables
        ),
    ],
};

fn packaging(cx: &Cx) -> Packaging {
    match cx.packaging() {
        "component" => Packaging::Component,
        _ => Packaging::Core,
    }
}

/// Minimal pairs of modules that differ by a flaw; those that the packaging cannot have are left out.
async fn flaws(cx: &Cx, flaws: Vec<(&str, Flaw, Refusal)>) -> Result<(), Stop> {
    flaw_cases(cx, &Publisher::new(cx).await?, flaws).await;
    Ok(())
}

async fn flaw_cases(cx: &Cx, publisher: &Publisher, flaws: Vec<(&str, Flaw, Refusal)>) {
    for (name, flaw, refusal) in flaws {
        if flaw.applies_to(packaging(cx)) {
            let twin = publisher.recipe(name, Behaviour::Echo);
            let flawed = publisher.sign(&twin.clone().flaw(flaw));
            let twin = publisher.sign(&twin);
            cx.case(name, publisher.pair(&flawed, &twin, &refusal)).await;
        }
    }
}

/// An edit of a module's bytes.
type Edit = fn(Vec<u8>) -> Vec<u8>;

/// Minimal pairs of modules that differ by an edit of their bytes, all refused as malformed.
async fn byte_edits(cx: &Cx, publisher: &Publisher, edits: Vec<(&str, Edit)>) {
    for (name, edit) in edits {
        let twin = publisher.recipe(name, Behaviour::Echo);
        let flawed = publisher.sign(&twin.clone().edit_module(edit));
        let twin = publisher.sign(&twin);
        cx.case(name, publisher.pair(&flawed, &twin, &refused("module-malformed"))).await;
    }
}

async fn magic(cx: Cx) -> Result<(), Stop> {
    byte_edits(
        &cx,
        &Publisher::new(&cx).await?,
        vec![
            ("magic", |bytes| [b"\0ASM", &bytes[4..]].concat()),
            ("version", |bytes| [&bytes[..4], b"\x02\0\0\0", &bytes[8..]].concat()),
            ("layer", |bytes| [&bytes[..6], b"\x07\0", &bytes[8..]].concat()),
            ("text-format", |_| b"(module (memory 1))".to_vec()),
            ("elf", |bytes| [b"\x7fELF", &bytes[4..]].concat()),
            ("zeroes", |bytes| vec![0; bytes.len()]),
        ],
    )
    .await;
    Ok(())
}

async fn layer(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let (own, other) = match packaging(&cx) {
        Packaging::Core => (Packaging::Core, Packaging::Component),
        Packaging::Component => (Packaging::Component, Packaging::Core),
    };
    let twin = publisher.recipe("layer", Behaviour::Echo).packaging(own);
    let flawed = publisher.recipe("layer", Behaviour::Echo).packaging(other).set("/abi", own.as_str());
    let refusal = refused("module-abi-mismatch").at("/abi");
    publisher.pair(&publisher.sign(&flawed), &publisher.sign(&twin), &refusal).await
}

async fn validation(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let cuts: Vec<(&str, Edit)> =
        vec![("cut", |bytes| bytes[..bytes.len() - 1].to_vec()), ("half", |bytes| bytes[..bytes.len() / 2].to_vec())];
    byte_edits(&cx, &publisher, cuts).await;
    let malformed = || refused("module-malformed");
    let broken =
        vec![("type-error", Flaw::InvalidBody, malformed()), ("trailing-bytes", Flaw::TrailingBytes, malformed())];
    flaw_cases(&cx, &publisher, broken).await;
    Ok(())
}

async fn proposals(cx: Cx) -> Result<(), Stop> {
    let malformed = || refused("module-malformed");
    flaws(
        &cx,
        vec![
            ("threads", Flaw::Threads, malformed()),
            ("memory64", Flaw::Memory64, malformed()),
            ("several-memories", Flaw::MultiMemory, malformed()),
            ("exceptions", Flaw::Exceptions, malformed()),
            ("tail-calls", Flaw::TailCall, malformed()),
            ("garbage-collection", Flaw::Gc, malformed()),
            ("relaxed-simd", Flaw::RelaxedSimd, malformed()),
            ("component-async", Flaw::ComponentAsync, malformed()),
        ],
    )
    .await
}

async fn export_missing(cx: Cx) -> Result<(), Stop> {
    let missing = |name| refused("export-missing").named(name);
    flaws(
        &cx,
        vec![
            ("handle", Flaw::MissingExport("handle"), missing("handle")),
            ("memory", Flaw::MissingExport("memory"), missing("memory")),
            ("realloc", Flaw::MissingExport("cabi_realloc"), missing("cabi_realloc")),
            ("post", Flaw::MissingExport("cabi_post_handle"), missing("cabi_post_handle")),
            ("kind", Flaw::ExportKind("handle"), missing("handle")),
        ],
    )
    .await
}

async fn export_types(cx: Cx) -> Result<(), Stop> {
    let wrong = |name| refused("export-type-mismatch").named(name);
    flaws(
        &cx,
        vec![
            ("handle", Flaw::ExportType("handle"), wrong("handle")),
            ("realloc", Flaw::ExportType("cabi_realloc"), wrong("cabi_realloc")),
            ("post", Flaw::ExportType("cabi_post_handle"), wrong("cabi_post_handle")),
        ],
    )
    .await
}

async fn imports(cx: Cx) -> Result<(), Stop> {
    let names: &[(&str, &str, &str)] = match packaging(&cx) {
        Packaging::Core => &[
            ("wasi-files", "wasi_snapshot_preview1", "path_open"),
            ("wasi-environment", "wasi_snapshot_preview1", "environ_get"),
            ("wasi-sockets", "wasi_snapshot_preview1", "sock_send"),
            ("wasi-exit", "wasi_snapshot_preview1", "proc_exit"),
            ("environment", "env", "abort"),
            ("other-version", "assay:handler/log@0.2.0", "write"),
            ("other-interface", "assay:handler/files@0.1.0", "open"),
        ],
        Packaging::Component => &[
            ("wasi-files", "wasi:filesystem/types@0.2.0", "open"),
            ("wasi-environment", "wasi:cli/environment@0.2.0", "get"),
            ("wasi-sockets", "wasi:sockets/tcp@0.2.0", "connect"),
            ("wasi-exit", "wasi:cli/exit@0.2.0", "exit"),
            ("environment", "example:env/host@1.0.0", "abort"),
            ("other-version", "assay:handler/log@0.2.0", "write"),
            ("other-interface", "assay:handler/files@0.1.0", "open"),
        ],
    };
    let cases = names
        .iter()
        .map(|(case, module, field)| {
            let name = match packaging(&cx) {
                Packaging::Core => format!("{module}#{field}"),
                Packaging::Component => (*module).to_owned(),
            };
            let flaw = Flaw::Import { module: (*module).to_owned(), field: (*field).to_owned() };
            (*case, flaw, refused("import-forbidden").named(&name))
        })
        .chain([("memory", Flaw::ImportMemory, refused("import-forbidden").named("env#memory"))])
        .collect();
    flaws(&cx, cases).await
}

async fn import_types(cx: Cx) -> Result<(), Stop> {
    flaws(
        &cx,
        vec![
            ("wrong-type", Flaw::ImportType, refused("import-forbidden")),
            ("unknown-function", Flaw::ImportUnknownFunction, refused("import-forbidden")),
        ],
    )
    .await
}

async fn capability_undeclared(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let egress = publisher.recipe("egress", Behaviour::Echo);
    let flawed = publisher.sign(&egress.clone().flaw(Flaw::ImportEgress));
    let refusal = refused("capability-undeclared").named("assay:handler/egress@0.1.0");
    cx.case("egress", publisher.pair(&flawed, &publisher.sign(&egress), &refusal)).await;
    if cx.discovery().features.iter().any(|feature| feature == "state") {
        // The twin differs in the declaration, not in the module.
        let state = publisher.recipe("state", Behaviour::Echo).flaw(Flaw::ImportState);
        let twin = publisher.sign(&state.clone().set("/permissions/state", json!({"max_bytes": 65536})));
        let refusal = refused("capability-undeclared").named("assay:handler/state@0.1.0");
        cx.case("state", publisher.pair(&publisher.sign(&state), &twin, &refusal)).await;
    }
    Ok(())
}

const PAGE: u64 = 65536;

async fn initial_memory(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let limited = |pages| {
        publisher.recipe("memory", Behaviour::Echo).limit("memory_bytes", 16 * PAGE).flaw(Flaw::InitialMemory(pages))
    };
    let refusal = refused("module-over-limit").at("/limits/memory_bytes");
    let twin = publisher.sign(&limited(16));
    publisher.pair(&publisher.sign(&limited(17)), &twin, &refusal).await?;
    let handler = publisher.install_stored(&twin).await?;
    handler.execute(json!("at the limit")).await?.expect_output(&json!("at the limit"))
}

async fn initial_tables(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    // One page of memory, and 8 bytes for each element of the table.
    let limited = |elements| {
        publisher.recipe("table", Behaviour::Echo).limit("memory_bytes", 2 * PAGE).flaw(Flaw::InitialTable(elements))
    };
    let refusal = refused("module-over-limit").at("/limits/memory_bytes");
    let twin = publisher.sign(&limited(PAGE / 8));
    publisher.pair(&publisher.sign(&limited(PAGE / 8 + 1)), &twin, &refusal).await?;
    let handler = publisher.install_stored(&twin).await?;
    handler.execute(json!("at the limit")).await?.expect_output(&json!("at the limit"))
}
