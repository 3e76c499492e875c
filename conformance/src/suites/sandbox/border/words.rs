//! What the checks at the border are written in: many small cases in one handler, and what is expected of each.

use assay_fixtures::{Behaviour, Border, HostFunction, Operand};
use assay_harness::{Control as _, Cx, Stop, ensure};
use serde_json::{Value, json};

use crate::installed::{Execution, Installed};
use crate::publisher::Publisher;

/// What becomes of an execution.
#[derive(Clone, Debug)]
pub(super) enum Case {
    /// The outcome `trap`, and nothing in the log.
    Trap,
    /// This outcome.
    Outcome(&'static str),
    /// The output is the input.
    Echo,
    /// The output is this.
    Output(Value),
}

impl Case {
    /// Judges an execution with this input.
    pub(super) fn judge(&self, execution: &Execution, input: &Value) -> Result<(), Stop> {
        match self {
            Case::Trap => {
                execution.expect("trap")?;
                ensure!(execution.logs().is_empty(), "what trapped wrote the lines {:?}", execution.logs());
                Ok(())
            }
            Case::Outcome(outcome) => execution.expect(outcome).map(|_| ()),
            Case::Echo => execution.expect_output(input),
            Case::Output(output) => execution.expect_output(output),
        }
    }
}

/// Cases that share handlers: each is chosen by the input.
pub(super) struct Choices {
    cases: Vec<(String, Behaviour, Case, bool)>,
    set_up: Option<(Behaviour, Value)>,
}

/// The input of the first behaviour of a `Behaviour::Choice`, and how many there can be.
const FIRST: usize = 10;
const MOST: usize = 89;

impl Choices {
    pub(super) fn new() -> Choices {
        Choices { cases: Vec::new(), set_up: None }
    }

    /// A case to judge.
    pub(super) fn add(&mut self, name: impl Into<String>, behaviour: Behaviour, case: Case) {
        self.cases.push((name.into(), behaviour, case, false));
    }

    /// A case that shows that the oracle is live: it must succeed, with its input, or else with this output.
    pub(super) fn twin(&mut self, name: impl Into<String>, behaviour: Behaviour, output: Value) {
        let case = match (&behaviour, output) {
            (Behaviour::Border(Border::Import(..)) | Behaviour::Allocator(..), _) => Case::Echo,
            (_, output) => Case::Output(output),
        };
        self.cases.push((name.into(), behaviour, case, true));
    }

    /// What runs before all cases.
    pub(super) fn set_up(&mut self, behaviour: Behaviour, output: Value) {
        self.set_up = Some((behaviour, output));
    }

