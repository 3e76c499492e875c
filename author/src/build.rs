//! `package build`: puts a module into the package, and pins it in the manifest.

use std::fs;
use std::path::{Path, PathBuf};

use assay_fixtures::sha256;
use clap::Args;
use jiff::Timestamp;
use wast::parser::{ParseBuffer, parse};

use crate::check::{CORE_HEADER, Circumstances, Envelope, Parts, in_manifest, judge, not_wasm, read_manifest};
use crate::folder::{Folder, write};
use crate::report::{Done, Failed, typed};
use crate::{Fault, Offer};

/// Which module.
#[derive(Args, Clone, Debug)]
pub struct Build {
    /// Folder of the package
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Your module: a .wasm file, or a .wat file, which is translated [default: handler.wasm in DIR]
    #[arg(long, value_name = "FILE")]
    wasm: Option<PathBuf>,
}

impl Build {
    pub(crate) fn run(self) -> Result<Done, Failed> {
        let folder = Folder::new(&self.dir);
        let again = typed(&format!("build {}", folder.shown()));
        let before = folder.manifest()?;
        let source = self.wasm.clone().unwrap_or_else(|| folder.module_path());
        let module = module(&source)?;
        let offer = Offer::of_every_runtime();
        let refused = |faults: Vec<Fault>| {
            let message = format!("nothing was built: {} to be corrected", count(&faults));
            let next = format!("Correct what is named above, then: {again} --wasm {}", source.display());
            let mut faults = folder.naming(faults);
            // The module under the name that was typed: nothing was copied.
            let copied = folder.module_path().display().to_string();
            for fault in faults.iter_mut().filter(|fault| fault.file == copied) {
                fault.file = source.display().to_string();
            }
            Failed::refused(message, faults, next)
        };
        if module.len() < CORE_HEADER.len() {
            // Its size would be refused first, which is not what is to be corrected.
            return Err(refused(vec![not_wasm(&module)]));
        }
        let document = read_manifest(&before, &offer).map_err(|fault| refused(vec![*fault]))?;
        let manifest = pin(document.text(), &module).map_err(|fault| refused(vec![*fault]))?;
        let parts = Parts { manifest: manifest.as_bytes(), module: &module, signatures: &[] };
        let findings = judge(parts, &offer, &Circumstances { keys: Vec::new(), now: Timestamp::now() });
        if !findings.faults.is_empty() {
            return Err(refused(findings.faults));
        }
        let package = sha256(manifest.as_bytes());
        let signatures = folder.signatures()?;
        let about = |bytes: &&Vec<u8>| Envelope::read(bytes, &offer).is_ok_and(|envelope| envelope.is_about(&package));
        let kept: Vec<Vec<u8>> = signatures.iter().filter(about).cloned().collect();
        let mut done = Done::default();
        write(&folder.module_path(), &module)?;
        write(&folder.manifest_path(), manifest.as_bytes())?;
        folder.write_signatures(&kept)?;
        done.line(format!("{}: {} bytes, {}", folder.module_path().display(), module.len(), sha256(&module)));
        done.line(format!("{}: pins it; the package is {package}", folder.manifest_path().display()));
        let removed = signatures.len() - kept.len();
        if removed > 0 {
            done.line(format!("signatures of what was here before, removed: {removed}"));
        }
        done.line(match kept.is_empty() {
            true => format!("Next: {}", typed(&format!("sign {}", folder.shown()))),
            false => format!(
                "Nothing changed, so it is still signed. Next: {}",
                typed(&format!("verify {}", folder.shown()))
            ),
        });
        done.notes = folder.naming(findings.notes);
        done.member("package", package);
        done.member("module", sha256(&module));
        done.member("size", module.len());
        done.member("signatures_removed", removed);
        Ok(done)
    }
}

/// A number of faults, for a sentence.
pub(crate) fn count(faults: &[Fault]) -> String {
    match faults.len() {
        1 => "there is one fault".to_owned(),
        number => format!("there are {number} faults"),
    }
}

/// The text of a manifest with the two values that pin a module replaced; all else stays as its author wrote it.
pub(crate) fn pin(text: &str, module: &[u8]) -> Result<String, Box<Fault>> {
    let document = read_manifest(text.as_bytes(), &Offer::of_every_runtime())?;
    let mut edits = Vec::new();
    for (pointer, value) in
        [("/module/digest", format!("\"{}\"", sha256(module))), ("/module/size", module.len().to_string())]
    {
        match document.at(pointer) {
            Some(node) => edits.push((node.start, node.end, value)),
            None => {
                let detail = format!("the manifest has no `{pointer}` to be filled in");
                let remedy = "Write \"module\": { \"digest\": \"\", \"size\": 0 }; `package build` fills it in.";
                return Err(Box::new(in_manifest(&document, "manifest-missing-field", pointer, detail).remedy(remedy)));
            }
        }
    }
    edits.sort_by_key(|(start, _, _)| std::cmp::Reverse(*start));
    let mut pinned = text.to_owned();
    for (start, end, value) in edits {
        pinned.replace_range(start..end, &value);
    }
    Ok(pinned)
}

/// The bytes of a module; of a .wat file those that it stands for.
fn module(path: &Path) -> Result<Vec<u8>, Failed> {
    let bytes = fs::read(path).map_err(|fault| {
        let message = format!("the module {} cannot be read: {fault}", path.display());
        Failed::usage(message, "Name the file that your compiler made: --wasm FILE")
    })?;
    match path.extension().is_some_and(|extension| extension == "wat") {
        true => translate(path, &bytes),
        false => Ok(bytes),
    }
}

fn translate(path: &Path, bytes: &[u8]) -> Result<Vec<u8>, Failed> {
    let text = String::from_utf8_lossy(bytes);
    let encoded = ParseBuffer::new(&text).and_then(|buffer| parse::<wast::Wat>(&buffer)?.encode());
    encoded.map_err(|mut error| {
        error.set_path(path);
        error.set_text(&text);
        let (line, column) = error.span().linecol_in(&text);
        let message = format!("{}:{}:{}: {}", path.display(), line + 1, column + 1, error.message());
        Failed::usage(message, "Correct this line of the text, and build again.")
            .ending(assay_harness::Exit::NotConformant)
    })
}
