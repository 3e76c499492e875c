//! Many executions at once, good and hostile, of which every answer is judged: by its outcome, by what only it can know, by
//! its log, and, for those that use state, by their place in one chain.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use assay_fixtures::{Behaviour, FailureKind, LogLevel, Packaging};
use assay_harness::{Cx, Reply, Stop, ensure};
use rand::seq::IndexedRandom as _;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::installed::{Execution, Installed};
use crate::publisher::Publisher;

/// One answer of a crowd may take so long: longer than a loaded machine needs to give each its turn.
const PATIENCE: Duration = Duration::from_secs(60);
/// The limit of those that end by themselves, in milliseconds: what every runtime must offer at least.
const AMPLE_MS: u64 = 10_000;
/// The limit of those that never end.
const SHORT_MS: u64 = 20;
/// Bytes between the quotes of a large output.
const LARGE: u32 = 64 << 10;
/// The limits of those that flood, in bytes, and the lines that one writes, of which this keeps [`KEPT_LINES`].
const FLOOD_BYTES: u64 = 1000;
const FLOOD_LINES: usize = 200;
const KEPT_LINES: usize = 10;
/// The key under which the links of a chain are kept.
const KEY: &str = "link";

/// What a member does, and with that what its answer must be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Echoes an input that nobody else has.
    Echo,
    /// Answers what lies in its module.
    Fixed,
    /// Answers much.
    Large,
    /// Answers its context, with an attribute that nobody else has.
    Context,
    /// Writes its input into its log.
    LogInput,
    /// Puts its input in the place of the last one, and answers that.
    Swap,
    /// Returns a failure.
    Fail,
    /// Traps.
    Trap,
    /// Never ends.
    Loop,
    /// Grows without end.
    Grow,
    /// Answers more than it may.
    OutputFlood,
    /// Logs more than it may.
    LogFlood,
}

/// What a crowd is made of: out of a hundred members so many of each kind.
pub const MIXED: &[(Kind, u32)] = &[
    (Kind::Echo, 40),
    (Kind::LogInput, 12),
    (Kind::Context, 8),
    (Kind::Large, 8),
    (Kind::Fixed, 6),
    (Kind::Trap, 6),
    (Kind::Swap, 5),
    (Kind::Grow, 4),
    (Kind::Fail, 4),
    (Kind::OutputFlood, 3),
    (Kind::LogFlood, 3),
    (Kind::Loop, 1),
];

/// Only members that share one state.
pub const CHAIN: &[(Kind, u32)] = &[(Kind::Swap, 1)];

/// The handlers of a crowd, installed.
pub struct Crowd {
    cx: Cx,
    members: Vec<(Kind, u32, Installed)>,
    /// What the links of the chain found and left, in any order.
    links: Arc<Mutex<Vec<(Value, Value)>>>,
    /// How many were sent so far: no two ever have the same number.
    sent: AtomicUsize,
}

impl Crowd {
    /// Installs one handler of each kind and packaging. Without the feature `state` nobody uses it.
    ///
    /// # Errors
    /// INCONCLUSIVE if one cannot be installed.
    pub async fn gather(cx: &Cx, mix: &[(Kind, u32)], packagings: &[Packaging]) -> Result<Crowd, Stop> {
        let publisher = Publisher::new(cx).await?;
        let mut members = Vec::new();
        for &packaging in packagings {
            for &(kind, share) in mix {
                if kind == Kind::Swap && !cx.discovery().has_feature("state") {
                    continue;
                }
                let leaf = format!("{kind:?}-{packaging:?}").to_lowercase();
                let recipe = publisher.recipe(&leaf, kind.behaviour()).packaging(packaging);
                let recipe = recipe.limit("timeout_ms", if kind == Kind::Loop { SHORT_MS } else { AMPLE_MS });
                let recipe = match kind {
                    Kind::OutputFlood => recipe.limit("output_bytes", FLOOD_BYTES),
                    Kind::LogFlood => recipe.limit("log_bytes", FLOOD_BYTES),
                    _ => recipe,
                };
                members.push((kind, share, publisher.install(&recipe).await?));
            }
        }
        Ok(Crowd { cx: cx.clone(), members, links: Arc::default(), sent: AtomicUsize::new(0) })
    }

