//! Trust keys (registry.md, section 1).

use assay_fixtures::hostile_keys;
use assay_harness::{Cx, Group, Stop, checks, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::publisher::{Publisher, key_body};
use crate::refusal::refused;

/// The table.
pub const GROUP: Group = Group {
    profile: "registry",
    name: "keys",
    checks: checks![
        once("registry.keys.lifecycle", "a key is put, listed, shown and deleted", &["REG-KEY-001"], lifecycle),
        once("registry.keys.conflict", "a name never changes its public bytes", &["REG-KEY-002"], conflict),
        once("registry.keys.weak", "a key that is no Ed25519 point of large order is refused", &["REG-KEY-003"], weak),
        once("registry.keys.scope", "a scope that is malformed or too wide is refused", &["REG-KEY-004"], scope),
    ],
};

async fn lifecycle(cx: Cx) -> Result<(), Stop> {
    let owner = Publisher::stranger(&cx, "owner");
    let admin = owner.admin();
    let body = key_body(owner.key(), &[owner.scope()], Some("2099-01-01T00:00:00Z".to_owned()));
    refused("not-found").judge(&admin.key(owner.key_name()).await?)?;
    admin.put_key(owner.key_name(), &body).await?.expect(201)?;
    admin.put_key(owner.key_name(), &body).await?.expect(200)?;
    let shown = admin.key(owner.key_name()).await?.expect(200)?;
    for member in ["public_key", "role", "scope", "not_after"] {
        let found = &shown.json()?[member];
        ensure!(*found == body[member], "`{member}` is {found}, expected {}", body[member]);
    }
    ensure!(listed(&owner).await?, "a key that was put is not in the list");
    admin.delete_key(owner.key_name()).await?.expect(204)?;
    refused("not-found").judge(&admin.key(owner.key_name()).await?)?;
    refused("not-found").judge(&admin.delete_key(owner.key_name()).await?)?;
    ensure!(!listed(&owner).await?, "a deleted key is in the list");
    Ok(())
}

/// Whether the list of keys has this one; its order is judged on the way.
async fn listed(owner: &Publisher) -> Result<bool, Stop> {
    let reply = owner.admin().keys().await?.expect(200)?;
    let keys = reply.json()?["keys"].as_array().cloned().unwrap_or_default();
    let names: Vec<&str> = keys.iter().filter_map(|key| key["key"].as_str()).collect();
    ensure!(names.len() == keys.len(), "a key in the list has no name `key`");
    ensure!(names.is_sorted(), "the keys are not in ascending order of their names");
    Ok(names.contains(&owner.key_name()))
}

async fn conflict(cx: Cx) -> Result<(), Stop> {
    let owner = Publisher::new(&cx).await?;
    let thief = Publisher::stranger(&cx, "thief");
    let body = key_body(thief.key(), &[owner.scope()], None);
    refused("key-conflict").judge(&owner.admin().put_key(owner.key_name(), &body).await?)?;
    let shown = owner.admin().key(owner.key_name()).await?.expect(200)?;
    ensure!(shown.json()?["public_key"] == owner.key().public_base64(), "the public bytes have changed");
    thief.trust(&body).await
}

/// A minimal pair of bodies: the flawed one is refused with `key-invalid` at this pointer and leaves no key; the twin is accepted.
async fn pair(cx: &Cx, word: &str, pointer: &str, flaw: Value) -> Result<(), Stop> {
    let owner = Publisher::stranger(cx, word);
    let twin = key_body(owner.key(), &[owner.scope()], None);
    let mut flawed = twin.clone();
    if let Some(place) = flawed.pointer_mut(pointer) {
        *place = flaw;
    }
    refused("key-invalid").at(pointer).judge(&owner.admin().put_key(owner.key_name(), &flawed).await?)?;
    refused("not-found").judge(&owner.admin().key(owner.key_name()).await?)?;
    owner.trust(&twin).await
}

async fn weak(cx: Cx) -> Result<(), Stop> {
    let encode = |bytes: &[u8]| json!(BASE64_STANDARD.encode(bytes));
    let owner = Publisher::stranger(&cx, "weak");
    let mut keys: Vec<(String, Value)> = Vec::new();
    for (number, key) in hostile_keys::small_order().iter().enumerate() {
        keys.push((format!("small{number}"), encode(key)));
    }
    for (number, key) in hostile_keys::non_canonical_keys().iter().enumerate() {
        keys.push((format!("form{number}"), encode(key)));
    }
    keys.push(("nopoint".to_owned(), encode(&hostile_keys::not_a_point())));
    keys.push(("short".to_owned(), encode(&owner.key().public_key()[..31])));
    keys.push(("long".to_owned(), encode(&[&owner.key().public_key()[..], &[0]].concat())));
    keys.push(("empty".to_owned(), json!("")));
    for (word, key) in keys {
        let judged = pair(&cx, &word, "/public_key", key).await;
        cx.case(word, async { judged }).await;
    }
    Ok(())
}

async fn scope(cx: Cx) -> Result<(), Stop> {
    let space = cx.namespace();
    for (word, entry) in [
        ("star", "*".to_owned()),
        ("infix", format!("{space}.*.x")),
        ("text", format!("{space}*")),
        ("upper", format!("{space}.Upper")),
        ("empty", String::new()),
        ("dot", format!("{space}..*")),
    ] {
        let judged = pair(&cx, word, "/scope/0", json!(entry)).await;
        cx.case(word, async { judged }).await;
    }
    for (word, entries) in [("none", 0), ("many", 33)] {
        let entries: Vec<String> = (0..entries).map(|n| format!("{space}.h{n}")).collect();
        let judged = pair(&cx, word, "/scope", json!(entries)).await;
        cx.case(word, async { judged }).await;
    }
    Ok(())
}
