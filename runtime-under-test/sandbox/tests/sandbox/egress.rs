//! Requests to other hosts, up to the border of the sandbox (egress.md; core.md, 10.2).

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use assay_fixtures::exchange::{Answer, EgressError as Told, Request as Asked, input, outcomes};
use assay_fixtures::{Behaviour, Packaging};
use assay_sandbox::{EgressError, Exchanged, Execution, Job, Outcome, Outside, Request, Response, Sandbox, Sending};
use tokio::sync::Notify;

use crate::bench::{AMPLE, in_both_packagings, job, prepare, sandbox};

/// Keeps what it is asked for and answers the next of its answers.
#[derive(Debug, Default)]
pub struct Answers {
    asked: Mutex<Vec<Request>>,
    next: Mutex<Vec<Exchanged>>,
}

impl Answers {
    pub fn of(answers: impl IntoIterator<Item = Exchanged>) -> Arc<Self> {
        let mut next: Vec<_> = answers.into_iter().collect();
        next.reverse();
        Arc::new(Answers { asked: Mutex::default(), next: Mutex::new(next) })
    }

    pub fn asked(&self) -> Vec<Request> {
        self.asked.lock().unwrap().clone()
    }
}

impl Outside for Answers {
    fn send(&self, request: Request) -> Sending<'_> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            self.asked.lock().unwrap().push(request);
            self.next.lock().unwrap().pop().expect("an answer")
        })
    }
}

/// Never answers, and says when it is given up.
#[derive(Debug, Default)]
pub struct Silent {
    given_up: Notify,
}

struct GivesUp<'a>(&'a Notify);

impl Drop for GivesUp<'_> {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

impl Outside for Silent {
    fn send(&self, _: Request) -> Sending<'_> {
        Box::pin(async move {
            let _given_up = GivesUp(&self.given_up);
            std::future::pending().await
        })
    }
}

pub fn fetch(requests: &[Asked], outside: Arc<dyn Outside>) -> Job {
    Job { input: input(requests).to_string().into_bytes(), egress: Some(outside), ..job() }
}

