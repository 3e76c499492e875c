//! A sequence under way: each step is sent to the server and compared with the model, which then follows.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::model::{Envelope, Handler, Installation, Release, Trust, Verdict};
use super::release::{FORM, LONG, SHORT, STRANGER, WAIT, form, package, publisher, sign};
use super::step::{HANDLERS, Named, Signed, Step, VERSIONS, Who};
use super::world::{Reply, World};
use crate::finding::{Finding, Kind};

/// More signatures than this may be refused: the least that every runtime takes.
const SIGNATURES: usize = 4;
/// More records than this may be forgotten, likewise.
pub(super) const RECORDS: usize = 16;

/// A sequence.
pub struct Sequence<'a> {
    pub(super) world: &'a World,
    pub(super) number: u64,
    pub(super) handlers: [Handler; HANDLERS.len()],
    pub(super) trust: Trust,
    /// Executions of installations that are gone: a handler, and an identifier.
    pub(super) gone: Vec<(usize, Value)>,
}

impl<'a> Sequence<'a> {
    /// A sequence of which the server knows nothing yet.
    pub fn begin(world: &'a World) -> Self {
        Self { world, number: world.next(), handlers: Default::default(), trust: Trust::None, gone: Vec::new() }
    }

    /// The id of a handler.
    pub(super) fn id(&self, handler: usize) -> String {
        format!("com.example.n{}.{}", self.number, HANDLERS[handler])
    }

    /// The category of the sequence's handlers.
    pub(super) fn category(&self) -> String {
        format!("n{}", self.number)
    }

    /// The name under which the publisher's key is trusted.
    pub(super) fn key(&self) -> String {
        format!("key-{}", self.number)
    }

    pub(super) fn get(&self, who: Who, path: &str) -> Result<Reply, Finding> {
        self.world.send(who, "GET", path, "", Vec::new())
    }

    pub(super) fn send(&self, who: Who, method: &str, path: &str, body: &Value) -> Result<Reply, Finding> {
        self.world.send(who, method, path, "application/json", body.to_string().into_bytes())
    }

    /// A start from which most is possible: the key is trusted, and so many releases, each after the one before, are stored.
    pub fn prepare(&mut self, releases: usize) -> Result<(), Finding> {
        if releases == 0 {
            return Ok(());
        }
        self.take(&Step::Trust { covers: true })?;
        for number in 0..releases.min(4) {
            let named = Named { handler: number / 3, version: number % 3 };
            let previous = named.version.checked_sub(1);
            self.take(&Step::Upload { named, signed: Signed::Publisher, previous, short: false })?;
        }
        if releases > 4 {
            self.take(&Step::Install(Named { handler: 0, version: 0 }))?;
        }
        Ok(())
    }

