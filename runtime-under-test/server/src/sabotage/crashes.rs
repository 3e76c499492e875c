//! Defects that only a kill in the middle of a request shows: two commits where one is promised. What lies between the two is
//! made long, so that a kill that is aimed at such a request comes there.

use std::sync::Arc;
use std::time::Duration;

use super::registry::Defect;
use crate::policy::RegistryPolicy;

/// The table.
pub const DEFECTS: &[Defect] = &[
    ("idempotency-keys-remembered-late", || Arc::new(RemembersLate)),
    ("modules-stored-after-their-releases", || Arc::new(ModulesLast)),
];

/// The time between the two commits: long against everything else that such a request takes.
const BETWEEN: Duration = Duration::from_millis(60);

struct RemembersLate;
impl RegistryPolicy for RemembersLate {
    fn remembers_together(&self) -> bool {
        false
    }

    fn between(&self) {
        std::thread::park_timeout(BETWEEN);
    }
}

/// Only of uploads with a key: what else is uploaded need not wait.
struct ModulesLast;
impl RegistryPolicy for ModulesLast {
    fn module_comes_first(&self, with_key: bool) -> bool {
        !with_key
    }

    fn between(&self) {
        std::thread::park_timeout(BETWEEN);
    }
}
