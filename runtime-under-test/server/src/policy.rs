//! The decisions of the server, each stated once, apart from the plumbing that carries them out. What a package must be is
//! decided in `assay-package` and what a handler may do in `assay-sandbox`. The default methods are the contract, [`Contract`]
//! is all of them, and nothing else implements the trait in a runtime that is meant for use.

use std::ops::Bound;
use std::sync::Arc;

use assay_package::{
    Bounds, Circumstances, Code, Gates, HandlerId, Json, JsonFault, Part, PublicKey, Refusal, Schema, SchemaFault,
    Version,
};
use assay_sandbox::LogLine;
use axum::body::Bytes;
use axum::response::Response;
use tokio::sync::Semaphore;

use crate::accounts::{Totals, Used};
use crate::api;
use crate::catalogue::{Handler, Release};
use crate::input::InputFault;
use crate::installations::{Installed, Running};
use crate::multipart::UploadBounds;
use crate::output;
use crate::problem::{self, Problem};
use crate::records::Record;
use crate::redaction::{self, Reading, Redactor, Secrets};
use crate::request;
use crate::roles::{self, Role};
use crate::routes::Operation;

mod registry;
mod terms;

pub use registry::{RegistryContract, RegistryPolicy};
pub use terms::{Asked, Duplicate, Filters, Judged, KeptAnswer, Place, Removed, StateChanges};

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

    /// The role under which a request is served (README 2.1 to 2.3). For another method the path's least role decides.
    fn judge_role(&self, asked: &Asked<'_>) -> Result<Role, Refusal> {
        let least = asked.operations.iter().map(|operation| self.least_role(*operation)).min().unwrap_or(Role::Admin);
        roles::judge(asked.role, least)
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

    /// Judges an upload (registry.md 2.2 to 2.5): what passes the gates is stored, signed or not, and nothing else.
    fn judge_upload(&self, gates: &Gates, parts: Vec<Part>, circumstances: &Circumstances<'_>) -> Judged {
        gates.upload(parts, circumstances).into()
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
        api::health()
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
        Removed { installation: true, state: true, records: true }
    }

    /// Where a page of the installed handlers begins, from the last item of the page before (core.md 9.21).
    fn page_start<'a>(&self, after: Option<&'a HandlerId>) -> Bound<&'a HandlerId> {
        after.map_or(Bound::Unbounded, Bound::Excluded)
    }

    /// How many installed handlers are passed over before a page begins (core.md 9.21).
    fn skipped_items(&self, _cursor: bool) -> usize {
        0
    }

    // --- executions -------------------------------------------------------------------------------------
    /// A place for an execution among those that may be under way (load.md 2.1, 2.2).
    fn take_place(&self, places: &Arc<Semaphore>) -> Result<Place, Problem> {
        places.clone().try_acquire_owned().map_err(|_| api::too_many_executions())
    }

    /// Gives the place of an execution that is over to the next one (load.md 2.3).
    fn give_back(&self, place: Place) {
        drop(place);
    }

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

    /// How deep an output may nest (core.md 9.6).
    fn output_depth(&self) -> u64 {
        output::DEPTH
    }

    /// The text of an output, which is then judged as JSON (core.md 9.6).
    fn output_text(&self, bytes: Vec<u8>) -> Result<String, String> {
        output::text(bytes)
    }

    /// The name under which the state of a handler is kept (core.md 9.11).
    fn state_owner(&self, handler: &str) -> String {
        handler.to_owned()
    }

    /// The name under which the executions that use an owner's state take turns (core.md 9.11).
    fn turns_of(&self, owner: &str) -> String {
        owner.to_owned()
    }

    /// The name under which a change of what is installed waits for them (core.md 9.3).
    fn turns_before_a_change_of(&self, owner: &str) -> String {
        owner.to_owned()
    }

    /// The number of the installation that an execution commits to: that with which it started (core.md 9.3).
    fn commits_to(&self, started: &Installed, _now: Option<&Installed>) -> i64 {
        started.number
    }

    /// What a key of the state is shown to count, in bytes (sandbox.md 9.8).
    fn shown_size(&self, key: u64, value: u64) -> u64 {
        key + value
    }

    /// Whether the changes to the state are kept of an execution whose output was, or was not, rejected (core.md 9.11).
    fn keeps_changes(&self, rejected: bool) -> bool {
        !rejected
    }

    /// The changes to the state that are committed after a success (core.md 9.11).
    fn committed_changes(&self, changes: StateChanges) -> StateChanges {
        changes
    }

    // --- accounts and records ---------------------------------------------------------------------------
    /// Takes an execution into the totals of its handler (core.md 9.20).
    fn charge(&self, totals: &mut Totals, used: &Used<'_>) {
        totals.add(used);
    }

    /// How many records are kept of each installed handler (core.md 9.22).
    fn records_kept(&self, bounds: &Bounds) -> usize {
        usize::try_from(bounds.execution_records).unwrap_or(usize::MAX)
    }

    /// What is kept of an answer; none for nothing (core.md 9.22 and 9.23).
    fn kept_answer(&self, answer: &KeptAnswer<'_>, bounds: &Bounds) -> Option<Bytes> {
        answer.within(bounds.record_bytes)
    }

    /// Whether a caller who asks for an execution of this handler is shown a record (core.md 9.24).
    fn shows_record(&self, record: &Record, handler: &HandlerId, asks: Role) -> bool {
        record.handler == *handler && (asks == Role::Admin || asks == record.role)
    }

    // --- sensitive values -------------------------------------------------------------------------------
    /// Makes a schema of a manifest ready: to judge, and to find what is sensitive (core.md 3.5 and 11.1).
    fn compile(&self, schema: &serde_json::Value) -> Result<Schema, SchemaFault> {
        assay_package::compile_schema(schema)
    }

    /// What of a value must not be seen elsewhere (core.md 11.1).
    fn sensitive(&self, schema: &Schema, value: &Json) -> Secrets {
        schema.sensitive(value)
    }

    /// What of an output must not be seen beside it (core.md 11.1).
    fn sensitive_in_output(&self, schema: &Schema, output: &Json) -> Secrets {
        self.sensitive(schema, output)
    }

    /// What of a caller's token must not be seen (core.md 11.1).
    fn sensitive_token(&self, token: &str) -> Secrets {
        Secrets::from([token.to_owned()])
    }

    /// Reads a text in every way in which something sensitive can be in it (core.md 11.2).
    fn readings(&self, text: &str, read: &mut dyn FnMut(&Reading)) {
        redaction::readings(text, read);
    }

    /// What is answered of a log (core.md 11.2).
    fn redacted_log(&self, redactor: &Redactor, lines: Vec<LogLine>) -> Vec<LogLine> {
        redactor.lines(lines, |text, read| self.readings(text, read))
    }

    /// What is answered of a failure's message (core.md 11.2).
    fn redacted_failure(&self, redactor: &Redactor, message: String) -> String {
        redactor.text(message, |text, read| self.readings(text, read))
    }

    /// What is answered of the words for an outcome (core.md 11.2).
    fn redacted_detail(&self, redactor: &Redactor, detail: String) -> String {
        redactor.text(detail, |text, read| self.readings(text, read))
    }

    /// What is answered of a refusal (core.md 11.2).
    fn redacted_refusal(&self, redactor: &Redactor, refusal: Refusal) -> Refusal {
        redactor.refusal(refusal, |text, read| self.readings(text, read))
    }
}