    /// Takes a step; answers what was seen, in a word.
    pub fn take(&mut self, step: &Step) -> Result<String, Finding> {
        let reply = match *step {
            Step::Upload { named, signed, previous, short } => self.upload(named, signed, previous, short)?,
            Step::Sign { named, past } => self.sign(named, past)?,
            Step::Trust { covers } => self.trust(covers)?,
            Step::TrustAnother => {
                let verdict = if self.trust == Trust::None { Ok(201) } else { Err(vec!["key-conflict"]) };
                let reply = self.put_key(&STRANGER.public_base64(), "org.nobody.*")?;
                reply.expect(&verdict)?;
                if verdict.is_ok() {
                    // The name is free again, and the stranger's key trusted by nobody.
                    self.world.send(Who::Admin, "DELETE", &format!("/admin/trust/keys/{}", self.key()), "", vec![])?;
                }
                reply
            }
            Step::Distrust => {
                let verdict = if self.trust == Trust::None { Err(vec!["not-found"]) } else { Ok(204) };
                let path = format!("/admin/trust/keys/{}", self.key());
                let reply = self.world.send(Who::Admin, "DELETE", &path, "", vec![])?;
                reply.expect(&verdict)?;
                self.trust = Trust::None;
                reply
            }
            Step::Revoke(named) => {
                let known =
                    self.handlers[named.handler].releases.get_mut(&named.version).map(|release| release.revoked = true);
                let path = format!("{}/versions/{}/revoke", self.registry(named.handler), VERSIONS[named.version]);
                let reply = self.send(Who::Admin, "POST", &path, &json!({"reason": "a step"}))?;
                reply.expect(&known.map_or_else(|| Err(vec!["not-found"]), |()| Ok(200)))?;
                reply
            }
            Step::RevokeAll(handler) => {
                let known = !self.handlers[handler].releases.is_empty();
                self.handlers[handler].revoked |= known;
                let path = format!("{}/revoke", self.registry(handler));
                let reply = self.send(Who::Admin, "POST", &path, &json!({"reason": "a step"}))?;
                reply.expect(&if known { Ok(200) } else { Err(vec!["not-found"]) })?;
                reply
            }
            Step::Install(named) => self.install(named)?,
            Step::Upgrade(named) => self.upgrade(named)?,
            Step::Uninstall(handler) => self.uninstall(handler)?,
            Step::Again(handler) => {
                let version = self.handlers[handler].installed.as_ref().map_or(0, |installed| installed.version);
                self.execute(handler, 0, true)?;
                self.uninstall(handler)?;
                self.install(Named { handler, version })?;
                self.execute(handler, 4, true)?
            }
            Step::Execute { handler, script, admin } => self.execute(handler, script, admin)?,
            Step::Record { under, which, admin } => self.record(under, which, admin)?,
            Step::Wait => {
                self.world.wait(WAIT);
                return Ok("wait".to_owned());
            }
            Step::Look => return self.look().map(|()| "look".to_owned()),
            Step::Role { operation, who } => self.role(operation, who)?,
            Step::Malformed(kind) => self.malformed(kind)?,
        };
        let name = format!("{step:?}");
        let name = name.split([' ', '(', '{']).next().unwrap_or_default().to_owned();
        Ok(format!("{name}={}{}", reply.status, reply.code()))
    }

    fn registry(&self, handler: usize) -> String {
        format!("/admin/registry/handlers/{}", self.id(handler))
    }

    fn upload(&mut self, named: Named, signed: Signed, previous: Option<usize>, short: bool) -> Result<Reply, Finding> {
        let (now, handler) = (self.world.now(), &self.handlers[named.handler]);
        let stated = package(&self.id(named.handler), &self.category(), named.version);
        let publisher = publisher(self.number);
        // What is not stored is named by the digest of another sequence's package: nobody's.
        let previous = previous.map(|version| match handler.releases.get(&version) {
            Some(release) => release.digest.clone(),
            None => package("com.example.nobody", "none", version).digest(),
        });
        let by = match signed {
            Signed::Not => None,
            Signed::Publisher => Some(&publisher),
            Signed::Stranger => Some(&*STRANGER),
        };
        let stated = sign(stated, by, previous.clone(), now, short);
        let gates = || {
            match signed {
                Signed::Not => {}
                Signed::Publisher => self.trust.verdict()?,
                Signed::Stranger => return Err("signature-invalid"),
            }
            if handler.revoked {
                return Err("release-revoked");
            }
            let previous = previous.as_deref().filter(|_| signed != Signed::Not);
            handler.follows(named.version, previous)?;
            if handler.releases.contains_key(&named.version) { Err("version-exists") } else { Ok(201) }
        };
        let verdict: Verdict = gates().map_err(|code| vec![code]);
        let reply = self.world.send(Who::Admin, "POST", "/admin/registry/handlers", FORM, form(&stated))?;
        reply.expect(&verdict)?;
        if verdict.is_ok() {
            let location = format!("/registry/handlers/{}", self.id(named.handler));
            if reply.json["package"] != stated.digest() || reply.header("location") != location {
                return reply.wrong(Kind::Differs, format!("the contract says {} at {location}", stated.digest()));
            }
            let holds = if short { SHORT } else { LONG };
            let by_publisher = Envelope { registry: false, expires_at: now + holds };
            let release = Release {
                digest: stated.digest(),
                manifest: stated.manifest.clone(),
                envelopes: if signed == Signed::Publisher { vec![by_publisher] } else { Vec::new() },
                previous: previous.filter(|_| signed == Signed::Publisher),
                revoked: false,
            };
            self.handlers[named.handler].releases.insert(named.version, release);
        }
        Ok(reply)
    }

