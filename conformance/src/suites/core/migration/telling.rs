//! What is said of a migration, and where nothing is.

use assay_fixtures::{Behaviour, FailureKind, LogLevel, Step};
use assay_harness::{Cx, Stop, ensure};
use serde_json::{Value, json};

use super::{line, upgraded};
use crate::publisher::Publisher;
use crate::refusal::refused;

/// A log of lines at level `info`.
fn lines(messages: &[&str]) -> Value {
    messages.iter().map(|message| json!({"level": "info", "message": message})).collect()
}

/// Judges the member `migration` of an answer.
fn expect(answer: &Value, log: &Value, truncated: bool) -> Result<(), Stop> {
    let migration = &answer["migration"];
    ensure!(migration.is_object(), "the answer has no `migration`: {answer}");
    ensure!(migration["from"] == "1.0.0", "the migration was from {}, expected \"1.0.0\"", migration["from"]);
    ensure!(migration["logs"] == *log, "the log of the migration is {}, expected {log}", migration["logs"]);
    ensure!(
        migration["logs_truncated"] == truncated,
        "`logs_truncated` of the migration is {}",
        migration["logs_truncated"]
    );
    ensure!(migration["execution"].is_string(), "the migration has no identifier");
    let usage = &migration["usage"];
    ensure!(
        usage["cpu_us"].is_u64() && usage["memory_bytes"].as_u64().is_some_and(|bytes| bytes >= 65_536),
        "the usage of the migration is {usage}"
    );
    Ok(())
}

pub async fn reported(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let logs = |last: Option<Step>| {
        let said = ["one", "two", "three"].map(|line| Step::Log(line.to_owned()));
        Behaviour::Echo.migrating(said.into_iter().chain(last).collect())
    };
    let releases = |leaf: &str, behaviour, log_bytes: u32| {
        let next = publisher.recipe(leaf, behaviour).version("1.1.0").limit("log_bytes", log_bytes);
        vec![publisher.recipe(leaf, Behaviour::Echo), next]
    };
    for (leaf, log_bytes, log) in [("whole", 1000, vec!["one", "two", "three"]), ("cut", 6, vec!["one", "two"])] {
        let handler = line(&publisher, releases(leaf, logs(None), log_bytes)).await?;
        let judged = async {
            let reply = upgraded(&publisher, &handler, "1.1.0").await?;
            expect(&reply.json()?, &lines(&log), log.len() < 3)
        };
        cx.case(format!("{leaf} log of a success"), judged).await;
    }
    let handler = line(&publisher, releases("failed", logs(Some(Step::Fail)), 1000)).await?;
    let judged = async {
        let reply = publisher.admin().upgrade(handler.id(), "1.1.0").await?;
        refused("migration-failed").named("failure").judge(&reply)?;
        let problem = reply.json()?;
        let detail = problem["detail"].as_str().unwrap_or_default();
        ensure!(detail.contains("as the script says"), "`detail` is {detail:?}, without the failure's message");
        expect(&problem, &lines(&["one", "two", "three"]), false)
    };
    cx.case("log of a failure", judged).await;
    let handler = line(&publisher, releases("none", Behaviour::Echo, 1000)).await?;
    let judged = async {
        let reply = upgraded(&publisher, &handler, "1.1.0").await?;
        let answer = reply.json()?;
        let found = answer.get("migration");
        ensure!(found.is_none(), "nothing was migrated, and the answer has {found:?}");
        Ok(())
    };
    cx.case("nothing to tell", judged).await;
    Ok(())
}

pub async fn uncounted(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let releases = vec![
        publisher.recipe("counted", Behaviour::Echo),
        publisher.recipe("counted", Behaviour::Echo.migrating(vec![Step::Trap])).version("1.1.0"),
        publisher.recipe("counted", Behaviour::Echo.migrating(vec![])).version("1.2.0"),
    ];
    let handler = line(&publisher, releases).await?;
    handler.runs(json!(1)).await?;
    let totals = async || -> Result<Value, Stop> {
        let shown = publisher.admin().installation(handler.id()).await?.expect(200)?;
        Ok(shown.json()?["usage"].clone())
    };
    let before = totals().await?;
    let unrecorded = async |answer: &Value| {
        let after = totals().await?;
        ensure!(before == after, "the totals were {before}, and are {after} after a migration");
        let execution = answer["migration"]["execution"].as_str().unwrap_or("none");
        refused("not-found").judge(&publisher.admin().record(handler.id(), execution).await?)
    };
    let judged = async {
        let reply = publisher.admin().upgrade(handler.id(), "1.1.0").await?;
        refused("migration-failed").named("trap").judge(&reply)?;
        unrecorded(&reply.json()?).await
    };
    cx.case("a migration that failed", judged).await;
    let judged = async { unrecorded(&upgraded(&publisher, &handler, "1.2.0").await?.json()?).await };
    cx.case("a migration that succeeded", judged).await;
    Ok(())
}

pub async fn redacted(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let (token, other) = (cx.admin_token().to_owned(), cx.user_token().to_owned());
    // Somebody else's token is a word like any other: the runtime looks for the caller's.
    let words = |token: &str| format!("before {token} after");
    let says = |token: &str| Behaviour::LogThenFail(vec![(LogLevel::Info, words(token))]);
    let fails = |token: &str| Behaviour::Fail { kind: FailureKind::Internal, message: words(token) };
    type Says<'a> = &'a (dyn Fn(&str) -> Behaviour + Sync);
    let cases: [(&str, Says<'_>, &str); 2] =
        [("log", &says, "/migration/logs/0/message"), ("message", &fails, "/detail")];
    for (leaf, behaviour, place) in cases {
        let said = async |leaf: String, token: &str| -> Result<String, Stop> {
            let releases = vec![
                publisher.recipe(&leaf, Behaviour::Echo),
                publisher.recipe(&leaf, Behaviour::Echo.migrating_by(behaviour(token))).version("1.1.0"),
            ];
            let handler = line(&publisher, releases).await?;
            let reply = publisher.admin().upgrade(handler.id(), "1.1.0").await?;
            refused("migration-failed").named("failure").judge(&reply)?;
            let body = String::from_utf8_lossy(reply.body()).into_owned();
            ensure!(!body.contains(cx.admin_token()), "the answer shows the caller's token");
            let problem = reply.json()?;
            Ok(problem.pointer(place).and_then(Value::as_str).unwrap_or_default().to_owned())
        };
        let judged = async {
            let (hidden, open) = (said(leaf.to_owned(), &token).await?, said(format!("{leaf}-twin"), &other).await?);
            ensure!(open.ends_with(&words(&other)), "what nobody hides is not at {place}");
            let expected = words("[redacted]");
            ensure!(hidden.ends_with(&expected), "{place} does not end with {expected:?}");
            Ok(())
        };
        cx.case(leaf, judged).await;
    }
    Ok(())
}
