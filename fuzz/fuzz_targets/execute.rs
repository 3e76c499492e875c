//! The target `execute` under libFuzzer; without it, a command that judges the files it is given.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(
    init: assay_fuzz::rates::print_if_asked(&assay_fuzz::targets::EXECUTE),
    |bytes: &[u8]| assay_fuzz::judge_or_panic(&assay_fuzz::targets::EXECUTE, bytes)
);

#[cfg(not(fuzzing))]
fn main() -> std::process::ExitCode {
    assay_fuzz::judge_files(&assay_fuzz::targets::EXECUTE)
}
