//! What an execution took is free again afterwards (load.md, section 3).

use assay_fixtures::Packaging;
use assay_harness::{Cx, Group, Need, Stop, checks, ensure};

use super::ground::Ground;
use super::mixed::{EXECUTIONS, PATIENCE};
use crate::crowd::{Crowd, MIXED};

/// The table.
pub const GROUP: Group = Group {
    profile: "load",
    name: "memory",
    checks: checks![
        once("load.memory.flat", "ten thousand executions leave nothing in memory", &["LOAD-MEM-001"], flat)
            .costly()
            .needs(&[Need::Launch])
            .within(PATIENCE),
    ],
};

/// After so many executions the target has whatever it keeps once.
const FIRST: usize = 1000;
/// Growth up to this is no leak, in bytes, and so is a tenth: allocators keep what was freed.
const TOLERANCE: u64 = 16 << 20;

async fn flat(cx: Cx) -> Result<(), Stop> {
    let ground = Ground::alone(&cx).await?;
    let declared = |packaging: &Packaging| cx.discovery().abis.iter().any(|abi| abi == packaging.as_str());
    let packagings: Vec<Packaging> = Packaging::ALL.into_iter().filter(declared).collect();
    let crowd = Crowd::gather(ground.cx(), MIXED, &packagings).await?;
    crowd.run(FIRST, ground.at_once()?).await?;
    let before = ground.resident_bytes()?;
    crowd.run(EXECUTIONS - FIRST, ground.at_once()?).await?;
    let after = ground.resident_bytes()?;
    let allowed = TOLERANCE.max(before / 10);
    ensure!(
        after <= before + allowed,
        "after {FIRST} executions the target has {} KiB of resident memory, after {EXECUTIONS} it has {} KiB: more than {} KiB on top",
        before >> 10,
        after >> 10,
        allowed >> 10
    );
    Ok(())
}
