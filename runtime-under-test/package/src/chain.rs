//! Gate 8, chain: does the release follow the one that it names (core.md 8).

use std::iter;

use crate::{Circumstances, Code, Installed, Link, Refusal, release::ReleaseCandidate};

/// An upgrade's version is higher, in SemVer order, than the installed one (8.2).
pub(crate) fn higher_than_installed(candidate: &ReleaseCandidate<'_>, _: &Circumstances<'_>) -> Result<(), Refusal> {
    match candidate.installed {
        Some(installed) if candidate.release.version <= installed.version => {
            Err(Refusal::new(Code::VersionDowngrade, format!("version {} is installed", installed.version)))
        }
        _ => Ok(()),
    }
}

/// All statements of a release name the same `previous` (8.1).
pub(crate) fn one_previous(candidate: &ReleaseCandidate<'_>, _: &Circumstances<'_>) -> Result<(), Refusal> {
    let first = candidate.previous().next();
    if candidate.previous().any(|previous| Some(previous) != first) {
        return Err(broken("the signatures of the release name different releases before it"));
    }
    Ok(())
}

/// `previous` is the package digest of a stored release (8.1).
pub(crate) fn previous_stored(
    candidate: &ReleaseCandidate<'_>,
    circumstances: &Circumstances<'_>,
) -> Result<(), Refusal> {
    let mut named = candidate.previous().flatten();
    match named.find(|digest| circumstances.ledger.release_by_digest(digest).is_none()) {
        Some(digest) => Err(broken(format!("no release with the digest {digest} is stored"))),
        None => Ok(()),
    }
}

/// `previous` is a release of the same handler (8.1).
pub(crate) fn previous_of_same_handler(
    candidate: &ReleaseCandidate<'_>,
    circumstances: &Circumstances<'_>,
) -> Result<(), Refusal> {
    match links(candidate, circumstances).find(|link| link.id != *candidate.release.id) {
        Some(link) => Err(broken(format!("the release before it is one of {}", link.id))),
        None => Ok(()),
    }
}

/// `previous` has a lower version (8.1).
pub(crate) fn previous_lower(
    candidate: &ReleaseCandidate<'_>,
    circumstances: &Circumstances<'_>,
) -> Result<(), Refusal> {
    match links(candidate, circumstances).find(|link| link.version >= *candidate.release.version) {
        Some(link) => Err(Refusal::new(Code::VersionDowngrade, format!("it follows version {}", link.version))),
        None => Ok(()),
    }
}

/// Following `previous` from the new release reaches the installed release (8.2).
pub(crate) fn reaches_installed(
    candidate: &ReleaseCandidate<'_>,
    circumstances: &Circumstances<'_>,
) -> Result<(), Refusal> {
    let Some(Installed { digest: installed, .. }) = candidate.installed else {
        return Ok(());
    };
    // Each link's version is lower than the one before, so that a ledger that has gone wrong cannot lead in circles.
    let step = |link: &Link| {
        let next = circumstances.ledger.release_by_digest(&link.previous?)?;
        (next.version < link.version).then_some(next)
    };
    let mut named = candidate.previous().flatten();
    let reached = named.any(|digest| {
        let first = circumstances.ledger.release_by_digest(&digest);
        digest == installed || iter::successors(first, step).any(|link| link.previous == Some(installed))
    });
    if reached { Ok(()) } else { Err(broken("the chain of releases does not reach the one that is installed")) }
}

/// The stored releases that the statements name as the one before.
fn links(candidate: &ReleaseCandidate<'_>, circumstances: &Circumstances<'_>) -> impl Iterator<Item = Link> {
    candidate.previous().flatten().filter_map(|digest| circumstances.ledger.release_by_digest(&digest))
}

fn broken(detail: impl Into<String>) -> Refusal {
    Refusal::new(Code::ChainBroken, detail)
}
