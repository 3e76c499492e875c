//! Trust keys (registry.md, section 1).

use assay_package::{Code, Json, KeyName, KeyRequest, Refusal, TrustedKey};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{json as answer, no_content};
use crate::app::Call;
use crate::body::RequestBody;
use crate::problem::{Answer, Problem};
use crate::request::{Members, malformed, time};

/// `GET /admin/trust/keys`
pub fn list(call: &Call) -> Answer {
    let keys: Vec<Value> = call.app.registry_policy.shown_keys(call.app.registry.keys()).values().map(shown).collect();
    answer(StatusCode::OK, &json!({ "keys": keys }))
}

/// `GET /admin/trust/keys/{key}`
pub fn show(call: &Call) -> Answer {
    let name: KeyName = call.name(0, "key")?;
    let keys = call.app.registry_policy.shown_keys(call.app.registry.keys());
    answer(StatusCode::OK, &shown(keys.get(&name).ok_or_else(|| unknown(&name))?))
}

/// `PUT /admin/trust/keys/{key}`
pub async fn put(call: &Call, body: &mut RequestBody) -> Answer {
    let name: KeyName = call.name(0, "key")?;
    let app = &call.app;
    let known = ["algorithm", "public_key", "role", "scope", "not_after"];
    let mut members = Members::read(body, &known, &app.offer.bounds, &*app.policy).await?;
    if members.optional("algorithm").is_some_and(|algorithm| algorithm.as_str() != Some("ed25519")) {
        return Err(malformed("`algorithm` is not `ed25519`", "/algorithm").into());
    }
    let request = KeyRequest {
        name,
        public_key: members.text("public_key")?,
        role: members.parsed("role")?,
        scope: scope(&members.required("scope")?)?,
        not_after: match members.optional("not_after") {
            None | Some(Json::Null) => None,
            Some(end) => Some(time(&end, "not_after")?),
        },
    };
    let key = app.gates.trusted_key(&request)?;
    if &key.name == app.registry.own_name() {
        let detail = "the name belongs to the runtime's own key";
        return Err(Refusal::new(Code::KeyConflict, detail).named(key.name.as_str()).into());
    }
    let status = app
        .blocking(move |app| {
            let mut writer = app.store.write();
            let stored = app.registry.keys().remove(&key.name);
            if let Some(stored) = &stored {
                app.registry_policy.replace_key(stored, &key)?;
            }
            writer.put_key(&key)?;
            app.registry.change_keys(|keys| drop(keys.insert(key.name.clone(), key.clone())));
            Ok(if stored.is_some() { StatusCode::OK } else { StatusCode::CREATED })
        })
        .await?;
    let keys = app.registry_policy.shown_keys(app.registry.keys());
    answer(status, &keys.get(&request.name).map(shown))
}

/// `DELETE /admin/trust/keys/{key}`
pub async fn delete(call: &Call) -> Answer {
    let name: KeyName = call.name(0, "key")?;
    call.app
        .blocking(move |app| {
            let mut writer = app.store.write();
            if !app.registry.keys().contains_key(&name) {
                return Err(unknown(&name));
            }
            writer.delete_key(&name)?;
            app.registry.change_keys(|keys| drop(keys.remove(&name)));
            Ok(no_content())
        })
        .await
}

fn scope(value: &Json) -> Result<Vec<String>, Refusal> {
    let entries = value.as_array().ok_or_else(|| malformed("`scope` is not an array", "/scope"))?;
    (entries.iter().enumerate())
        .map(|(index, entry)| match entry.as_str() {
            Some(text) => Ok(text.to_owned()),
            None => Err(malformed("an entry of `scope` is not a string", &format!("/scope/{index}"))),
        })
        .collect()
}

fn shown(key: &TrustedKey) -> Value {
    json!({
        "key": key.name.as_str(),
        "algorithm": "ed25519",
        "public_key": key.public_key.to_string(),
        "role": key.role.as_str(),
        "scope": key.scope.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "not_after": key.not_after.map(|end| end.to_string()),
    })
}

fn unknown(name: &KeyName) -> Problem {
    Refusal::new(Code::NotFound, "there is no key of this name").named(name.as_str()).into()
}

/// A key may take the place of one with the same name if it has the same public bytes (registry.md 1.1).
pub fn same_key(stored: &TrustedKey, new: &TrustedKey) -> Result<(), Refusal> {
    if stored.public_key == new.public_key {
        return Ok(());
    }
    Err(Refusal::new(Code::KeyConflict, "the name is taken by other public bytes").named(new.name.as_str()))
}