    /// Installs the handlers.
    pub(super) async fn install(self, publisher: &Publisher, leaf: &str) -> Result<Chosen, Stop> {
        let mut chosen = Chosen { handlers: Vec::new() };
        for (number, cases) in self.cases.chunks(MOST).enumerate() {
            let mut behaviours: Vec<Behaviour> = cases.iter().map(|(_, behaviour, _, _)| behaviour.clone()).collect();
            behaviours.extend(self.set_up.iter().map(|(behaviour, _)| behaviour.clone()));
            let leaf = format!("{leaf}{number}");
            let handler = publisher.install(&publisher.recipe(&leaf, Behaviour::Choice(behaviours))).await?;
            if let Some((_, output)) = &self.set_up {
                let ready = handler.runs(json!(FIRST + cases.len())).await?;
                ready.expect_output(output).control("the handler is ready")?;
            }
            let cases = cases.iter().map(|(name, _, case, twin)| (name.clone(), case.clone(), *twin)).collect();
            chosen.handlers.push((handler, cases));
        }
        Ok(chosen)
    }
}

/// A case with its name, and whether it is a twin.
type Named = (String, Case, bool);

/// Installed handlers and the cases of each.
pub(super) struct Chosen {
    handlers: Vec<(Installed, Vec<Named>)>,
}

impl Chosen {
    /// Judges each case.
    pub(super) async fn judge(self, cx: &Cx) {
        for (handler, cases) in self.handlers {
            for (number, (name, case, twin)) in cases.into_iter().enumerate() {
                let input = json!(FIRST + number);
                let judged = async {
                    if twin {
                        let execution = handler.runs(input.clone()).await?;
                        return case.judge(&execution, &input).control("the twin succeeds");
                    }
                    case.judge(&handler.execute(input.clone()).await?, &input)
                };
                cx.case(name, judged).await;
            }
        }
    }
}

/// Installs and judges.
pub(super) async fn judge(cx: &Cx, all: Choices) -> Result<(), Stop> {
    let publisher = Publisher::new(cx).await?;
    all.install(&publisher, "choice").await?.judge(cx).await;
    Ok(())
}

/// Calls an import with these operands, then echoes.
pub(super) fn import(function: HostFunction, operands: &[&[Operand]]) -> Behaviour {
    Behaviour::Border(Border::Import(function, operands.concat()))
}

/// Calls a function of `state` about this key, its result going there.
pub(super) fn state_import(function: HostFunction, key: &[u8], place: Operand) -> Behaviour {
    let key = || [Operand::Bytes(key.to_vec()), Operand::Number(1)];
    let nothing = [Operand::Number(0), Operand::Number(0)];
    match function {
        HostFunction::StateKeys => import(function, &[&[place]]),
        HostFunction::StateSet => import(function, &[&key(), &nothing, &[place]]),
        _ => import(function, &[&key(), &[place]]),
    }
}

/// The output is what lies there.
pub(super) fn output(at: Operand, length: u32) -> Behaviour {
    let number = Operand::Number;
    Behaviour::Border(Border::Words([number(0), at, number(length), number(0)]))
}

/// A failure's message is what lies there.
pub(super) fn message(at: Operand, length: u32) -> Behaviour {
    let number = Operand::Number;
    Behaviour::Border(Border::Words([number(1), number(0), at, number(length)]))
}

/// Judges that a handler that would echo ends with this outcome instead.
pub(super) async fn trapping(handler: &Installed, outcome: &str) -> Result<(), Stop> {
    handler.execute(json!("not returned")).await?.expect(outcome).map(|_| ())
}

/// Calls of `cabi_realloc`, each with its four arguments.
pub(super) type Calls = Vec<[u64; 4]>;

/// The calls of `cabi_realloc` that an execution has to make and those that its output tells, without those for no bytes.
pub(super) fn allocations(execution: &Value, context: &Value) -> Result<(Calls, Calls), Stop> {
    let told = || Stop::Fail(format!("the record is {}", execution["output"]));
    let (input, calls) = execution["output"].as_array().and_then(|output| output.split_last()).ok_or_else(told)?;
    let text = |text: &Value| (1, text.as_str().map_or(0, str::len) as u64);
    let attributes = context.as_object().cloned().unwrap_or_default();
    let mut expected = vec![text(&execution["execution"]), text(&execution["handler"]), text(&execution["version"])];
    expected.push((1, "admin".len() as u64));
    expected.push((4, 16 * attributes.len() as u64));
    for (name, value) in &attributes {
        expected.extend([(1, name.len() as u64), text(value)]);
    }
    expected.push((1, input.as_u64().ok_or_else(told)?));
    let expected = expected.into_iter().filter(|(_, size)| *size > 0).map(|(align, size)| [0, 0, align, size]);
    let found: Option<Calls> = calls.iter().map(call).collect();
    let found = found.ok_or_else(told)?.into_iter().filter(|call| call[3] > 0);
    Ok((expected.collect(), found.collect()))
}

fn call(call: &Value) -> Option<[u64; 4]> {
    let numbers: Option<Vec<u64>> = call.as_array()?.iter().map(Value::as_u64).collect();
    numbers?.try_into().ok()
}