    fn sign(&mut self, named: Named, past: bool) -> Result<Reply, Finding> {
        let now = self.world.now();
        let expires_at = if past { now - SignedDuration::from_secs(1) } else { now + SHORT };
        let path = format!("{}/versions/{}/sign", self.registry(named.handler), VERSIONS[named.version]);
        let release = self.handlers[named.handler].releases.get_mut(&named.version);
        let verdict = match &release {
            None => Err(vec!["not-found"]),
            Some(_) if past => Err(vec!["request-malformed"]),
            Some(release) if release.envelopes.len() >= SIGNATURES => return self.get(Who::Nobody, "/health"),
            Some(_) => Ok(200),
        };
        if let (Some(release), Ok(_)) = (release, &verdict) {
            release.envelopes.push(Envelope { registry: true, expires_at });
        }
        let reply = self.send(Who::Admin, "POST", &path, &json!({"expires_at": expires_at.to_string()}))?;
        reply.expect(&verdict)?;
        Ok(reply)
    }

    fn put_key(&self, public_key: &str, scope: &str) -> Result<Reply, Finding> {
        let body = json!({"public_key": public_key, "role": "publisher", "scope": [scope]});
        self.send(Who::Admin, "PUT", &format!("/admin/trust/keys/{}", self.key()), &body)
    }

    fn trust(&mut self, covers: bool) -> Result<Reply, Finding> {
        let scope = if covers { format!("com.example.n{}.*", self.number) } else { "org.example.*".to_owned() };
        let verdict = if self.trust == Trust::None { Ok(201) } else { Ok(200) };
        let reply = self.put_key(&publisher(self.number).public_base64(), &scope)?;
        reply.expect(&verdict)?;
        self.trust = if covers { Trust::Here } else { Trust::Elsewhere };
        Ok(reply)
    }

    fn install(&mut self, named: Named) -> Result<Reply, Finding> {
        let now = self.world.now();
        let handler = &self.handlers[named.handler];
        let verdict = match (&handler.installed, handler.releases.contains_key(&named.version)) {
            (Some(_), true) => Err(vec!["already-installed"]),
            (Some(_), false) => Err(vec!["already-installed", "not-found"]),
            (None, false) => Err(vec!["not-found"]),
            (None, true) => handler.admits(named.version, self.trust, now).map(|()| 201).map_err(|code| vec![code]),
        };
        let path = format!("/handlers/{}/install", self.id(named.handler));
        let reply = self.send(Who::Admin, "POST", &path, &json!({"version": VERSIONS[named.version]}))?;
        reply.expect(&verdict)?;
        if verdict.is_ok() {
            self.handlers[named.handler].installed =
                Some(Installation { version: named.version, ..Default::default() });
            self.shows(named.handler, &reply)?;
        }
        Ok(reply)
    }

