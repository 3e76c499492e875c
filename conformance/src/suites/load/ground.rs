//! Where a check of this profile works: alone, and on an instance of its own where the harness can launch one.

use assay_harness::{Cx, OwnTarget, Stop};
use tokio::sync::{Mutex, MutexGuard};

/// Checks that fill a target would refuse each other's executions, and would share one machine.
static ALONE: Mutex<()> = Mutex::const_new(());

/// More at once than this would judge the suite's machine rather than the target.
const MOST_AT_ONCE: usize = 256;

/// A target that only one check of the profile uses at a time.
pub struct Ground {
    cx: Cx,
    own: Option<OwnTarget>,
    _alone: MutexGuard<'static, ()>,
}

impl Ground {
    /// Waits for its turn; then the target is an instance of its own, or else the one that is attached.
    ///
    /// # Errors
    /// FAIL if the instance does not start.
    pub async fn alone(cx: &Cx) -> Result<Ground, Stop> {
        let alone = ALONE.lock().await;
        match cx.own_target().await {
            Ok(own) => Ok(Ground { cx: own.cx(), own: Some(own), _alone: alone }),
            Err(Stop::Skip(_)) => Ok(Ground { cx: cx.clone(), own: None, _alone: alone }),
            Err(stop) => Err(stop),
        }
    }

    /// A context whose clients speak to it.
    pub fn cx(&self) -> &Cx {
        &self.cx
    }

    /// How many executions are kept under way: as many as it publishes, and at most 256.
    pub fn at_once(&self) -> Result<usize, Stop> {
        Ok(self.capacity()?.min(MOST_AT_ONCE))
    }

    /// How many executions it publishes.
    pub fn capacity(&self) -> Result<usize, Stop> {
        self.cx.discovery().bound_as_size("concurrent_executions")
    }

    /// Its resident memory in bytes.
    ///
    /// # Errors
    /// SKIPPED if the harness did not launch it.
    pub fn resident_bytes(&self) -> Result<u64, Stop> {
        let unknown = || Stop::Skip("the memory of a target that the harness did not launch is not known".to_owned());
        self.own.as_ref().ok_or_else(unknown)?.resident_bytes()
    }
}
