//! One client that drives one handler after the other through its life, and writes down what it is answered.

use std::sync::Arc;

use assay_fixtures::Packaging;
use assay_harness::{Cx, Reply, Stop, ensure};

use super::aims::When;
use super::life::{Doing, Life, acknowledgements, can_be_done_once, takes_a_key};
use super::reading;
use super::round::Round;
use crate::history::{Act, Checker, Contradiction, Kind};
use crate::installed::Execution;

/// A lane, with all handlers whose life is over.
pub struct Lane {
    cx: Cx,
    number: usize,
    packaging: Packaging,
    /// The handler that is driven, and its history.
    pub life: Life,
    pub checker: Checker,
    /// Those before it.
    pub past: Vec<(Life, Checker)>,
    /// How many operations were acknowledged.
    pub acknowledged: usize,
    /// What is done next.
    at: usize,
    /// The kill that cut it off, if it was begun.
    cut_off_by: Option<usize>,
    /// What was answered last.
    answer: Option<Reply>,
}

/// Whether a lane goes on.
#[derive(PartialEq, Eq)]
enum Next {
    Goes,
    Stops,
}

impl Lane {
    pub fn new(cx: &Cx, number: usize, packaging: Packaging) -> Lane {
        let life = born(cx, number, packaging, 0);
        let checker = Checker::new(&life.id);
        let (past, cx) = (Vec::new(), cx.clone());
        Lane { cx, number, packaging, life, checker, past, acknowledged: 0, at: 0, cut_off_by: None, answer: None }
    }

    /// Its number.
    pub fn number(&self) -> usize {
        self.number
    }

    /// What this kill cut off, and whether it was carried out, as the reads after it showed.
    pub fn cut_off(&self, kill: usize) -> Option<(Kind, bool)> {
        let was_by = |_: &&Doing| self.cut_off_by == Some(kill);
        let Some(Doing::Act(act)) = self.life.doings.get(self.at).filter(was_by) else {
            return None;
        };
        Some((act.kind(), self.checker.is_done()?))
    }

    /// Works until the target is killed, or through one life where nothing is killed.
    pub async fn work(mut self, round: Arc<Round>) -> (Lane, Result<(), Stop>) {
        let worked = self.go_on(&round).await;
        (self, worked)
    }

    async fn go_on(&mut self, round: &Round) -> Result<(), Stop> {
        while !round.is_over() {
            let Some(doing) = self.life.doings.get(self.at).copied() else {
                if round.aim.is_none() {
                    return Ok(());
                }
                self.begin_another();
                continue;
            };
            let next = match doing {
                Doing::Act(act) if self.cut_off_by.is_some() => self.ask_again(act, round).await?,
                Doing::Act(act) => {
                    self.checker.asked(act);
                    self.ask(act, round).await?
                }
                Doing::Look => self.look(round).await?,
            };
            if next == Next::Stops {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Asks for an operation that the checker was told of. The lane that the kill waits for goes no further, so that the kill
    /// comes in the middle of this operation or right after it.
    async fn ask(&mut self, act: Act, round: &Round) -> Result<Next, Stop> {
        let aimed = round.waits_for(act.kind());
        if matches!(aimed, Some(When::During(_))) {
            round.begin();
        }
        let reply = match self.send(act, self.at).await {
            Ok(reply) => reply,
            Err(Stop::Fail(_)) if round.is_over() => {
                self.checker.cut_off(&format!("kill {}", round.kill));
                self.cut_off_by = Some(round.kill);
                return Ok(Next::Stops);
            }
            Err(other) => return Err(other),
        };
        self.judge(act, &reply)?;
        self.checker.acknowledged(&reply.status().to_string());
        // What was done before is answered out of memory, and takes no time.
        if self.cut_off_by.take().is_none() {
            round.pace.note(act.kind(), reply.took());
        }
        (self.at, self.acknowledged) = (self.at + 1, self.acknowledged + 1);
        self.answer = Some(reply);
        if aimed == Some(When::After) {
            round.begin();
        }
        if aimed.is_some() {
            round.ended().await;
            return Ok(Next::Stops);
        }
        Ok(Next::Goes)
    }

    /// Asks again for what was cut off: under its key, where there are keys, whatever became of it; else where it is needed.
    async fn ask_again(&mut self, act: Act, round: &Round) -> Result<Next, Stop> {
        if can_be_done_once(act) && self.checker.is_done() == Some(true) {
            (self.cut_off_by, self.at) = (None, self.at + 1);
            return Ok(Next::Goes);
        }
        let repeated = self.at;
        self.checker.asked_again();
        let next = self.ask(act, round).await?;
        if next == Next::Goes && takes_a_key(act) {
            return self.ask_once_more(act, repeated, round).await;
        }
        Ok(next)
    }

    /// What was acknowledged under a key is acknowledged again, in the same words, and changes nothing: the next read tells.
    async fn ask_once_more(&mut self, act: Act, at: usize, round: &Round) -> Result<Next, Stop> {
        let reply = match self.send(act, at).await {
            Ok(reply) => reply,
            Err(Stop::Fail(_)) if round.is_over() => return Ok(Next::Stops),
            Err(other) => return Err(other),
        };
        let same = |answer: &Reply| (answer.status(), answer.body()) == (reply.status(), reply.body());
        ensure!(
            self.answer.as_ref().is_some_and(same),
            "{}",
            self.checker.refusal(&format!("{}, and in other words than before", reply.describe()))
        );
        Ok(Next::Goes)
    }

    async fn look(&mut self, round: &Round) -> Result<Next, Stop> {
        let reply = match self.life.reading(&self.cx.admin()).send().await {
            Ok(reply) => reply,
            Err(Stop::Fail(_)) if round.is_over() => return Ok(Next::Stops),
            Err(other) => return Err(other),
        };
        let release = self.checker.certain().and_then(|handler| handler.installed).map(|installed| installed.release);
        let state = reading::state(&self.life, release.unwrap_or_default(), reply)?;
        self.checker.saw_state(state).map_err(contradicted)?;
        self.at += 1;
        Ok(Next::Goes)
    }

    async fn send(&self, act: Act, at: usize) -> Result<Reply, Stop> {
        let request = self.life.request(&self.cx.admin(), act);
        let key = format!("\"{}-{at}\"", self.life.id);
        if takes_a_key(act) { request.header("idempotency-key", &key) } else { request }.send().await
    }

    /// An operation must not be refused: what comes before it was acknowledged.
    fn judge(&self, act: Act, reply: &Reply) -> Result<(), Stop> {
        let expected = acknowledgements(act);
        ensure!(
            expected.contains(&reply.status()),
            "{}; expected {}",
            self.checker.refusal(&reply.describe()),
            expected[0]
        );
        if let Act::Write { .. } = act {
            Execution::read(reply)?.expect("success")?;
        }
        Ok(())
    }

    fn begin_another(&mut self) {
        let life = born(&self.cx, self.number, self.packaging, self.past.len() + 1);
        let checker = Checker::new(&life.id);
        let past = (std::mem::replace(&mut self.life, life), std::mem::replace(&mut self.checker, checker));
        self.past.push(past);
        self.at = 0;
    }
}

/// The handler with this number in a lane.
fn born(cx: &Cx, lane: usize, packaging: Packaging, number: usize) -> Life {
    let id = format!("{}.lane{lane}.n{number}", cx.namespace());
    Life::new(cx, id, packaging, number)
}

/// A contradiction is what the check looks for.
pub fn contradicted(contradiction: Contradiction) -> Stop {
    Stop::Fail(contradiction.to_string())
}
