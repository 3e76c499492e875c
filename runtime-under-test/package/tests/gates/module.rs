//! Gate 4, module, in both packagings.

use assay_fixtures::{Behaviour, Flaw, Packaging, Recipe};
use assay_package::Code;

use super::world::{
    Place::{self, Name, Nowhere, Pointer},
    World, echo,
};

const BOTH: [Packaging; 2] = [Packaging::Core, Packaging::Component];

#[track_caller]
fn refuses(flaw: Flaw, code: Code, place: impl Fn(Packaging) -> Place<'static>) {
    for packaging in BOTH.into_iter().filter(|packaging| flaw.applies_to(*packaging)) {
        let recipe = echo().packaging(packaging);
        World::empty().accepts(&recipe.clone().build());
        World::empty().refuses(&recipe.flaw(flaw.clone()).build(), code, place(packaging));
    }
}

#[test]
fn accepts_every_behaviour_in_both_packagings() {
    for packaging in BOTH {
        for behaviour in [Behaviour::Echo, Behaviour::StateKeys, Behaviour::Context, Behaviour::Trap] {
            World::empty().accepts(&Recipe::new("com.example.a", behaviour).packaging(packaging).build());
        }
    }
}

#[test]
fn refuses_a_migrate_that_is_not_that_of_the_contract() {
    let recipe = |packaging| Recipe::new("com.example.a", Behaviour::Echo.migrating(vec![])).packaging(packaging);
    for packaging in BOTH {
        World::empty().accepts(&recipe(packaging).build());
    }
    for (flaw, code, name) in [
        (Flaw::ExportType("migrate"), Code::ExportTypeMismatch, "migrate"),
        (Flaw::ExportKind("migrate"), Code::ExportTypeMismatch, "migrate"),
        (Flaw::ExportType("cabi_post_migrate"), Code::ExportTypeMismatch, "cabi_post_migrate"),
        (Flaw::ExportKind("cabi_post_migrate"), Code::ExportMissing, "cabi_post_migrate"),
        (Flaw::MissingExport("cabi_post_migrate"), Code::ExportMissing, "cabi_post_migrate"),
    ] {
        for packaging in BOTH.into_iter().filter(|packaging| flaw.applies_to(*packaging)) {
            World::empty().refuses(&recipe(packaging).flaw(flaw.clone()).build(), code, Name(name));
        }
    }
    let further = recipe(Packaging::Core).flaw(Flaw::MissingExport("migrate"));
    World::empty().accepts(&further.flaw(Flaw::ExportType("cabi_post_migrate")).build());
}

#[test]
fn refuses_bytes_without_the_magic() {
    for bytes in [&b"none of it"[..], b"\0asm", b"\0asm\x02\0\0\0", b"\0asm\x0d\0\0\0\0"] {
        let package = echo().edit_module(move |_| bytes.to_vec()).set("/module/size", bytes.len().max(8));
        if bytes.len() >= 8 {
            World::empty().refuses(&package.build(), Code::ModuleMalformed, Nowhere);
        }
    }
}

#[test]
fn refuses_the_other_packaging() {
    let core = echo().set("/abi", "component").build();
    World::empty().refuses(&core, Code::ModuleAbiMismatch, Pointer("/abi"));
    let component = echo().packaging(Packaging::Component).set("/abi", "core").build();
    World::empty().refuses(&component, Code::ModuleAbiMismatch, Pointer("/abi"));
}

#[test]
fn refuses_what_does_not_validate() {
    for flaw in [Flaw::InvalidBody, Flaw::TrailingBytes] {
        refuses(flaw, Code::ModuleMalformed, |_| Nowhere);
    }
}

#[test]
fn refuses_every_proposal_past_wasm_2() {
    for flaw in Flaw::PROPOSALS {
        refuses(flaw, Code::ModuleMalformed, |_| Nowhere);
    }
}

#[test]
fn refuses_a_missing_export() {
    for name in ["memory", "cabi_realloc", "handle", "cabi_post_handle"] {
        refuses(Flaw::MissingExport(name), Code::ExportMissing, |_| Name(name));
    }
}

