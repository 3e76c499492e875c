//! A full report: every verdict, every kind of body, several lanes, and a check that judges two requirements.

use assay_reports::{
    AttachedFile, Attachment, Body, CaseResult, CheckResult, Conclusion, Exchange, Level, Message, Report,
    RequirementResult, Role, SCHEMA, Suite, Target, Totals, Verdict,
};
use serde_json::json;

/// The sample.
pub fn report() -> Report {
    let mut report = Report {
        schema: SCHEMA.into(),
        contract: "0.1".into(),
        suite: suite(),
        started_at: "2026-11-21T06:00:00Z".into(),
        finished_at: "2026-11-21T06:00:02.5Z".into(),
        duration_ms: 2500,
        seed: u64::MAX,
        overrides: vec!["--filter=core.*".into()],
        target: Target {
            attachment: Attachment::Command,
            url: "http://127.0.0.1:40123".into(),
            command: Some("assay-runtime serve".into()),
            discovery: json!({"contract": "0.1", "profiles": ["core", "registry"], "abis": ["core", "component"]}),
            startup_ms: Some(180),
        },
        profiles: vec!["core".into(), "registry".into()],
        requirements: vec![
            requirement("CORE-SIG-001", "core", Level::Must, "Every envelope is verified by a trusted key."),
            requirement("CORE-SIG-002", "core", Level::Must, "A signature with S above the group order is refused."),
            requirement("CORE-MEM-001", "core", Level::Must, "Growth past the limit ends the execution."),
            requirement("CORE-EGR-001", "core", Level::Must, "An undeclared feature is refused."),
            requirement("REG-LST-001", "registry", Level::Should, "A list is in ascending order."),
            requirement("REG-LST-002", "registry", Level::May, "A response may hold other members."),
        ],
        checks: checks(),
        totals: Totals::default(),
        conclusion: Conclusion::Inconclusive,
        exit_code: 3,
    };
    report.requirements[3].feature = Some("egress".into());
    for requirement in &mut report.requirements {
        let judging = report.checks.iter().filter(|check| check.requirements.contains(&requirement.id));
        requirement.checks = judging.map(|check| check.id.clone()).collect();
    }
    report.conclude();
    report
}

/// The suite of the sample.
pub fn suite() -> Suite {
    Suite { name: "assay".into(), version: "0.1.0".into(), digest: format!("sha256:{}", "5a".repeat(32)) }
}

fn requirement(id: &str, profile: &str, level: Level, text: &str) -> RequirementResult {
    RequirementResult {
        id: id.into(),
        profile: profile.into(),
        level,
        feature: None,
        text: text.into(),
        why: "What nobody vouches for must not run.".into(),
        clause: "core.md 5.3".into(),
        source: "RFC 8032".into(),
        verdict: Verdict::Skipped,
        checks: Vec::new(),
    }
}

fn checks() -> Vec<CheckResult> {
    let mut checks = Vec::new();
    for (n, packaging) in ["core", "component"].into_iter().enumerate() {
        let mut check = check(&format!("core.signature.trusted-{n}"), Verdict::Pass, None, &["CORE-SIG-001"]);
        check.packaging = Some(packaging.into());
        check.proved_by = vec!["untrusted-keys-accepted".into()];
        checks.push(check);
    }
    let accepted = "expected 403 `signature-invalid`, got 201";
    let mut twin = check("core.signature.strict", Verdict::Fail, Some(accepted), &["CORE-SIG-001", "CORE-SIG-002"]);
    twin.cases = vec![case("S below the order", Verdict::Pass, None), case("S + L", Verdict::Fail, Some(accepted))];
    checks.push(twin);
    let control = "the control failed: limit − 1 page was refused too";
    checks.push(check("core.memory.growth", Verdict::Inconclusive, Some(control), &["CORE-MEM-001"]));
    let refused = "`egress` is not declared, and was refused with `feature-unsupported`";
    checks.push(check("core.egress.rules", Verdict::Unsupported, Some(refused), &["CORE-EGR-001"]));
    checks.push(check("registry.list.order", Verdict::Skipped, Some("filtered out"), &["REG-LST-001"]));
    let broken = "the harness could not read its own fixture";
    checks.push(check("registry.list.members", Verdict::Error, Some(broken), &["REG-LST-002"]));
    for (n, check) in (0_u32..).zip(&mut checks) {
        check.lane = n % 3;
        check.started_ms = 200.0 + f64::from(n / 3) * 700.0 + f64::from(n % 3) * 40.0;
        check.duration_ms = 120.0 + f64::from(n) * 75.5;
    }
    checks
}

fn check(id: &str, verdict: Verdict, reason: Option<&str>, requirements: &[&str]) -> CheckResult {
    let mut parts = id.split('.');
    let (profile, group) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    CheckResult {
        id: id.into(),
        title: format!("What {id} shows"),
        profile: profile.into(),
        group: group.into(),
        requirements: requirements.iter().map(|id| (*id).into()).collect(),
        packaging: None,
        verdict,
        reason: reason.map(Into::into),
        started_ms: 0.0,
        duration_ms: 0.0,
        lane: 0,
        cases: Vec::new(),
        exchanges: if verdict == Verdict::Skipped { Vec::new() } else { exchanges() },
        attachments: vec![AttachedFile::new("stderr.log", "text/plain", b"listening on 127.0.0.1:40123\n")],
        proved_by: Vec::new(),
    }
}

fn case(name: &str, verdict: Verdict, reason: Option<&str>) -> CaseResult {
    CaseResult { name: name.into(), verdict, reason: reason.map(Into::into) }
}

fn exchanges() -> Vec<Exchange> {
    let upload = message("POST /admin/registry/handlers HTTP/1.1", b"\0asm\x01\0\0\0\xff\xfe");
    let problem = br#"{"type":"urn:assay:problem:signature-invalid","status":403,"code":"signature-invalid"}"#;
    vec![
        exchange(
            1,
            Role::Control,
            "upload the accepted twin",
            upload.clone(),
            Some(message("HTTP/1.1 201 Created", b"{}")),
        ),
        exchange(2, Role::Subject, "upload with S + L", upload, Some(message("HTTP/1.1 403 Forbidden", problem))),
        exchange(3, Role::Cleanup, "delete the key", message("DELETE /admin/trust/keys/a HTTP/1.1", b""), None),
    ]
}

fn exchange(n: u32, role: Role, label: &str, request: Message, response: Option<Message>) -> Exchange {
    let error = response.is_none().then(|| "the connection was reset".into());
    Exchange { n, role, label: label.into(), at_ms: 210.5, duration_ms: 1.25, request, response, error }
}

fn message(start_line: &str, body: &[u8]) -> Message {
    let authorization = ("authorization".into(), "Bearer <admin token>".into());
    Message { start_line: start_line.into(), headers: vec![authorization], body: Body::capture(body, 4096) }
}
