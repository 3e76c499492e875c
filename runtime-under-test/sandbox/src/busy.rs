//! Measures how much CPU time a future takes. Time between two polls belongs to others, and so does time for which the
//! host gives the thread no processor: nobody is charged for it (sandbox.md, 8.1).

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Drives `future` to its end and adds the CPU time of each poll to `spent`; also when it is dropped half-way, `spent`
/// holds what it took until then. A poll begins and ends on one thread, so that thread's clock is the right one.
pub(crate) async fn measured<F: Future>(spent: &mut Duration, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|context| {
        let start = of_this_thread();
        let polled = future.as_mut().poll(context);
        *spent += of_this_thread().saturating_sub(start);
        polled
    })
    .await
}

/// The CPU time of the calling thread so far.
fn of_this_thread() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    // Neither is ever negative, and the second is below a thousand million.
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[tokio::test]
    async fn does_not_count_the_time_between_polls() {
        let (start, mut spent) = (Instant::now(), Duration::ZERO);
        measured(&mut spent, tokio::time::sleep(Duration::from_millis(200))).await;
        assert!(start.elapsed() >= Duration::from_millis(200));
        assert!(spent < Duration::from_millis(100), "{spent:?}");
    }

    #[tokio::test]
    async fn does_not_count_the_time_for_which_the_thread_is_off_the_processor() {
        let (waits, mut spent) = (Duration::from_millis(200), Duration::ZERO);
        measured(&mut spent, async {
            let (_open, never) = std::sync::mpsc::channel::<()>();
            assert!(never.recv_timeout(waits).is_err());
        })
        .await;
        assert!(spent < waits / 2, "{spent:?}");
    }

    #[tokio::test]
    async fn counts_what_is_computed() {
        let mut spent = Duration::ZERO;
        measured(&mut spent, async {
            let start = of_this_thread();
            while of_this_thread() < start + Duration::from_millis(5) {}
        })
        .await;
        assert!(spent >= Duration::from_millis(5), "{spent:?}");
    }
}
