//! The test suite of WebAssembly through the module gate (core.md 4.1 and 4.2).
//!
//! Only whether a module is valid is compared. A handler has to export and import what the contract says, and no module of
//! the suite does; the gate says so with other codes, after it has found the module to be valid.

use std::path::Path;

use assay_package::{Code, Gates, Refusal};
use wasmparser::{Validator, WasmFeatures};
use wast::{
    QuoteWat, Wast, WastDirective, WastExecute,
    lexer::Lexer,
    parser::{self, ParseBuffer},
    token::Span,
};

use super::{Report, Source, is_below, name};
use crate::module::{generate, outcome};

/// Modules that are valid, those that are not, and bytes that are none.
pub const WAST: Source = Source { name: "WebAssembly test suite", reads: |path| name(path).ends_with(".wast"), judge };

/// Proposals that the contract leaves out, and that the suite has meanwhile.
const PROPOSALS: [(&str, WasmFeatures); 16] = [
    ("garbage collection", WasmFeatures::GC),
    ("function references", WasmFeatures::FUNCTION_REFERENCES),
    ("tail calls", WasmFeatures::TAIL_CALL),
    ("exceptions", WasmFeatures::EXCEPTIONS),
    ("legacy exceptions", WasmFeatures::LEGACY_EXCEPTIONS),
    ("64-bit memory", WasmFeatures::MEMORY64),
    ("several memories", WasmFeatures::MULTI_MEMORY),
    ("relaxed SIMD", WasmFeatures::RELAXED_SIMD),
    ("extended constants", WasmFeatures::EXTENDED_CONST),
    ("threads", WasmFeatures::THREADS),
    ("custom page sizes", WasmFeatures::CUSTOM_PAGE_SIZES),
    ("wide arithmetic", WasmFeatures::WIDE_ARITHMETIC),
    ("stack switching", WasmFeatures::STACK_SWITCHING),
    ("custom descriptors", WasmFeatures::CUSTOM_DESCRIPTORS),
    ("compact imports", WasmFeatures::COMPACT_IMPORTS),
    ("memory control", WasmFeatures::MEMORY_CONTROL),
];

/// What the suite says of a module, and in which words.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expected<'a> {
    Valid,
    Invalid(&'a str),
}

/// What 1.0 had against a module. The tests of some proposals are still those of 1.0, and 2.0 allows several tables.
const OF_THE_FIRST_VERSION: &str = "multiple tables";

fn judge(path: &Path, bytes: &[u8], report: &mut Report) -> Result<(), String> {
    let text = std::str::from_utf8(bytes).map_err(|fault| fault.to_string())?;
    // Some texts have on purpose what an editor would show in another order.
    let mut lexer = Lexer::new(text);
    lexer.allow_confusing_unicode(true);
    let read = ParseBuffer::new_with_lexer(lexer)
        .map_err(|fault| fault.message())
        .and_then(|buffer| modules(&buffer, text, path, report).map_err(|fault| fault.message()));
    if let Err(fault) = read {
        // The text format is nobody's here but the reader's, which does not know every proposal.
        report.left_out(format!("file whose text the reader does not know: {}: {fault}", path.display()));
    }
    Ok(())
}

fn modules<'a>(buffer: &'a ParseBuffer<'a>, text: &str, path: &Path, report: &mut Report) -> Result<(), wast::Error> {
    for directive in parser::parse::<Wast<'_>>(buffer)?.directives {
        let mut one = |span: Span, module: &mut QuoteWat<'_>, expected: Expected<'_>| {
            let case = format!("{}:{}", path.display(), span.linecol_in(text).0 + 1);
            let draft = is_below(path, "proposals");
            let is_text = matches!(module, QuoteWat::QuoteModule(..) | QuoteWat::QuoteComponent(..));
            match module.encode() {
                Ok(bytes) => compare(&case, &bytes, expected, draft, report),
                Err(_) if is_text && expected != Expected::Valid => report.left_out("of the text format"),
                Err(fault) => report.left_out(format!("whose text the reader does not know: {}", fault.message())),
            }
        };
        let span = directive.span();
        match directive {
            WastDirective::Module(mut module) | WastDirective::ModuleDefinition(mut module) => {
                one(span, &mut module, Expected::Valid);
            }
            WastDirective::AssertMalformed { mut module, message, .. }
            | WastDirective::AssertInvalid { mut module, message, .. } => {
                one(span, &mut module, Expected::Invalid(message));
            }
            WastDirective::AssertUnlinkable { module, .. }
            | WastDirective::AssertTrap { exec: WastExecute::Wat(module), .. } => {
                one(span, &mut QuoteWat::Wat(module), Expected::Valid);
            }
            _ => {}
        }
    }
    Ok(())
}

