//! `assay env`: what a runtime that somebody starts by hand has to be told so that its requests to other hosts are observed.

use std::path::PathBuf;

use assay_harness::Exit;
use assay_harness::observatory::Kept;
use clap::{Args, ValueEnum};

/// Print the settings of the observatory in a folder, which is made if it is not there.
#[derive(Args, Clone, Debug)]
pub struct Env {
    /// Folder that keeps the observatory: its root certificate, its key and its ports
    #[arg(long, value_name = "DIR")]
    pub observatory: PathBuf,
    /// How the settings are written
    #[arg(long, value_enum, default_value_t = Format::Dotenv)]
    pub format: Format,
    /// Print HTTPS_PROXY as well, for a runtime that reaches other hosts only through a forward proxy
    #[arg(long)]
    pub proxy: bool,
}

/// How settings are written.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// NAME=value, one a line
    Dotenv,
    /// One object
    Json,
    /// export NAME='value', for eval
    Shell,
}

impl Env {
    /// Makes the folder if it is not there, and prints.
    pub fn run(&self) -> Exit {
        let kept = match Kept::open(&self.observatory) {
            Ok(kept) => kept,
            Err(fault) => {
                eprintln!("error: {fault}");
                return Exit::HarnessError;
            }
        };
        let mut settings = kept.settings();
        if self.proxy {
            settings.push(kept.proxy());
        }
        print!("{}", self.format.write(&settings));
        Exit::Conformant
    }
}

impl Format {
    fn write(self, settings: &[(&str, String)]) -> String {
        let lines = |line: fn(&str, &str) -> String| settings.iter().map(|(name, value)| line(name, value)).collect();
        match self {
            Format::Dotenv => lines(|name, value| format!("{name}={value}\n")),
            // In single quotes nothing but a single quote means anything to a shell.
            Format::Shell => lines(|name, value| format!("export {name}='{}'\n", value.replace('\'', r"'\''"))),
            Format::Json => {
                let members = settings.iter().map(|(name, value)| ((*name).to_owned(), value.clone().into()));
                format!("{:#}\n", serde_json::Value::Object(members.collect()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: [(&str, &str); 2] = [("A", "1"), ("B", "it's")];

    fn written(format: Format) -> String {
        format.write(&SETTINGS.map(|(name, value)| (name, value.to_owned())))
    }

    #[test]
    fn settings_are_written_for_every_reader() {
        assert_eq!(written(Format::Dotenv), "A=1\nB=it's\n");
        assert_eq!(written(Format::Shell), "export A='1'\nexport B='it'\\''s'\n");
        let json: serde_json::Value = serde_json::from_str(&written(Format::Json)).unwrap();
        assert_eq!(json, serde_json::json!({ "A": "1", "B": "it's" }));
    }

    #[test]
    fn a_folder_gives_the_settings_of_the_contract_that_tell_of_the_observatory() {
        let folder = tempfile::tempdir().unwrap();
        let settings = Kept::open(folder.path()).unwrap().settings();
        let known = assay_harness::TERMS.settings.keys().filter(|name| name.starts_with("ASSAY_EGRESS_"));
        let mut given: Vec<&str> = settings.iter().map(|(name, _)| *name).collect();
        given.sort_unstable();
        assert_eq!(given, known.map(String::as_str).collect::<Vec<_>>());
    }
}
