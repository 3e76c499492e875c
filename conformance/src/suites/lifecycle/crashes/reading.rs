//! Everything that can be seen of a handler from outside, put together after a restart.

use std::collections::BTreeMap;

use assay_harness::{Cx, Reply, Stop, ensure};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::life::Life;
use crate::history::{Handler, Installation, Kind, Release, Seen, Written, version};
use crate::installed::Execution;
use crate::operations::Operations;
use crate::refusal::refused;

/// What is half there.
type Torn = Vec<(Kind, String)>;

/// Reads detail, parts, installation, state and key.
///
/// # Errors
/// FAIL if something is answered that no state of the handler explains.
pub async fn read(cx: &Cx, life: &Life) -> Result<Seen, Stop> {
    let admin = Operations::of(cx.admin());
    let mut torn = Torn::new();
    let detail = admin.detail(&life.id).await?;
    let detail = if detail.status() == 404 {
        refused("not-found").judge(&detail)?;
        Value::Null
    } else {
        detail.expect(200)?.json()?
    };
    let shown: &[Value] = detail["versions"].as_array().map_or(&[], Vec::as_slice);
    let mut releases = BTreeMap::new();
    for number in (1..).zip(&life.packages).map(|(number, _)| number) {
        match shown.iter().find(|release| release["version"] == version(number)) {
            Some(release) => {
                releases.insert(number, whole_release(&admin, life, number, release, &mut torn).await?);
            }
            None => {
                let manifest = admin.part(&life.id, &version(number), "manifest").await?;
                if manifest.status() != 404 {
                    let what = format!("{} is not listed, and {}", version(number), manifest.describe());
                    torn.push((Kind::Upload, what));
                }
            }
        }
    }
    if shown.len() > releases.len() {
        torn.push((Kind::Upload, format!("{} releases are listed", shown.len())));
    }
    let installed = installed(cx, life, &detail, &releases, &mut torn).await?;
    let key = admin.key(&life.id).await?;
    let trusted = key.status() != 404;
    if !trusted {
        refused("not-found").judge(&key)?;
    } else if key.expect(200)?.json()?["public_key"] != life.public_key() {
        torn.push((Kind::Trust, "another key is trusted under its name".to_owned()));
    }
    Ok(Seen { handler: Handler { releases, installed, trusted }, torn })
}

/// A release that is listed: each part that is named can be downloaded, and is what was sent.
async fn whole_release(
    admin: &Operations,
    life: &Life,
    number: u32,
    shown: &Value,
    torn: &mut Torn,
) -> Result<Release, Stop> {
    let (name, package) = (version(number), life.package(number));
    let parts: &[Value] = shown["parts"].as_array().map_or(&[], Vec::as_slice);
    let signatures = parts.len().saturating_sub(2);
    let expected = ["manifest".to_owned(), "module".to_owned()];
    let expected = expected.into_iter().chain((0..signatures).map(|number| format!("signature-{number}")));
    let mut half = |what: String| torn.push((Kind::Upload, format!("{name} is half there: {what}")));
    for (at, part) in expected.enumerate() {
        let reply = admin.part(&life.id, &name, &part).await?;
        if reply.status() != 200 {
            half(format!("`{part}`: {}", reply.describe()));
            continue;
        }
        let digest = format!("sha256:{}", hex::encode(Sha256::digest(reply.body())));
        let listed = parts.get(at).is_some_and(|listed| listed["name"] == *part && listed["digest"] == *digest);
        let sent = match at {
            0 => reply.body() == package.manifest,
            1 => reply.body() == package.module,
            _ => package.signatures.get(at - 2).is_none_or(|sent| reply.body() == sent),
        };
        if !listed || !sent {
            half(format!("`{part}` is not what is listed, or not what was sent"));
        }
    }
    if shown["package"] != package.digest() {
        half(format!("its package is {}", shown["package"]));
    }
    Ok(Release { signatures, revoked: shown["revoked"] == true })
}