    fn upgrade(&mut self, named: Named) -> Result<Reply, Finding> {
        let now = self.world.now();
        let handler = &self.handlers[named.handler];
        let verdict = match (&handler.installed, handler.releases.contains_key(&named.version)) {
            (None, _) => Err(vec!["not-installed"]),
            (Some(_), false) => Err(vec!["not-found"]),
            (Some(installed), true) => {
                let admitted = handler.admits(named.version, self.trust, now);
                let upgraded = admitted.and_then(|()| handler.upgrades(installed.version, named.version));
                upgraded.map(|()| 200).map_err(|code| vec![code])
            }
        };
        let path = format!("/handlers/{}/upgrade", self.id(named.handler));
        let reply = self.send(Who::Admin, "POST", &path, &json!({"version": VERSIONS[named.version]}))?;
        reply.expect(&verdict)?;
        if let (Ok(_), Some(installed)) = (&verdict, &mut self.handlers[named.handler].installed) {
            installed.version = named.version;
            self.shows(named.handler, &reply)?;
        }
        Ok(reply)
    }

    fn uninstall(&mut self, handler: usize) -> Result<Reply, Finding> {
        let installed = self.handlers[handler].installed.take();
        let verdict = installed.as_ref().map_or_else(|| Err(vec!["not-installed"]), |_| Ok(204));
        let answers = installed.into_iter().flat_map(|installed| installed.answers);
        self.gone.extend(answers.map(|(answer, _, _)| (handler, answer["execution"].clone())));
        let reply = self.world.send(Who::Admin, "DELETE", &format!("/handlers/{}", self.id(handler)), "", vec![])?;
        reply.expect(&verdict)?;
        Ok(reply)
    }

    /// core.md 9.3 and 9.5: whether an execution begins.
    pub(super) fn begins(&self, handler: usize) -> Verdict {
        let model = &self.handlers[handler];
        let Some(installed) = &model.installed else { return Err(vec!["not-installed"]) };
        let admitted = model.admits(installed.version, self.trust, self.world.now());
        admitted.map(|()| 200).map_err(|code| vec![code])
    }

    fn execute(&mut self, handler: usize, script: usize, admin: bool) -> Result<Reply, Finding> {
        let (verdict, id) = (self.begins(handler), self.id(handler));
        let who = if admin { Who::Admin } else { Who::User };
        let reply = self.send(who, "POST", &format!("/handlers/{id}/executions"), &json!({"input": script}))?;
        reply.expect(&verdict)?;
        let model = &mut self.handlers[handler];
        let digest = model.installed.as_ref().and_then(|installed| model.releases.get(&installed.version));
        let digest = digest.map(|release| release.digest.clone());
        let (Ok(_), Some(installed)) = (verdict, &mut model.installed) else { return Ok(reply) };
        let next = installed.number.map_or(1, |number| number + 1);
        let hex =
            |number: u64| json!(number.to_le_bytes().iter().map(|byte| format!("{byte:02x}")).collect::<String>());
        let (outcome, output) = match script {
            0 => ("success", json!([hex(next)])),
            1 => ("trap", Value::Null),
            2 => ("failure", Value::Null),
            3 => ("output-rejected", Value::Null),
            _ => {
                let mut items = vec![installed.number.map_or(Value::Null, hex)];
                items.extend((0..installed.version).map(|_| Value::Null));
                ("success", Value::Array(items))
            }
        };
        let answer = &reply.json;
        let right = answer["outcome"] == outcome
            && answer["output"] == output
            && answer["handler"] == id
            && answer["version"] == VERSIONS[installed.version]
            && answer["package"] == json!(digest);
        if !right {
            return reply.wrong(Kind::Differs, format!("the contract says {outcome} {output} of {installed:?}"));
        }
        if installed.answers.iter().any(|(known, _, _)| known["execution"] == answer["execution"]) {
            return reply.wrong(Kind::Differs, "another execution had this identifier");
        }
        if script == 0 {
            installed.number = Some(next);
        }
        installed.answers.push((answer.clone(), reply.body.to_vec(), admin));
        Ok(reply)
    }

    /// Leaves the server as if the sequence had not installed anything.
    pub fn end(&mut self) -> Result<(), Finding> {
        let mut ended = Ok(());
        for handler in 0..HANDLERS.len() {
            if self.handlers[handler].installed.is_some() {
                ended = ended.and(self.uninstall(handler).map(|_| ()));
            }
        }
        ended
    }
}
