//! The decisions of the server about requests to other hosts, each stated once (egress.md). The default methods are the
//! contract, [`EgressContract`] is all of them, and nothing else implements the trait in a runtime that is meant for use.

use std::time::Duration;

use assay_egress::Grant;
use assay_package::{HandlerId, Json, Manifest, Refusal};
use serde_json::{Value, json};

use super::credentials::{Credential, CredentialFault, Kept};
use crate::redaction::Secrets;
use crate::request::malformed;

/// The contract as it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct EgressContract;

impl EgressPolicy for EgressContract {}

/// Every decision about requests to other hosts that the client in `assay-egress` does not make. Clauses are those of egress.md.
pub trait EgressPolicy: Send + Sync + 'static {
    // --- what an execution may ------------------------------------------------------------------------
    /// What an execution may ask for: the rules and limits of the version that runs (2.2 and 5.1).
    fn grant(&self, execution: &str, manifest: &Manifest) -> Option<Grant> {
        let limits = manifest.limits.egress;
        Some(Grant {
            handler: manifest.id.to_string(),
            version: manifest.version.to_string(),
            execution: execution.to_owned(),
            rules: manifest.permissions.egress.clone()?,
            requests_per_minute: limits.requests_per_minute,
            bytes_per_minute: limits.bytes_per_minute,
            queue: limits.queue,
            timeout: Duration::from_millis(limits.timeout_ms),
        })
    }

    /// Whether it is declared that HTTP/2 is spoken (7.9).
    fn declares_http2(&self) -> bool {
        true
    }

    // --- credentials ----------------------------------------------------------------------------------
    /// Judges a member of a credential that is not of its form (4.1).
    fn credential_fault(&self, fault: CredentialFault) -> Result<(), Refusal> {
        Err(fault.refusal)
    }

    /// Reads a member of a credential that is a list of texts (4.1).
    fn credential_list(&self, member: &Json, name: &str) -> Result<Vec<String>, Refusal> {
        let entries =
            member.as_array().ok_or_else(|| malformed(format!("`{name}` is not an array"), &format!("/{name}")))?;
        let texts = entries.iter().enumerate().map(|(index, entry)| match entry.as_str() {
            Some(text) => Ok(text.to_owned()),
            None => Err(malformed(format!("an entry of `{name}` is not a string"), &format!("/{name}/{index}"))),
        });
        texts.collect()
    }

    /// A credential as it is shown: without its value (4.1).
    fn shown(&self, credential: &Credential) -> Value {
        json!({
            "name": credential.name.as_str(),
            "handlers": credential.handlers.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "hosts": credential.hosts.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "header": credential.header,
        })
    }

    /// Tells the operator of a credential that is kept from now on (4.3).
    fn announce(&self, credential: &Credential) {
        tracing::info!(name = %credential.name, "a credential is kept");
    }

    /// Whether a credential is for a request of this handler to this host and port (4.2).
    fn fits(&self, credential: &Credential, handler: &HandlerId, host: &str, port: u16) -> bool {
        credential.covers(handler) && credential.is_for(host, port)
    }

    /// The credentials that fit a request, in order of their names; which of them are sent, the client says (4.2).
    fn fitting(&self, kept: &Kept, handler: &HandlerId, host: &str, port: u16) -> Vec<Credential> {
        kept.values().filter(|credential| self.fits(credential, handler, host, port)).cloned().collect()
    }

    /// What of the credentials must not be seen beside the output of a handler (4.3).
    fn sensitive(&self, kept: &Kept, handler: &HandlerId) -> Secrets {
        let own = kept.values().filter(|credential| credential.covers(handler));
        own.map(|credential| credential.value.clone()).collect()
    }

    // --- audit ----------------------------------------------------------------------------------------
    /// The name under which the entries of a handler are kept (8.1).
    fn audit_of(&self, handler: &str) -> String {
        handler.to_owned()
    }

    /// How long entries are gathered before they are written together (8.3): those that come meanwhile wait anyway.
    fn gathering(&self) -> Duration {
        Duration::ZERO
    }

    /// Whether the result waits until its entry is on the disk (8.3).
    fn waits_for_the_disk(&self) -> bool {
        true
    }

    /// Whether a handler has an audit (8.2).
    fn has_audit(&self, _installed: bool, installed_once: bool) -> bool {
        installed_once
    }

    /// How many entries a page has, of those that are asked for (8.2).
    fn page_items(&self, limit: usize) -> usize {
        limit
    }

    /// After which entry a page begins, from the cursor's (8.2).
    fn page_start(&self, after: Option<u64>) -> u64 {
        after.unwrap_or_default()
    }

    /// The entries of a page in the order in which they are shown (8.2).
    fn ordered(&self, entries: Vec<Value>) -> Vec<Value> {
        entries
    }
}
