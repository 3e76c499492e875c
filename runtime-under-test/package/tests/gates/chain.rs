//! Gate 8, chain.

use assay_fixtures::{Behaviour, Package, Recipe, Release};
use assay_package::Code;

use super::world::{Place::Nowhere, World, echo, publisher, refused};

fn following(version: &str, previous: Option<&Package>) -> Package {
    let terms = match previous {
        Some(previous) => Release::valid().previous(previous.digest()),
        None => Release::valid(),
    };
    echo().version(version).build().signed_with(&publisher(), terms)
}

#[test]
fn refuses_a_previous_that_is_not_stored() {
    let world = World::trusting_publisher();
    let first = following("1.0.0", None);
    let second = following("1.1.0", Some(&first));
    world.refuses(&second, Code::ChainBroken, Nowhere);
    world.store(&first);
    world.accepts(&second);
}

#[test]
fn refuses_a_previous_of_another_handler() {
    let world = World::trusting_publisher();
    let foreign = Recipe::new("com.example.other", Behaviour::Echo).version("0.1.0").build();
    world.store(&foreign);
    world.refuses(&following("1.1.0", Some(&foreign)), Code::ChainBroken, Nowhere);
}

#[test]
fn refuses_a_previous_of_no_lower_version() {
    let world = World::trusting_publisher();
    let second = following("2.0.0", None);
    world.store(&second);
    world.refuses(&following("1.9.9", Some(&second)), Code::VersionDowngrade, Nowhere);
    world.refuses(&following("2.0.0-rc.1", Some(&second)), Code::VersionDowngrade, Nowhere);
    world.accepts(&following("10.0.0", Some(&second)));
}

#[test]
fn refuses_statements_that_disagree() {
    let world = World::trusting_publisher();
    let first = following("1.0.0", None);
    world.store(&first);
    let package = following("1.1.0", Some(&first)).signed(&publisher());
    world.refuses(&package, Code::ChainBroken, Nowhere);
}

#[test]
fn an_upgrade_follows_the_installed_release_over_any_number_of_steps() {
    let world = World::trusting_publisher();
    let packages = [following("1.0.0", None)];
    let mut packages = Vec::from(packages);
    for version in ["1.1.0", "1.2.0", "1.10.0"] {
        packages.push(following(version, packages.last()));
    }
    let stored: Vec<_> = packages.iter().map(|package| world.store(package)).collect();
    for (index, from) in stored.iter().enumerate() {
        for to in &stored[index + 1..] {
            world.upgrade(from, to).expect("the chain leads there");
        }
    }
}

#[test]
fn an_upgrade_goes_up() {
    let world = World::trusting_publisher();
    let low = world.store(&following("1.9.0", None));
    let high = world.store(&following("1.10.0", None));
    refused(world.upgrade(&high, &low).map(drop), Code::VersionDowngrade, Nowhere);
    refused(world.upgrade(&low, &low).map(drop), Code::VersionDowngrade, Nowhere);
}

#[test]
fn an_upgrade_is_refused_where_the_chain_leads_elsewhere() {
    let world = World::trusting_publisher();
    let root = following("1.0.0", None);
    let left = following("1.1.0", Some(&root));
    let right = following("1.2.0", Some(&root));
    let [_, left, right] = [root, left, right].map(|package| world.store(&package));
    refused(world.upgrade(&left, &right).map(drop), Code::ChainBroken, Nowhere);
    let orphan = world.store(&following("3.0.0", None));
    refused(world.upgrade(&left, &orphan).map(drop), Code::ChainBroken, Nowhere);
}
