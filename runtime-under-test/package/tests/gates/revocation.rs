//! Gate 7, revocation.

use assay_package::{Code, Moment};

use super::world::{Place::Nowhere, World, echo, publisher, refused};

const LATER: [Moment; 3] = [Moment::Install, Moment::Upgrade, Moment::Execute];

#[test]
fn a_revoked_release_goes_no_further_and_its_sister_does() {
    let mut world = World::trusting_publisher();
    let revoked = world.store(&echo().build().signed(&publisher()));
    let sister = world.store(&echo().version("1.0.1").build().signed(&publisher()));
    world.ledger.revoked_releases.push((revoked.manifest.id.clone(), revoked.manifest.version.clone()));
    for moment in LATER {
        refused(world.admit(moment, &revoked).map(drop), Code::ReleaseRevoked, Nowhere);
        world.admit(moment, &sister).expect("it is not revoked");
    }
}

#[test]
fn a_revoked_handler_has_no_releases_neither_stored_nor_to_come() {
    let mut world = World::trusting_publisher();
    let stored = world.store(&echo().build().signed(&publisher()));
    world.ledger.revoked_handlers.push(stored.manifest.id.clone());
    for moment in LATER {
        refused(world.admit(moment, &stored).map(drop), Code::ReleaseRevoked, Nowhere);
    }
    world.refuses(&echo().version("2.0.0").build().signed(&publisher()), Code::ReleaseRevoked, Nowhere);
    world.refuses(&echo().version("2.0.0").build(), Code::ReleaseRevoked, Nowhere);
}
