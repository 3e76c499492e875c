//! `package push`: from the folder to an installed handler, each step said as it is done.

use std::path::PathBuf;

use assay_harness::Exit;
use clap::Args;
use serde_json::{Value, json};

use crate::check::read_manifest;
use crate::document::{Document, Node};
use crate::folder::Folder;
use crate::report::{Done, Failed, typed};
use crate::verify::{Verified, verified};
use crate::{Offer, Parts};

mod refused;
pub(crate) mod target;
mod trust;

use refused::Sent;
use target::{At, Target};

/// Where to, and what to do there.
#[derive(Args, Clone, Debug)]
pub struct Push {
    /// Folder of the package
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Base URL of the runtime
    #[arg(long, value_name = "URL", env = "ASSAY_TARGET", default_value = "http://127.0.0.1:8420")]
    target: String,
    /// Bearer token of the role admin; better in the environment than where everybody can see it
    #[arg(long, value_name = "TOKEN", env = "ASSAY_ADMIN_TOKEN", hide_env_values = true)]
    admin_token: Option<String>,
    /// Public key that made the signature [default: author.pub beside DIR]
    #[arg(long, value_name = "FILE", env = "ASSAY_AUTHOR_PUB")]
    public: Option<PathBuf>,
    /// Make no key trusted: somebody else has done so
    #[arg(long)]
    no_trust: bool,
    /// Let the registry sign it, too, with its own key, to the end of the author's signature
    #[arg(long)]
    registry_sign: bool,
    /// Only store it, and install nothing
    #[arg(long)]
    no_install: bool,
    /// Execute it once with this input, as JSON, and print what it answers
    #[arg(long, value_name = "JSON", conflicts_with = "no_install")]
    input: Option<String>,
}

impl Push {
    pub(crate) async fn run(self) -> Result<Done, Failed> {
        let Some(token) = self.admin_token.as_deref() else {
            let next =
                "export ASSAY_ADMIN_TOKEN=… with the token of the runtime; one that was started without prints it";
            return Err(Failed::usage("push needs a token of the role admin", next));
        };
        let input: Option<Value> = self.input.as_deref().map(serde_json::from_str).transpose().map_err(|fault| {
            Failed::usage(
                format!("--input is not JSON: {fault}"),
                "Quote a text twice, for the shell and for JSON: --input '\"hello\"'",
            )
        })?;
        let folder = Folder::new(&self.dir);
        let target = Target::new(At { url: &self.target, token: Some(token) })?;
        let offer = Offer::of(&target.discovery().await?);
        let package = verified(&folder, self.public.clone(), &offer)?;
        let document = read_manifest(&package.contents.manifest, &offer)
            .map_err(|fault| Failed::refused("the manifest cannot be read", vec![*fault], "Correct it."))?;
        let text = |pointer| document.at(pointer).and_then(Node::text).unwrap_or_default().to_owned();
        let (id, version) = (text("/id"), text("/version"));
        let sent = Sent { folder: &folder, document: &document, id: &id };
        let mut push = Steps { target: &target, sent, id: &id, version: &version, done: Done::default() };
        if !self.no_trust {
            trust::make_trusted(&mut push, &package.key).await?;
        }
        push.upload(&package, &document).await?;
        if self.registry_sign {
            push.registry_sign(&package).await?;
        }
        if !self.no_install {
            push.install().await?;
        }
        if let Some(input) = input {
            push.execute(&input).await?;
        }
        push.done.member("id", id.clone());
        push.done.member("version", version.clone());
        Ok(push.done)
    }
}

/// What is done, step by step.
struct Steps<'a> {
    target: &'a Target,
    sent: Sent<'a>,
    id: &'a str,
    version: &'a str,
    done: Done,
}

