//! Breaches of the canonical ABI, which both packagings end with a trap (core.md, 10.3).

use assay_fixtures::{AbiBreach, Behaviour};
use assay_sandbox::Outcome;

use crate::bench::{job, outcomes};

#[tokio::test]
async fn traps_at_every_breach_in_both_packagings() {
    for breach in AbiBreach::ALL {
        for outcome in outcomes(Behaviour::BreakAbi(breach), job()).await {
            let Outcome::Trap(words) = outcome else { panic!("{breach:?}: {outcome:?}") };
            assert!(!words.is_empty() && words.len() <= 200, "{breach:?}: {words}");
        }
    }
}
