//! Every refusal that the runtime can answer with: its stable code, HTTP status, title and remedy.
//!
//! The runtime keeps its own copy of the contract's `problems.toml`, so that a wrong edit on either side shows; the
//! test below compares the two.

/// Declares [`Code`] and its four tables from one list.
macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $status:literal, $title:literal, $remedy:literal;)*) => {
        /// Why something was refused (README.md 3.1). The text of a code never changes its meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $($(#[$doc])* $variant,)*
        }

        impl Code {
            /// All codes, in the order of `problems.toml`.
            pub const ALL: &'static [Code] = &[$(Code::$variant),*];

            /// The code as it stands in the member `code` of a problem.
            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$variant => $code,)* }
            }

            /// The only HTTP status that goes with the code.
            pub const fn status(self) -> u16 {
                match self { $(Code::$variant => $status,)* }
            }

            /// One line for people, the same for every refusal with this code.
            pub const fn title(self) -> &'static str {
                match self { $(Code::$variant => $title,)* }
            }

            /// What the caller can do about it.
            pub const fn remedy(self) -> &'static str {
                match self { $(Code::$variant => $remedy,)* }
            }
        }
    };
}

codes! {
    /// The Authorization header is missing, is not a bearer token, or the token is unknown.
    Unauthenticated = "unauthenticated", 401, "No valid bearer token", "Send `Authorization: Bearer TOKEN` with a token of this runtime.";
    /// A user token is used for an operation that only an admin may do.
    Forbidden = "forbidden", 403, "The token's role may not do this", "Use an admin token.";
    /// The path names an operation, a handler, a version, a part, a key or a record that does not exist, or not for
    /// this caller.
    NotFound = "not-found", 404, "No such resource", "List what exists: GET /registry/handlers, GET /admin/trust/keys or GET /admin/egress/credentials.";
    /// The path exists, the method does not.
    MethodNotAllowed = "method-not-allowed", 405, "The path does not take this method", "See openapi.yaml for the methods of each path.";
    /// A body is not the JSON object that the operation takes, has an unknown or a missing member, or a query parameter or path segment is not of its form.
    RequestMalformed = "request-malformed", 400, "The request cannot be read", "Send the object that openapi.yaml describes for the operation.";
    /// A JSON request body is larger than `bounds.request_bytes`, or a multipart body is larger than all its parts may be together.
    RequestTooLarge = "request-too-large", 413, "The request is larger than the bound", "Send less; GET /.well-known/handler-runtime publishes the bounds.";
    /// The content type is not multipart/form-data with a boundary, or the body ends before its closing boundary, or a part has no name.
    MultipartMalformed = "multipart-malformed", 400, "The upload is not multipart/form-data", "Send multipart/form-data with parts manifest, module and, if signed, signature.";
    /// There is no part `manifest` or no part `module`.
    PartMissing = "part-missing", 400, "A required part is missing", "Send exactly one part `manifest` and one part `module`.";
    /// `manifest` or `module` is sent more than once, or there are more `signature` parts than `bounds.signatures`.
    PartRepeated = "part-repeated", 400, "A part is repeated", "Send each part once; `signature` at most `bounds.signatures` times.";
    /// A part is named anything but `manifest`, `module` or `signature`.
    PartUnknown = "part-unknown", 400, "A part is unknown", "Leave the part out.";
    /// A part is larger than `bounds.manifest_bytes`, `bounds.module_bytes` or `bounds.envelope_bytes`.
    PartTooLarge = "part-too-large", 413, "A part is larger than its bound", "Make the part smaller; GET /.well-known/handler-runtime publishes the bounds.";
    /// `manifest` is not application/json, `module` is not application/wasm, or `signature` is not application/vnd.dsse+json.
    PartMediaType = "part-media-type", 415, "A part has the wrong media type", "State the part's media type in its Content-Type header.";
    /// The manifest is not UTF-8, has a byte order mark, is not well-formed JSON, repeats a member name at any depth, nests deeper than `bounds.json_depth`, has bytes after the value, or is not an object.
    ManifestMalformed = "manifest-malformed", 400, "The manifest is not one JSON object", "Send one JSON object as RFC 8259 defines it, without repeated names.";
    /// A `signature` part is not a DSSE envelope of payload type application/vnd.in-toto+json, its payload is not an in-toto Statement v1 with the release predicate, or a member is missing, unknown, repeated or of the wrong form.
    EnvelopeMalformed = "envelope-malformed", 400, "A signature is not a DSSE envelope with a release statement", "Make the envelope as core.md, section Signature, describes.";
    /// The module's SHA-256 or its size differs from `/module/digest` or `/module/size`.
    DigestMismatch = "digest-mismatch", 422, "The module is not the one that the manifest pins", "Rebuild the manifest for these module bytes, or send the module that it pins.";
    /// A field that manifest.schema.json requires is absent.
    ManifestMissingField = "manifest-missing-field", 422, "The manifest lacks a required field", "Add the field; `pointer` names it.";
    /// A field that manifest.schema.json does not define is present, at any depth outside `input` and `output`.
    ManifestUnknownField = "manifest-unknown-field", 422, "The manifest has an unknown field", "Remove the field; `pointer` names it.";
    /// A field has the wrong type or does not match its form: an id that is not reverse-DNS, a version that is not SemVer 2.0.0, a digest that is not `sha256:` and 64 lower-case hexadecimal digits.
    ManifestInvalidValue = "manifest-invalid-value", 422, "A manifest field has a value that cannot be right", "Correct the value; manifest.schema.json has the form.";
    /// An integer under `/limits` or `/permissions/state/max_bytes` is below the contract's minimum or above the runtime's bound.
    LimitOutOfBounds = "limit-out-of-bounds", 422, "A limit or a quota is outside of the published bounds", "Choose a value within the bounds that GET /.well-known/handler-runtime publishes.";
    /// `/input` or `/output` is not a valid JSON Schema 2020-12, names another dialect, or holds a `$ref` that does not resolve inside the same schema. Nothing is ever fetched.
    SchemaInvalid = "schema-invalid", 422, "The input or output schema is not a valid JSON Schema", "Correct the schema; keep every `$ref` inside it (`#/$defs/…`).";
    /// `/abi` is a packaging of the contract that the runtime does not declare under `abis`.
    AbiUnsupported = "abi-unsupported", 422, "The runtime does not run this packaging", "Package the handler in one of the declared ABIs.";
    /// A member of `/permissions` is not a capability of the contract.
    CapabilityUnknown = "capability-unknown", 422, "The manifest asks for a capability that does not exist", "Ask only for capabilities that core.md lists.";
    /// A member of `/permissions` or `/limits` is a capability of the contract whose feature the runtime does not declare.
    FeatureUnsupported = "feature-unsupported", 422, "The runtime does not offer this capability", "Run the handler on a runtime that declares the feature, or do without the capability.";
    /// An entry of `/permissions/egress` is no rule of egress.md, section 1, or there are more than `bounds.egress_rules`.
    EgressRuleInvalid = "egress-rule-invalid", 422, "A rule for hosts cannot be right", "Write `https://HOST` or `https://HOST:PORT`, with `*.` in front of HOST for all names below it; `pointer` names the entry.";
    /// The bytes do not start with the WebAssembly magic and a known version and layer, do not decode or do not validate with the proposals that the contract allows.
    ModuleMalformed = "module-malformed", 422, "The module is not valid WebAssembly", "Build the module again; core.md lists the proposals allowed.";
    /// `/abi` is `core` and the bytes are a component, or the other way round.
    ModuleAbiMismatch = "module-abi-mismatch", 422, "The module is not of the packaging that the manifest states", "Correct `/abi`, or send the other file.";
    /// An export of the world is absent, or is of another kind.
    ExportMissing = "export-missing", 422, "The module lacks a required export", "Export it; `name` says which.";
    /// A required export exists and its type is not that of handler.wit, or what is exported as `migrate` is not that function.
    ExportTypeMismatch = "export-type-mismatch", 422, "An export has the wrong type", "Build against handler.wit of this contract version.";
    /// An import is not an interface of the world `handler`, or not a function of that interface with that type: WASI, other packages, other versions, memories, tables, globals.
    ImportForbidden = "import-forbidden", 422, "The module imports what no handler may have", "Build without it; `name` is the import.";
    /// `state` is imported without `/permissions/state`, or `egress` without `/permissions/egress`.
    CapabilityUndeclared = "capability-undeclared", 422, "The module imports an interface that the manifest does not declare", "Declare the permission in the manifest, or build without the import.";
    /// The initial size of all memories and tables together is above `/limits/memory_bytes`.
    ModuleOverLimit = "module-over-limit", 422, "The module asks for more than its limit from the start", "Raise `/limits/memory_bytes` within the bounds, or start smaller.";
    /// The module passes `bounds.module_cost`, `block_depth`, `loop_depth`, `component_entries`, `instances`, `memories` or `tables`.
    ModuleTooCostly = "module-too-costly", 422, "The module would cost too much to make ready", "Make the module smaller or simpler; `name` is the bound that it passes.";
    /// A version without any signature is to be installed or executed.
    SignatureMissing = "signature-missing", 403, "The release is not signed", "Upload it with a signature, or have the registry sign it: POST …/versions/{version}/sign.";
    /// No signature of an envelope verifies, strictly, under any key that the runtime trusts. A wrong signature and an untrusted key look the same: `keyid` is never believed.
    SignatureInvalid = "signature-invalid", 403, "No trusted key verifies the signature", "Sign the exact statement with a key that PUT /admin/trust/keys/{key} has made known.";
    /// The statement's subject is not `<id>@<version>` of the manifest with the package digest.
    SubjectMismatch = "subject-mismatch", 403, "The signed statement is about another package", "Sign the digest of exactly these manifest bytes.";
    /// The only keys that verify the signature are trusted for other handler ids.
    KeyOutOfScope = "key-out-of-scope", 403, "The key may not sign for this handler", "Sign with a key whose scope covers the handler id, or widen the scope.";
    /// The only keys that verify the signature and cover the handler id have an end date in the past.
    KeyExpired = "key-expired", 403, "The key has ended", "Sign with a key that is in date, or extend the key.";
    /// `expires_at` of the statement is not in the future.
    ReleaseExpired = "release-expired", 403, "The release has expired", "Publish a release with a later expiry, or have the registry sign this one again.";
    /// `issued_at` of the statement is further in the future than `bounds.clock_skew_ms`.
    ReleaseNotYetValid = "release-not-yet-valid", 403, "The release is dated in the future", "Check the clock of the machine that signed.";
    /// The version, or the handler as a whole, has been revoked.
    ReleaseRevoked = "release-revoked", 403, "The release is revoked", "Use another version. A revocation is never taken back.";
    /// `previous` names no stored release of the same handler, signatures of one release state different ones, or the chain of an upgrade does not reach the installed release.
    ChainBroken = "chain-broken", 409, "The release does not follow the one that it should", "State the package digest of the release that this one follows.";
    /// The version is not higher, in SemVer order, than the one that it follows or replaces.
    VersionDowngrade = "version-downgrade", 409, "The version goes back", "Publish under a higher version.";
    /// The registry holds this version of this handler, whatever its bytes.
    VersionExists = "version-exists", 409, "The version is already stored", "Publish under a new version; a version never changes.";
    /// An idempotency key is sent that was acknowledged with another method, path or body.
    IdempotencyKeyReused = "idempotency-key-reused", 422, "The idempotency key was used for another request", "Use a new key for a new request; repeat a request with the very bytes that were sent.";
    /// A download asks for a range of bytes that begins at or after the end of the part.
    RangeNotSatisfiable = "range-not-satisfiable", 416, "The range lies behind the end", "Ask for bytes within the size that `Content-Range` names.";
    /// Install is called for a handler of which a version is installed.
    AlreadyInstalled = "already-installed", 409, "The handler is already installed", "POST …/upgrade to change the version.";
    /// The release exports `migrate`, and it returned a failure, trapped, or ran past a limit. The old version and its state are as they were.
    MigrationFailed = "migration-failed", 422, "The new version did not migrate the state", "`name` is the outcome; the log in `migration` and `detail` say more. Correct `migrate` and publish a new version, or try again.";
    /// Execute, upgrade, uninstall or status is called for a handler that is not installed.
    NotInstalled = "not-installed", 404, "The handler is not installed", "POST /handlers/{id}/install first.";
    /// The public key is not 32 bytes of a canonical Ed25519 point, is of small order, a scope is malformed, or a publisher's scope is `*`.
    KeyInvalid = "key-invalid", 422, "The key cannot be trusted", "Send a key that an Ed25519 key generator made, with a scope of handler ids.";
    /// The name is taken by a key with other public bytes.
    KeyConflict = "key-conflict", 409, "Another key has this name", "Choose another name, or DELETE the old key first.";
    /// A handler id, a rule for hosts, the name of the header or the value is not one of egress.md 4.1.
    CredentialInvalid = "credential-invalid", 422, "The credential is not of its form", "Correct the member; `pointer` names its place in the request body.";
    /// The `input` member is not valid under the manifest's `input`. The handler does not run.
    InputRejected = "input-rejected", 422, "The input does not fit the handler's input schema", "Correct the input; `pointer` names the place in the request body.";
    /// The JSON text of `input` is larger than `bounds.input_bytes`.
    InputTooLarge = "input-too-large", 413, "The input is larger than the bound", "Send less.";
    /// `bounds.concurrent_executions` executions are under way, too many wait for their turn, or there is no room for one more body or compilation.
    Overloaded = "overloaded", 503, "The runtime is at its capacity", "Try again after the time in Retry-After.";
    /// A defect of the runtime. No check expects it.
    Internal = "internal", 500, "The runtime failed", "Report it, with the request id.";
}

impl std::fmt::Display for Code {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Code;

    #[test]
    fn the_table_is_the_one_of_the_contract() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../conformance/spec/problems.toml");
        let text = std::fs::read_to_string(path).expect("the contract is beside the runtime");
        let contract: toml::Table = text.parse().expect("problems.toml is TOML");
        let ours: toml::Table = Code::ALL
            .iter()
            .map(|code| {
                let entry = toml::Table::from_iter([
                    ("status".to_owned(), toml::Value::Integer(i64::from(code.status()))),
                    ("title".to_owned(), toml::Value::String(code.title().to_owned())),
                    ("remedy".to_owned(), toml::Value::String(code.remedy().to_owned())),
                ]);
                (code.as_str().to_owned(), toml::Value::Table(entry))
            })
            .collect();
        let theirs: toml::Table = contract
            .into_iter()
            .map(|(code, entry)| {
                let mut entry = entry.as_table().expect("a table").clone();
                entry.remove("when");
                entry.remove("members");
                (code, toml::Value::Table(entry))
            })
            .collect();
        assert_eq!(ours, theirs);
    }
}
