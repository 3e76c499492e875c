//! Whose signature the runtime believes: an admin who pushes says so, as narrowly as can be said.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Steps;
use crate::report::Failed;

/// Makes a key trusted for this one handler, unless it is already. What is trusted besides stays as it is.
pub(super) async fn make_trusted(push: &mut Steps<'_>, key: &[u8; 32]) -> Result<(), Failed> {
    let public_key = STANDARD.encode(key);
    let answer = push.target.get("/admin/trust/keys").await?;
    if answer.status != 200 {
        return Err(push.sent.refusal("the trusted keys were not shown", &answer, None));
    }
    let keys = answer.body["keys"].as_array().cloned().unwrap_or_default();
    let same = keys.iter().filter(|known| known["public_key"] == public_key.as_str());
    if let Some(known) = same.clone().find(|known| covers(&known["scope"], push.id) && !has_ended(known)) {
        push.done.line(format!("trusted before: {}", known["key"].as_str().unwrap_or_default()));
        push.done.member("trusted", "before");
        return Ok(());
    }
    // Under its own name its scope grows, and its role and end stay; a new one begins with this handler alone.
    let known = same.clone().find(|known| !has_ended(known));
    let name = known.and_then(|known| known["key"].as_str()).map_or_else(|| name(key), str::to_owned);
    let mut scope = known.and_then(|known| known["scope"].as_array()).cloned().unwrap_or_default();
    scope.push(json!(push.id));
    let role = known.map_or(json!("publisher"), |known| known["role"].clone());
    let not_after = known.map_or(Value::Null, |known| known["not_after"].clone());
    let body = json!({ "public_key": public_key, "role": role, "scope": scope, "not_after": not_after });
    let answer = push.target.trust(&name, &body).await?;
    if ![200, 201].contains(&answer.status) {
        return Err(push.sent.refusal("the key was not made trusted", &answer, None));
    }
    push.done.line(format!("trusted: whoever has {name} may now publish {}", push.id));
    push.done.member("trusted", "new");
    Ok(())
}

/// As the fixtures name keys: different ones differently.
fn name(key: &[u8; 32]) -> String {
    let digits: String = key[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("key-{digits}")
}

fn has_ended(key: &Value) -> bool {
    let end = key["not_after"].as_str().and_then(|end| end.parse::<Timestamp>().ok());
    end.is_some_and(|end| end <= Timestamp::now())
}

/// registry.md 1.2.
fn covers(scope: &Value, id: &str) -> bool {
    scope.as_array().into_iter().flatten().filter_map(Value::as_str).any(|entry| match entry.strip_suffix(".*") {
        Some(prefix) => id.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('.')),
        None => entry == id || entry == "*",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_covers_an_id_and_what_is_below_a_prefix() {
        let scope = json!(["com.example.*", "org.example.one"]);
        for (id, covered) in [
            ("com.example.a", true),
            ("com.example.a.b", true),
            ("org.example.one", true),
            ("com.example", false),
            ("com.examples.a", false),
            ("org.example.one.more", false),
        ] {
            assert_eq!(covers(&scope, id), covered, "{id}");
        }
        assert!(covers(&json!(["*"]), "a.b"));
    }

    #[test]
    fn a_key_without_an_end_has_none() {
        assert!(!has_ended(&json!({ "not_after": null })));
        assert!(has_ended(&json!({ "not_after": "2020-01-01T00:00:00Z" })));
        assert!(!has_ended(&json!({ "not_after": "2999-01-01T00:00:00Z" })));
    }
}
