//! Which connections are used again, and by whom.

use assay_egress::EgressError;

use super::world::World;

#[tokio::test]
async fn a_handler_uses_its_connection_again_and_no_other_handler_does() {
    let world = World::new().await;
    for handler in ["com.example.a", "com.example.a", "com.example.b"] {
        world.egress.send(&world.grant(handler), world.get("/")).await.expect("a response");
    }
    let numbers: Vec<u64> = world.shared.requests.lock().expect("lock").iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, [1, 1, 2]);
}

#[tokio::test]
async fn a_connection_that_is_closed_or_has_bytes_left_over_is_not_used_again() {
    let world = World::new().await;
    for reply in [
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison",
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
        "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
    ] {
        world.reply("/", reply);
        let before = world.connections();
        for _ in 0..2 {
            assert_eq!(world.send(world.get("/")).await.expect("a response").body, b"ok");
        }
        assert_eq!(world.connections(), before + 2, "{reply}");
    }
}

#[tokio::test]
async fn a_connection_to_an_address_that_the_host_no_longer_has_is_not_used() {
    let world = World::new().await;
    world.send(world.get("/")).await.expect("a response");
    world.resolve("api.example.test", &[&["127.77.0.2"]]);
    assert!(matches!(world.send(world.get("/")).await, Err(EgressError::Failed(_))));
}

#[tokio::test]
async fn what_broke_is_not_sent_again() {
    let world = World::new().await;
    world.send(world.get("/")).await.expect("a response");
    world.reply("/", "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 9\r\n\r\n");
    assert!(matches!(world.send(world.get("/")).await, Err(EgressError::Failed(_))));
    assert_eq!(world.shared.requests.lock().expect("lock").len(), 2);
}
