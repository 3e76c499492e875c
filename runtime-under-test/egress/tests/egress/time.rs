//! Rate, queue, time limits, and requests that nobody waits for any more.

use std::time::Duration;

use assay_egress::{EgressError, Outcome};
use futures_util::future::join_all;

use super::world::World;

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_without_effect() {
    let world = World::new().await;
    let mut grant = world.grant("com.example.a");
    (grant.requests_per_minute, grant.queue) = (600, 1);
    let results = join_all((0..3).map(|_| world.egress.send(&grant, world.get("/")))).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 2);
    assert!(results.contains(&Err(EgressError::RateLimited)));
    assert_eq!(world.shared.requests.lock().expect("lock").len(), 2);
    assert_eq!(world.shared.entries.lock().expect("lock").len(), 3);
}

#[tokio::test]
async fn an_exchange_that_takes_too_long_is_ended_wherever_it_stands() {
    let world = World::new().await;
    let mut grant = world.grant("com.example.a");
    grant.timeout = Duration::from_millis(200);
    for reply in ["silence", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhell"] {
        world.reply("/", reply);
        assert_eq!(world.egress.send(&grant, world.get("/")).await, Err(EgressError::TimedOut), "{reply}");
        assert_eq!(world.last_entry().outcome, Outcome::TimedOut);
    }
    assert_eq!(world.last_entry().response_bytes, 4);
}

#[tokio::test]
async fn what_is_dropped_while_it_waits_or_runs_is_on_record_as_abandoned_once() {
    let world = World::new().await;
    world.reply("/", "silence");
    let grant = world.grant("com.example.a");
    let running = world.egress.send(&grant, world.get("/"));
    let mut slow = grant.clone();
    slow.requests_per_minute = 1;
    let waiting = world.egress.send(&slow, world.get("/"));
    let both = futures_util::future::join(running, waiting);
    let in_vain = tokio::time::timeout(Duration::from_millis(300), both).await;
    assert!(in_vain.is_err());
    world.egress.settled(&grant.execution).await;
    let entries = world.shared.entries.lock().expect("lock").clone();
    assert_eq!(entries.iter().map(|entry| entry.outcome).collect::<Vec<_>>(), [Outcome::Abandoned; 2]);
    assert_eq!(entries.iter().filter(|entry| entry.address.is_some()).count(), 1);
    assert_eq!(world.shared.requests.lock().expect("lock").len(), 1);
}
