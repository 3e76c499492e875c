//! Keeping credentials: who may, of which form they are, and how they are listed (egress.md 4.1).

use assay_harness::{Control as _, Cx, Stop, ensure};
use serde_json::{Value, json};

use super::{HEADER, body, name, secret};
use crate::outside::Outside;
use crate::refusal::refused;
use crate::traces::traces;

pub(super) async fn roles(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let host = outside.host("api")?;
    let name = name(&cx, "roles");
    let body = body(&outside, &[host.rule()], HEADER, &secret(&cx, "roles"));
    let (user, admin) = (outside.publisher().user(), outside.publisher().control());
    let forbidden = refused("forbidden");
    cx.case("put", async { forbidden.judge(&user.put_credential(&name, &body).await?) }).await;
    cx.case("list", async { forbidden.judge(&user.credentials().await?) }).await;
    let kept = async { admin.put_credential(&name, &body).await?.expect(201) };
    kept.await.control("an admin keeps a credential")?;
    cx.case("delete", async { forbidden.judge(&user.delete_credential(&name).await?) }).await;
    let stranger = crate::operations::Operations::of(cx.anonymous());
    cx.case("without a token", async { refused("unauthenticated").judge(&stranger.credentials().await?) }).await;
    let removed = async { admin.delete_credential(&name).await?.expect(204) };
    removed.await.control("an admin removes it").map(drop)
}

pub(super) async fn form(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let host = outside.host("api")?;
    let right = body(&outside, &[host.rule()], HEADER, &secret(&cx, "form"));
    let long = "v".repeat(4097);
    let too_many: Vec<String> = (0..33).map(|n| format!("https://h{n}.example.com")).collect();
    let space = cx.namespace();
    let mut flaws: Vec<(String, Value)> = Vec::new();
    let headers =
        ["host", "Content-Length", "connection", "TE", "transfer-encoding", "expect", "", "a b", "a:", "\u{e4}"];
    flaws.extend(headers.map(|header| ("/header".to_owned(), json!(header))));
    let values = ["", "1234567", &long, "with\r\nbreak", "with\0nul", " in front", "behind ", "\u{e4}12345678"];
    flaws.extend(values.map(|value| ("/value".to_owned(), json!(value))));
    let hosts = [
        "api.example.com",
        "https://*.com",
        "https://127.0.0.1",
        "https://a.example.com/",
        "http://a.example.com",
        "*",
    ];
    flaws.extend(hosts.map(|rule| ("/hosts/0".to_owned(), json!(rule))));
    let handlers =
        ["*".to_owned(), format!("{space}*"), format!("{space}.*.x"), format!("{space}.Upper"), String::new()];
    flaws.extend(handlers.map(|handler| ("/handlers/0".to_owned(), json!(handler))));
    flaws.push(("/hosts".to_owned(), json!([])));
    flaws.push(("/hosts".to_owned(), json!(too_many)));
    flaws.push(("/handlers".to_owned(), json!([])));
    let admin = outside.publisher().admin();
    for (number, (pointer, flaw)) in flaws.into_iter().enumerate() {
        let shown: String = flaw.to_string().chars().take(40).collect();
        let judged = async {
            let name = name(&cx, &format!("f{number}"));
            let mut wrong = right.clone();
            if let Some(place) = wrong.pointer_mut(&pointer) {
                *place = flaw;
            }
            refused("credential-invalid").at(&pointer).judge(&admin.put_credential(&name, &wrong).await?)?;
            refused("not-found").judge(&admin.delete_credential(&name).await?)?;
            let twin = async { outside.publisher().control().put_credential(&name, &right).await?.expect(201) };
            twin.await.control("the credential without the flaw is kept").map(drop)
        };
        cx.case(format!("{pointer} {shown}"), judged).await;
    }
    for header in ["authorization", "Cookie", "x"] {
        let mut credential = right.clone();
        credential["header"] = json!(header);
        let judged = async {
            admin.put_credential(&name(&cx, &header.to_lowercase()), &credential).await?.expect(201).map(drop)
        };
        cx.case(format!("{header} is allowed"), judged).await;
    }
    Ok(())
}