    /// Runs so many executions, never more than `at_once` under way, and judges each. Which comes when depends on the seed
    /// only.
    ///
    /// # Errors
    /// FAIL with the first answer that is wrong.
    pub async fn run(&self, executions: usize, at_once: usize) -> Result<(), Stop> {
        let first = self.sent.fetch_add(executions, Ordering::Relaxed);
        let mut rng = self.cx.rng();
        let mut order = Vec::with_capacity(executions);
        for number in first..first + executions {
            let member = self.members.choose_weighted(&mut rng, |(_, share, _)| *share);
            let (kind, _, handler) = member.map_err(|fault| Stop::Error(fault.to_string()))?;
            order.push((number, *kind, handler.clone()));
        }
        let (order, next) = (Arc::new(order), Arc::new(AtomicUsize::new(0)));
        let mut lanes = JoinSet::new();
        for _ in 0..at_once {
            let (cx, order, next, links) = (self.cx.clone(), order.clone(), next.clone(), self.links.clone());
            lanes.spawn(async move {
                while let Some((number, kind, handler)) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let member = Member { number: *number, kind: *kind, handler };
                    if let Some(link) = member.execute(&cx).await? {
                        links.lock().unwrap_or_else(PoisonError::into_inner).push(link);
                    }
                }
                Ok(())
            });
        }
        // The first fault ends the crowd: with the set its lanes are dropped.
        while let Some(lane) = lanes.join_next().await {
            lane.map_err(|fault| Stop::Error(fault.to_string()))??;
        }
        Ok(())
    }

    /// Judges that everyone who used the state found what the one before it left, that none was lost and that the last one is
    /// still there.
    ///
    /// # Errors
    /// FAIL if not.
    pub async fn judge_state(&self) -> Result<(), Stop> {
        for (kind, _, handler) in &self.members {
            if *kind == Kind::Swap {
                let last = handler.execute(json!("the end")).await?;
                let last = last.expect("success")?.output().clone();
                let links = self.links.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let own = |value: &Value| value.is_null() || value["of"] == handler.id();
                let links: Vec<_> = links.into_iter().filter(|(_, left)| own(left)).collect();
                judge_chain(&links, &last)?;
            }
        }
        Ok(())
    }
}

/// Judges that the links, each with what it found and what it left, make one chain from `null` to `last`.
fn judge_chain(links: &[(Value, Value)], last: &Value) -> Result<(), Stop> {
    let mut next: HashMap<String, &Value> = HashMap::new();
    for (found, left) in links {
        let twice = next.insert(found.to_string(), left);
        ensure!(twice.is_none(), "two executions found the same state: {found}");
    }
    let mut at = &Value::Null;
    for counted in 0..links.len() {
        let Some(left) = next.remove(&at.to_string()) else {
            return Err(Stop::Fail(format!(
                "of {} changes to the state {counted} are kept: none follows {at}",
                links.len()
            )));
        };
        at = left;
    }
    ensure!(at == last, "after {} changes the state is {last}, expected {at}", links.len());
    Ok(())
}

/// One execution of a crowd.
struct Member<'a> {
    number: usize,
    kind: Kind,
    handler: &'a Installed,
}

