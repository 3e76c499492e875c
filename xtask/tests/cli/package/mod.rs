//! `cargo xtask package` as handler authors use it: what they can get wrong, what a runtime refuses, and whether the two agree.

mod agreement;
mod inputs;
mod keys;
mod runtime;

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::support::{Ended, folder, xtask_in};

/// Somebody with a folder of handlers.
pub struct Author {
    folder: TempDir,
}

impl Author {
    /// With a package `greet` of the example, built.
    pub fn new() -> Author {
        let author = Author { folder: folder() };
        author.does(&["init", "greet", "--id", "com.example.greet", "--example"]);
        author.does(&["build", "greet", "--wasm", "greet/handler.wat"]);
        author
    }

    /// The same, signed.
    pub fn signed() -> Author {
        let author = Author::new();
        author.does(&["sign", "greet"]);
        author
    }

    /// Types a command.
    pub fn types(&self, arguments: &[&str]) -> Ended {
        self.types_with(arguments, &[])
    }

    /// The same, with variables of the environment.
    pub fn types_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
        xtask_in(self.path(), &[&["package"], arguments].concat(), variables)
    }

    /// Types a command that has to work.
    pub fn does(&self, arguments: &[&str]) -> Ended {
        let ended = self.types(arguments);
        assert_eq!(ended.code, 0, "{arguments:?}: {}", ended.all());
        ended
    }

    /// Where the author is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The text of a file.
    pub fn reads(&self, file: &str) -> String {
        fs::read_to_string(self.path().join(file)).expect(file)
    }

    /// Writes a file.
    pub fn writes(&self, file: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path().join(file), bytes).expect(file);
    }

    /// Changes the text of the manifest in one place.
    pub fn edits(&self, from: &str, to: &str) {
        let text = self.reads("greet/manifest.json");
        assert!(text.contains(from), "{text} has no {from}");
        self.writes("greet/manifest.json", text.replacen(from, to, 1));
    }
}
