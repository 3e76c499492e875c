//! Defects of credentials, of the audit, and of what an execution may ask for.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use assay_egress::Grant;
use assay_package::{Bounds, HandlerId, HostRule, Json, KeyName, Manifest, Refusal};
use serde_json::Value;

use crate::outside::credentials::{Credential, CredentialFault, Kept, Member};
use crate::outside::policy::{EgressContract, EgressPolicy};
use crate::redaction::Secrets;

/// One row of the table: the id, and the policy that has the defect.
type Defect = (&'static str, fn() -> Arc<dyn EgressPolicy>);

/// The table.
pub const DEFECTS: &[Defect] = &[
    ("egress-rules-kept-at-upgrade", || Arc::<KeepsRules>::default()),
    ("egress-limits-from-the-bounds", || Arc::new(LimitsOfTheRuntime)),
    ("egress-default-bytes-unlimited", || Arc::new(Defaults(unlimited_bytes))),
    ("egress-default-rate-lower", || Arc::new(Defaults(lower_rate))),
    ("egress-default-rate-ignored", || Arc::new(Defaults(ignored_rate))),
    ("egress-default-queue-unbounded", || Arc::new(Defaults(unbounded_queue))),
    ("egress-default-queue-smaller", || Arc::new(Defaults(smaller_queue))),
    ("egress-default-timeout-shorter", || Arc::new(Defaults(shorter_timeout))),
    ("egress-http2-spoken-undeclared", || Arc::new(KeepsHttp2Quiet)),
    ("credentials-listed-with-values", || Arc::new(ShowsValues)),
    ("credential-headers-unjudged", || Arc::new(Unjudged(Member::Header))),
    ("credential-values-unjudged", || Arc::new(Unjudged(Member::Value))),
    ("credential-hosts-unjudged", || Arc::new(Unjudged(Member::Hosts))),
    ("credential-handlers-unjudged", || Arc::new(Unjudged(Member::Handlers))),
    ("credential-lists-guessed", || Arc::new(GuessesLists)),
    ("credentials-for-any-handler", || Arc::new(AnyHandler)),
    ("credentials-for-any-host", || Arc::new(AnyHost)),
    ("credentials-for-any-port", || Arc::new(AnyPort)),
    ("credentials-logged", || Arc::new(LogsValues)),
    ("credentials-shown-in-logs", || Arc::new(ShowsInLogs)),
    ("credentials-kept-after-removal", || Arc::<KeepsRemoved>::default()),
    ("credentials-replaced-late", || Arc::<KeepsFirst>::default()),
    ("audit-not-durable", || Arc::new(WritesLater)),
    ("audit-of-every-handler", || Arc::new(OneAudit)),
    ("audit-only-while-installed", || Arc::new(OnlyInstalled)),
    ("audit-of-unknown-ids-is-empty", || Arc::new(AnyId)),
    ("audit-newest-first", || Arc::new(NewestFirst)),
    ("audit-unpaged", || Arc::new(OnePage)),
    ("audit-skips-at-borders", || Arc::new(SkipsAtBorders)),
];

/// The rules of the version of a handler that was executed first.
#[derive(Default)]
struct KeepsRules(Mutex<HashMap<String, Vec<HostRule>>>);
impl EgressPolicy for KeepsRules {
    fn grant(&self, execution: &str, manifest: &Manifest) -> Option<Grant> {
        let mut grant = EgressContract.grant(execution, manifest)?;
        let mut first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        grant.rules.clone_from(first.entry(grant.handler.clone()).or_insert_with(|| grant.rules.clone()));
        Some(grant)
    }
}

struct LimitsOfTheRuntime;
impl EgressPolicy for LimitsOfTheRuntime {
    fn grant(&self, execution: &str, manifest: &Manifest) -> Option<Grant> {
        let bounds = Bounds::default();
        Some(Grant {
            requests_per_minute: bounds.egress_requests_per_minute,
            bytes_per_minute: bounds.egress_bytes_per_minute,
            queue: bounds.egress_queue,
            timeout: Duration::from_millis(bounds.egress_timeout_ms),
            ..EgressContract.grant(execution, manifest)?
        })
    }
}

/// Another default than the bound. A manifest that asks for as much as the bound cannot be told from one that asks for nothing.
struct Defaults(fn(&mut Grant, &Bounds));
impl EgressPolicy for Defaults {
    fn grant(&self, execution: &str, manifest: &Manifest) -> Option<Grant> {
        let mut grant = EgressContract.grant(execution, manifest)?;
        (self.0)(&mut grant, &Bounds::default());
        Some(grant)
    }
}

fn unlimited_bytes(grant: &mut Grant, bounds: &Bounds) {
    if grant.bytes_per_minute == bounds.egress_bytes_per_minute {
        grant.bytes_per_minute = u64::MAX;
    }
}

fn lower_rate(grant: &mut Grant, bounds: &Bounds) {
    if grant.requests_per_minute == bounds.egress_requests_per_minute {
        grant.requests_per_minute = 600;
    }
}

fn ignored_rate(grant: &mut Grant, bounds: &Bounds) {
    if grant.requests_per_minute == bounds.egress_requests_per_minute {
        grant.requests_per_minute = u64::MAX;
    }
}

fn unbounded_queue(grant: &mut Grant, bounds: &Bounds) {
    if grant.queue == bounds.egress_queue {
        grant.queue = u64::MAX;
    }
}

fn smaller_queue(grant: &mut Grant, bounds: &Bounds) {
    if grant.queue == bounds.egress_queue {
        grant.queue /= 2;
    }
}

fn shorter_timeout(grant: &mut Grant, bounds: &Bounds) {
    if grant.timeout == Duration::from_millis(bounds.egress_timeout_ms) {
        grant.timeout = Duration::from_secs(2);
    }
}

/// Offers HTTP/2 all the same.
struct KeepsHttp2Quiet;
impl EgressPolicy for KeepsHttp2Quiet {
    fn declares_http2(&self) -> bool {
        false
    }
}

struct ShowsValues;
impl EgressPolicy for ShowsValues {
    fn shown(&self, credential: &Credential) -> Value {
        let mut shown = EgressContract.shown(credential);
        shown["value"] = credential.value.clone().into();
        shown
    }
}

/// Keeps what is right of a member and forgets the rest.
struct Unjudged(Member);
impl EgressPolicy for Unjudged {
    fn credential_fault(&self, fault: CredentialFault) -> Result<(), Refusal> {
        if fault.of == self.0 { Ok(()) } else { Err(fault.refusal) }
    }
}

/// Takes a text for a list of one, and what is no text for none.
struct GuessesLists;
impl EgressPolicy for GuessesLists {
    fn credential_list(&self, member: &Json, name: &str) -> Result<Vec<String>, Refusal> {
        match (member.as_str(), member.as_array()) {
            (Some(text), _) => Ok(vec![text.to_owned()]),
            (_, Some(entries)) => Ok(entries.iter().filter_map(|entry| entry.as_str().map(str::to_owned)).collect()),
            _ => EgressContract.credential_list(member, name),
        }
    }
}

struct AnyHandler;
impl EgressPolicy for AnyHandler {
    fn fits(&self, credential: &Credential, _: &HandlerId, host: &str, port: u16) -> bool {
        credential.is_for(host, port)
    }
}

struct AnyHost;
impl EgressPolicy for AnyHost {
    fn fits(&self, credential: &Credential, handler: &HandlerId, _: &str, _: u16) -> bool {
        credential.covers(handler)
    }
}

struct AnyPort;
impl EgressPolicy for AnyPort {
    fn fits(&self, credential: &Credential, handler: &HandlerId, host: &str, _: u16) -> bool {
        credential.covers(handler) && credential.hosts.iter().any(|rule| rule.matches(host, rule.port()))
    }
}

struct LogsValues;
impl EgressPolicy for LogsValues {
    fn announce(&self, credential: &Credential) {
        tracing::info!(name = %credential.name, value = credential.value, "a credential is kept");
    }
}

struct ShowsInLogs;
impl EgressPolicy for ShowsInLogs {
    fn sensitive(&self, _: &Kept, _: &HandlerId) -> Secrets {
        Secrets::new()
    }
}

/// All credentials that there were at any request so far, as they are now or were last.
#[derive(Default)]
struct KeepsRemoved(Mutex<BTreeMap<KeyName, Credential>>);
impl EgressPolicy for KeepsRemoved {
    fn fitting(&self, kept: &Kept, handler: &HandlerId, host: &str, port: u16) -> Vec<Credential> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend(kept.clone());
        EgressContract.fitting(&all, handler, host, port)
    }
}

