//! A manifest that was accepted, written down again by its values.

use assay_package::{HostRule, Manifest};
use serde_json::{Map, Value, json};

use crate::{document::Document, egress_rule};

/// The text of a manifest with exactly these values; the limits of egress only where they are asked for, because they need the
/// feature.
pub(super) fn text(manifest: &Manifest, egress_limits: bool) -> String {
    let mut permissions = Map::new();
    if let Some(state) = manifest.permissions.state {
        permissions.insert("state".to_owned(), json!({"max_bytes": state.max_bytes}));
    }
    if let Some(rules) = &manifest.permissions.egress {
        permissions.insert("egress".to_owned(), json!(rules.iter().map(ToString::to_string).collect::<Vec<_>>()));
    }
    if let Some(names) = &manifest.permissions.vault {
        permissions.insert("vault".to_owned(), json!(names));
    }
    let limits = &manifest.limits;
    let mut written = json!({
        "memory_bytes": limits.memory_bytes,
        "timeout_ms": limits.timeout_ms,
        "log_bytes": limits.log_bytes,
        "output_bytes": limits.output_bytes,
    });
    if egress_limits {
        written["egress"] = json!({
            "requests_per_minute": limits.egress.requests_per_minute,
            "bytes_per_minute": limits.egress.bytes_per_minute,
            "queue": limits.egress.queue,
            "timeout_ms": limits.egress.timeout_ms,
        });
    }
    let document = json!({
        "id": manifest.id.as_str(),
        "version": manifest.version.as_str(),
        "name": manifest.name,
        "description": manifest.description,
        "category": manifest.category,
        "abi": manifest.abi.as_str(),
        "module": {"digest": manifest.module_digest.to_string(), "size": manifest.module_size},
        "input": manifest.input,
        "output": manifest.output,
        "permissions": permissions,
        "limits": written,
    });
    document.to_string()
}

/// The first member of which the manifest holds another value than the text that it was read from.
pub(super) fn disagreement(manifest: &Manifest, text: &Document) -> Option<&'static str> {
    let is = |pointer: &str, value: &str| text.at(pointer).and_then(Document::text) == Some(value);
    let number = |pointer: &str, value: u64| match text.at(pointer) {
        Some(Document::Number(written)) => written.trim_start_matches('-') == value.to_string(),
        _ => false,
    };
    let optional = |pointer: &str, value: u64| text.at(pointer).is_none() || number(pointer, value);
    let schema = |pointer: &str, value: &Value| text.at(pointer).is_some_and(|written| written.to_value().0 == *value);
    let checks = [
        ("id", is("/id", manifest.id.as_str())),
        ("version", is("/version", manifest.version.as_str())),
        ("name", is("/name", &manifest.name)),
        ("description", text.at("/description").is_none() || is("/description", &manifest.description)),
        ("category", is("/category", &manifest.category)),
        ("abi", is("/abi", manifest.abi.as_str())),
        ("module/digest", is("/module/digest", &manifest.module_digest.to_string())),
        ("module/size", number("/module/size", manifest.module_size)),
        ("input", schema("/input", &manifest.input)),
        ("output", schema("/output", &manifest.output)),
        ("limits/memory_bytes", number("/limits/memory_bytes", manifest.limits.memory_bytes)),
        ("limits/timeout_ms", number("/limits/timeout_ms", manifest.limits.timeout_ms)),
        ("limits/log_bytes", optional("/limits/log_bytes", manifest.limits.log_bytes)),
        ("limits/output_bytes", optional("/limits/output_bytes", manifest.limits.output_bytes)),
        ("permissions/state", text.at("/permissions/state").is_some() == manifest.permissions.state.is_some()),
        ("permissions/egress", rules(manifest, text)),
        ("limits/egress/queue", optional("/limits/egress/queue", manifest.limits.egress.queue)),
        ("limits/egress/timeout_ms", optional("/limits/egress/timeout_ms", manifest.limits.egress.timeout_ms)),
        ("permissions/vault", text.at("/permissions/vault").is_some() == manifest.permissions.vault.is_some()),
    ];
    checks.into_iter().find(|(_, right)| !right).map(|(member, _)| member)
}

/// Whether the manifest's rules are those of the text, each in its canonical form.
fn rules(manifest: &Manifest, text: &Document) -> bool {
    let stated = text.at("/permissions/egress").map(|stated| stated.to_value().0);
    match (&manifest.permissions.egress, stated) {
        (None, None) => true,
        (Some(rules), Some(Value::Array(stated))) => {
            let same = |(rule, text): (&HostRule, &Value)| {
                let stated = text.as_str().and_then(egress_rule::rules::read);
                stated.is_some_and(|stated| stated.to_string() == rule.to_string())
            };
            rules.len() == stated.len() && rules.iter().zip(&stated).all(same)
        }
        _ => false,
    }
}