pub(super) async fn members(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let host = outside.host("api")?;
    let right = body(&outside, &[host.rule()], HEADER, &secret(&cx, "members"));
    let without = |member: &str| {
        let mut credential = right.clone();
        credential.as_object_mut().map(|members| members.remove(member));
        credential
    };
    let with = |member: &str, value: Value| {
        let mut credential = right.clone();
        credential[member] = value;
        credential
    };
    let mut flaws: Vec<(String, Value)> = Vec::new();
    for member in ["handlers", "hosts", "header", "value"] {
        flaws.push((format!("no `{member}`"), without(member)));
        for wrong in [Value::Null, json!(12_345_678), json!(true), json!({})] {
            flaws.push((format!("`{member}` is {wrong}"), with(member, wrong)));
        }
    }
    for member in ["header", "value"] {
        flaws.push((format!("a list for `{member}`"), with(member, json!([right[member]]))));
    }
    for member in ["handlers", "hosts"] {
        flaws.push((format!("a text for `{member}`"), with(member, right[member][0].clone())));
        for wrong in [Value::Null, json!(1), json!([])] {
            flaws.push((format!("{wrong} among `{member}`"), with(member, json!([right[member][0], wrong]))));
        }
    }
    for member in ["name", "Value", "ports", ""] {
        flaws.push((format!("a member `{member}`"), with(member, json!("12345678"))));
    }
    for (what, body) in [("a list", json!([right])), ("null", Value::Null), ("nothing", json!({}))] {
        flaws.push((format!("{what} for a body"), body));
    }
    let (admin, control) = (outside.publisher().admin(), outside.publisher().control());
    let malformed = refused("request-malformed");
    let own = name(&cx, "members");
    for (what, wrong) in flaws {
        let judged = async {
            malformed.judge(&admin.put_credential(&own, &wrong).await?)?;
            refused("not-found").judge(&admin.delete_credential(&own).await?)
        };
        cx.case(what, judged).await;
    }
    let space = cx.namespace();
    for wrong in
        [format!("{space}-A"), format!("-{space}"), format!("{space}%20x"), format!("{space}%C3%A4"), "a".repeat(65)]
    {
        let judged = async {
            let malformed = malformed.clone().named("name");
            malformed.judge(&admin.put_credential(&wrong, &right).await?)?;
            malformed.judge(&admin.delete_credential(&wrong).await?)
        };
        cx.case(format!("the name {wrong}"), judged).await;
    }
    // What is right in all of this is kept, under the longest name.
    let longest = format!("{:-<64}", name(&cx, "members"));
    for name in [&own, &longest] {
        let kept = async { control.put_credential(name, &right).await?.expect(201) };
        kept.await.control("the credential without a flaw is kept")?;
    }
    Ok(())
}

pub(super) async fn listed(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let host = outside.host("api")?;
    let (name, secret) = (name(&cx, "listed"), secret(&cx, "listed"));
    let admin = outside.publisher().admin();
    let body = body(&outside, &[host.rule()], HEADER, &secret);
    refused("not-found").judge(&admin.delete_credential(&name).await?)?;
    let hidden = |text: &[u8]| {
        let text = String::from_utf8_lossy(text);
        let found = traces(&secret).into_iter().find(|(_, trace)| text.contains(trace));
        ensure!(found.is_none(), "the answer shows the value {}", found.unwrap_or_default().0);
        Ok(())
    };
    for status in [201, 200] {
        let reply = admin.put_credential(&name, &body).await?.expect(status)?;
        hidden(reply.body())?;
        let expected = json!({"name": name, "handlers": body["handlers"], "hosts": body["hosts"], "header": HEADER});
        let shown = reply.json()?;
        let same = expected.as_object().is_some_and(|members| members.iter().all(|(key, value)| shown[key] == *value));
        ensure!(same, "the credential is shown as {shown}, expected {expected}");
        let reply = admin.credentials().await?.expect(200)?;
        hidden(reply.body())?;
        let list = reply.json()?["credentials"].as_array().cloned().unwrap_or_default();
        let names: Vec<&str> = list.iter().filter_map(|item| item["name"].as_str()).collect();
        ensure!(names.is_sorted(), "the credentials are not in ascending order of their names");
        let own: Vec<&Value> = list.iter().filter(|item| item["name"] == name).collect();
        ensure!(own == [&shown], "the credential is listed as {own:?}, expected {shown}");
    }
    admin.delete_credential(&name).await?.expect(204)?;
    let list = admin.credentials().await?.expect(200)?.json()?;
    ensure!(!list.to_string().contains(&name), "a credential that was removed is listed");
    refused("not-found").judge(&admin.delete_credential(&name).await?)
}
