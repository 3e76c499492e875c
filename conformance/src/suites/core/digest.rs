//! Gate 2: the module is the one that the manifest pins (core.md 2.4).

use assay_fixtures::Behaviour;
use assay_harness::{Cx, Group, Stop, checks};

use crate::publisher::Publisher;
use crate::refusal::refused;

/// The table.
pub const GROUP: Group = Group {
    profile: "core",
    name: "digest",
    checks: checks![
        once(
            "core.digest.other-bytes",
            "a module of the pinned size with another byte is refused",
            &["CORE-PKG-010"],
            other_bytes
        ),
        once(
            "core.digest.other-size",
            "a module whose size is not the pinned one is refused",
            &["CORE-PKG-010"],
            other_size
        ),
    ],
};

async fn other_bytes(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let twin = publisher.sign(&publisher.recipe("bytes", Behaviour::Fixed(b"\"pinned\"".to_vec())));
    let mut flawed = twin.clone();
    flawed.module = publisher.recipe("bytes", Behaviour::Fixed(b"\"packed\"".to_vec())).build().module;
    publisher.pair(&flawed, &twin, &refused("digest-mismatch").at("/module/digest")).await
}

async fn other_size(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let recipe = publisher.recipe("size", Behaviour::Echo);
    let twin = publisher.sign(&recipe);
    let size = twin.module.len();
    let flawed = publisher.sign(&recipe.set("/module/size", size + 1));
    publisher.pair(&flawed, &twin, &refused("digest-mismatch").at("/module/size")).await
}