/// The credentials as they were at the first request after they were kept, as long as there are any of their names.
#[derive(Default)]
struct KeepsFirst(Mutex<BTreeMap<KeyName, Credential>>);
impl EgressPolicy for KeepsFirst {
    fn fitting(&self, kept: &Kept, handler: &HandlerId, host: &str, port: u16) -> Vec<Credential> {
        let mut first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        first.retain(|name, _| kept.contains_key(name));
        for (name, credential) in kept {
            first.entry(name.clone()).or_insert_with(|| credential.clone());
        }
        EgressContract.fitting(&first, handler, host, port)
    }
}

/// Long enough for whoever heard of a result to end the runtime.
const LATER: Duration = Duration::from_secs(3);

struct WritesLater;
impl EgressPolicy for WritesLater {
    fn gathering(&self) -> Duration {
        LATER
    }

    fn waits_for_the_disk(&self) -> bool {
        false
    }
}

struct OneAudit;
impl EgressPolicy for OneAudit {
    fn audit_of(&self, _: &str) -> String {
        "everybody".to_owned()
    }
}

struct OnlyInstalled;
impl EgressPolicy for OnlyInstalled {
    fn has_audit(&self, installed: bool, _: bool) -> bool {
        installed
    }
}

struct AnyId;
impl EgressPolicy for AnyId {
    fn has_audit(&self, _: bool, _: bool) -> bool {
        true
    }
}

struct NewestFirst;
impl EgressPolicy for NewestFirst {
    fn ordered(&self, mut entries: Vec<Value>) -> Vec<Value> {
        entries.reverse();
        entries
    }
}

struct OnePage;
impl EgressPolicy for OnePage {
    fn page_items(&self, _: usize) -> usize {
        usize::MAX
    }
}

struct SkipsAtBorders;
impl EgressPolicy for SkipsAtBorders {
    fn page_start(&self, after: Option<u64>) -> u64 {
        after.map_or(0, |after| after + 1)
    }
}