impl Steps<'_> {
    async fn upload(&mut self, package: &Verified, document: &Document) -> Result<(), Failed> {
        let (manifest, module) = (&package.contents.manifest, &package.contents.module);
        let parts = Parts { manifest, module, signatures: &package.contents.signatures };
        let digest = assay_fixtures::sha256(manifest);
        let answer = self.target.upload(parts).await?;
        let what = format!("{} {}", self.id, self.version);
        if answer.status == 201 {
            self.done.line(format!("stored: {what}, {digest}"));
        } else if answer.is_problem("version-exists") && self.is_stored(&digest).await? {
            self.done.line(format!("stored before: {what}, {digest}"));
        } else {
            let place = document.place("/version");
            return Err(self.sent.refusal("it was not stored", &answer, Some(place)));
        }
        self.done.member("package", digest);
        Ok(())
    }

    /// Whether this very package is what is stored under its version.
    async fn is_stored(&self, digest: &str) -> Result<bool, Failed> {
        let detail = self.target.get(&format!("/registry/handlers/{}", self.id)).await?;
        let releases = detail.body["versions"].as_array().cloned().unwrap_or_default();
        Ok(releases.iter().any(|release| release["version"] == self.version && release["package"] == digest))
    }

    async fn registry_sign(&mut self, package: &Verified) -> Result<(), Failed> {
        let path = format!("/admin/registry/handlers/{}/versions/{}/sign", self.id, self.version);
        let expires_at = package.expires_at.map(|at| at.to_string());
        let answer = self.target.post(&path, &json!({ "expires_at": expires_at })).await?;
        if answer.status != 200 {
            return Err(self.sent.refusal("the registry did not sign it", &answer, None));
        }
        self.done.line("signed by the registry's own key, too");
        Ok(())
    }

    /// Installs, or upgrades what is installed.
    async fn install(&mut self) -> Result<(), Failed> {
        let body = json!({ "version": self.version });
        let path = format!("/handlers/{}/install", self.id);
        let answer = self.target.post(&path, &body).await?;
        if answer.status == 201 {
            self.done.line(format!("installed: {} {}", self.id, self.version));
            self.done.member("installed", "new");
            return Ok(());
        }
        if !answer.is_problem("already-installed") {
            return Err(self.sent.refusal("it was stored and not installed", &answer, None));
        }
        let installed = self.target.get(&format!("/handlers/{}", self.id)).await?;
        if installed.text("version") == self.version {
            self.done.line(format!("installed before: {} {}", self.id, self.version));
            self.done.member("installed", "before");
            return Ok(());
        }
        let upgrade = self.target.post(&format!("/handlers/{}/upgrade", self.id), &body).await?;
        if upgrade.status != 200 {
            return Err(self.sent.no_upgrade(&upgrade, &installed));
        }
        self.done.line(format!("upgraded: {} from {} to {}", self.id, installed.text("version"), self.version));
        self.done.member("installed", "upgraded");
        Ok(())
    }

    async fn execute(&mut self, input: &Value) -> Result<(), Failed> {
        let path = format!("/handlers/{}/executions", self.id);
        let answer = self.target.post(&path, &json!({ "input": input })).await?;
        if answer.status != 200 {
            return Err(self.sent.refusal("it was not executed", &answer, None));
        }
        for line in answer.body["logs"].as_array().into_iter().flatten() {
            self.done.line(format!("log: {}: {}", line["level"].as_str().unwrap_or_default(), line["message"]));
        }
        if answer.text("outcome") != "success" {
            let why = [&answer.body["failure"], &answer.body["detail"]].into_iter().find(|why| !why.is_null());
            let why = why.map_or(String::new(), |why| format!(": {why}"));
            let message = format!("it is installed, and its execution ended with {}{why}", answer.text("outcome"));
            let next = format!(
                "Correct the handler, raise its version, then: {}",
                typed(&format!("build {} --wasm FILE", self.sent.folder.shown()))
            );
            return Err(Failed::refused(message, Vec::new(), next).ending(Exit::NotConformant));
        }
        self.done.line(format!("output: {}", answer.body["output"]));
        self.done.member("output", answer.body["output"].clone());
        self.done.member("execution", answer.body["execution"].clone());
        Ok(())
    }
}
