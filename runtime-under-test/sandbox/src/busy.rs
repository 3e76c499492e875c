//! Measures how long a future keeps a thread busy. Time between two polls is time in which others
//! run, and nobody is charged for it.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::time::{Duration, Instant};

/// Drives `future` to its end and adds the time of each poll to `spent`; also when it is dropped
/// half-way, `spent` holds what it took until then.
pub(crate) async fn measured<F: Future>(spent: &mut Duration, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|context| {
        let start = Instant::now();
        let polled = future.as_mut().poll(context);
        *spent += start.elapsed();
        polled
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn counts_polls_and_not_the_time_between_them() {
        let (start, mut spent) = (Instant::now(), Duration::ZERO);
        measured(&mut spent, tokio::time::sleep(Duration::from_millis(200))).await;
        assert!(start.elapsed() >= Duration::from_millis(200));
        assert!(spent < start.elapsed() / 2, "{spent:?} of {:?}", start.elapsed());
    }
}
