//! Judging values by schemas, away from the threads that serve: what a publisher's schema costs is not ours to choose.

use std::sync::Arc;
use std::time::Duration;

use assay_package::{Code, Schema};
use tokio::sync::Semaphore;

use crate::app::App;
use crate::problem::Problem;

/// How long a value may wait to be judged.
const PATIENCE: Duration = Duration::from_secs(10);
/// What is judged at once costs at most this: subschemas that apply to one value, times the bytes of the text.
const CHEAP: u64 = 1_000_000;

/// The places of those that judge at the same time: as many as there are cores, and two at least, so that one costly
/// schema does not hold up all the others.
#[derive(Debug)]
pub struct Judging(Arc<Semaphore>);

impl Default for Judging {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self(Arc::new(Semaphore::new(cores.max(2))))
    }
}

impl Judging {
    /// Judges a value of so many bytes by a schema: at once if that is cheap, and else on a thread that may be held up.
    ///
    /// # Errors
    /// What `judge` says; `overloaded` if no place was free for ten seconds.
    pub async fn judge<T: Send + 'static>(
        &self,
        app: &Arc<App>,
        schema: &Schema,
        bytes: usize,
        judge: impl FnOnce(&App) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        if schema.cost().saturating_mul(bytes as u64) <= CHEAP {
            return judge(app);
        }
        let place = tokio::time::timeout(PATIENCE, self.0.clone().acquire_owned()).await;
        let overloaded = || Problem::refused(Code::Overloaded, "too many values are being judged by their schemas");
        let place = place.map_err(|_| overloaded())?.map_err(|_| overloaded())?;
        app.blocking(move |app| {
            // Held until it is judged, also if the caller goes away.
            let _place = place;
            judge(app)
        })
        .await
    }
}