/// What is installed, by its own word and by that of the registry, and the state if it runs.
async fn installed(
    cx: &Cx,
    life: &Life,
    detail: &Value,
    releases: &BTreeMap<u32, Release>,
    torn: &mut Torn,
) -> Result<Option<Installation>, Stop> {
    let installation = Operations::of(cx.admin()).installation(&life.id).await?;
    let running = if installation.status() == 404 {
        refused("not-installed").judge(&installation)?;
        Value::Null
    } else {
        installation.expect(200)?.json()?["version"].clone()
    };
    if detail["installed"] != running {
        let what = format!("the registry shows {} as installed, and {running} is", detail["installed"]);
        torn.push((Kind::Install, what));
    }
    let Some((&number, release)) = releases.iter().find(|(number, _)| running == version(**number)) else {
        if !running.is_null() {
            torn.push((Kind::Install, format!("{running} is installed, and no such release is there")));
        }
        return Ok(None);
    };
    let reply = life.reading(&cx.admin()).send().await?;
    if release.revoked {
        if refused("release-revoked").judge(&reply).is_err() {
            torn.push((Kind::Revoke, format!("{} is revoked, and {}", version(number), reply.describe())));
        }
        return Ok(Some(Installation { release: number, state: None }));
    }
    let state = match state(life, number, reply)? {
        Ok(state) => state,
        Err(what) => {
            torn.push(what);
            None
        }
    };
    Ok(Some(Installation { release: number, state }))
}

/// The state in the answer of an execution that reads it, or what of it is torn.
///
/// # Errors
/// FAIL if it did not run.
pub fn state(life: &Life, release: u32, reply: Reply) -> Result<Result<Option<Written>, (Kind, String)>, Stop> {
    let execution = Execution::read(&reply.expect(200)?)?;
    execution.expect("success")?;
    if !life.keeps_state {
        return Ok(Ok(None));
    }
    let output = execution.output();
    let mut found: Vec<String> =
        output[0].as_array().into_iter().flatten().filter_map(|key| decoded(key).ok()).collect();
    found.sort_unstable();
    if found.is_empty() {
        return Ok(Ok(None));
    }
    let number = version(release);
    let Some(by) = (1..=life.packages.len() as u32).find(|&by| found == life.keys(by)) else {
        let what = format!("{number} runs with half of a state: the keys are {}", found.join(" and "));
        return Ok(Err((Kind::Write, what)));
    };
    if by != release {
        let what = format!("{number} runs with the state of {}", version(by));
        return Ok(Err((Kind::Upgrade, what)));
    }
    let value = |at: usize| decoded(&output[at]).ok().and_then(|text| text.parse::<u64>().ok());
    match (value(1), value(2)) {
        (Some(first), Some(second)) if first == second => Ok(Ok(Some(Written { by, value: first }))),
        (first, second) => {
            let what = format!("{number} runs with half of a write: {first:?} and {second:?}");
            Ok(Err((Kind::Write, what)))
        }
    }
}

/// The text that a handler wrote down in hexadecimal digits.
fn decoded(item: &Value) -> Result<String, Stop> {
    let bytes = item.as_str().and_then(|digits| hex::decode(digits).ok());
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    text.ok_or_else(|| Stop::Fail(format!("{item} is no text in hexadecimal digits")))
}

/// The list of handlers, all pages: the versions of each, lowest first, and which one is installed.
///
/// # Errors
/// FAIL if a page is refused.
pub async fn listed(cx: &Cx) -> Result<BTreeMap<String, (Vec<String>, Option<String>)>, Stop> {
    let admin = Operations::of(cx.admin());
    let (mut all, mut query) = (BTreeMap::new(), String::new());
    loop {
        let page = admin.list(&query).await?.expect(200)?;
        let body = page.json()?;
        for item in body["handlers"].as_array().into_iter().flatten() {
            let text = |value: &Value| value.as_str().map(str::to_owned);
            let versions = item["versions"].as_array().into_iter().flatten().filter_map(text);
            let versions = versions.collect::<Vec<_>>().into_iter().rev().collect();
            let id = text(&item["id"]).unwrap_or_default();
            ensure!(all.insert(id, (versions, text(&item["installed"]))).is_none(), "{}: twice", page.describe());
        }
        match body["next_cursor"].as_str() {
            Some(cursor) => query = format!("?cursor={cursor}"),
            None => return Ok(all),
        }
    }
}

/// A handler as the list has to show it.
pub fn as_listed(handler: &Handler) -> (Vec<String>, Option<String>) {
    let versions = handler.releases.keys().map(|number| version(*number)).collect();
    (versions, handler.installed.map(|installed| version(installed.release)))
}
