//! Gate 6, expiry.

use assay_fixtures::Release;
use assay_package::{Code, Moment};
use jiff::{SignedDuration, Timestamp};

use super::world::{Place::Nowhere, World, echo, publisher, refused};

fn world_at(now: Timestamp) -> World {
    let mut world = World::trusting_publisher();
    world.now = now;
    world
}

#[test]
fn a_release_ends_at_the_very_nanosecond() {
    let end = Timestamp::now() + SignedDuration::from_hours(1);
    let package = echo().build().signed_with(&publisher(), Release::valid().expires_at(end));
    world_at(end - SignedDuration::from_nanos(1)).accepts(&package);
    world_at(end).refuses(&package, Code::ReleaseExpired, Nowhere);
}

#[test]
fn an_expired_release_is_refused_at_every_moment() {
    let end = Timestamp::now() + SignedDuration::from_hours(1);
    let package = echo().build().signed_with(&publisher(), Release::valid().expires_at(end));
    let stored = World::trusting_publisher().store(&package);
    for moment in [Moment::Install, Moment::Upgrade, Moment::Execute] {
        refused(world_at(end).admit(moment, &stored).map(drop), Code::ReleaseExpired, Nowhere);
    }
}

#[test]
fn a_release_may_be_dated_ahead_by_the_clock_skew_and_no_more() {
    let now = Timestamp::now();
    let skew = SignedDuration::from_millis(5000);
    let ahead = |by| echo().build().signed_with(&publisher(), Release::valid().issued_at(now + by));
    world_at(now).accepts(&ahead(skew));
    world_at(now).refuses(&ahead(skew + SignedDuration::from_nanos(1)), Code::ReleaseNotYetValid, Nowhere);
}

#[test]
fn at_upload_one_expired_envelope_is_one_too_many() {
    let end = Timestamp::now() + SignedDuration::from_hours(1);
    let package = echo().build().signed_with(&publisher(), Release::valid().expires_at(end)).signed(&publisher());
    world_at(end).refuses(&package, Code::ReleaseExpired, Nowhere);
    let stored = World::trusting_publisher().store(&package);
    world_at(end).admit(Moment::Execute, &stored).expect("the other one is in date");
}

#[test]
fn an_upload_holds_until_its_first_envelope_ends_and_an_execution_until_its_last() {
    let end = Timestamp::now() + SignedDuration::from_hours(1);
    let [first, last] = [end, end + SignedDuration::from_hours(1)].map(|end| Release::valid().expires_at(end));
    let package = echo().build().signed_with(&publisher(), last.clone()).signed_with(&publisher(), first);
    let world = World::trusting_publisher();
    let stored = world.store(&package);
    let until = |moment| world.admit(moment, &stored).expect("it is in date").valid_until;
    assert_eq!(until(Moment::Upload), end);
    assert_eq!(until(Moment::Execute), last.expires_at);
}
