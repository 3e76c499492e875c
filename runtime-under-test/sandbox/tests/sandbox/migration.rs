//! The export `migrate` (core.md, 9.30 and 10.1).

use std::collections::BTreeMap;
use std::time::Duration;

use assay_fixtures::{Behaviour, FailureKind as Made, LogLevel, Packaging, Step};
use assay_sandbox::{Execution, FailureKind, Job, Outcome};

use crate::bench::{job, job_with_state, prepare, sandbox};

/// Runs `migrate` once, in each packaging; the version that is replaced is `0.9.0`.
async fn migrated(migrate: Behaviour, job: Job) -> [Execution; 2] {
    let sandbox = sandbox();
    let behaviour = Behaviour::Echo.migrating_by(migrate);
    let mut executions = Vec::new();
    for packaging in Packaging::ALL {
        let handler = prepare(&sandbox, &behaviour, packaging).await;
        assert!(handler.migrates());
        executions.push(sandbox.migrate(&handler, Job { input: b"0.9.0".to_vec(), ..job.clone() }).await);
    }
    executions.try_into().expect("two packagings")
}

#[tokio::test]
async fn a_handler_without_the_export_does_not_migrate() {
    let sandbox = sandbox();
    for packaging in Packaging::ALL {
        assert!(!prepare(&sandbox, &Behaviour::Echo, packaging).await.migrates());
    }
}

#[tokio::test]
async fn hands_out_what_a_migration_changed() {
    let steps = vec![Step::Move("old".into(), "new".into()), Step::SetToInput("from".into()), Step::Log("done".into())];
    for execution in migrated(Behaviour::Steps(steps), job_with_state(&[("old", "1")])).await {
        assert_eq!(execution.outcome, Outcome::Output(Vec::new()));
        let changed = |value: &str| Some(value.as_bytes().to_vec());
        let changes = [("old", None), ("new", changed("1")), ("from", changed("0.9.0"))];
        let changes: BTreeMap<_, _> = changes.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        assert_eq!(execution.state_changes, Some(changes));
        let lines: Vec<_> = execution.logs.iter().map(|line| line.message.as_str()).collect();
        assert_eq!(lines, ["done"]);
    }
}

#[tokio::test]
async fn a_migration_that_fails_changes_nothing() {
    let fails = |last| Behaviour::Steps(vec![Step::Set("k".into(), vec![1]), last]);
    for (last, outcome) in [
        (Step::Fail, Outcome::Failure { kind: FailureKind::Internal, message: "as the script says".to_owned() }),
        (Step::Grow, Outcome::MemoryExceeded),
    ] {
        for execution in migrated(fails(last), job_with_state(&[])).await {
            assert_eq!((execution.outcome, execution.state_changes), (outcome.clone(), None));
        }
    }
}

#[tokio::test]
async fn a_migration_keeps_its_limits() {
    let mut short = job();
    short.limits.timeout = Duration::from_millis(50);
    for execution in migrated(Behaviour::LoopForever, short).await {
        assert_eq!(execution.outcome, Outcome::Timeout);
    }
    let mut quiet = job();
    quiet.limits.output_bytes = 3;
    let long = Behaviour::Fail { kind: Made::Internal, message: "four".to_owned() };
    for execution in migrated(long, quiet).await {
        assert_eq!(execution.outcome, Outcome::OutputTooLarge);
    }
    let line = Behaviour::Log(vec![(LogLevel::Info, "line".to_owned())]);
    let mut silent = job();
    silent.limits.log_bytes = 0;
    for execution in migrated(line, silent).await {
        assert_eq!((execution.logs.len(), execution.logs_truncated), (0, true));
    }
}
