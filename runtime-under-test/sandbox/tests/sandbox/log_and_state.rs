//! The interfaces of the host (core.md, 9.10 and 9.11).

use std::collections::BTreeMap;

use assay_fixtures::{Behaviour, LogLevel};
use assay_sandbox::{Level, Outcome};

use crate::bench::{in_both_packagings, job, job_with_state, output};

fn lines() -> Vec<(LogLevel, String)> {
    vec![
        (LogLevel::Trace, "one".into()),
        (LogLevel::Debug, "two".into()),
        (LogLevel::Info, "three ü".into()),
        (LogLevel::Warn, String::new()),
        (LogLevel::Error, "five".into()),
    ]
}

fn key() -> String {
    "k".into()
}

#[tokio::test]
async fn keeps_every_line_with_its_level_in_order() {
    for execution in in_both_packagings(Behaviour::Log(lines()), job()).await {
        let logs: Vec<_> = execution.logs.iter().map(|l| (l.level, l.message.as_str())).collect();
        let expected = [
            (Level::Trace, "one"),
            (Level::Debug, "two"),
            (Level::Info, "three ü"),
            (Level::Warn, ""),
            (Level::Error, "five"),
        ];
        assert_eq!(logs, expected);
        assert!(!execution.logs_truncated);
    }
}

#[tokio::test]
async fn keeps_the_log_of_a_handler_that_traps() {
    for execution in in_both_packagings(Behaviour::LogThenTrap(lines()), job()).await {
        assert!(matches!(execution.outcome, Outcome::Trap(_)));
        assert_eq!(execution.logs.len(), 5);
    }
}

#[tokio::test]
async fn drops_lines_past_the_limit_and_says_so() {
    let mut job = job();
    job.limits.log_bytes = 6;
    for execution in in_both_packagings(Behaviour::Log(lines()), job).await {
        assert_eq!(execution.logs.len(), 2);
        assert!(execution.logs_truncated);
        assert_eq!(execution.outcome, output("\"ping\""));
    }
}

#[tokio::test]
async fn reads_what_was_committed_and_hands_changes_out() {
    let swap = Behaviour::StateSwap { key: key() };
    for execution in in_both_packagings(swap, job_with_state(&[("k", "\"old\"")])).await {
        assert_eq!(execution.outcome, output("\"old\""));
        let changes = BTreeMap::from([(key(), Some(b"\"ping\"".to_vec()))]);
        assert_eq!(execution.state_changes, Some(changes));
    }
}

#[tokio::test]
async fn a_key_that_is_not_there_has_no_value() {
    let get = Behaviour::StateGet { key: key() };
    for execution in in_both_packagings(get, job_with_state(&[])).await {
        assert_eq!(execution.outcome, output("null"));
        assert_eq!(execution.state_changes, Some(BTreeMap::new()));
    }
}

#[tokio::test]
async fn lists_keys_in_ascending_order() {
    let state = [("b", "1"), ("a", "2"), ("ba", "3")];
    for execution in in_both_packagings(Behaviour::StateKeys, job_with_state(&state)).await {
        assert_eq!(execution.outcome, output("[\"a\",\"b\",\"ba\"]"));
    }
}

#[tokio::test]
async fn removes_a_key() {
    let delete = Behaviour::StateDelete { key: key() };
    for execution in in_both_packagings(delete, job_with_state(&[("k", "1")])).await {
        assert_eq!(execution.outcome, output("\"ok\""));
        assert_eq!(execution.state_changes, Some(BTreeMap::from([(key(), None)])));
    }
}

#[tokio::test]
async fn grants_a_change_that_fills_the_quota_exactly() {
    let fill = Behaviour::StateFill { key: key(), len: 999 };
    for execution in in_both_packagings(fill, job_with_state(&[])).await {
        assert_eq!(execution.outcome, output("\"ok\""));
    }
}

#[tokio::test]
async fn refuses_a_change_one_byte_past_the_quota() {
    let fill = Behaviour::StateFill { key: key(), len: 1000 };
    for execution in in_both_packagings(fill, job_with_state(&[])).await {
        assert_eq!(execution.outcome, output("\"quota-exceeded\""));
        assert_eq!(execution.state_changes, Some(BTreeMap::new()));
    }
}

#[tokio::test]
async fn refuses_a_key_that_is_too_long() {
    let fill = Behaviour::StateFill { key: "k".repeat(257), len: 2 };
    for execution in in_both_packagings(fill, job_with_state(&[])).await {
        assert_eq!(execution.outcome, output("\"invalid-key\""));
    }
}

#[tokio::test]
async fn drops_the_changes_of_a_handler_that_traps_or_fails() {
    let behaviours = [Behaviour::StateSetThenTrap { key: key() }, Behaviour::StateSetThenFail { key: key() }];
    for behaviour in behaviours {
        for execution in in_both_packagings(behaviour, job_with_state(&[])).await {
            assert_eq!(execution.state_changes, None);
        }
    }
}

#[tokio::test]
async fn traps_a_handler_that_has_no_permission_for_state() {
    for execution in in_both_packagings(Behaviour::StateKeys, job()).await {
        assert!(matches!(execution.outcome, Outcome::Trap(_)));
    }
}
