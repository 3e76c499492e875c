//! How a command ends: what it did, or one message that says what to type next; for a person or for a program.

use assay_harness::Exit;
use serde_json::{Map, Value, json};

use crate::Fault;
use crate::fault::{plain, quote};

/// A command of this family as somebody types it who typed this one: `cargo xtask package …` in a checkout, else `assay package …`.
pub(crate) fn typed(words: &str) -> String {
    let program = std::env::current_exe().unwrap_or_default();
    let program = if program.file_stem().is_some_and(|stem| stem == "assay") { "assay" } else { "cargo xtask" };
    format!("{program} package {words}")
}

/// What a command did.
#[derive(Debug, Default)]
pub(crate) struct Done {
    /// Lines for a person.
    pub lines: Vec<String>,
    /// What a person might want to know besides.
    pub notes: Vec<Fault>,
    /// The same for a program.
    pub members: Map<String, Value>,
}

impl Done {
    /// One more line.
    pub fn line(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }

    /// One more member.
    pub fn member(&mut self, name: &str, value: impl Into<Value>) {
        self.members.insert(name.to_owned(), value.into());
    }
}

/// Why a command did not do it.
#[derive(Debug)]
pub struct Failed {
    /// The exit code.
    pub exit: Exit,
    /// What happened, in a sentence.
    pub message: String,
    /// The faults of the package, if those are why.
    pub faults: Vec<Fault>,
    /// What to type next.
    pub next: String,
}

impl Failed {
    /// Nothing could be read, or the command line makes no sense.
    pub(crate) fn usage(message: impl Into<String>, next: impl Into<String>) -> Failed {
        Failed { exit: Exit::Usage, message: message.into(), faults: Vec::new(), next: next.into() }
    }

    /// The package is refused, here or by a runtime.
    pub(crate) fn refused(message: impl Into<String>, faults: Vec<Fault>, next: impl Into<String>) -> Failed {
        Failed { exit: Exit::NotConformant, message: message.into(), faults, next: next.into() }
    }

    /// A file cannot be written.
    pub(crate) fn unwritable(path: &std::path::Path, fault: &std::io::Error) -> Failed {
        Failed {
            exit: Exit::ReportsNotWritable,
            message: format!("{} cannot be written: {fault}", path.display()),
            faults: Vec::new(),
            next: "Name a folder that you may write.".to_owned(),
        }
    }

    /// With another exit code.
    pub(crate) fn ending(mut self, exit: Exit) -> Failed {
        self.exit = exit;
        self
    }
}

/// Prints how a command ended, and answers its exit code.
pub(crate) fn print(command: &str, json: bool, ended: Result<Done, Failed>) -> Exit {
    match ended {
        Ok(done) if json => {
            let mut members = done.members;
            members.insert("command".to_owned(), command.into());
            members.insert("ok".to_owned(), true.into());
            members.insert("notes".to_owned(), done.notes.iter().map(Fault::to_json).collect());
            println!("{:#}", Value::Object(members));
            Exit::Conformant
        }
        Ok(done) => {
            done.lines.iter().for_each(|line| println!("{}", plain(line)));
            done.notes.iter().for_each(|note| println!("note: {}", note.shown()));
            Exit::Conformant
        }
        Err(failed) if json => {
            let faults: Vec<Value> = failed.faults.iter().map(Fault::to_json).collect();
            let failed_json = json!({
                "command": command, "ok": false, "exit": failed.exit.code(),
                "message": failed.message, "faults": faults, "next": failed.next,
            });
            println!("{failed_json:#}");
            failed.exit
        }
        Err(failed) => {
            failed.faults.iter().for_each(|fault| eprintln!("{}\n", fault.shown()));
            eprintln!("error: {}\nNext: {}", quote(&failed.message), failed.next);
            failed.exit
        }
    }
}
