//! A package on disk: a folder with `manifest.json`, `handler.wasm` and `signature-0.dsse.json` … (core.md 1.1).

use std::fs;
use std::path::{Path, PathBuf};

use crate::Fault;
use crate::check::{MANIFEST, MODULE, signature_file};
use crate::report::{Failed, typed};

/// The folder of a package.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    path: PathBuf,
}

/// Its files.
#[derive(Debug, Clone)]
pub(crate) struct Contents {
    /// `manifest.json`.
    pub manifest: Vec<u8>,
    /// `handler.wasm`.
    pub module: Vec<u8>,
    /// The signatures, in order.
    pub signatures: Vec<Vec<u8>>,
}

impl Folder {
    /// The folder at a path, which need not be there yet.
    pub fn new(path: &Path) -> Folder {
        Folder { path: path.to_owned() }
    }

    /// As it was typed.
    pub fn shown(&self) -> String {
        self.path.display().to_string()
    }

    /// Where its manifest is.
    pub fn manifest_path(&self) -> PathBuf {
        self.path.join(MANIFEST)
    }

    /// Where its module is.
    pub fn module_path(&self) -> PathBuf {
        self.path.join(MODULE)
    }

    /// Where the author's key is if nobody says otherwise: beside the folder, so that all handlers of one author share it and
    /// no package carries it.
    pub fn key_path(&self) -> PathBuf {
        // `.` and `..` are folders that have others around them, too, though not in their text.
        let around = match (self.path.file_name(), self.path.parent()) {
            (Some(_), Some(parent)) => parent.to_owned(),
            _ => self.path.join(".."),
        };
        around.join("author.key")
    }

    /// Faults as they are shown: the file by its path, and what stands first in it first.
    pub fn naming(&self, mut faults: Vec<Fault>) -> Vec<Fault> {
        faults.sort_by_key(|fault| fault.position.map(|position| (position.line, position.column)));
        for fault in &mut faults {
            if [MANIFEST, MODULE].contains(&fault.file.as_str()) || fault.file.ends_with(".dsse.json") {
                fault.file = self.path.join(&fault.file).display().to_string();
            }
        }
        faults
    }

    /// Makes the folder.
    pub fn make(&self) -> Result<(), Failed> {
        fs::create_dir_all(&self.path).map_err(|fault| Failed::unwritable(&self.path, &fault))
    }

    /// The bytes of the manifest.
    pub fn manifest(&self) -> Result<Vec<u8>, Failed> {
        let path = self.manifest_path();
        fs::read(&path).map_err(|fault| {
            let next = format!("Make one: {}", typed(&format!("init {} --id com.example.NAME", self.shown())));
            Failed::usage(format!("{} cannot be read: {fault}", path.display()), next)
        })
    }

    /// All of the package.
    pub fn read(&self) -> Result<Contents, Failed> {
        let manifest = self.manifest()?;
        let path = self.module_path();
        let module = fs::read(&path).map_err(|fault| {
            let next = format!("Put your module in: {}", typed(&format!("build {} --wasm FILE", self.shown())));
            Failed::usage(format!("{} cannot be read: {fault}", path.display()), next)
        })?;
        Ok(Contents { manifest, module, signatures: self.signatures()? })
    }

    /// The signatures from 0 on, as far as they go without a gap.
    pub fn signatures(&self) -> Result<Vec<Vec<u8>>, Failed> {
        let mut found = Vec::new();
        loop {
            let path = self.path.join(signature_file(found.len()));
            if !path.exists() {
                return Ok(found);
            }
            let next = "Make the file readable, or delete it and sign again.";
            found.push(
                fs::read(&path)
                    .map_err(|fault| Failed::usage(format!("{} cannot be read: {fault}", path.display()), next))?,
            );
        }
    }

    /// Puts these signatures in place of those that are there.
    pub fn write_signatures(&self, signatures: &[Vec<u8>]) -> Result<(), Failed> {
        let before = self.signatures()?.len();
        for (number, envelope) in signatures.iter().enumerate() {
            write(&self.path.join(signature_file(number)), envelope)?;
        }
        for number in signatures.len()..before {
            let path = self.path.join(signature_file(number));
            fs::remove_file(&path).map_err(|fault| Failed::unwritable(&path, &fault))?;
        }
        Ok(())
    }
}

/// Writes a file as a whole: somebody who reads meanwhile finds the old one or the new one.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failed> {
    let unwritable = |fault: std::io::Error| Failed::unwritable(path, &fault);
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    fs::write(&beside, bytes).map_err(unwritable)?;
    fs::rename(&beside, path).map_err(unwritable)
}
