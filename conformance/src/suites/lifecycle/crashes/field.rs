//! The target, the lanes that work on it, and the kills between which they do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use assay_fixtures::Packaging;
use assay_harness::{Cx, OwnTarget, Stop, ensure};
use futures_util::future::try_join_all;
use tokio::task::JoinSet;

use super::aims::{Aim, Pace};
use super::lane::{Lane, contradicted};
use super::life::Life;
use super::reading;
use super::round::Round;
use crate::history::{Checker, Kind};

/// Everything that one run of the check works with.
pub struct Field {
    target: OwnTarget,
    cx: Cx,
    lanes: Vec<Lane>,
    pace: Arc<Pace>,
    kills: usize,
    /// How many starts were killed besides, and how long the last one took that was not.
    starts: usize,
    startup: Duration,
    /// What the kills did to operations of each kind.
    cut: BTreeMap<Kind, Cut>,
}

/// Of operations that were cut off.
#[derive(Clone, Copy, Default, Debug)]
struct Cut {
    /// How many kills cut one off.
    kills: usize,
    /// How many of the operations had been carried out, and how many had not.
    done: usize,
    undone: usize,
}

impl Field {
    /// Starts a target and lanes, each with handlers in one of the packagings that the target declares.
    pub async fn start(check: &Cx, lanes: usize) -> Result<Field, Stop> {
        let started = Instant::now();
        let target = check.own_target().await?;
        let startup = started.elapsed();
        let cx = target.cx();
        let abis = cx.discovery().abis.clone();
        let packaging = |lane: usize| match abis.get(lane % abis.len().max(1)).map(String::as_str) {
            Some("component") => Packaging::Component,
            _ => Packaging::Core,
        };
        let lanes = (0..lanes).map(|lane| Lane::new(&cx, lane, packaging(lane))).collect();
        Ok(Field { target, cx, lanes, pace: Arc::default(), kills: 0, starts: 0, startup, cut: BTreeMap::new() })
    }

    /// Lets each lane go through one life, to see how long everything takes.
    pub async fn watch_a_life(&mut self) -> Result<(), Stop> {
        let mut working = self.set_to_work(Round::new(0, None, &self.pace).0);
        while let Some(joined) = working.join_next().await {
            self.take_back(joined)?;
        }
        Ok(())
    }

    /// Lets the lanes work until the aim is met, kills, starts the target again, and holds what is there against the histories.
    pub async fn kill(&mut self, aim: Aim) -> Result<(), Stop> {
        self.kills += 1;
        let (round, trigger) = Round::new(self.kills, Some(aim), &self.pace);
        let mut working = self.set_to_work(round);
        let mut back = Vec::new();
        {
            let kill = self.target.kill_after(move || trigger.wait());
            tokio::pin!(kill);
            loop {
                tokio::select! {
                    () = &mut kill => break,
                    Some(joined) = working.join_next() => back.push(joined),
                }
                // Before the kill only a lane ends that something went wrong for.
                if back.iter().any(|joined| matches!(joined, Ok((_, Err(_))) | Err(_))) {
                    working.abort_all();
                    break;
                }
            }
        }
        for joined in back {
            self.take_back(joined)?;
        }
        while let Some(joined) = working.join_next().await {
            self.take_back(joined)?;
        }
        self.lanes.sort_by_key(Lane::number);
        if let Some(fraction) = aim.again {
            self.target.kill_while_it_starts(self.startup.mul_f64(fraction)).await?;
            self.starts += 1;
        }
        let started = Instant::now();
        self.target.restart().await?;
        self.startup = started.elapsed();
        let looked = self.look().await;
        self.with_histories(looked)?;
        let cut_off: Vec<(Kind, bool)> = self.lanes.iter().filter_map(|lane| lane.cut_off(self.kills)).collect();
        for (at, (kind, was_done)) in cut_off.iter().enumerate() {
            let cut = self.cut.entry(*kind).or_default();
            cut.kills += usize::from(cut_off[..at].iter().all(|(other, _)| other != kind));
            *(if *was_done { &mut cut.done } else { &mut cut.undone }) += 1;
        }
        // All of it fits; what goes wrong is between here and the next look.
        self.cx.leave_out_earlier();
        if let Some(soak) = self.cx.soak() {
            soak.done.send_replace(self.kills);
        }
        Ok(())
    }

