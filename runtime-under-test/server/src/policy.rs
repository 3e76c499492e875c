//! The decisions of the server, each stated once, apart from the plumbing that carries them out.
//!
//! What a package must be is decided in `assay-package` and what a handler may do in `assay-sandbox`; what is left (who may
//! do what, what is answered, kept and forgotten) is here. The default methods are the contract, [`Contract`] is all of
//! them, and nothing else implements the trait in a runtime that is meant for use.

use std::collections::BTreeMap;
use std::sync::Arc;

use assay_package::{
    Bounds, Circumstances, Code, Gates, Json, JsonFault, KeyName, Part, PublicKey, Refusal, Schema, SchemaFault,
    Signer, TrustedKey, Version,
};
use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use jiff::Timestamp;

use crate::catalogue::{Handler, Release};
use crate::input::InputFault;
use crate::installations::{Installed, Running};
use crate::multipart::UploadBounds;
use crate::output;
use crate::problem::{self, Problem};
use crate::request;
use crate::roles::{self, Role};
use crate::routes::Operation;
use crate::store::{NewRelease, Writer};

mod terms;

pub use terms::{Asked, Duplicate, Filters, Judged, Removed, StateChanges};

/// The contract as it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Contract;

impl Policy for Contract {}

/// Every decision of the server. Clauses are those of the contract.
pub trait Policy: Send + Sync + 'static {
    // --- who asks ---------------------------------------------------------------------------------------

    /// The least role that may use an operation (README 2.2).
    fn least_role(&self, operation: Operation) -> Role {
        roles::least_role(roles::GRANTS, operation)
    }

    /// The role under which a request is served (README 2.1 to 2.3). Where the method is not one of the path's, the
    /// operation that asks for the least decides.
    fn judge_role(&self, asked: &Asked<'_>) -> Result<Role, Refusal> {
        let least = asked.operations.iter().map(|operation| self.least_role(*operation)).min().unwrap_or(Role::Admin);
        match asked.role {
            _ if least == Role::Anyone => Ok(asked.role.unwrap_or(Role::Anyone)),
            None => Err(Refusal::new(Code::Unauthenticated, "there is no bearer token that this runtime knows")),
            Some(role) if role < least => {
                Err(Refusal::new(Code::Forbidden, format!("the role `{}` may not do this", role.name())))
            }
            Some(role) => Ok(role),
        }
    }

    // --- how it is asked --------------------------------------------------------------------------------

    /// The bound of a JSON request body, in bytes (README 1.2).
    fn request_bytes(&self, bounds: &Bounds) -> u64 {
        bounds.request_bytes
    }

    /// Reads a JSON request body (README 1.2).
    fn read_request(&self, bytes: &[u8], depth: u64) -> Result<Json, JsonFault> {
        assay_package::parse_json(bytes, depth)
    }

    /// Judges a member of a request body that the operation does not take (README 1.2).
    fn unknown_member(&self, name: &str) -> Result<(), Refusal> {
        Err(request::unknown_member(name, self.quote(name)))
    }

    /// Judges a query parameter that is wrong (registry.md 4.1).
    fn query_fault(&self, fault: Refusal) -> Result<(), Refusal> {
        Err(fault)
    }

    /// How text of the client's is quoted (README 3.2).
    fn quote(&self, text: &str) -> String {
        request::quoted(text)
    }

    /// The bounds of an upload (core.md 2.3).
    fn upload_bounds(&self, bounds: &Bounds) -> UploadBounds {
        UploadBounds::of(bounds)
    }

    /// What is made of an upload that did not arrive as a whole (core.md 2.3).
    fn upload_cut_short(&self, _arrived: Vec<Part>, refusal: Refusal) -> Result<Vec<Part>, Refusal> {
        Err(refusal)
    }

    // --- how it is answered -----------------------------------------------------------------------------

    /// A refusal as a response (README 3.1).
    fn problem(&self, refusal: &Refusal) -> Response {
        problem::response(refusal.code, "application/problem+json", &problem::members(refusal))
    }

    /// The answer where no operation is: the path or the method does not exist (README 1.1).
    fn no_operation(&self, refusal: &Refusal) -> Response {
        self.problem(refusal)
    }

    /// The bounds that discovery publishes (README 4.2).
    fn published_bounds(&self, bounds: &Bounds) -> Bounds {
        bounds.clone()
    }

    /// The registry key that discovery publishes (README 4.4).
    fn published_key(&self, key: &PublicKey) -> PublicKey {
        key.clone()
    }

    /// The answer to a question for health (README 4.5).
    fn health(&self) -> Response {
        let mut response = Response::new(Body::from(r#"{"status":"ok"}"#));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }

    // --- trust keys -------------------------------------------------------------------------------------

    /// Judges a key that is to take the place of one with the same name (registry.md 1.1).
    fn replace_key(&self, stored: &TrustedKey, new: &TrustedKey) -> Result<(), Refusal> {
        if stored.public_key == new.public_key {
            return Ok(());
        }
        Err(Refusal::new(Code::KeyConflict, "the name is taken by other public bytes").named(new.name.as_str()))
    }

    /// The keys that are shown (registry.md 1.4).
    fn shown_keys(&self, keys: BTreeMap<KeyName, TrustedKey>) -> BTreeMap<KeyName, TrustedKey> {
        keys
    }

    // --- uploads ----------------------------------------------------------------------------------------

    /// Judges an upload (registry.md 2.2 to 2.5): what passes the gates is stored, signed or not, and nothing else.
    fn judge_upload(&self, gates: &Gates, parts: Vec<Part>, circumstances: &Circumstances<'_>) -> Judged {
        match gates.upload(parts, circumstances) {
            Ok(package) => Judged { stored: Some(package), refusal: None },
            Err(refusal) => Judged { stored: None, refusal: Some(refusal) },
        }
    }

    /// What becomes of an upload of a version that is stored (registry.md 2.4).
    fn duplicate(&self, _writer: &mut Writer<'_>, new: &NewRelease<'_>) -> Result<Duplicate, Problem> {
        let detail = format!("{} {} is stored already", new.release.handler, new.release.version);
        Err(Problem::refused(Code::VersionExists, detail))
    }

    /// The `Location` of an accepted upload (registry.md 2.2).
    fn location(&self, release: &Release) -> Option<String> {
        Some(format!("/registry/handlers/{}", release.handler))
    }

    // --- sign and revoke --------------------------------------------------------------------------------

    /// Judges the end of a statement that is to be signed (registry.md 3.1).
    fn judge_expiry(&self, expires_at: Timestamp, now: Timestamp) -> Result<(), Refusal> {
        if expires_at > now {
            Ok(())
        } else {
            Err(request::malformed("`expires_at` is not in the future", "/expires_at"))
        }
    }

    /// Whether the registry's signature is kept (registry.md 3.1).
    fn keeps_signature(&self) -> bool {
        true
    }

    /// What a revocation is about: a version, or none for the handler as a whole (registry.md 3.2).
    fn revoked_version(&self, version: Option<Version>) -> Option<Version> {
        version
    }

    /// Judges a revocation of what is revoked (registry.md 3.2).
    fn revoke_again(&self) -> Result<(), Refusal> {
        Ok(())
    }

    // --- list, detail, download -------------------------------------------------------------------------

    /// Whether a release is shown (registry.md 4).
    fn shows(&self, _release: &Release) -> bool {
        true
    }

    /// The versions of a handler in the order in which they are listed (registry.md 4.2).
    fn listed_versions(&self, handler: &Handler) -> Vec<Arc<Release>> {
        handler.releases.values().rev().filter(|release| self.shows(release)).cloned().collect()
    }

    /// The versions that an item of the list names (registry.md 4.2).
    fn item_versions(&self, versions: Vec<Version>) -> Vec<Version> {
        versions
    }

    /// Whether a handler is on the list under the filters (registry.md 4.1).
    fn matches(&self, wanted: &Filters, category: &str, installed: bool) -> bool {
        wanted.category.as_deref().is_none_or(|wanted| wanted == category)
            && wanted.installed.is_none_or(|wanted| wanted == installed)
    }

    /// How many handlers after the cursor's are passed over before a page begins (registry.md 4.2).
    fn passed_over(&self, _cursor: bool) -> usize {
        0
    }

    /// The signers that a release is shown with (registry.md 4.3).
    fn shown_signers(&self, signers: Vec<Signer>) -> Vec<Signer> {
        signers
    }

    /// The bytes of a manifest as they are downloaded (registry.md 5.1).
    fn served_manifest(&self, bytes: Vec<u8>) -> Vec<u8> {
        bytes
    }

    /// Whether the digest of a part goes with it (registry.md 5.1).
    fn sends_digests(&self) -> bool {
        true
    }

    /// Whether parts of a revoked release can be downloaded (registry.md 5.2).
    fn serves_revoked(&self) -> bool {
        true
    }

    // --- installations ----------------------------------------------------------------------------------

    /// The release that is installed where a version is asked for (core.md 9.1).
    fn chosen_release(&self, handler: &Handler, version: &Version) -> Option<Arc<Release>> {
        handler.releases.get(version).cloned()
    }

    /// Judges an installation where one is (core.md 9.1).
    fn install_again(&self, installed: &Installed) -> Result<(), Refusal> {
        let detail = format!("version {} is installed", installed.release.version);
        Err(Refusal::new(Code::AlreadyInstalled, detail))
    }

    /// What runs after an upgrade (core.md 9.2).
    fn upgraded(&self, _before: &Installed, after: Arc<Running>) -> Arc<Running> {
        after
    }

    /// Whether the state goes with an upgrade (core.md 9.2).
    fn clears_state_at_upgrade(&self) -> bool {
        false
    }

    /// What an uninstall removes (core.md 9.3).
    fn removed_at_uninstall(&self) -> Removed {
        Removed { installation: true, state: true }
    }

    // --- executions -------------------------------------------------------------------------------------

    /// An identifier for an execution: 128 random bits (core.md 9.6).
    fn execution_id(&self) -> String {
        hex::encode(rand::random::<[u8; 16]>())
    }

    /// The role that a handler is told (core.md 9.12).
    fn told_caller(&self, role: Role) -> Role {
        role
    }

    /// Judges a fault of the request's `input` or `context` in its form (core.md 9.4).
    fn input_fault(&self, fault: InputFault) -> Result<(), Refusal> {
        Err(fault.refusal)
    }

    /// Judges an input by the schema (core.md 9.4).
    fn judge_input(&self, schema: &Schema, input: &serde_json::Value) -> Result<(), SchemaFault> {
        schema.validate(input)
    }

    /// Judges an output by the schema (core.md 9.6).
    fn judge_output(&self, schema: &Schema, output: &serde_json::Value) -> Result<(), SchemaFault> {
        schema.validate(output)
    }

    /// The text of an output, which is then judged as JSON (core.md 9.6).
    fn output_text(&self, bytes: Vec<u8>) -> Result<String, String> {
        output::text(bytes)
    }

    /// The name under which the state of a handler is kept (core.md 9.11).
    fn state_owner(&self, handler: &str) -> String {
        handler.to_owned()
    }

    /// The changes to the state that are committed after a success (core.md 9.11).
    fn committed_changes(&self, changes: StateChanges) -> StateChanges {
        changes
    }
}
