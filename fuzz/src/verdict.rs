//! What the contract says about an input: all its faults, of which a gate may name any, and what is left open.

use assay_package::{Code, Refusal};

use crate::finding::{Finding, Kind};

/// Where a fault is, as far as the contract says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The refusal has exactly this pointer.
    At(String),
    /// The refusal's pointer starts with this one.
    Below(String),
    /// The refusal has exactly this name.
    Named(String),
    /// The contract does not say.
    Anywhere,
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The code of the refusal.
    pub code: Code,
    /// Where.
    pub place: Place,
}

/// What an input has to be answered with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected {
    /// Everything that is wrong. Nothing wrong is accepted.
    pub faults: Vec<Fault>,
    /// Codes with which the gate may refuse besides, because the contract or the oracle leaves the case open.
    pub open: Vec<Code>,
}

/// The longest pointer of a refusal, in bytes; its nearest ancestor that fits stands for a longer one.
const LONGEST_POINTER: usize = 1024;
/// The longest name of a refusal, in bytes.
const LONGEST_NAME: usize = 200;
/// The longest detail of a refusal, in bytes: what is quoted, and a sentence around it.
const LONGEST_DETAIL: usize = 400;

impl Expected {
    /// One more fault.
    pub fn fault(&mut self, code: Code, place: Place) {
        self.faults.push(Fault { code, place });
    }

    /// Nothing but this fault.
    pub fn only(code: Code, place: Place) -> Self {
        Self { faults: vec![Fault { code, place }], open: Vec::new() }
    }

    /// Compares with the outcome of the gates; answers what was seen, in a word.
    ///
    /// # Errors
    /// The disagreement.
    pub fn compare(&self, outcome: Result<(), &Refusal>) -> Result<String, Finding> {
        match outcome {
            Ok(()) if self.faults.is_empty() => Ok("accepted".to_owned()),
            Ok(()) => Err(Finding::new(Kind::Accepted, format!("the contract refuses: {:?}", self.faults))),
            Err(refusal) => {
                bounded(refusal)?;
                let matches = |fault: &Fault| fault.code == refusal.code && fault.place.fits(refusal);
                if self.faults.iter().any(matches) || self.open.contains(&refusal.code) {
                    return Ok(format!("{} {}", refusal.code, refusal.pointer.as_deref().unwrap_or_default()));
                }
                let kind = if self.faults.is_empty() { Kind::Refused } else { Kind::WrongReason };
                Err(Finding::new(kind, format!("{refusal:?}; the contract says {:?}", self.faults)))
            }
        }
    }
}

impl Place {
    fn fits(&self, refusal: &Refusal) -> bool {
        match self {
            Place::At(pointer) => refusal.pointer.as_deref() == Some(shortened(pointer)),
            Place::Below(pointer) => refusal.pointer.as_deref().is_some_and(|at| at.starts_with(pointer.as_str())),
            // What is long or hostile is quoted, and is compared as far as it is plain.
            Place::Named(name) => {
                let plain = name.bytes().take_while(|byte| (b' '..=b'~').contains(byte)).count().min(150);
                refusal.name.as_deref().is_some_and(|found| found.starts_with(&name[..plain]))
            }
            Place::Anywhere => true,
        }
    }
}

fn shortened(mut pointer: &str) -> &str {
    while pointer.len() > LONGEST_POINTER {
        pointer = &pointer[..pointer.rfind('/').unwrap_or_default()];
    }
    pointer
}

/// Whatever was sent, the answer is short and holds no control characters.
fn bounded(refusal: &Refusal) -> Result<(), Finding> {
    let texts = [
        ("detail", Some(refusal.detail.as_str()), LONGEST_DETAIL),
        ("name", refusal.name.as_deref(), LONGEST_NAME),
        ("pointer", refusal.pointer.as_deref(), LONGEST_POINTER),
    ];
    for (member, text, most) in texts {
        let text = text.unwrap_or_default();
        if text.len() > most {
            return Err(Finding::new(Kind::Unbounded, format!("{member} has {} bytes", text.len())));
        }
        if member != "pointer" && text.chars().any(char::is_control) {
            return Err(Finding::new(Kind::Unbounded, format!("{member} has control characters")));
        }
    }
    Ok(())
}