    /// Reads every handler as a whole, those whose life is over as well.
    pub async fn look_at_everything(&mut self) -> Result<(), Stop> {
        let looked = async {
            self.look().await?;
            for lane in &mut self.lanes {
                for (life, checker) in &mut lane.past {
                    compare(&self.cx, life, checker).await?;
                    self.cx.leave_out_earlier();
                }
            }
            Ok(())
        };
        let looked = looked.await;
        self.with_histories(looked)
    }

    /// How many kills there were.
    pub fn kills(&self) -> usize {
        self.kills
    }

    /// How many of them cut off an operation of this kind.
    pub fn kills_during(&self, kind: Kind) -> usize {
        self.cut.get(&kind).map_or(0, |cut| cut.kills)
    }

    /// Says as cases what the kills fell into. Of a kind into which none fell nothing is said.
    pub async fn tell(&self, kinds: &[Kind]) {
        let acknowledged: usize = self.lanes.iter().map(|lane| lane.acknowledged).sum();
        let handlers: usize = self.lanes.iter().map(|lane| lane.past.len() + 1).sum();
        let Field { kills, starts, .. } = self;
        let whole = format!(
            "{kills} kills, and {starts} of starts; {acknowledged} acknowledged operations on {handlers} handlers"
        );
        self.cx.case(whole, async { Ok(()) }).await;
        for &kind in kinds {
            let Cut { kills, done, undone } = self.cut.get(&kind).copied().unwrap_or_default();
            let judged = async {
                match kills {
                    0 => Err(Stop::Inconclusive(format!("nothing is said of {}: no kill cut one off", kind.words()))),
                    _ => Ok(()),
                }
            };
            let name = format!("{}: cut off by {kills} kills, {done} carried out, {undone} not", kind.words());
            self.cx.case(name, judged).await;
        }
    }

    fn set_to_work(&mut self, round: Round) -> JoinSet<(Lane, Result<(), Stop>)> {
        let (mut working, round) = (JoinSet::new(), Arc::new(round));
        for lane in std::mem::take(&mut self.lanes) {
            working.spawn(lane.work(Arc::clone(&round)));
        }
        working
    }

    fn take_back(&mut self, joined: Result<(Lane, Result<(), Stop>), tokio::task::JoinError>) -> Result<(), Stop> {
        let (lane, worked) = joined.map_err(|fault| Stop::Error(fault.to_string()))?;
        self.lanes.push(lane);
        self.with_histories(worked)
    }

    /// Keeps the histories as evidence of what went wrong.
    fn with_histories(&self, ended: Result<(), Stop>) -> Result<(), Stop> {
        if ended.is_err() {
            // The latest first: of a long history the file holds no more.
            let past = self.lanes.iter().flat_map(|lane| lane.past.iter().rev().map(|(_, past)| past));
            let checkers = self.lanes.iter().map(|lane| &lane.checker).chain(past);
            self.cx.attach("histories.txt", "text/plain", checkers.map(Checker::history).collect::<String>());
        }
        ended
    }

    /// Reads the handlers that are driven as a whole, and all as the list shows them.
    async fn look(&mut self) -> Result<(), Stop> {
        let cx = &self.cx;
        try_join_all(self.lanes.iter_mut().map(|lane| compare(cx, &lane.life, &mut lane.checker))).await?;
        let listed = reading::listed(cx).await?;
        let mut known = BTreeSet::new();
        for lane in &mut self.lanes {
            let current = std::iter::once((&lane.life, &mut lane.checker));
            for (life, checker) in lane.past.iter_mut().map(|(life, checker)| (&*life, checker)).chain(current) {
                known.insert(life.id.clone());
                let shown = listed.get(&life.id).cloned().unwrap_or_default();
                if checker.certain().map(reading::as_listed).is_some_and(|expected| expected != shown) {
                    // The whole of it says what is wrong; if that is right, the list is.
                    compare(cx, life, checker).await?;
                    return Err(Stop::Fail(format!("the list shows {shown:?} of {}, unlike its detail", life.id)));
                }
            }
        }
        let stranger = listed.keys().find(|id| !known.contains(*id));
        ensure!(stranger.is_none(), "the list shows {stranger:?}, which nobody uploaded");
        Ok(())
    }
}

/// Reads a handler and holds it against its history.
async fn compare(cx: &Cx, life: &Life, checker: &mut Checker) -> Result<(), Stop> {
    let seen = reading::read(cx, life).await?;
    checker.saw(&seen).map_err(contradicted)
}
