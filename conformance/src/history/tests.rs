//! The checker judged by itself: it accepts whatever a target does that keeps its promises, and refuses one broken promise.

use proptest::prelude::*;

use super::{Act, Checker, Handler, Installation, Kind, Release, Seen, Written, version};

/// A target that keeps its promises: an operation is carried out as a whole or not at all, and what was carried out stays.
#[derive(Clone, Default)]
struct Target {
    handler: Handler,
    /// The states before each operation that was carried out.
    past: Vec<Handler>,
}

impl Target {
    fn carry_out(&mut self, act: Act) {
        self.past.push(self.handler.clone());
        self.handler = self.handler.after(act);
    }

    fn seen(&self) -> Seen {
        Seen { handler: self.handler.visible(), torn: Vec::new() }
    }
}

/// What becomes of one step: an answer, or a kill, with the operation carried out before it or not.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Answered,
    CutOff { done: bool },
}

/// The life of a handler, as a lane drives it.
fn life() -> Vec<Act> {
    vec![
        Act::Upload { release: 1, signatures: 0 },
        Act::Sign { release: 1 },
        Act::Install { release: 1 },
        Act::Write { value: 1 },
        Act::Write { value: 2 },
        Act::Trust,
        Act::Upload { release: 2, signatures: 1 },
        Act::Sign { release: 2 },
        Act::Upgrade { release: 2 },
        Act::Write { value: 3 },
        Act::Uninstall,
        Act::Install { release: 2 },
        Act::Write { value: 4 },
        Act::Revoke { release: 2 },
        Act::Distrust,
    ]
}

fn fates() -> impl Strategy<Value = Vec<Fate>> {
    let fate = prop_oneof![
        3 => Just(Fate::Answered),
        1 => any::<bool>().prop_map(|done| Fate::CutOff { done }),
    ];
    prop::collection::vec(fate, life().len())
}

/// Drives a target through the first steps of a life. What is cut off is read, and asked for again until it is answered.
fn driven(fates: &[Fate], steps: usize) -> (Target, Checker) {
    let (mut target, mut checker) = (Target::default(), Checker::new("x.y"));
    for (act, fate) in life().into_iter().zip(fates).take(steps) {
        checker.asked(act);
        let mut done = true;
        if let Fate::CutOff { done: was_done } = fate {
            if *was_done {
                target.carry_out(act);
            }
            checker.cut_off("kill 1");
            checker.saw(&target.seen()).expect("it was carried out, or it was not");
            assert_eq!(checker.is_done(), Some(*was_done), "{act}");
            checker.asked_again();
            done = !was_done;
        }
        if done {
            target.carry_out(act);
        }
        checker.acknowledged("200");
    }
    (target, checker)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn whatever_a_sound_target_does_is_accepted(fates in fates(), steps in 0..=15_usize) {
        let (target, mut checker) = driven(&fates, steps);
        prop_assert!(checker.saw(&target.seen()).is_ok());
    }

    #[test]
    fn an_acknowledged_operation_that_is_lost_is_refused(fates in fates(), steps in 1..=15_usize, back in 1..4_usize) {
        let (mut target, mut checker) = driven(&fates, steps);
        let lost = target.past.len().saturating_sub(back);
        target.handler = target.past[lost].clone();
        // What nobody can see nobody can miss.
        let last = checker.clone().saw(&Seen { handler: target.handler.visible(), torn: Vec::new() });
        let (sound, _) = driven(&fates, steps);
        prop_assert_eq!(last.is_err(), sound.handler.visible() != target.handler.visible());
        prop_assert!(checker.saw(&sound.seen()).is_ok(), "a copy was asked");
    }

    #[test]
    fn an_operation_that_is_carried_out_twice_is_refused(fates in fates(), steps in 2..=15_usize) {
        let (mut target, mut checker) = driven(&fates, steps);
        target.carry_out(Act::Sign { release: 1 });
        prop_assert!(checker.saw(&target.seen()).is_err());
    }

    #[test]
    fn an_operation_that_was_cut_off_may_be_there_or_not(fates in fates(), steps in 0..15_usize, done in any::<bool>()) {
        let (mut target, mut checker) = driven(&fates, steps);
        let act = life()[steps];
        checker.asked(act);
        checker.cut_off("kill 2");
        if done {
            target.carry_out(act);
        }
        prop_assert!(checker.saw(&target.seen()).is_ok());
        prop_assert_eq!(checker.is_done(), Some(done));
        // From here on it is known.
        if done { target.handler = target.past[target.past.len() - 1].clone() } else { target.carry_out(act) }
        prop_assert!(checker.saw(&target.seen()).is_err());
    }
}

/// A handler whose second release was uploaded, and whose first one runs with a state.
fn upgradable() -> Checker {
    driven(&[Fate::Answered; 15], 8).1
}

fn running(release: u32, by: u32) -> Seen {
    let signed = |signatures| Release { signatures, revoked: false };
    let installed = Some(Installation { release, state: Some(Written { by, value: 2 }) });
    Seen {
        handler: Handler { releases: [(1, signed(1)), (2, signed(2))].into(), installed, trusted: true },
        torn: Vec::new(),
    }
}

#[test]
fn version_and_state_move_together() {
    for (release, by, possible) in [(1, 1, true), (2, 2, true), (2, 1, false), (1, 2, false)] {
        let mut checker = upgradable();
        checker.asked(Act::Upgrade { release: 2 });
        checker.cut_off("kill 3");
        assert_eq!(checker.saw(&running(release, by)).is_ok(), possible, "{} with {}", version(release), version(by));
    }
}

#[test]
fn a_half_contradicts_whatever_was_answered() {
    let mut checker = upgradable();
    let torn = vec![(Kind::Upload, "1.2.0 is half there: `module` answered 500".to_owned())];
    let contradiction = checker.saw(&Seen { torn, ..running(1, 1) }).expect_err("a half");
    assert_eq!(
        contradiction.to_string(),
        "x.y: 1.2.0 is half there: `module` answered 500; operation 7, upload of 1.2.0, was acknowledged (200)"
    );
}

#[test]
fn a_contradiction_names_the_operation_and_how_each_attempt_ended() {
    let mut checker = Checker::new("x.y");
    checker.asked(Act::Upload { release: 1, signatures: 0 });
    checker.cut_off("kill 4");
    checker.asked_again();
    checker.acknowledged("201");
    let contradiction = checker.saw(&Seen::default()).expect_err("it is lost");
    assert_eq!(
        contradiction.to_string(),
        "x.y: 1.1.0 is not there; operation 1, upload of 1.1.0, was cut off (kill 4), then acknowledged (201)"
    );
    checker.asked(Act::Sign { release: 1 });
    checker.cut_off("kill 5");
    checker.asked_again();
    assert_eq!(
        checker.refusal("answered 409"),
        "x.y: operation 2, signature of 1.1.0, was cut off (kill 5) and asked for again: answered 409"
    );
}

#[test]
fn a_history_is_written_down_in_lines() {
    let mut checker = Checker::new("x.y");
    checker.asked(Act::Upload { release: 1, signatures: 0 });
    checker.cut_off("kill 4");
    checker.asked_again();
    checker.acknowledged("201");
    assert_eq!(checker.history(), "x.y   1 upload of 1.1.0: cut off (kill 4), then acknowledged (201)\n");
}

#[test]
fn the_state_of_a_revoked_release_is_not_asked_about() {
    let (mut target, mut checker) = driven(&[Fate::Answered; 15], 15);
    target.handler.installed = Some(Installation { release: 2, state: None });
    assert!(checker.saw(&target.seen()).is_ok());
}
