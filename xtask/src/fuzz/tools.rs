//! What coverage needs beside rustc: cargo-llvm-cov, and llvm-cov and llvm-profdata of the LLVM that rustc was built with.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::build::cargo;

/// The tools of LLVM, and the variables in which cargo-llvm-cov looks for them.
const OF_LLVM: [(&str, &str); 2] = [("LLVM_COV", "llvm-cov"), ("LLVM_PROFDATA", "llvm-profdata")];

/// All that is needed is here.
pub struct Tools {
    /// Paths, for the variables of [`OF_LLVM`].
    told: Vec<(&'static str, PathBuf)>,
}

impl Tools {
    /// Looks for them: in the variables, in rustc's own folder, and by the names that distributions give them.
    ///
    /// # Errors
    /// What is missing, and how to get it.
    pub fn find() -> Result<Self, Vec<String>> {
        let mut missing = Vec::new();
        if said(cargo().args(["llvm-cov", "--version"])).is_none() {
            missing.push("cargo-llvm-cov is missing: cargo install cargo-llvm-cov".to_owned());
        }
        let rustc = said(Command::new("rustc").arg("-vV")).unwrap_or_default();
        let llvm = major(&rustc).unwrap_or("?").to_owned();
        let libraries = said(Command::new("rustc").args(["--print", "target-libdir"])).unwrap_or_default();
        let beside = PathBuf::from(libraries.trim()).with_file_name("bin");
        let mut told = Vec::new();
        for (variable, name) in OF_LLVM {
            let named = std::env::var_os(variable).map(PathBuf::from);
            let usual = || {
                let places = [beside.join(name), PathBuf::from(format!("{name}-{llvm}")), PathBuf::from(name)];
                places.into_iter().find(|path| fits(path, &llvm))
            };
            match &named {
                Some(path) if !fits(path, &llvm) => missing.push(format!(
                    "{variable} names {}, which is no {name} of LLVM {llvm}, the LLVM of this rustc",
                    path.display()
                )),
                _ => match named.or_else(usual) {
                    Some(path) => told.push((variable, path)),
                    None => missing.push(format!(
                        "{name} of LLVM {llvm}, the LLVM of this rustc, is missing: rustup component add llvm-tools, \
                         or apt-get install llvm-{llvm}, or name one in {variable}"
                    )),
                },
            }
        }
        if missing.is_empty() { Ok(Self { told }) } else { Err(missing) }
    }

    /// Tells cargo-llvm-cov.
    pub fn tell(&self, command: &mut Command) {
        command.envs(self.told.iter().map(|(variable, path)| (variable, path)));
    }
}

/// Whether a program is of this LLVM: another one does not read what rustc counts.
fn fits(program: &Path, llvm: &str) -> bool {
    said(Command::new(program).arg("--version")).is_some_and(|version| major(&version) == Some(llvm))
}

/// `LLVM version: 22.1.2`, as rustc and LLVM's own tools have it, with and without the colon.
fn major(version: &str) -> Option<&str> {
    let (_, rest) = version.split_once("LLVM version")?;
    rest.trim_start_matches([':', ' ']).split('.').next()
}

fn said(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::major;

    #[test]
    fn the_version_of_llvm_is_read_from_rustc_and_from_its_tools() {
        assert_eq!(major("rustc 1.95.0\nrelease: 1.95.0\nLLVM version: 22.1.2\n"), Some("22"));
        assert_eq!(major("Debian LLVM version 22.1.8\n  Optimized build.\n"), Some("22"));
        assert_eq!(major("cargo 1.95.0"), None);
    }
}