impl Member<'_> {
    /// Executes and judges. Whoever uses the state answers what it found and what it left.
    async fn execute(&self, cx: &Cx) -> Result<Option<(Value, Value)>, Stop> {
        let input = self.input();
        let body = match self.kind {
            Kind::Context => json!({"input": input, "context": {"nonce": input["nonce"]}}),
            _ => json!({ "input": input }),
        };
        let request = cx.admin().post(format!("/handlers/{}/executions", self.handler.id())).json(&body);
        let judged = request.timeout(PATIENCE).send_and_judge(|reply| self.judge(reply, &input)).await;
        judged.map_err(|stop| match stop {
            Stop::Fail(reason) => {
                Stop::Fail(format!("execution {} of the crowd, {:?}: {reason}", self.number, self.kind))
            }
            other => other,
        })
    }

    /// An input that no other execution has.
    fn input(&self) -> Value {
        json!({"nonce": format!("{:05}", self.number), "of": self.handler.id(), "fill": "-".repeat(self.number % 50)})
    }

    fn judge(&self, reply: &Reply, input: &Value) -> Result<Option<(Value, Value)>, Stop> {
        let execution = Execution::read(&reply.clone().expect(200)?)?;
        execution.expect(self.kind.outcome())?;
        for (member, expected) in [("handler", self.handler.id()), ("version", self.handler.version())] {
            let found = &execution.body[member];
            ensure!(*found == expected, "the answer's `{member}` is {found}, expected {expected}");
        }
        let output = execution.output();
        match self.kind {
            Kind::Echo | Kind::LogInput | Kind::LogFlood => execution.expect_output(input)?,
            Kind::Fixed => execution.expect_output(&fixed())?,
            Kind::Large => ensure!(
                output
                    .as_str()
                    .is_some_and(|text| text.len() == LARGE as usize && text.bytes().all(|byte| byte == b'l')),
                "the output is not {LARGE} times the letter l"
            ),
            Kind::Context => self.judge_context(&execution, input)?,
            Kind::Fail => {
                let found = &execution.body["failure"];
                let expected = json!({"kind": "unavailable", "message": "not in this crowd"});
                ensure!(*found == expected, "the failure is {found}, expected {expected}");
            }
            Kind::Swap | Kind::Trap | Kind::Loop | Kind::Grow | Kind::OutputFlood => {}
        }
        self.judge_log(&execution, input)?;
        Ok((self.kind == Kind::Swap).then(|| (output.clone(), input.clone())))
    }

    fn judge_context(&self, execution: &Execution, input: &Value) -> Result<(), Stop> {
        let told = execution.output();
        let expected = json!({"nonce": input["nonce"]});
        ensure!(told["attributes"] == expected, "the attributes are {}, expected {expected}", told["attributes"]);
        let (told, answered) = (&told["execution"], &execution.body["execution"]);
        ensure!(told == answered, "the handler was told the execution {told}, the answer is that of {answered}");
        Ok(())
    }

    fn judge_log(&self, execution: &Execution, input: &Value) -> Result<(), Stop> {
        let found = execution.logs();
        match self.kind {
            Kind::LogInput => {
                let lines: Vec<_> = found
                    .iter()
                    .map(|(level, message)| (*level, serde_json::from_str::<Value>(message).ok()))
                    .collect();
                ensure!(lines == [("info", Some(input.clone()))], "the log is {found:?}, expected the input {input}");
            }
            Kind::LogFlood => {
                let lines = flood();
                let expected: Vec<_> =
                    lines[..KEPT_LINES].iter().map(|(level, line)| (level.as_str(), line.as_str())).collect();
                ensure!(found == expected, "the log of a flood has {} lines, expected {KEPT_LINES}", found.len());
                ensure!(execution.body["logs_truncated"] == true, "the log of a flood is not marked as truncated");
            }
            _ => ensure!(found.is_empty(), "the log of a handler that writes none is {found:?}"),
        }
        Ok(())
    }
}

impl Kind {
    fn behaviour(self) -> Behaviour {
        match self {
            Kind::Echo => Behaviour::Echo,
            Kind::Fixed => Behaviour::Fixed(fixed().to_string().into_bytes()),
            Kind::Large => Behaviour::Filled { byte: b'l', len: LARGE },
            Kind::Context => Behaviour::Context,
            Kind::LogInput => Behaviour::LogInput(LogLevel::Info),
            Kind::Swap => Behaviour::StateSwap { key: KEY.to_owned() },
            Kind::Fail => Behaviour::Fail { kind: FailureKind::Unavailable, message: "not in this crowd".to_owned() },
            Kind::Trap => Behaviour::Trap,
            Kind::Loop => Behaviour::LoopForever,
            Kind::Grow => Behaviour::GrowForever,
            Kind::OutputFlood => Behaviour::Filled { byte: b'f', len: LARGE },
            Kind::LogFlood => Behaviour::Log(flood()),
        }
    }

    fn outcome(self) -> &'static str {
        match self {
            Kind::Fail => "failure",
            Kind::Trap => "trap",
            Kind::Loop => "timeout",
            Kind::Grow => "memory-exceeded",
            Kind::OutputFlood => "output-rejected",
            _ => "success",
        }
    }
}

/// What lies in the module of [`Kind::Fixed`].
fn fixed() -> Value {
    json!({"from the module": "and from no request"})
}

/// The lines of [`Kind::LogFlood`]: the first ten fill its limit exactly.
fn flood() -> Vec<(LogLevel, String)> {
    (0..FLOOD_LINES).map(|line| (LogLevel::Debug, format!("{line:0>100}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(links: &[(Value, Value)], last: Value) -> Result<(), Stop> {
        judge_chain(links, &last)
    }

    #[test]
    fn links_in_any_order_make_one_chain() {
        assert_eq!(chain(&[(json!(1), json!(2)), (json!(null), json!(1)), (json!(2), json!(3))], json!(3)), Ok(()));
        assert_eq!(chain(&[], json!(null)), Ok(()));
    }

    #[test]
    fn a_change_that_two_started_from_a_gap_and_a_lost_end_are_found() {
        for (links, last, reason) in [
            (vec![(json!(null), json!(1)), (json!(null), json!(2))], json!(2), "two executions found the same state"),
            (vec![(json!(null), json!(1)), (json!(5), json!(2))], json!(2), "of 2 changes to the state 1 are kept"),
            (vec![(json!(null), json!(1))], json!(null), "the state is null, expected 1"),
        ] {
            let fault = chain(&links, last).expect_err(reason);
            assert!(fault.reason().contains(reason), "{fault:?}");
        }
    }
}
