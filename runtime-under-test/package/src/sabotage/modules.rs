//! Defects of the module gate.

use wasmparser::WasmFeatures;

use crate::{
    Offer, Refusal,
    module::{ModuleFacts, announced, inspect, valid, world},
    structure::PackageCandidate,
};

/// Every proposal that the parser knows, but the one that gives the world's own functions other types.
const EVERYTHING: WasmFeatures = WasmFeatures::all().difference(WasmFeatures::CUSTOM_DESCRIPTORS);

type Verdict = Result<(), Refusal>;

/// Takes what is not WebAssembly of any version for a module of which nothing can be said against.
pub(super) fn where_it_can(package: &mut PackageCandidate, offer: &Offer) -> Verdict {
    if inspect(package.module_bytes(), EVERYTHING).is_ok() {
        return valid(package, offer);
    }
    let exports = world::required_exports(package.manifest.abi).map(|name| (name, true)).collect();
    package.module = ModuleFacts { exports, ..ModuleFacts::default() };
    Ok(())
}

/// Believes the bytes, whatever `/abi` says.
pub(super) fn abi_of_the_bytes(package: &mut PackageCandidate, _: &Offer) -> Verdict {
    package.manifest.abi = announced(package.module_bytes());
    Ok(())
}

/// Allows every proposal that the parser knows.
pub(super) fn every_proposal(package: &mut PackageCandidate, offer: &Offer) -> Verdict {
    match inspect(package.module_bytes(), EVERYTHING) {
        Ok(facts) => {
            package.module = facts;
            Ok(())
        }
        Err(_) => valid(package, offer),
    }
}

/// Does not count memories.
pub(super) fn no_memories(package: &mut PackageCandidate, _: &Offer) -> Verdict {
    package.module.size.memory_bytes = 0;
    Ok(())
}

/// Does not count tables.
pub(super) fn no_tables(package: &mut PackageCandidate, _: &Offer) -> Verdict {
    package.module.size.table_elements = 0;
    Ok(())
}
