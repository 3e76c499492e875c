//! How many inputs a target judges in a second, beside the parser that its gate stands on: in the same build, under the same
//! sanitizer, on the same inputs. The parser gets what the target makes of them, made before.

use std::fmt;
use std::hint::black_box;
use std::path::Path;
use std::process::exit;
use std::time::{Duration, Instant};

use crate::target::Target;

/// Both take turns until the target has taken so long.
const LEAST: Duration = Duration::from_secs(2);
/// Names a folder of inputs: a target under libFuzzer measures itself on them, prints, and ends.
pub const FOLDER: &str = "ASSAY_FUZZ_RATES";

/// A parser alone.
pub struct Bare {
    /// What it is called.
    pub name: &'static str,
    /// What a target makes of an input.
    pub text: fn(&[u8]) -> Vec<u8>,
    /// Whether the parser takes it.
    pub takes: fn(&[u8]) -> bool,
}

/// How many inputs are judged in a second.
pub struct Rates {
    target: &'static str,
    bare: &'static str,
    inputs: usize,
    own: f64,
    alone: f64,
}

/// Measures a target that has a parser to be measured beside, on some inputs.
pub fn compare(target: &Target, inputs: &[Vec<u8>]) -> Option<Rates> {
    let bare = target.bare.as_ref().filter(|_| !inputs.is_empty())?;
    let subject = target.honest();
    let texts: Vec<Vec<u8>> = inputs.iter().map(|input| (bare.text)(input)).collect();
    let (mut judged, mut own, mut alone) = (0, Duration::ZERO, Duration::ZERO);
    while own < LEAST {
        own += timed(|| inputs.iter().filter(|input| subject.judge(input).is_ok()).count());
        alone += timed(|| texts.iter().filter(|text| (bare.takes)(text)).count());
        judged += inputs.len();
    }
    let rate = |time: Duration| judged as f64 / time.as_secs_f64().max(f64::EPSILON);
    Some(Rates { target: target.name, bare: bare.name, inputs: inputs.len(), own: rate(own), alone: rate(alone) })
}

fn timed(run: impl FnOnce() -> usize) -> Duration {
    let started = Instant::now();
    black_box(run());
    started.elapsed()
}

/// Under libFuzzer: measures, prints and ends, if [`FOLDER`] asks for it.
pub fn print_if_asked(target: &Target) {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    match read(Path::new(&folder)).map(|inputs| compare(target, &inputs)) {
        Ok(Some(rates)) => println!("{rates}"),
        Ok(None) => println!("{}: there is nothing to measure it beside", target.name),
        Err(fault) => eprintln!("{}: {fault}", folder.display()),
    }
    exit(0);
}

fn read(folder: &Path) -> std::io::Result<Vec<Vec<u8>>> {
    std::fs::read_dir(folder)?.map(|entry| std::fs::read(entry?.path())).collect()
}

impl fmt::Display for Rates {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { target, bare, inputs, own, alone } = self;
        let part = own / alone;
        write!(
            out,
            "{target:<11} {own:.0}/s beside {alone:.0}/s of {bare} alone, on the same {inputs} inputs: {part:.3}"
        )
    }
}
