//! The deliberate defects leave alone what they are not about.

use std::sync::Arc;

use assay_egress::{Egress, sabotages};

use super::world::{Store, World};

#[tokio::test]
async fn a_right_request_is_answered_whatever_the_defect() {
    let world = World::new().await;
    for id in sabotages() {
        let store = || Arc::new(Store(world.shared.clone()));
        let egress = Egress::sabotaged(world.settings.clone(), store(), store(), id);
        let egress = egress.expect(id).unwrap_or_else(|error| panic!("{id}: {error}"));
        let response = egress.send(&world.grant("com.example.a"), world.get("/")).await;
        assert_eq!(response.unwrap_or_else(|error| panic!("{id}: {error}")).body, b"hello", "{id}");
    }
}

#[tokio::test]
async fn there_is_no_defect_of_another_name() {
    let world = World::new().await;
    let store = || Arc::new(Store(world.shared.clone()));
    assert!(Egress::sabotaged(world.settings.clone(), store(), store(), "no-such-defect").is_none());
}
