//! The world of every handler, lowered for `core` and spelled out for `component` (handler.wit, core.md 10).

use wasmparser::ValType;
use wasmparser::ValType::{I32, I64};

use crate::Abi;

/// The interfaces that need a permission, and the permission (core.md 4.5).
pub(super) const PERMISSIONS: [(&str, &str); 2] = [(STATE, "/permissions/state"), (EGRESS, "/permissions/egress")];

const TYPES: &str = "assay:handler/types@0.1.0";
const LOG: &str = "assay:handler/log@0.1.0";
const STATE: &str = "assay:handler/state@0.1.0";
const EGRESS: &str = "assay:handler/egress@0.1.0";

/// One required export of a core module; `None` is a memory, else parameters and results.
pub(super) struct CoreExport {
    pub name: &'static str,
    pub function: Option<(&'static [ValType], &'static [ValType])>,
}

/// core.md 4.3 and 10.1.
pub(super) const CORE_EXPORTS: &[CoreExport] = &[
    CoreExport { name: "memory", function: None },
    CoreExport { name: "cabi_realloc", function: Some((&[I32; 4], &[I32])) },
    CoreExport {
        name: "handle",
        function: Some((&[I32, I32, I32, I32, I32, I32, I32, I32, I64, I32, I32, I32, I32], &[I32])),
    },
    CoreExport { name: "cabi_post_handle", function: Some((&[I32], &[])) },
];

/// The optional exports of a core module: who has the first one needs the other one, too (core.md 4.3 and 10.1).
pub(super) const CORE_MIGRATION: &[CoreExport] = &[
    CoreExport {
        name: MIGRATE.0,
        function: Some((&[I32, I32, I32, I32, I32, I32, I32, I32, I64, I32, I32, I32, I32], &[I32])),
    },
    CoreExport { name: "cabi_post_migrate", function: Some((&[I32], &[])) },
];

/// The functions of an interface with their parameters; no lowered import has a result.
type CoreInterface = (&'static str, &'static [(&'static str, &'static [ValType])]);

/// core.md 10.2. `egress.send` takes its request as four pointers with lengths, and a pointer for its result.
pub(super) const CORE_INTERFACES: &[CoreInterface] = &[
    (LOG, &[("write", &[I32; 3])]),
    (STATE, &[("get", &[I32; 3]), ("set", &[I32; 5]), ("delete", &[I32; 3]), ("keys", &[I32; 1])]),
    (EGRESS, &[("send", &[I32; 9])]),
];

/// The names that the exports of the world have in a packaging.
pub(crate) fn required_exports(abi: Option<Abi>) -> impl Iterator<Item = &'static str> {
    let (core, component) = match abi {
        Some(Abi::Component) => (&[][..], Some(HANDLE.0)),
        _ => (CORE_EXPORTS, None),
    };
    core.iter().map(|export| export.name).chain(component)
}

/// The names that the exports of a package that migrates have besides.
pub(super) fn migration_exports(abi: Option<Abi>) -> impl Iterator<Item = &'static str> {
    let (core, component) = match abi {
        Some(Abi::Component) => (&[][..], Some(MIGRATE.0)),
        _ => (CORE_MIGRATION, None),
    };
    core.iter().map(|export| export.name).chain(component)
}

macro_rules! context {
    () => {
        "record{execution: string, handler: string, version: string, caller: string, admitted-at: u64, \
         attributes: list<tuple<string, string>>}"
    };
}
macro_rules! failure {
    () => {
        "variant{invalid-input(string), unavailable(string), internal(string)}"
    };
}
macro_rules! level {
    () => {
        "enum{trace, debug, info, warn, error}"
    };
}
macro_rules! state_error {
    () => {
        "enum{quota-exceeded, invalid-key}"
    };
}
macro_rules! request {
    () => {
        "record{method: string, url: string, headers: list<tuple<string, string>>, body: list<u8>}"
    };
}
macro_rules! response {
    () => {
        "record{status: u16, headers: list<tuple<string, string>>, body: list<u8>}"
    };
}
macro_rules! egress_error {
    () => {
        "variant{denied(string), invalid-request(string), rate-limited, timed-out, failed(string)}"
    };
}

/// The export of the world, spelled out as `component` renders it.
pub(super) const HANDLE: (&str, &str) =
    ("handle", concat!("func(ctx: ", context!(), ", input: list<u8>) -> result<list<u8>, ", failure!(), ">"));

/// The optional export, likewise.
pub(super) const MIGRATE: (&str, &str) =
    ("migrate", concat!("func(ctx: ", context!(), ", from-version: string) -> result<_, ", failure!(), ">"));

/// The types that the world itself uses: a component imports them by their bare names beside the interface they are of.
pub(super) const USED_TYPES: &[(&str, &str)] =
    &[("context", concat!("type ", context!())), ("failure", concat!("type ", failure!()))];

/// The functions and types of an interface, spelled out.
type Interface = (&'static str, &'static [(&'static str, &'static str)]);

/// handler.wit, interface by interface.
pub(super) const INTERFACES: &[Interface] = &[
    (TYPES, USED_TYPES),
    (LOG, &[("level", concat!("type ", level!())), ("write", concat!("func(level: ", level!(), ", message: string)"))]),
    (
        STATE,
        &[
            ("state-error", concat!("type ", state_error!())),
            ("get", "func(key: string) -> option<list<u8>>"),
            ("set", concat!("func(key: string, value: list<u8>) -> result<_, ", state_error!(), ">")),
            ("delete", concat!("func(key: string) -> result<_, ", state_error!(), ">")),
            ("keys", "func() -> list<string>"),
        ],
    ),
    (
        EGRESS,
        &[
            ("request", concat!("type ", request!())),
            ("response", concat!("type ", response!())),
            ("egress-error", concat!("type ", egress_error!())),
            ("send", concat!("func(request: ", request!(), ") -> result<", response!(), ", ", egress_error!(), ">")),
        ],
    ),
];
