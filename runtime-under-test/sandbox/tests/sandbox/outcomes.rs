//! How a handler ends, and what it was told (core.md, 9.6 and 9.12).

use std::collections::BTreeMap;

use assay_fixtures::Behaviour;
use assay_sandbox::{FailureKind, Outcome};

use crate::bench::{in_both_packagings, job, outcomes, output};

#[tokio::test]
async fn hands_the_input_to_the_handler() {
    let ended = outcomes(Behaviour::Echo, job()).await;
    assert_eq!(ended, [output("\"ping\""), output("\"ping\"")]);
}

#[tokio::test]
async fn returns_what_the_handler_made() {
    let ended = outcomes(Behaviour::Fixed(b"{\"a\":1}".to_vec()), job()).await;
    assert_eq!(ended, [output("{\"a\":1}"), output("{\"a\":1}")]);
}

#[tokio::test]
async fn passes_bytes_on_that_are_not_json() {
    let ended = outcomes(Behaviour::Fixed(vec![0xff, 0]), job()).await;
    let expected = Outcome::Output(vec![0xff, 0]);
    assert_eq!(ended, [expected.clone(), expected]);
}

#[tokio::test]
async fn tells_the_three_failures_apart() {
    use assay_fixtures::FailureKind as Made;
    let kinds = [
        (Made::InvalidInput, FailureKind::InvalidInput),
        (Made::Unavailable, FailureKind::Unavailable),
        (Made::Internal, FailureKind::Internal),
    ];
    for (made, kind) in kinds {
        let message = "because ü".to_owned();
        let ended = outcomes(Behaviour::Fail { kind: made, message: message.clone() }, job()).await;
        let expected = Outcome::Failure { kind, message };
        assert_eq!(ended, [expected.clone(), expected]);
    }
}

#[tokio::test]
async fn a_trap_is_told_in_words_without_addresses() {
    for outcome in outcomes(Behaviour::Trap, job()).await {
        let Outcome::Trap(words) = outcome else { panic!("{outcome:?}") };
        assert!(words.contains("unreachable"), "{words}");
        assert!(!words.contains("0x") && !words.contains('/'), "{words}");
    }
}

#[tokio::test]
async fn tells_the_handler_its_context_with_attributes_in_order() {
    let mut job = job();
    job.context.attributes = BTreeMap::from([("b".into(), "2".into()), ("a".into(), "1".into())]);
    let expected = output(concat!(
        "{\"execution\":\"x-1\",\"handler\":\"com.example.test\",\"version\":\"1.0.0\",",
        "\"caller\":\"user\",\"admitted_at\":1767225600123,",
        "\"attributes\":{\"a\":\"1\",\"b\":\"2\"},\"order\":[\"a\",\"b\"]}"
    ));
    let ended = outcomes(Behaviour::Context, job).await;
    assert_eq!(ended, [expected.clone(), expected]);
}

#[tokio::test]
async fn reports_what_an_execution_cost() {
    for execution in in_both_packagings(Behaviour::LoopTurns(5_000_000), job()).await {
        assert!(execution.usage.cpu_us > 0);
        assert!(execution.usage.memory_bytes >= 65_536);
    }
}
