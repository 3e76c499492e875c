//! Gate 4: the module (core.md, section 4).

use wasmparser::{Validator, WasmFeatures};

use super::{Findings, MODULE, in_manifest};
use crate::document::{Document, Node};
use crate::{Fault, Offer};
use cost::Cost;
use size::Size;

mod component;
mod core;
mod cost;
mod size;
mod wit;

/// The first eight bytes of a core module.
pub(crate) const CORE_HEADER: [u8; 8] = *b"\0asm\x01\0\0\0";
/// The first eight bytes of a component.
const COMPONENT_HEADER: [u8; 8] = *b"\0asm\x0d\0\x01\0";

/// The interfaces that need a permission (4.5).
const STATE: &str = "assay:handler/state@0.1.0";
const EGRESS: &str = "assay:handler/egress@0.1.0";

/// What was found in a module.
#[derive(Default)]
struct Found {
    faults: Vec<Fault>,
    /// The interfaces of the world of which something is imported, and of others.
    interfaces: Vec<String>,
}

impl Found {
    fn fault(&mut self, code: &str, name: &str, detail: impl Into<String>) {
        self.faults.push(Fault::new(code, MODULE, detail).named(name));
    }
}

/// Everything that is wrong with the module.
pub(super) fn judge(document: &Document, module: &[u8], offer: &Offer, findings: &mut Findings) {
    let stated = document.at("/abi").and_then(Node::text).unwrap_or_default();
    let announced = match module.first_chunk() {
        Some(&CORE_HEADER) => "core",
        Some(&COMPONENT_HEADER) => "component",
        _ => return findings.fault(not_wasm(module)),
    };
    if announced != stated {
        let detail = format!("`/abi` is \"{stated}\" and {MODULE} is a {}", called(announced));
        let remedy =
            format!("Write \"abi\": \"{announced}\" here, or build with the {} of your handler.", called(stated));
        return findings.fault(in_manifest(document, "module-abi-mismatch", "/abi", detail).remedy(remedy));
    }
    let features = match announced {
        "component" => WasmFeatures::WASM2 | WasmFeatures::COMPONENT_MODEL,
        _ => WasmFeatures::WASM2,
    };
    let types = match Validator::new_with_features(features).validate_all(module) {
        Ok(types) => types,
        Err(error) => {
            let detail = format!("at byte {}: {}", error.offset(), error.message());
            return findings.fault(Fault::new("module-malformed", MODULE, detail).remedy(
                "Build it again with the proposals of WebAssembly 2.0 only: no threads, exceptions, garbage collection, tail calls or 64-bit memory.",
            ));
        }
    };
    let found = match announced {
        "component" => component::look(module),
        _ => core::look(types.as_ref()),
    };
    let forbidden = found.faults.iter().any(|fault| fault.code == "import-forbidden");
    findings.extend(found.faults);
    // The types and functions are judged first (4.5).
    for (interface, permission, shape) in [
        (STATE, "/permissions/state", "{ \"max_bytes\": 65536 }"),
        (EGRESS, "/permissions/egress", "[\"https://HOST\"]"),
    ] {
        let imported = found.interfaces.iter().any(|imported| imported == interface);
        if imported && !forbidden && document.at(permission).is_none() {
            let member = permission.trim_start_matches("/permissions/");
            let fault = in_manifest(
                document,
                "capability-undeclared",
                permission,
                format!("{MODULE} imports it, and the manifest has no `{permission}`"),
            );
            findings.fault(
                fault
                    .named(interface)
                    .remedy(format!("Write \"{member}\": {shape} under \"permissions\", or build without the import.")),
            );
        }
    }
    let size = size::of(module);
    memory(document, size.as_ref(), findings);
    costs(cost::of(module, features).unwrap_or_default(), size.as_ref(), offer, findings);
}

fn called(abi: &str) -> &'static str {
    match abi {
        "component" => "component",
        _ => "core module",
    }
}

/// 4.1: what the file may be instead.
pub(crate) fn not_wasm(module: &[u8]) -> Fault {
    let detail = match std::str::from_utf8(module) {
        _ if module.is_empty() => "the file is empty",
        _ if module.starts_with(b"\0asm") => {
            "this is WebAssembly of a version or layer that the contract does not know"
        }
        Ok(text) if text.trim_start().starts_with(['(', ';']) => "this is text, not WebAssembly; it looks like WAT",
        Ok(_) => "this is text, not WebAssembly",
        Err(_) => "this is not WebAssembly: its first bytes are not `00 61 73 6d`",
    };
    let remedy = match detail.ends_with("WAT") {
        true => "Give the file with the name NAME.wat: then `package build` translates it.",
        false => "Give the .wasm file that your compiler made.",
    };
    Fault::new("module-malformed", MODULE, detail).remedy(remedy)
}

/// 4.6.
fn memory(document: &Document, size: Option<&Size>, findings: &mut Findings) {
    const LIMIT: &str = "/limits/memory_bytes";
    let limit = document.at(LIMIT).and_then(Node::number).and_then(|number| number.parse::<u64>().ok());
    if let (Some(limit), Some(Size { bytes, .. })) = (limit, size)
        && *bytes > limit
    {
        let detail = format!("{MODULE} starts with {bytes} bytes of memories and tables, the limit is {limit}");
        let fault = in_manifest(document, "module-over-limit", LIMIT, detail);
        findings.fault(fault.remedy(format!("Write at least {bytes} here.")));
    }
}

/// 4.7 to 4.10.
fn costs(cost: Cost, size: Option<&Size>, offer: &Offer, findings: &mut Findings) {
    let size = size.copied().unwrap_or_default();
    for (bound, found) in [
        ("module_cost", cost.units),
        ("block_depth", cost.blocks),
        ("loop_depth", cost.loops),
        ("component_entries", cost.entries),
        ("instances", size.instances),
        ("memories", size.memories),
        ("tables", size.tables),
    ] {
        let most = offer.bound(bound);
        if found > most {
            let detail = format!("by `bounds.{bound}` it comes to {found}, at most {most} is certain to be taken");
            findings.past_a_bound(offer, Fault::new("module-too-costly", MODULE, detail).named(bound));
        }
    }
}
