//! What a handler can neither import nor tell (sandbox.md, section 7). One check for each class of interfaces, so that a
//! runtime that lets one class through is told which.

use assay_fixtures::{Behaviour, Flaw, Packaging};
use assay_harness::{Cx, Group, Stop, checks};

use crate::publisher::Publisher;
use crate::refusal::refused;

/// The table.
pub const GROUP: Group = Group {
    profile: "sandbox",
    name: "worlds",
    checks: checks![
        each("sandbox.worlds.files", "no file system can be imported", &["SBX-WLD-001"], files),
        each(
            "sandbox.worlds.environment",
            "no environment variables and arguments can be imported",
            &["SBX-WLD-002"],
            environment
        ),
        each("sandbox.worlds.process", "no control of a process can be imported", &["SBX-WLD-003"], process),
        each("sandbox.worlds.streams", "no standard streams can be imported", &["SBX-WLD-004"], streams),
        each("sandbox.worlds.sockets", "no sockets can be imported", &["SBX-WLD-005"], sockets),
        each("sandbox.worlds.clocks", "no clocks can be imported", &["SBX-WLD-006"], clocks),
        each("sandbox.worlds.randomness", "no randomness can be imported", &["SBX-WLD-007"], randomness),
        each("sandbox.worlds.http", "no HTTP of the host's can be imported", &["SBX-WLD-008"], http),
        each("sandbox.worlds.unknown", "nothing of an unknown host can be imported", &["SBX-WLD-009"], unknown),
        each(
            "sandbox.worlds.look-alikes",
            "an interface that only resembles one of the contract cannot be imported",
            &["SBX-WLD-010"],
            look_alikes
        ),
    ],
};

/// Interfaces as WIT names them; a core module imports the lowered functions from modules of the same names.
type Interfaces = [(&'static str, &'static str)];

/// The module of WASI preview 1, which only core modules have.
const PREVIEW_1: &str = "wasi_snapshot_preview1";

/// Minimal pairs: a module that imports one of these, and its twin without the import.
async fn forbidden(cx: Cx, preview_1: &[&str], interfaces: &Interfaces) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    forbidden_to(&cx, &publisher, preview_1, interfaces).await;
    Ok(())
}

async fn forbidden_to(cx: &Cx, publisher: &Publisher, preview_1: &[&str], interfaces: &Interfaces) {
    let is_core = cx.packaging() == Packaging::Core.as_str();
    let functions = preview_1.iter().filter(|_| is_core).map(|field| (PREVIEW_1, *field));
    for (number, (module, field)) in functions.chain(interfaces.iter().copied()).enumerate() {
        // A component's names are written with hyphens, and an import is named by its instance.
        let name = if is_core { format!("{module}#{field}") } else { module.replace('_', "-") };
        let flaw = Flaw::Import { module: module.to_owned(), field: field.to_owned() };
        pair(cx, publisher, &format!("i{number}"), flaw, &name).await;
    }
}

async fn pair(cx: &Cx, publisher: &Publisher, leaf: &str, flaw: Flaw, name: &str) {
    let twin = publisher.recipe(leaf, Behaviour::Echo);
    let flawed = publisher.sign(&twin.clone().flaw(flaw));
    let refusal = refused("import-forbidden").named(name);
    cx.case(name, publisher.pair(&flawed, &publisher.sign(&twin), &refusal)).await;
}

async fn files(cx: Cx) -> Result<(), Stop> {
    let interfaces =
        [("wasi:filesystem/types@0.2.0", "open-at"), ("wasi:filesystem/preopens@0.2.0", "get-directories")];
    forbidden(cx, &["path_open", "path_unlink_file", "fd_prestat_get"], &interfaces).await
}

async fn environment(cx: Cx) -> Result<(), Stop> {
    let preview_1 = ["environ_get", "environ_sizes_get", "args_get"];
    forbidden(cx, &preview_1, &[("wasi:cli/environment@0.2.0", "get-environment")]).await
}

async fn process(cx: Cx) -> Result<(), Stop> {
    forbidden(cx, &["proc_exit", "proc_raise"], &[("wasi:cli/exit@0.2.0", "exit")]).await
}

async fn streams(cx: Cx) -> Result<(), Stop> {
    let interfaces = [
        ("wasi:cli/stdin@0.2.0", "get-stdin"),
        ("wasi:cli/stdout@0.2.0", "get-stdout"),
        ("wasi:cli/stderr@0.2.0", "get-stderr"),
        ("wasi:io/streams@0.2.0", "read"),
        ("wasi:io/poll@0.2.0", "poll"),
    ];
    forbidden(cx, &["fd_write", "fd_read", "poll_oneoff"], &interfaces).await
}

async fn sockets(cx: Cx) -> Result<(), Stop> {
    let interfaces = [
        ("wasi:sockets/tcp@0.2.0", "connect"),
        ("wasi:sockets/udp@0.2.0", "bind"),
        ("wasi:sockets/network@0.2.0", "drop-network"),
        ("wasi:sockets/ip-name-lookup@0.2.0", "resolve-addresses"),
    ];
    forbidden(cx, &["sock_send", "sock_accept"], &interfaces).await
}

async fn clocks(cx: Cx) -> Result<(), Stop> {
    let interfaces = [("wasi:clocks/wall-clock@0.2.0", "now"), ("wasi:clocks/monotonic-clock@0.2.0", "now")];
    forbidden(cx, &["clock_time_get", "clock_res_get"], &interfaces).await
}

async fn randomness(cx: Cx) -> Result<(), Stop> {
    let interfaces = [("wasi:random/random@0.2.0", "get-random-u64"), ("wasi:random/insecure@0.2.0", "get")];
    forbidden(cx, &["random_get"], &interfaces).await
}

async fn http(cx: Cx) -> Result<(), Stop> {
    let interfaces = [("wasi:http/outgoing-handler@0.2.0", "handle"), ("wasi:http/types@0.2.0", "send")];
    forbidden(cx, &[], &interfaces).await
}

async fn unknown(cx: Cx) -> Result<(), Stop> {
    let interfaces = [
        ("env", "emscripten_resize_heap"),
        ("wasi_unstable", "fd_write"),
        ("example:host/shell@1.0.0", "run"),
        ("example:host/shell", "run"),
    ];
    let publisher = Publisher::new(&cx).await?;
    forbidden_to(&cx, &publisher, &[], &interfaces).await;
    if cx.packaging() == Packaging::Core.as_str() {
        pair(&cx, &publisher, "memory", Flaw::ImportMemory, "env#memory").await;
    }
    Ok(())
}

async fn look_alikes(cx: Cx) -> Result<(), Stop> {
    let interfaces = [
        ("assay:handler/log@0.2.0", "write"),
        ("assay:handler/log@1.0.0", "write"),
        ("assay:handler/logs@0.1.0", "write"),
        ("assay:handlers/log@0.1.0", "write"),
        ("assay:handler-host/state@0.1.0", "get"),
    ];
    forbidden(cx, &[], &interfaces).await
}