fn compare(case: &str, bytes: &[u8], expected: Expected<'_>, draft: bool, report: &mut Report) {
    let refusal = outcome(&generate::plain(bytes.to_vec()), &Gates::honest()).err();
    match (expected, refusal) {
        (Expected::Valid, Some(refusal)) if says_invalid(&refusal) => match proposals(bytes) {
            Some(needed) => report.differed(case, format!("it needs {needed}"), Some("core.md 4.2")),
            // A draft may be newer than what anybody here knows of it.
            None => report.differed(case, refusal.detail, draft.then_some("core.md 4.2")),
        },
        (Expected::Invalid(_), Some(refusal)) if says_invalid(&refusal) || refusal.code == Code::ModuleTooCostly => {
            report.agreed();
        }
        (Expected::Invalid(message), _) => {
            let clause = (message == OF_THE_FIRST_VERSION).then_some("core.md 4.2");
            report.differed(case, format!("it is valid, and not: {message}"), clause);
        }
        (Expected::Valid, _) => report.agreed(),
    }
}

/// Whether a refusal says that the module is not valid; of bytes that are too few for its beginning, the size says it before.
fn says_invalid(refusal: &Refusal) -> bool {
    refusal.code == Code::ModuleMalformed || refusal.pointer.as_deref() == Some("/module/size")
}

/// The proposals without any of which a module is not valid; none if it is not valid with all of them either, or if the
/// contract allows all that it needs.
fn proposals(bytes: &[u8]) -> Option<String> {
    let valid = |features| Validator::new_with_features(features).validate_all(bytes).is_ok();
    let mut features = PROPOSALS.iter().fold(WasmFeatures::WASM2, |all, (_, feature)| all.union(*feature));
    if !valid(features) || valid(WasmFeatures::WASM2) {
        return None;
    }
    let mut needed = Vec::new();
    for (name, feature) in PROPOSALS {
        if valid(features.difference(feature)) {
            features = features.difference(feature);
        } else {
            needed.push(name);
        }
    }
    Some(needed.join(", "))
}

#[cfg(test)]
mod tests {
    use super::WAST;
    use crate::vectors::{Report, tests::judged};

    fn report(text: &str) -> Report {
        judged(&WAST, "suite/a.wast", text)
    }

    #[test]
    fn valid_and_invalid_modules_agree() {
        let text = r#"
            (module (func (export "a")))
            (assert_invalid (module (func (result i32))) "type mismatch")
            (assert_malformed (module binary "\00asm\01\00\00\00\01") "unexpected end")
            (assert_malformed (module binary "\00asm") "unexpected end")
            (assert_malformed (module quote "(func") "unexpected token")
            (assert_unlinkable (module (import "a" "b" (func))) "unknown import")
        "#;
        let report = report(text);
        assert_eq!((report.run, report.differed.len()), (5, 0), "{report}");
        assert_eq!(report.left_out.values().sum::<usize>(), 1);
    }

    #[test]
    fn a_module_of_another_proposal_differs_on_purpose() {
        let report = report("(module (memory 1) (memory 1))\n(module (func return_call 0))");
        let says: Vec<_> = report.differed.iter().map(|difference| difference.says.as_str()).collect();
        assert_eq!(says, ["it needs several memories", "it needs tail calls"]);
        assert_eq!(report.unexplained().count(), 0);
        assert_eq!(report.differed[1].case, "suite/a.wast:2");
    }

    #[test]
    fn several_tables_are_invalid_in_the_first_version_only() {
        let text = "(assert_invalid (module (table 1 funcref) (table 1 funcref)) \"multiple tables\")";
        assert_eq!((report(text).differed.len(), report(text).unexplained().count()), (1, 0));
    }

    #[test]
    fn what_no_proposal_explains_is_a_problem() {
        let report = report("(module (func (result i32)))\n(assert_invalid (module) \"it is not\")");
        assert_eq!(report.unexplained().count(), 2, "{report}");
    }
}
