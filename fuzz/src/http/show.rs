//! What the server shows, beside the model; and requests that are refused whatever the model holds.

use serde_json::{Value, json};

use super::model::Trust;
use super::step::{HANDLERS, VERSIONS, Who};
use super::take::{RECORDS, Sequence};
use super::world::Reply;
use crate::finding::{Finding, Kind};

/// The names of the outcomes.
const OUTCOMES: [&str; 6] = ["success", "failure", "timeout", "memory-exceeded", "trap", "output-rejected"];

impl Sequence<'_> {
    /// core.md 9.1 and 9.20: an installation with what its executions came to.
    pub(super) fn shows(&self, handler: usize, reply: &Reply) -> Result<(), Finding> {
        let model = &self.handlers[handler];
        let Some(installed) = &model.installed else { return Ok(()) };
        let release = &model.releases[&installed.version];
        let shown = &reply.json;
        let right = shown["id"] == self.id(handler)
            && shown["version"] == VERSIONS[installed.version]
            && shown["package"] == release.digest;
        if !right {
            return reply
                .wrong(Kind::Differs, format!("{} of {} is installed", VERSIONS[installed.version], self.id(handler)));
        }
        let usage = &shown["usage"];
        if usage.is_null() {
            return Ok(());
        }
        let answers = || installed.answers.iter().map(|(answer, _, _)| answer);
        let counted = |name: &&str| json!(answers().filter(|answer| answer["outcome"] == **name).count());
        let used = |name: &str| answers().filter_map(|answer| answer["usage"][name].as_u64()).collect::<Vec<u64>>();
        let right = usage["executions"] == installed.answers.len()
            && OUTCOMES.iter().all(|name| usage["outcomes"][*name] == counted(name))
            && usage["cpu_us"] == used("cpu_us").iter().sum::<u64>()
            && usage["memory_bytes"] == used("memory_bytes").into_iter().max().unwrap_or_default();
        if right {
            Ok(())
        } else {
            reply.wrong(Kind::Differs, format!("these are the answers: {:?}", installed.answers))
        }
    }

    /// Looks at all that can be seen of the sequence.
    pub fn look(&self) -> Result<(), Finding> {
        for handler in 0..HANDLERS.len() {
            self.look_at_installation(handler)?;
            self.look_at_releases(handler)?;
        }
        self.look_at_lists()?;
        for (which, under) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            self.record(under, which, false)?;
            self.record(under, which, true)?;
        }
        let reply = self.get(Who::Admin, &format!("/admin/trust/keys/{}", self.key()))?;
        let known = self.trust != Trust::None;
        reply.expect(&if known { Ok(200) } else { Err(vec!["not-found"]) })?;
        let reply = self.get(Who::Admin, "/admin/trust/keys")?;
        let listed = reply.json["keys"].as_array().into_iter().flatten().any(|key| key["key"] == self.key());
        if listed != known {
            return reply.wrong(Kind::Differs, format!("the key {} is {:?}", self.key(), self.trust));
        }
        let health = self.get(Who::Nobody, "/health")?;
        health.expect(&Ok(200))?;
        if health.json["status"] == "ok" { Ok(()) } else { health.wrong(Kind::Differs, "it is not well") }
    }

    fn look_at_installation(&self, handler: usize) -> Result<(), Finding> {
        let (id, model) = (self.id(handler), &self.handlers[handler]);
        let verdict = model.installed.as_ref().map_or_else(|| Err(vec!["not-installed"]), |_| Ok(200));
        let reply = self.get(Who::User, &format!("/handlers/{id}"))?;
        reply.expect(&verdict)?;
        self.shows(handler, &reply)?;
        let reply = self.get(Who::Admin, &format!("/handlers/{id}/state"))?;
        reply.expect(&verdict)?;
        let Some(installed) = &model.installed else { return Ok(()) };
        let keys = installed.number.map_or(json!([]), |_| json!([{"key": "n", "bytes": 9}]));
        let used = if installed.number.is_some() { 9 } else { 0 };
        if reply.json["keys"] != keys || reply.json["used_bytes"] != used {
            return reply.wrong(Kind::Differs, format!("the number is {:?}", installed.number));
        }
        Ok(())
    }

    /// registry.md 4.3 and 5.1: the detail, and the manifest of each release.
    fn look_at_releases(&self, handler: usize) -> Result<(), Finding> {
        let (id, model) = (self.id(handler), &self.handlers[handler]);
        let reply = self.get(Who::User, &format!("/registry/handlers/{id}"))?;
        if model.releases.is_empty() {
            return reply.expect(&Err(vec!["not-found"]));
        }
        reply.expect(&Ok(200))?;
        let shown = reply.json["versions"].as_array().cloned().unwrap_or_default();
        let whole = shown.len() == model.releases.len() && reply.json["revoked"] == model.revoked;
        let same = |(release, (version, stated)): (&Value, (&usize, &super::model::Release))| {
            // Whose key is trusted no more has verified nothing.
            let mut signers: Vec<Value> = Vec::new();
            for envelope in &stated.envelopes {
                let name = if envelope.registry { json!("registry") } else { json!(self.key()) };
                if (envelope.registry || self.trust == Trust::Here) && !signers.contains(&name) {
                    signers.push(name);
                }
            }
            let named = release["signers"].as_array().into_iter().flatten().map(|signer| signer["key"].clone());
            let told = self.trust == Trust::Elsewhere || named.collect::<Vec<_>>() == signers;
            release["version"] == VERSIONS[*version]
                && release["package"] == stated.digest
                && (release["revoked"] == stated.revoked || model.revoked)
                && told
        };
        if !whole || !shown.iter().zip(model.releases.iter().rev()).all(same) {
            return reply.wrong(Kind::Differs, format!("the contract says {:?}", model.releases));
        }
        for (version, stated) in &model.releases {
            let path = format!("/registry/handlers/{id}/versions/{}/manifest", VERSIONS[*version]);
            let part = self.get(Who::User, &path)?;
            part.expect(&Ok(200))?;
            let named = !part.header("etag").is_empty() && part.header("repr-digest").starts_with("sha-256=:");
            if part.body != stated.manifest || !named {
                return part.wrong(Kind::Differs, "this is not the manifest that was uploaded, with its digest");
            }
        }
        Ok(())
    }

    /// registry.md 4.1 and core.md 9.21: both lists, in pages of one.
    fn look_at_lists(&self) -> Result<(), Finding> {
        let stored = |handler: &usize| !self.handlers[*handler].releases.is_empty();
        let installed = |handler: &usize| self.handlers[*handler].installed.is_some();
        let all = || 0..HANDLERS.len();
        let category = self.category();
        let listed =
            self.walk(&format!("/registry/handlers?category={category}&limit=1"), all().filter(stored).collect())?;
        for (handler, item) in listed {
            let model = &self.handlers[handler];
            let versions: Vec<&str> = model.releases.keys().rev().map(|version| VERSIONS[*version]).collect();
            let runs = model.installed.as_ref().map(|installed| VERSIONS[installed.version]);
            let latest = versions.first().copied().unwrap_or_default();
            if item["versions"] != json!(versions) || item["installed"] != json!(runs) || item["latest"] != latest {
                return Err(Finding::new(
                    Kind::Differs,
                    format!("listed as {item}; there are {versions:?}, {runs:?} runs"),
                ));
            }
        }
        let path = format!("/registry/handlers?category={category}&installed=true&limit=1");
        self.walk(&path, all().filter(installed).collect())?;
        self.walk("/handlers?limit=1", all().filter(installed).collect()).map(|_| ())
    }

    /// Follows a list from page to page; it has to show exactly these handlers, in this order.
    fn walk(&self, path: &str, expected: Vec<usize>) -> Result<Vec<(usize, Value)>, Finding> {
        let mut found = Vec::new();
        let mut next = path.to_owned();
        for handler in expected.iter().map(|handler| Some(*handler)).chain([None]) {
            let reply = self.get(Who::User, &next)?;
            reply.expect(&Ok(200))?;
            let items = reply.json["handlers"].as_array().cloned().unwrap_or_default();
            match (handler, items.as_slice()) {
                (None, []) => {}
                (Some(handler), [item]) if item["id"] == self.id(handler) => found.push((handler, item.clone())),
                _ => {
                    return reply
                        .wrong(Kind::Differs, format!("{:?} comes here", handler.map(|handler| self.id(handler))));
                }
            }
            match reply.json["next_cursor"].as_str() {
                Some(cursor) => next = format!("{path}&cursor={cursor}"),
                None if found.len() == expected.len() => return Ok(found),
                None => return reply.wrong(Kind::Differs, format!("there are {} more", expected.len() - found.len())),
            }
        }
        Err(Finding::new(Kind::Unbounded, format!("{path} has no end")))
    }

    /// core.md 9.22 and 9.24: a record, byte for byte, for whom it is.
    pub(super) fn record(&self, under: usize, which: usize, admin: bool) -> Result<Reply, Finding> {
        let who = if admin { Who::Admin } else { Who::User };
        // The last ones of each handler: older ones may be forgotten.
        let mut all = (0..HANDLERS.len()).flat_map(|handler| {
            let installed = self.handlers[handler].installed.iter();
            installed
                .flat_map(|installed| installed.answers.iter().rev().take(RECORDS))
                .map(move |kept| (handler, kept))
        });
        let Some((handler, (answer, body, by_admin))) = all.nth(which) else {
            let (under, execution) = self.gone.last().cloned().unwrap_or_else(|| (under, json!("never-was")));
            let execution = execution.as_str().unwrap_or_default().to_owned();
            let reply = self.get(who, &format!("/handlers/{}/executions/{execution}", self.id(under)))?;
            reply.expect(&Err(vec!["not-found"]))?;
            return Ok(reply);
        };
        let execution = answer["execution"].as_str().unwrap_or_default();
        let reply = self.get(who, &format!("/handlers/{}/executions/{execution}", self.id(under)))?;
        let shown = under == handler && (admin || !by_admin);
        reply.expect(&if shown { Ok(200) } else { Err(vec!["not-found"]) })?;
        if shown && reply.body != *body { reply.wrong(Kind::Differs, "it was another answer") } else { Ok(reply) }
    }
    /// README 2: who may do what, whatever else is wrong with the request.
    pub(super) fn role(&self, operation: usize, who: Who) -> Result<Reply, Finding> {
        let id = self.id(0);
        let operations = [
            ("GET", "/admin/trust/keys".to_owned(), false),
            ("PUT", format!("/admin/trust/keys/{}", self.key()), false),
            ("DELETE", "/admin/trust/keys/never-was".to_owned(), false),
            ("GET", "/admin/egress/credentials".to_owned(), false),
            ("POST", "/admin/registry/handlers".to_owned(), false),
            ("POST", format!("/admin/registry/handlers/{id}/revoke"), false),
            ("POST", format!("/admin/registry/handlers/{id}/versions/1.0.0/sign"), false),
            ("POST", format!("/handlers/{id}/install"), false),
            ("POST", format!("/handlers/{id}/upgrade"), false),
            ("DELETE", "/handlers/com.example.never-was".to_owned(), false),
            ("GET", format!("/handlers/{id}/state"), false),
            ("GET", format!("/handlers/{id}/egress"), false),
            ("GET", "/handlers?limit=1".to_owned(), true),
            ("GET", format!("/registry/handlers?category={}", self.category()), true),
            ("GET", "/registry/handlers/com.example.never-was".to_owned(), true),
            ("POST", "/handlers/com.example.never-was/executions".to_owned(), true),
        ];
        let (method, path, for_users) = &operations[operation % operations.len()];
        let reply = self.world.send(who, method, path, "application/json", b"{\"x\":".to_vec())?;
        match who {
            Who::Nobody | Who::Stranger => reply.expect(&Err(vec!["unauthenticated"]))?,
            _ if !for_users => reply.expect(&Err(vec!["forbidden"]))?,
            _ if ["unauthenticated", "forbidden"].contains(&reply.code()) => {
                return reply.wrong(Kind::Refused, "a user may do this");
            }
            _ => {}
        }
        Ok(reply)
    }

    /// README 1: what is no request, and what does not exist.
    pub(super) fn malformed(&self, kind: usize) -> Result<Reply, Finding> {
        let id = self.id(0);
        let deep = format!("{{\"input\":{}{}}}", "[".repeat(200), "]".repeat(200));
        let install = format!("/handlers/{id}/install");
        let execute = format!("/handlers/{id}/executions");
        let requests: [(&str, &str, &str, &str); 16] = [
            ("POST", &install, "{\"version\":\"1.0.0\",\"force\":true}", "request-malformed"),
            ("POST", &install, "{\"version\":\"1.0.0\",\"version\":\"1.0.0\"}", "request-malformed"),
            ("POST", &execute, &deep, "request-malformed"),
            ("POST", &install, "{}", "request-malformed"),
            ("POST", &install, "{\"version\":1}", "request-malformed"),
            ("POST", &install, "{\"version\":\"1.0\"}", "request-malformed"),
            ("POST", &install, "[\"1.0.0\"]", "request-malformed"),
            ("POST", "/handlers/No_Id/install", "{\"version\":\"1.0.0\"}", "request-malformed"),
            ("GET", "/registry/handlers?limit=0", "", "request-malformed"),
            ("GET", "/registry/handlers?limit=x", "", "request-malformed"),
            ("GET", "/registry/handlers?order=name", "", "request-malformed"),
            ("GET", "/handlers?cursor=%00", "", "request-malformed"),
            ("PATCH", &install, "{}", "method-not-allowed"),
            ("GET", &execute, "", "method-not-allowed"),
            ("GET", "/handlers/a/b/c/d", "", "not-found"),
            ("POST", "/admin/registry/handlers", "{}", "multipart-malformed"),
        ];
        let (method, path, body, code) = requests[kind % requests.len()];
        let reply = self.world.send(Who::Admin, method, path, "application/json", body.as_bytes().to_vec())?;
        // What is judged first of an execution, the handler or the body, is left open.
        let of_the_handler = if path == execute { self.begins(0).err() } else { None };
        reply.expect(&Err([vec![code], of_the_handler.unwrap_or_default()].concat()))?;
        Ok(reply)
    }
}
