//! `package init`: a manifest that is right but for the module, and a key pair if there is none.

use std::path::PathBuf;

use assay_fixtures::Key;
use clap::Args;
use jiff::Timestamp;
use serde_json::json;

use crate::check::{CORE_HEADER, Circumstances, Parts, judge};
use crate::folder::{Folder, write};
use crate::key_file;
use crate::report::{Done, Failed, typed};
use crate::{Fault, Offer};

/// What the handler is called, and where to.
#[derive(Args, Clone, Debug)]
pub struct Init {
    /// Folder of the package; it is made
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Handler id: a domain name of yours in reverse, and a name, such as com.example.greet
    #[arg(long, value_name = "ID")]
    id: String,
    /// Version: SemVer without build metadata
    #[arg(long, value_name = "VERSION", default_value = "1.0.0")]
    version: String,
    /// Name for people [default: the last label of the id]
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// Category, one lower-case word
    #[arg(long, value_name = "WORD", default_value = "tools")]
    category: String,
    /// What your compiler makes: a `core` module or a `component`
    #[arg(long, value_name = "ABI", default_value = "core", value_parser = ["core", "component"])]
    abi: String,
    /// Your private key; it is made if it is not there [default: author.key beside DIR]
    #[arg(long, value_name = "FILE", env = "ASSAY_AUTHOR_KEY")]
    key: Option<PathBuf>,
    /// Write handler.wat, too: a small handler as text, which answers its input
    #[arg(long)]
    example: bool,
}

impl Init {
    pub(crate) fn run(self) -> Result<Done, Failed> {
        let folder = Folder::new(&self.dir);
        if self.example && self.abi != "core" {
            let next = "Leave out --example, and bring a component of your own; or leave out --abi component.";
            return Err(Failed::usage("the example is a core module", next));
        }
        let path = folder.manifest_path();
        if path.exists() {
            let next = format!(
                "Edit it, or name another folder; then: {}",
                typed(&format!("build {} --wasm FILE", folder.shown()))
            );
            return Err(Failed::usage(format!("{} is there already and is not overwritten", path.display()), next));
        }
        let manifest = self.manifest();
        self.judge(&manifest)?;
        folder.make()?;
        let mut done = Done::default();
        let key_path = self.key.clone().unwrap_or_else(|| folder.key_path());
        let key = self.key_pair(&key_path, &mut done)?;
        write(&path, manifest.as_bytes())?;
        done.line(format!("{}: the manifest of {} {}", path.display(), self.id, self.version));
        let mut module = "FILE".to_owned();
        if self.example {
            let example = self.dir.join("handler.wat");
            write(&example, include_bytes!("example.wat"))?;
            module = example.display().to_string();
            done.line(format!("{module}: a handler that answers its input"));
        }
        done.line(format!("Next: {}", typed(&format!("build {} --wasm {module}", folder.shown()))));
        done.member("manifest", path.display().to_string());
        done.member("key", key_path.display().to_string());
        done.member("public_key", key.public_base64());
        Ok(done)
    }

    /// A text and no value, so that the members stand in the order in which one fills them in.
    fn manifest(&self) -> String {
        let name = self.name.as_deref().unwrap_or_else(|| self.id.rsplit('.').next().unwrap_or_default());
        let [id, version, name, category, abi] =
            [&self.id, &self.version, name, &self.category, &self.abi].map(|text: &str| json!(text));
        let digest = format!("sha256:{}", "0".repeat(64));
        format!(
            r#"{{
  "id": {id},
  "version": {version},
  "name": {name},
  "category": {category},
  "abi": {abi},
  "module": {{
    "digest": "{digest}",
    "size": 8
  }},
  "input": true,
  "output": true,
  "permissions": {{}},
  "limits": {{
    "memory_bytes": 16777216,
    "timeout_ms": 5000
  }}
}}
"#
        )
    }

    /// What was typed is judged before anything is written, and named by its flag.
    fn judge(&self, manifest: &str) -> Result<(), Failed> {
        let module = CORE_HEADER;
        let manifest = crate::build::pin(manifest, &module).map_err(|fault| Failed::usage(fault.detail.clone(), ""))?;
        let parts = Parts { manifest: manifest.as_bytes(), module: &module, signatures: &[] };
        let now = Circumstances { keys: Vec::new(), now: Timestamp::now() };
        let faults = judge(parts, &Offer::of_every_runtime(), &now).faults;
        let given = |fault: &&Fault| {
            ["/id", "/version", "/name", "/category"].contains(&fault.pointer.as_deref().unwrap_or_default())
        };
        match faults.iter().find(given) {
            Some(fault) => {
                let flag = format!("--{}", fault.pointer.as_deref().unwrap_or_default().trim_start_matches('/'));
                Err(Failed::usage(
                    format!("{flag}: {}", fault.detail),
                    format!("Correct {flag} and type the command again."),
                ))
            }
            None => Ok(()),
        }
    }

    fn key_pair(&self, path: &std::path::Path, done: &mut Done) -> Result<Key, Failed> {
        if path.exists() {
            let key = key_file::read_private(path)?;
            if !key_file::public_path(path).exists() {
                key_file::write_public(path, &key)?;
            }
            done.line(format!("{}: your key, which was there", path.display()));
            return Ok(key);
        }
        let key = key_file::create(path)?;
        let public = key_file::public_path(path);
        done.line(format!("{}: your private key; keep it, and keep it to yourself", path.display()));
        done.line(format!("{}: its public key, which others may have", public.display()));
        Ok(key)
    }
}