pub fn answers(execution: &Execution) -> Vec<Answer> {
    let Outcome::Output(output) = &execution.outcome else { panic!("{execution:?}") };
    outcomes(&serde_json::from_slice(output).expect("JSON")).expect("answers")
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn response() -> Response {
    let headers = vec![pair("b", "1"), pair("a", "\u{e4}"), pair("b", "2"), pair("", "")];
    Response { status: 599, headers, body: vec![0, 0xff, b'x', 0] }
}

async fn send_in(packaging: Packaging, job: Job, sandbox: &Sandbox) -> Execution {
    let handler = prepare(sandbox, &Behaviour::Fetch, packaging).await;
    sandbox.execute(&handler, job).await
}

#[tokio::test]
async fn a_request_and_its_response_cross_the_border_as_they_are() {
    let asked = Asked::new("G\u{e4}\r\n", "https://a.test/\0?")
        .header("X", "1")
        .header("x", " 2\n")
        .header("", "")
        .body([0xff, 0, 1]);
    let sandbox = sandbox();
    for packaging in Packaging::ALL {
        let outside = Answers::of([Ok(response())]);
        let execution = send_in(packaging, fetch(std::slice::from_ref(&asked), outside.clone()), &sandbox).await;
        let asked = Request {
            method: asked.method.clone(),
            url: asked.url.clone(),
            headers: asked.headers.clone(),
            body: asked.body.clone(),
        };
        assert_eq!(outside.asked(), [asked]);
        let answers = answers(&execution);
        let Ok(answer) = &answers[0] else { panic!("{answers:?}") };
        assert_eq!((answer.status, &answer.headers, &answer.body), (599, &response().headers, &response().body));
    }
}

#[tokio::test]
async fn every_error_arrives_as_its_case() {
    let why = || "for a reason \u{fc}".to_owned();
    let errors = [
        EgressError::Denied(why()),
        EgressError::InvalidRequest(why()),
        EgressError::RateLimited,
        EgressError::TimedOut,
        EgressError::Failed(String::new()),
    ];
    let told = [
        Err(Told::Denied(why())),
        Err(Told::InvalidRequest(why())),
        Err(Told::RateLimited),
        Err(Told::TimedOut),
        Err(Told::Failed(String::new())),
    ];
    let sandbox = sandbox();
    for packaging in Packaging::ALL {
        let outside = Answers::of(errors.clone().map(Err));
        let execution = send_in(packaging, fetch(&vec![Asked::get("https://a.test"); 5], outside), &sandbox).await;
        assert_eq!(answers(&execution), told);
    }
}

#[tokio::test]
async fn a_handler_without_the_permission_is_ended() {
    let job = Job { egress: None, ..fetch(&[Asked::get("https://a.test")], Arc::new(Silent::default())) };
    for execution in in_both_packagings(Behaviour::Fetch, job).await {
        let Outcome::Trap(words) = &execution.outcome else { panic!("{execution:?}") };
        assert!(words.contains("no permission"), "{words}");
    }
}

#[tokio::test]
async fn the_deadline_ends_a_handler_that_waits_and_its_exchange() {
    let sandbox = sandbox();
    for packaging in Packaging::ALL {
        let outside = Arc::new(Silent::default());
        let mut job = fetch(&[Asked::get("https://a.test")], outside.clone());
        job.limits.timeout = Duration::from_millis(300);
        let execution = send_in(packaging, job, &sandbox).await;
        assert_eq!(execution.outcome, Outcome::Timeout);
        assert_eq!(tokio::time::timeout(AMPLE, outside.given_up.notified()).await, Ok(()));
        // Waiting is not the handler's work.
        assert!(execution.usage.cpu_us < 150_000, "{:?}", execution.usage);
    }
}

#[tokio::test]
async fn an_execution_that_is_given_up_gives_its_exchange_up() {
    let outside = Arc::new(Silent::default());
    let sandbox = sandbox();
    let waits = send_in(Packaging::Core, fetch(&[Asked::get("https://a.test")], outside.clone()), &sandbox);
    let given_up = tokio::time::timeout(Duration::from_millis(300), waits).await;
    assert!(given_up.is_err());
    assert_eq!(tokio::time::timeout(AMPLE, outside.given_up.notified()).await, Ok(()));
}

#[tokio::test]
async fn others_run_while_a_handler_waits() {
    let sandbox = Arc::new(sandbox());
    let outside = Arc::new(Silent::default());
    let waiting = {
        let (sandbox, job) = (sandbox.clone(), fetch(&[Asked::get("https://a.test")], outside));
        tokio::spawn(async move { send_in(Packaging::Component, job, &sandbox).await })
    };
    let outside = Answers::of([Ok(response())]);
    let start = Instant::now();
    let execution = send_in(Packaging::Core, fetch(&[Asked::get("https://a.test")], outside), &sandbox).await;
    assert!(answers(&execution)[0].is_ok() && start.elapsed() < AMPLE);
    assert!(!waiting.is_finished());
    waiting.abort();
}

#[tokio::test]
async fn a_response_counts_in_the_memory_of_the_handler() {
    let large = Response { body: vec![1; 1 << 20], ..response() };
    for (memory_bytes, fits) in [(16 << 20, true), (1 << 20, false)] {
        for packaging in Packaging::ALL {
            let mut job = fetch(&[Asked::get("https://a.test")], Answers::of([Ok(large.clone())]));
            job.limits.memory_bytes = memory_bytes;
            let execution = send_in(packaging, job, &sandbox()).await;
            match fits {
                true => assert!(answers(&execution)[0].is_ok()),
                false => assert_eq!(execution.outcome, Outcome::MemoryExceeded),
            }
        }
    }
}
