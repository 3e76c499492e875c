//! The steps of a sequence.

use crate::source::Source;

/// The handlers of a sequence, by the last segments of their ids.
pub const HANDLERS: [&str; 2] = ["a", "b"];
/// Versions in ascending order, which is not that of their letters.
pub const VERSIONS: [&str; 4] = ["1.0.0", "1.1.0", "2.0.0", "10.0.0"];

/// One of the handlers and one of the versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named {
    /// Into [`HANDLERS`].
    pub handler: usize,
    /// Into [`VERSIONS`].
    pub version: usize,
}

/// By whom a release is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signed {
    /// By nobody.
    Not,
    /// By the publisher.
    Publisher,
    /// By somebody whose key nobody trusts.
    Stranger,
}

/// Whom a request says it is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// The admin.
    Admin,
    /// The user.
    User,
    /// A token that nobody knows.
    Stranger,
    /// Without a token.
    Nobody,
}

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Uploads; with a version, the release names that one as the previous one.
    Upload { named: Named, signed: Signed, previous: Option<usize>, short: bool },
    /// Has the registry sign; `past` with a time that is over.
    Sign { named: Named, past: bool },
    /// Trusts the publisher's key under the sequence's name, for its handlers or for others.
    Trust { covers: bool },
    /// Trusts another key under that name.
    TrustAnother,
    /// Ends the trust.
    Distrust,
    /// Revokes a release.
    Revoke(Named),
    /// Revokes a handler.
    RevokeAll(usize),
    /// Installs.
    Install(Named),
    /// Upgrades.
    Upgrade(Named),
    /// Uninstalls.
    Uninstall(usize),
    /// Executes, uninstalls, installs the same again, and executes.
    Again(usize),
    /// Executes, as an admin or as a user, one of the handler's scripts.
    Execute { handler: usize, script: usize, admin: bool },
    /// Reads a record again, under the handler of the index, as an admin or as a user.
    Record { under: usize, which: usize, admin: bool },
    /// Time goes on.
    Wait,
    /// Looks at everything.
    Look,
    /// Asks for what the role may not do, or nobody may.
    Role { operation: usize, who: Who },
    /// Sends what is no request.
    Malformed(usize),
}

/// A step.
pub fn any(source: &mut Source<'_>) -> Step {
    let named = Named { handler: source.below(HANDLERS.len()), version: source.below(VERSIONS.len()) };
    match source.below(32) {
        0..=3 => Step::Upload {
            named,
            signed: source.pick(&[Signed::Publisher, Signed::Publisher, Signed::Not, Signed::Stranger]),
            previous: if source.one_in(2) { Some(source.below(VERSIONS.len())) } else { None },
            short: source.one_in(3),
        },
        4 | 5 => Step::Sign { named, past: source.one_in(3) },
        6 => Step::Trust { covers: !source.one_in(3) },
        7 if source.one_in(2) => Step::TrustAnother,
        7 => Step::Distrust,
        8 => Step::Revoke(named),
        9 if source.one_in(2) => Step::RevokeAll(named.handler),
        9 | 10 => Step::Wait,
        11..=13 => Step::Install(named),
        14..=16 => Step::Upgrade(named),
        17 => Step::Uninstall(named.handler),
        18 => Step::Again(named.handler),
        19..=23 => Step::Execute { handler: named.handler, script: source.below(5), admin: source.one_in(2) },
        24 | 25 => Step::Record { under: named.handler, which: source.below(8), admin: source.one_in(2) },
        26 | 27 => Step::Look,
        28 | 29 => {
            Step::Role { operation: source.below(16), who: source.pick(&[Who::User, Who::Stranger, Who::Nobody]) }
        }
        _ => Step::Malformed(source.below(16)),
    }
}
