//! How a check ends early, and why. A check that reaches its end passes; there is no other way to pass.

/// The early end of a check or of a case. The text is one sentence for the report.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Stop {
    /// The target did something else than the requirement says.
    Fail(String),
    /// A control failed, so nothing can be said.
    Inconclusive(String),
    /// What the check needs is not there.
    Skip(String),
    /// The harness or the suite failed, not the target.
    Error(String),
}

impl Stop {
    /// The sentence for the report.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Stop::Fail(reason) | Stop::Inconclusive(reason) | Stop::Skip(reason) | Stop::Error(reason) => reason,
        }
    }
}

/// Marks a step as a control: one that must work before the subject says anything.
pub trait Control<T> {
    /// Turns FAIL into INCONCLUSIVE, with `what` saying which control failed. Other ends stay what they are.
    ///
    /// # Errors
    /// The end, turned.
    fn control(self, what: &str) -> Result<T, Stop>;
}

impl<T> Control<T> for Result<T, Stop> {
    fn control(self, what: &str) -> Result<T, Stop> {
        self.map_err(|stop| match stop {
            Stop::Fail(reason) => Stop::Inconclusive(format!("the control failed: {what}: {reason}")),
            other => other,
        })
    }
}

/// FAIL with this reason unless the condition holds. The macro of the same name takes a format string.
///
/// # Errors
/// [`Stop::Fail`] if it does not hold.
pub fn ensure(condition: bool, reason: impl FnOnce() -> String) -> Result<(), Stop> {
    if condition { Ok(()) } else { Err(Stop::Fail(reason())) }
}

/// Ends the check with FAIL unless the condition holds: `ensure!(n == 1, "expected one release, saw {n}")`.
#[macro_export]
macro_rules! ensure {
    ($condition:expr, $($reason:tt)+) => {
        $crate::ensure($condition, || ::std::format!($($reason)+))?
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_control_is_inconclusive_and_says_which() {
        let failed: Result<(), Stop> = Err(Stop::Fail("answered 500".into()));
        let expected = Stop::Inconclusive("the control failed: the twin installs: answered 500".into());
        assert_eq!(failed.control("the twin installs"), Err(expected));
    }

    #[test]
    fn an_error_inside_a_control_stays_an_error() {
        let failed: Result<(), Stop> = Err(Stop::Error("bad header".into()));
        assert_eq!(failed.control("the twin installs"), Err(Stop::Error("bad header".into())));
    }

    #[test]
    fn the_macro_ends_with_a_formatted_reason() {
        fn judge(seen: u32) -> Result<(), Stop> {
            ensure!(seen == 1, "expected one, saw {seen}");
            Ok(())
        }
        assert_eq!(judge(1), Ok(()));
        assert_eq!(judge(2), Err(Stop::Fail("expected one, saw 2".into())));
    }
}
