//! The list itself.

use super::{Gate, Gates, Judge, Rule};
use crate::{
    Moment, chain, digest,
    envelope::rules as envelope,
    expiry,
    manifest::{egress, fields, limits, schemas, shape},
    module, release, revocation, signature, structure, trust,
};

const AT_UPLOAD: &[Moment] = &[Moment::Upload];
const ALWAYS: &[Moment] = &[Moment::Upload, Moment::Install, Moment::Upgrade, Moment::Execute];
const AT_UPLOAD_AND_UPGRADE: &[Moment] = &[Moment::Upload, Moment::Upgrade];

impl Gates {
    /// The gates of the contract, each in its place (core.md 2.1).
    pub fn honest() -> Self {
        Self {
            gates: vec![
                gate("structure", AT_UPLOAD, &STRUCTURE),
                gate("digest", AT_UPLOAD, &DIGEST),
                gate("manifest", AT_UPLOAD, &MANIFEST),
                gate("module", AT_UPLOAD, &MODULE),
                gate("signature", ALWAYS, &SIGNATURE),
                gate("expiry", ALWAYS, &EXPIRY),
                gate("revocation", ALWAYS, &REVOCATION),
                gate("chain", AT_UPLOAD_AND_UPGRADE, &CHAIN),
            ],
            keys: KEYS.to_vec(),
            signers: SIGNERS.to_vec(),
            every_envelope_at: AT_UPLOAD.to_vec(),
        }
    }
}

fn gate(name: &'static str, at: &[Moment], rules: &[Rule]) -> Gate {
    Gate { name, at: at.to_vec(), rules: rules.to_vec() }
}

/// core.md 2.3, 5.1 and 5.2.
const STRUCTURE: [Rule; 22] = [
    Rule::new("structure/parts-known", Judge::Package(structure::parts_known)),
    Rule::new("structure/parts-once", Judge::Package(structure::parts_once)),
    Rule::new("structure/part-media-types", Judge::Package(structure::part_media_types)),
    Rule::new("structure/part-bounds", Judge::Package(structure::part_bounds)),
    Rule::new("structure/parts-present", Judge::Package(structure::parts_present)),
    Rule::new("structure/manifest-json", Judge::Manifest(shape::json)),
    Rule::new("structure/envelope-json", Judge::Draft(envelope::json)),
    Rule::new("structure/envelope-members", Judge::Draft(envelope::members)),
    Rule::new("structure/payload-type", Judge::Draft(envelope::payload_type)),
    Rule::new("structure/payload", Judge::Draft(envelope::payload)),
    Rule::new("structure/signature-count", Judge::Draft(envelope::signature_count)),
    Rule::new("structure/signature-members", Judge::Draft(envelope::signature_members)),
    Rule::new("structure/signatures", Judge::Draft(envelope::signatures)),
    Rule::new("structure/statement-json", Judge::Draft(envelope::statement)),
    Rule::new("structure/statement-members", Judge::Draft(envelope::statement_members)),
    Rule::new("structure/statement-type", Judge::Draft(envelope::statement_type)),
    Rule::new("structure/predicate-type", Judge::Draft(envelope::predicate_type)),
    Rule::new("structure/one-subject", Judge::Draft(envelope::one_subject)),
    Rule::new("structure/subject", Judge::Draft(envelope::subject)),
    Rule::new("structure/dates", Judge::Draft(envelope::dates)),
    Rule::new("structure/order-of-dates", Judge::Draft(envelope::order_of_dates)),
    Rule::new("structure/previous", Judge::Draft(envelope::previous)),
];

/// core.md 2.4.
const DIGEST: [Rule; 2] = [
    Rule::new("digest/size", Judge::Package(digest::size)),
    Rule::new("digest/digest", Judge::Package(digest::digest)),
];

