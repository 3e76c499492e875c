//! Credentials for requests to other hosts (egress.md, section 4).

use assay_package::{Code, KeyName, Refusal};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{json as answer, no_content};
use crate::app::Call;
use crate::body::RequestBody;
use crate::outside::credentials::{Asked, Credential};
use crate::outside::policy::EgressPolicy;
use crate::problem::{Answer, Problem};
use crate::redaction::{Redactor, Secrets};
use crate::request::Members;

/// `GET /admin/egress/credentials`
pub fn list(call: &Call) -> Answer {
    let outside = &call.app.outside;
    let credentials: Vec<Value> =
        outside.keyring.read().values().map(|credential| outside.policy.shown(credential)).collect();
    answer(StatusCode::OK, &json!({ "credentials": credentials }))
}

/// `PUT /admin/egress/credentials/{name}`
pub async fn put(call: &Call, body: &mut RequestBody) -> Answer {
    let name: KeyName = call.name(0, "name")?;
    let app = &call.app;
    let known = ["handlers", "hosts", "header", "value"];
    let mut members = Members::read(body, &known, &app.offer.bounds, &*app.policy).await?;
    let value = members.text("value")?;
    // The other members are quoted where they are wrong; the value must not be seen even if it stands in one of them.
    let hidden = Redactor::new(&Secrets::from([value.clone()]));
    let credential = read(name, value, members, &*app.outside.policy)
        .and_then(|asked| Credential::judge(asked, &*app.outside.policy))
        .map_err(|refusal| app.policy.redacted_refusal(&hidden, refusal))?;
    app.blocking(move |app| {
        let (keyring, policy) = (&app.outside.keyring, &app.outside.policy);
        let mut writer = app.store.write();
        let status = match keyring.read().contains_key(&credential.name) {
            true => StatusCode::OK,
            false => StatusCode::CREATED,
        };
        writer.put_credential(&credential)?;
        policy.announce(&credential);
        let shown = policy.shown(&credential);
        keyring.change(|kept| drop(kept.insert(credential.name.clone(), credential)));
        answer(status, &shown)
    })
    .await
}

/// `DELETE /admin/egress/credentials/{name}`
pub async fn delete(call: &Call) -> Answer {
    let name: KeyName = call.name(0, "name")?;
    call.app
        .blocking(move |app| {
            let mut writer = app.store.write();
            if !app.outside.keyring.read().contains_key(&name) {
                return Err(unknown(&name));
            }
            writer.delete_credential(&name)?;
            app.outside.keyring.change(|kept| drop(kept.remove(&name)));
            Ok(no_content())
        })
        .await
}

fn read(name: KeyName, value: String, mut members: Members, policy: &dyn EgressPolicy) -> Result<Asked, Refusal> {
    let handlers = policy.credential_list(&members.required("handlers")?, "handlers")?;
    let hosts = policy.credential_list(&members.required("hosts")?, "hosts")?;
    Ok(Asked { name, handlers, hosts, header: members.text("header")?, value })
}

fn unknown(name: &KeyName) -> Problem {
    Refusal::new(Code::NotFound, "there is no credential of this name").named(name.as_str()).into()
}
