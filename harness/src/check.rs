//! A check as a suite file lists it: one line of a table, and an async function that reads like its requirement.

use std::pin::Pin;
use std::time::Duration;

use crate::{Cx, Stop};

/// What a check's function returns, boxed. [`checks!`](crate::checks) hides it.
pub type Judgement = Pin<Box<dyn Future<Output = Result<(), Stop>> + Send>>;

/// One check: what it shows, which requirements it judges, what it needs, and the function that judges.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// Stable identifier, such as `core.signature.wrong-key`.
    pub id: &'static str,
    /// What it shows, as a sentence.
    pub title: &'static str,
    /// Identifiers of the requirements that it judges.
    pub requirements: &'static [&'static str],
    /// What must be there for it to run.
    pub needs: &'static [Need],
    /// Whether it runs once, or once per packaging.
    pub packagings: Packagings,
    /// How long it may take at least, whatever the run allows each check; zero for all but those that take long by nature.
    pub patience: Duration,
    /// What it spends. By one that is not swift the proof judges only where it is named.
    pub cost: Cost,
    /// The function that judges.
    pub run: fn(Cx) -> Judgement,
}

impl Check {
    /// A check that runs once, whatever the target's packagings.
    #[must_use]
    pub const fn once(
        id: &'static str,
        title: &'static str,
        requirements: &'static [&'static str],
        run: fn(Cx) -> Judgement,
    ) -> Check {
        Check {
            id,
            title,
            requirements,
            needs: &[],
            packagings: Packagings::Once,
            patience: Duration::ZERO,
            cost: Cost::Swift,
            run,
        }
    }

    /// A check that runs once for every packaging that the target declares (core.md 10.4).
    #[must_use]
    pub const fn each(
        id: &'static str,
        title: &'static str,
        requirements: &'static [&'static str],
        run: fn(Cx) -> Judgement,
    ) -> Check {
        Check { packagings: Packagings::Each, ..Check::once(id, title, requirements, run) }
    }

    /// The same check with its needs.
    #[must_use]
    pub const fn needs(self, needs: &'static [Need]) -> Check {
        Check { needs, ..self }
    }

    /// The same check, which may take so long even if the run allows each check less.
    #[must_use]
    pub const fn within(self, patience: Duration) -> Check {
        Check { patience, ..self }
    }

    /// The same check, which keeps a processor busy for long.
    #[must_use]
    pub const fn costly(self) -> Check {
        Check { cost: Cost::Busy, ..self }
    }

    /// The same check, which waits for long and does little else: it runs beside as many others as the run allows.
    #[must_use]
    pub const fn waits(self) -> Check {
        Check { cost: Cost::Wait, ..self }
    }
}

/// What a check spends most of its time on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cost {
    /// Some exchanges: it is soon over.
    Swift,
    /// A processor's time.
    Busy,
    /// Nothing but time: for limits to pass, for a queue to move on.
    Wait,
}

/// What must be there for a check to run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    /// The harness launched the target and can launch another: the check kills and restarts. Else SKIPPED.
    Launch,
    /// The target declares this feature. Else UNSUPPORTED.
    Feature(&'static str),
    /// The target uses the observatory of this run for its requests to other hosts (egress.md 6.4). Else SKIPPED.
    Observatory,
    /// The target resolves names and connects to their addresses itself, and not a proxy for it. Else UNSUPPORTED.
    Addresses,
    /// The target reaches other hosts through the observatory's proxy (egress.md 7.2), because the run says so. Else UNSUPPORTED.
    Proxy,
    /// The target reaches port 443 of a host: by the proxy, or because this machine lets the observatory listen there. Else
    /// UNSUPPORTED.
    DefaultPort,
    /// The target declares this packaging. Else UNSUPPORTED.
    Packaging(&'static str),
}

/// How often a check runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Packagings {
    /// Once. [`Cx::packaging`] is the first that the target declares.
    Once,
    /// Once for every packaging that the target declares.
    Each,
}

/// The checks of one suite file.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    /// Profile that they belong to.
    pub profile: &'static str,
    /// Name of the group: that of the file.
    pub name: &'static str,
    /// The table.
    pub checks: &'static [Check],
}

/// The table of a suite file, one line per check; each function is an `async fn(Cx) -> Result<(), Stop>`.
///
/// ```
/// use assay_harness::{Check, Cx, Need, Stop, checks};
///
/// pub const CHECKS: &[Check] = checks![
///     once("core.discovery.public", "discovery answers without a token", &["CORE-DISC-001"], public),
///     each("core.state.kept", "state is kept", &["CORE-STATE-001"], kept).needs(&[Need::Feature("state")]),
/// ];
///
/// async fn public(cx: Cx) -> Result<(), Stop> {
///     cx.anonymous().get("/.well-known/handler-runtime").send().await?.expect(200)?;
///     Ok(())
/// }
/// # async fn kept(_: Cx) -> Result<(), Stop> { Ok(()) }
/// ```
#[macro_export]
macro_rules! checks {
    ($($kind:ident($id:expr, $title:expr, $requirements:expr, $run:expr $(,)?)
        $(.$modifier:ident($($argument:expr)?))*),* $(,)?) => {
        &[$($crate::Check::$kind($id, $title, $requirements, |cx| ::std::boxed::Box::pin($run(cx)))
            $(.$modifier($($argument)?))*),*]
    };
}