/// core.md 3 and egress.md 1.
const MANIFEST: [Rule; 26] = [
    Rule::new("manifest/objects", Judge::Manifest(shape::objects)),
    Rule::new("manifest/required-fields", Judge::Manifest(shape::required_fields)),
    Rule::new("manifest/unknown-fields", Judge::Manifest(shape::unknown_fields)),
    Rule::new("manifest/unknown-capabilities", Judge::Manifest(shape::unknown_capabilities)),
    Rule::new("manifest/id", Judge::Manifest(fields::id)),
    Rule::new("manifest/version", Judge::Manifest(fields::version)),
    Rule::new("manifest/name", Judge::Manifest(fields::name)),
    Rule::new("manifest/description", Judge::Manifest(fields::description)),
    Rule::new("manifest/category", Judge::Manifest(fields::category)),
    Rule::new("manifest/abi", Judge::Manifest(fields::abi)),
    Rule::new("manifest/abi-offered", Judge::Manifest(fields::abi_offered)),
    Rule::new("manifest/module-digest", Judge::Manifest(fields::module_digest)),
    Rule::new("manifest/integers", Judge::Manifest(limits::integers)),
    Rule::new("manifest/module-size", Judge::Manifest(limits::module_size)),
    Rule::new("manifest/limits-at-least", Judge::Manifest(limits::at_least)),
    Rule::new("manifest/limits-at-most", Judge::Manifest(limits::at_most)),
    Rule::new("manifest/egress-count", Judge::Manifest(egress::count)),
    Rule::new("manifest/egress-rules", Judge::Manifest(egress::rules)),
    Rule::new("manifest/vault-names", Judge::Manifest(fields::vault_names)),
    Rule::new("manifest/features", Judge::Manifest(fields::features)),
    Rule::new("manifest/schema-values", Judge::Manifest(schemas::values)),
    Rule::new("manifest/schema-dialect", Judge::Manifest(schemas::dialect)),
    Rule::new("manifest/schema-valid", Judge::Manifest(schemas::valid)),
    Rule::new("manifest/schema-references", Judge::Manifest(schemas::references)),
    Rule::new("manifest/schema-cost", Judge::Manifest(schemas::affordable)),
    Rule::new("manifest/schema-usable", Judge::Manifest(schemas::usable)),
];

/// core.md 4.
const MODULE: [Rule; 12] = [
    Rule::new("module/header", Judge::Package(module::header)),
    Rule::new("module/abi", Judge::Package(module::abi)),
    Rule::new("module/valid", Judge::Package(module::valid)),
    Rule::new("module/cost", Judge::Package(module::cost)),
    Rule::new("module/parts", Judge::Package(module::parts)),
    Rule::new("module/exports", Judge::Package(module::exports)),
    Rule::new("module/export-types", Judge::Package(module::export_types)),
    Rule::new("module/migration", Judge::Package(module::migration)),
    Rule::new("module/imports", Judge::Package(module::imports)),
    Rule::new("module/import-types", Judge::Package(module::import_types)),
    Rule::new("module/capabilities", Judge::Package(module::capabilities)),
    Rule::new("module/initial-size", Judge::Package(module::initial_size)),
];

/// core.md 2.2 and 5.3 to 5.4.
const SIGNATURE: [Rule; 6] = [
    Rule::new("signature/present", Judge::Release(signature::present)),
    Rule::new("signature/verified", Judge::Verification(signature::verified)),
    Rule::new("signature/in-scope", Judge::Envelope(signature::in_scope)),
    Rule::new("signature/key-in-date", Judge::Envelope(signature::key_in_date)),
    Rule::new("signature/subject-name", Judge::Envelope(signature::subject_name_matches)),
    Rule::new("signature/subject-digest", Judge::Envelope(signature::subject_digest_matches)),
];

/// core.md 6.
const EXPIRY: [Rule; 2] = [
    Rule::new("expiry/not-expired", Judge::Envelope(expiry::not_expired)),
    Rule::new("expiry/already-valid", Judge::Envelope(expiry::already_valid)),
];

/// core.md 7.
const REVOCATION: [Rule; 2] = [
    Rule::new("revocation/handler", Judge::Release(revocation::handler)),
    Rule::new("revocation/release", Judge::Release(revocation::release)),
];

/// core.md 8; the versions of an upgrade are judged first (8.2).
const CHAIN: [Rule; 6] = [
    Rule::new("chain/higher-than-installed", Judge::Release(chain::higher_than_installed)),
    Rule::new("chain/one-previous", Judge::Release(chain::one_previous)),
    Rule::new("chain/previous-stored", Judge::Release(chain::previous_stored)),
    Rule::new("chain/previous-of-same-handler", Judge::Release(chain::previous_of_same_handler)),
    Rule::new("chain/previous-lower", Judge::Release(chain::previous_lower)),
    Rule::new("chain/reaches-installed", Judge::Release(chain::reaches_installed)),
];

/// registry.md 1.2 and core.md 5.3.
const KEYS: [Rule; 4] = [
    Rule::new("key/public-key", Judge::Key(trust::public_key)),
    Rule::new("key/scope-length", Judge::Key(trust::scope_length)),
    Rule::new("key/scope-forms", Judge::Key(trust::scope_forms)),
    Rule::new("key/scope-every", Judge::Key(trust::scope_every)),
];

/// core.md 5.5.
const SIGNERS: [Rule; 1] = [Rule::new("signers/once", Judge::Signers(release::once))];
