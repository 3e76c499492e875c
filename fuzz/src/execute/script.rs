//! Handlers that take steps, most of them about the state, and what the contract says of each (core.md 9.11, sandbox.md 9).

use assay_fixtures::{Behaviour, FailureKind, Step};
use assay_sandbox::StateSnapshot;

use super::{
    generate::{Drawn, Values},
    job::{SHORT, ample},
    known::{End, Known},
};
use crate::source::Source;

const KEYS: [&str; 6] = ["a", "b", "ab", "\u{e9}", "", "kkkkk"];
const VALUES: [&[u8]; 5] = [b"1", b"", b"22", b"0123456789", b"\xff\0"];

/// A handler that takes some steps over a state.
pub fn any(source: &mut Source<'_>) -> Drawn {
    let mut job = ample("0");
    let values: Values =
        (0..source.below(4)).map(|_| (source.text(&KEYS[..4]), source.pick(&VALUES).to_vec())).collect();
    let bytes: usize = values.iter().map(|(key, value)| key.len() + value.len()).sum();
    let snapshot = StateSnapshot {
        max_bytes: bytes as u64 + source.pick(&[100, 0, 1, 2, 3, 4, 12]),
        max_key_bytes: source.pick(&[4, 1, 5]),
        max_keys: source.pick(&[100, 1, 2, 3]),
        values,
    };
    let mut steps: Vec<Step> = (0..1 + source.below(6)).map(|_| step(source)).collect();
    match source.below(12) {
        7 => steps.push(Step::Trap),
        8 => steps.push(Step::Fail),
        9 => steps.push(Step::Garbage),
        10 => steps.push(Step::Grow),
        11 => {
            steps.push(Step::Hang);
            job.limits.timeout = SHORT;
        }
        _ => {}
    }
    if let Some(key) = snapshot.values.keys().next().filter(|_| source.one_in(3)) {
        // What a removed key took is free again.
        steps.splice(0..0, [Step::Delete(key.clone()), Step::Set("z".to_owned(), b"1".to_vec())]);
    }
    let mut model = Model { values: snapshot.values.clone(), snapshot: &snapshot };
    let mut items = Vec::new();
    let mut end = None;
    for step in &steps {
        match model.take(step) {
            Ok(item) => items.push(item),
            Err(ended) => end = Some(ended),
        }
    }
    let end = end.unwrap_or_else(|| End::Output(format!("[{}]", items.join(",")).into_bytes()));
    let after = model.values;
    job.state = Some(snapshot);
    let known = Known::new(&job, end).state(after);
    (Behaviour::Scripts(vec![steps]), job, Some(known))
}

fn step(source: &mut Source<'_>) -> Step {
    let key = source.text(&KEYS);
    match source.below(8) {
        0..=2 => Step::Set(key, source.pick(&VALUES).to_vec()),
        3 => Step::Delete(key),
        4 => Step::AddOne("n".to_owned(), source.below(100) as u64),
        5 => Step::Keys,
        _ => Step::Get(key),
    }
}

/// A state as an execution sees it.
struct Model<'a> {
    values: Values,
    snapshot: &'a StateSnapshot,
}

impl Model<'_> {
    /// The item of a step, or how it ends the execution.
    fn take(&mut self, step: &Step) -> Result<String, End> {
        Ok(match step {
            Step::Set(key, value) => self.set(key, value),
            Step::Delete(key) if !self.is_key(key) => quoted("invalid-key"),
            Step::Delete(key) => {
                self.values.remove(key);
                quoted("ok")
            }
            Step::Get(key) => self.values.get(key).map_or_else(|| "null".to_owned(), |value| quoted(&hex(value))),
            Step::Keys => {
                let keys: Vec<String> = self.values.keys().map(|key| quoted(&hex(key.as_bytes()))).collect();
                format!("[{}]", keys.join(","))
            }
            Step::AddOne(key, _) => {
                let number = self.values.get(key).and_then(|value| value.get(..8)?.try_into().ok());
                let next = number.map_or(0, u64::from_le_bytes).wrapping_add(1).to_le_bytes();
                self.set(key, &next);
                quoted(&hex(&next))
            }
            // Those that take the input are not drawn, and stand here for the list to be whole.
            Step::Turns(_) | Step::Log(_) | Step::Send(_) | Step::SetToInput(_) | Step::NoteInput(_) => {
                "null".to_owned()
            }
            Step::Move(from, to) => match self.values.get(from).cloned() {
                None => "null".to_owned(),
                Some(value) => {
                    let item = self.set(to, &value);
                    self.values.remove(from);
                    item
                }
            },
            Step::Trap => return Err(End::Trap),
            Step::Fail => return Err(End::Failure(FailureKind::Internal, "as the script says".to_owned())),
            Step::Hang => return Err(End::Timeout),
            Step::Grow => return Err(End::MemoryExceeded),
            Step::Garbage => return Err(End::Output(b"not JSON".to_vec())),
        })
    }

    fn is_key(&self, key: &str) -> bool {
        !key.is_empty() && key.len() as u64 <= self.snapshot.max_key_bytes
    }

    fn set(&mut self, key: &str, value: &[u8]) -> String {
        if !self.is_key(key) {
            return quoted("invalid-key");
        }
        let mut values = self.values.clone();
        let new = values.insert(key.to_owned(), value.to_vec()).is_none();
        let bytes: usize = values.iter().map(|(key, value)| key.len() + value.len()).sum();
        let too_many = new && values.len() as u64 > self.snapshot.max_keys;
        if too_many || bytes as u64 > self.snapshot.max_bytes {
            return quoted("quota-exceeded");
        }
        self.values = values;
        quoted("ok")
    }
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
