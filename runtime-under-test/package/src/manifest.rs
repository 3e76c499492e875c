//! A manifest on its way through its rules, from bytes to a [`Manifest`].

use crate::{
    Abi, Code, Digest, EgressLimits, HandlerId, HostRule, Json, Limits, Manifest, Offer, Permissions, Refusal,
    StatePermission, Version,
};

pub(crate) mod egress;
pub(crate) mod fields;
pub(crate) mod limits;
pub(crate) mod schemas;
pub(crate) mod shape;

/// What is known of a manifest so far. Each rule fills in what it parses.
#[derive(Debug, Default)]
pub(crate) struct ManifestDraft {
    pub bytes: Vec<u8>,
    /// The manifest as JSON; an object from the first rule on.
    pub json: Option<Json>,
    pub id: Option<HandlerId>,
    pub version: Option<Version>,
    pub name: Option<String>,
    pub description: String,
    pub category: Option<String>,
    pub abi: Option<Abi>,
    pub module_digest: Option<Digest>,
    pub input: Option<serde_json::Value>,
    pub output: Option<serde_json::Value>,
    pub egress: Option<Vec<HostRule>>,
    pub vault: Option<Vec<String>>,
}

impl ManifestDraft {
    /// Bytes of which nothing is known.
    pub fn new(bytes: &[u8]) -> Self {
        Self { bytes: bytes.to_vec(), ..Self::default() }
    }

    /// The value at a place, if there is one.
    pub fn field(&self, pointer: &str) -> Option<&Json> {
        self.json.as_ref()?.at(pointer)
    }

    /// The manifest, once every rule has let it pass.
    pub fn finish(self, offer: &Offer) -> Result<Manifest, Refusal> {
        let integer = |pointer| self.field(pointer).and_then(Json::as_number).and_then(|number| number.as_u64());
        let bounds = &offer.bounds;
        let required = |pointer| integer(pointer).ok_or_else(|| missing(pointer));
        let limits = Limits {
            memory_bytes: required("/limits/memory_bytes")?,
            timeout_ms: required("/limits/timeout_ms")?,
            log_bytes: integer("/limits/log_bytes").unwrap_or(bounds.log_bytes),
            output_bytes: integer("/limits/output_bytes").unwrap_or(bounds.output_bytes),
            egress: EgressLimits {
                requests_per_minute: integer("/limits/egress/requests_per_minute")
                    .unwrap_or(bounds.egress_requests_per_minute),
                bytes_per_minute: integer("/limits/egress/bytes_per_minute").unwrap_or(bounds.egress_bytes_per_minute),
                queue: integer("/limits/egress/queue").unwrap_or(bounds.egress_queue),
                timeout_ms: integer("/limits/egress/timeout_ms").unwrap_or(bounds.egress_timeout_ms),
            },
        };
        let state = integer("/permissions/state/max_bytes").map(|max_bytes| StatePermission { max_bytes });
        Ok(Manifest {
            module_size: required("/module/size")?,
            id: self.id.ok_or_else(|| missing("/id"))?,
            version: self.version.ok_or_else(|| missing("/version"))?,
            name: self.name.ok_or_else(|| missing("/name"))?,
            description: self.description,
            category: self.category.ok_or_else(|| missing("/category"))?,
            abi: self.abi.ok_or_else(|| missing("/abi"))?,
            module_digest: self.module_digest.ok_or_else(|| missing("/module/digest"))?,
            input: self.input.ok_or_else(|| missing("/input"))?,
            output: self.output.ok_or_else(|| missing("/output"))?,
            permissions: Permissions { state, egress: self.egress, vault: self.vault },
            limits,
        })
    }
}

/// The refusal of a manifest that lacks a field.
pub(crate) fn missing(pointer: &str) -> Refusal {
    Refusal::new(Code::ManifestMissingField, "the field is required").at(pointer)
}

/// The refusal of a value that cannot be right.
pub(crate) fn invalid(pointer: &str, detail: impl Into<String>) -> Refusal {
    Refusal::new(Code::ManifestInvalidValue, detail).at(pointer)
}
