//! The verbs of `assay-fuzz`. Each answers whether all is as it should be, or why that cannot be said.

use assay_fuzz::{Target, targets};

pub mod corpus;
pub mod keep;
mod libfuzzer;
mod progress;
pub mod prove;
pub mod run;
pub mod vectors;

/// The targets of some names, or all.
fn chosen(names: &[String]) -> Result<Vec<&'static Target>, String> {
    if names.is_empty() {
        return Ok(assay_fuzz::TARGETS.to_vec());
    }
    names.iter().map(|name| find(name)).collect()
}

fn find(name: &str) -> Result<&'static Target, String> {
    let known = || assay_fuzz::TARGETS.map(|target| target.name).join(", ");
    targets::find(name).ok_or_else(|| format!("no target is called {name}; there are {}", known()))
}
