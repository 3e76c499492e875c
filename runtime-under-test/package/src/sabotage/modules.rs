//! Defects of the module gate.

use wasmparser::{Parser, Payload, WasmFeatures};

use crate::{
    Bounds, Offer, Refusal,
    module::{ModuleFacts, announced, inspect, valid, world},
    structure::PackageCandidate,
};

/// Every proposal that the parser knows, but the one that gives the world's own functions other types.
const EVERYTHING: WasmFeatures = WasmFeatures::all().difference(WasmFeatures::CUSTOM_DESCRIPTORS);

type Verdict = Result<(), Refusal>;

/// Takes what is not WebAssembly of any version for a module of which nothing can be said against.
pub(super) fn where_it_can(package: &mut PackageCandidate, offer: &Offer) -> Verdict {
    if inspect(package.module_bytes(), EVERYTHING, &offer.bounds).is_ok() {
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
    match inspect(package.module_bytes(), EVERYTHING, &offer.bounds) {
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

/// Counts the first table of the package only.
pub(super) fn first_table(package: &mut PackageCandidate, _: &Offer) -> Verdict {
    let tables = Parser::new(0).parse_all(package.module_bytes()).find_map(|payload| match payload {
        Ok(Payload::TableSection(tables)) => tables.into_iter().next()?.ok(),
        _ => None,
    });
    package.module.size.table_elements = tables.map_or(0, |table| table.ty.initial);
    Ok(())
}

/// Does not count instances.
pub(super) fn no_instances(package: &mut PackageCandidate, _: &Offer) -> Verdict {
    package.module.size.instances = 0;
    Ok(())
}

/// Does not count how many memories there are.
pub(super) fn any_memories(package: &mut PackageCandidate, _: &Offer) -> Verdict {
    package.module.size.memories = 0;
    Ok(())
}

/// Does not count how many tables there are.
pub(super) fn any_tables(package: &mut PackageCandidate, _: &Offer) -> Verdict {
    package.module.size.tables = 0;
    Ok(())
}

/// Does not bound what it costs to make a module ready.
pub(super) fn any_cost(package: &mut PackageCandidate, offer: &Offer) -> Verdict {
    valid_within(package, offer, Bounds { module_cost: u64::MAX, ..offer.bounds.clone() })
}

/// Does not bound how deep blocks nest.
pub(super) fn any_block_depth(package: &mut PackageCandidate, offer: &Offer) -> Verdict {
    valid_within(package, offer, Bounds { block_depth: u64::MAX, ..offer.bounds.clone() })
}

/// Does not bound how deep loops nest.
pub(super) fn any_loop_depth(package: &mut PackageCandidate, offer: &Offer) -> Verdict {
    valid_within(package, offer, Bounds { loop_depth: u64::MAX, ..offer.bounds.clone() })
}

/// Does not bound the entries of a component.
pub(super) fn any_entries(package: &mut PackageCandidate, offer: &Offer) -> Verdict {
    valid_within(package, offer, Bounds { component_entries: u64::MAX, ..offer.bounds.clone() })
}

fn valid_within(package: &mut PackageCandidate, offer: &Offer, bounds: Bounds) -> Verdict {
    valid(package, &Offer { bounds, ..offer.clone() })
}
