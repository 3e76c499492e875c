//! One of everything that can become of a request (egress.md 8.2).

use assay_fixtures::exchange::{Request, Then};
use assay_harness::observatory::{DnsAnswer, Host, Reply, Tls};
use assay_harness::{Control as _, Stop, ensure};
use serde_json::json;

use crate::outside::{Outside, Sender, answers, case};

/// What a request comes to, and how many bytes of a body come back.
pub(super) struct Exchange {
    pub(super) request: Request,
    pub(super) outcome: &'static str,
    pub(super) received: usize,
}

/// Hosts that answer, fail and are silent, and requests that come to everything that can become of one in a handler with
/// [`LIMITS`]. Each has a target of its own.
pub(super) struct Mix {
    pub(super) hosts: Vec<Host>,
    pub(super) exchanges: Vec<Exchange>,
}

/// The largest body that may be sent, and the time of an exchange.
const LIMITS: (usize, u64) = (1_000_000, 700);

impl Mix {
    pub(super) fn new(outside: &Outside) -> Result<Mix, Stop> {
        let named = |label: &str| outside.host(label);
        let (host, absent, slow, bad) = (named("api")?, named("absent")?, named("slow")?, named("bad")?);
        let (denied, special) = (named("denied")?, outside.watch().decoy("special")?);
        absent.resolves_to(vec![DnsAnswer::NxDomain]);
        slow.reply_with(Reply::silence());
        bad.certificate(Tls::UnknownRoot);
        host.reply_at("/get", Reply::ok("12345"));
        host.reply_at("/post", Reply::status(404).body("1234567"));
        host.reply_at("/put", Reply::status(204));
        host.reply_at("/head", Reply::ok("123"));
        host.reply_at("/cut", Reply::ok("1234567890").cut_short(4));
        let sends = |host: &Host, method: &str, target: &str, body: usize| {
            Request::new(method, host.url(target)).body(vec![b'x'; body])
        };
        let exchanges = [
            (sends(&host, "GET", "/get", 0), "answered", 5),
            (sends(&denied, "POST", "/denied", 20), "denied", 0),
            (sends(&special, "GET", "/special", 0), "denied", 0),
            (sends(&host, "POST", "/post", 300), "answered", 7),
            (Request::get("no url"), "invalid-request", 0),
            (sends(&host, "TRACE", "/method", 0), "invalid-request", 0),
            (sends(&host, "POST", "/value", 40).header("x", "a\nb"), "invalid-request", 0),
            (sends(&host, "PUT", "/put", 11), "answered", 0),
            (sends(&absent, "POST", "/absent", 30), "failed", 0),
            (sends(&bad, "POST", "/bad", 50), "failed", 0),
            (sends(&host, "HEAD", "/head", 0), "answered", 0),
            (sends(&slow, "PATCH", "/slow", 60), "timed-out", 0),
            (sends(&host, "POST", "/large", LIMITS.0 + 1), "rate-limited", 0),
            (sends(&host, "DELETE", "/cut", 70), "failed", 6),
            (sends(&host, "GET", "/get/again", 0), "answered", format!(r#"{{"nonce":"{}"}}"#, host.nonce()).len()),
        ];
        let exchanges = exchanges.map(|(request, outcome, received)| Exchange { request, outcome, received });
        Ok(Mix { hosts: vec![host, absent, slow, bad, special, denied], exchanges: exchanges.into() })
    }

    /// A handler that may reach all of them but the last.
    pub(super) async fn sender(&self, outside: &Outside) -> Result<Sender, Stop> {
        let rules: Vec<String> = self.hosts.iter().rev().skip(1).map(Host::rule).collect();
        outside.limited("sender", &rules, json!({"bytes_per_minute": LIMITS.0, "timeout_ms": LIMITS.1})).await
    }

    /// Sends all of them in one execution, whose id is the result.
    pub(super) async fn send(&self, sender: &Sender) -> Result<String, Stop> {
        let sent: Vec<Request> = self.exchanges.iter().map(|exchange| exchange.request.clone()).collect();
        let execution = sender.run(&sent, Then::Answer).await?;
        let answers = answers(&execution, sent.len())?;
        let (found, expected): (Vec<&str>, Vec<&str>) = (answers.iter().map(case).collect(), self.outcomes());
        let control = || {
            ensure!(found == expected, "the requests came to {found:?}, expected {expected:?}");
            Ok(())
        };
        control().control("the requests come to everything that can become of one")?;
        Ok(execution.body["execution"].as_str().unwrap_or_default().to_owned())
    }

    pub(super) fn outcomes(&self) -> Vec<&'static str> {
        self.exchanges.iter().map(|exchange| exchange.outcome).collect()
    }
}