#[test]
fn refuses_an_export_of_another_kind_as_missing() {
    for name in ["memory", "cabi_realloc", "handle", "cabi_post_handle"] {
        refuses(Flaw::ExportKind(name), Code::ExportMissing, |_| Name(name));
    }
}

#[test]
fn refuses_an_export_of_another_type() {
    for name in ["cabi_realloc", "handle", "cabi_post_handle"] {
        refuses(Flaw::ExportType(name), Code::ExportTypeMismatch, |_| Name(name));
    }
}

#[test]
fn refuses_an_import_that_no_handler_may_have() {
    let wasi = Flaw::Import { module: "wasi:filesystem/types@0.2.0".into(), field: "open".into() };
    refuses(wasi, Code::ImportForbidden, |packaging| match packaging {
        Packaging::Core => Name("wasi:filesystem/types@0.2.0#open"),
        Packaging::Component => Name("wasi:filesystem/types@0.2.0"),
    });
    refuses(Flaw::ImportMemory, Code::ImportForbidden, |_| Name("env#memory"));
}

#[test]
fn refuses_an_import_of_another_version() {
    let next = Flaw::Import { module: "assay:handler/log@0.2.0".into(), field: "write".into() };
    refuses(next, Code::ImportForbidden, |packaging| match packaging {
        Packaging::Core => Name("assay:handler/log@0.2.0#write"),
        Packaging::Component => Name("assay:handler/log@0.2.0"),
    });
}

#[test]
fn refuses_a_function_of_another_type_or_of_none() {
    refuses(Flaw::ImportType, Code::ImportForbidden, |packaging| match packaging {
        Packaging::Core => Name("assay:handler/log@0.1.0#write"),
        Packaging::Component => Name("assay:handler/log@0.1.0"),
    });
    refuses(Flaw::ImportUnknownFunction, Code::ImportForbidden, |packaging| match packaging {
        Packaging::Core => Name("assay:handler/log@0.1.0#erase"),
        Packaging::Component => Name("assay:handler/log@0.1.0"),
    });
}

#[test]
fn refuses_an_interface_without_its_permission() {
    refuses(Flaw::ImportState, Code::CapabilityUndeclared, |_| Name("assay:handler/state@0.1.0"));
    refuses(Flaw::ImportEgress, Code::CapabilityUndeclared, |_| Name("assay:handler/egress@0.1.0"));
}

#[test]
fn accepts_an_interface_with_its_permission() {
    let world = World::empty();
    for packaging in BOTH {
        let recipe = echo().packaging(packaging);
        let state = recipe.clone().flaw(Flaw::ImportState).set("/permissions/state/max_bytes", 65536);
        world.accepts(&state.build());
        let egress = recipe.flaw(Flaw::ImportEgress).set("/permissions/egress", Vec::<String>::new());
        world.accepts(&egress.build());
    }
}

#[test]
fn counts_initial_memories_up_to_the_limit() {
    for packaging in BOTH {
        let at = |pages: u64| {
            let recipe = echo().packaging(packaging).flaw(Flaw::InitialMemory(pages));
            recipe.limit("memory_bytes", 20 * 65536).build()
        };
        World::empty().refuses(&at(21), Code::ModuleOverLimit, Pointer("/limits/memory_bytes"));
        World::empty().accepts(&at(if packaging == Packaging::Core { 20 } else { 19 }));
    }
}

#[test]
fn counts_initial_tables_as_eight_bytes_an_element() {
    for packaging in BOTH {
        let at = |elements: u64| echo().packaging(packaging).flaw(Flaw::InitialTable(elements)).build();
        World::empty().refuses(&at(131_073), Code::ModuleOverLimit, Pointer("/limits/memory_bytes"));
        World::empty().accepts(&at(100_000));
    }
}

#[test]
fn never_panics_on_a_module_cut_short() {
    for packaging in BOTH {
        let whole = echo().packaging(packaging).build().module;
        for length in 0..whole.len() {
            let cut = whole[..length].to_vec();
            let package = echo().packaging(packaging).edit_module(move |_| cut.clone()).build();
            // Cut before a custom section, it is a module still; whatever it is, there is an answer.
            let outcome = World::empty().upload(&package);
            assert!(length > 8 || outcome.is_err(), "{length} bytes");
        }
    }
}
