//! README.md, section "A handler of your own", as it stands there: one terminal runs the first block, another the second one, and
//! the last line is the one that is promised.
//!
//! Both run in an empty folder below `target`, which is as good a place in the checkout as its root. Nothing of the text is
//! changed; that the port is a free one is said by variables, as anybody may.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::support::{Ended, outside_of_cargo, root, runtime, xtask_in};

/// The blocks of the section, by their language.
fn blocks(language: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join("README.md")).expect("README.md");
    let section = text.split("\n## A handler of your own\n").nth(1).expect("the section");
    let section = section.split("\n## ").next().expect("its text");
    let parts = section.split("```").skip(1).step_by(2);
    let blocks = parts.filter_map(|part| part.split_once('\n').filter(|(first, _)| *first == language));
    blocks.map(|(_, block)| block.to_owned()).collect()
}

/// What somebody types into a terminal, in this folder.
fn terminal(text: &str, folder: &Path) -> Command {
    let mut shell = outside_of_cargo("sh");
    shell.args(["-ec", text]).current_dir(folder).stdin(Stdio::null());
    for name in ["ASSAY_LISTEN", "ASSAY_DATA", "ASSAY_ADMIN_TOKEN", "ASSAY_USER_TOKEN", "ASSAY_TARGET", "HTTPS_PROXY"] {
        shell.env_remove(name);
    }
    shell
}

/// The first terminal. It is closed with the test, and everything in it.
struct First {
    shell: Child,
    url: String,
}

impl First {
    fn open(text: &str, folder: &Path) -> First {
        let mut shell = terminal(text, folder);
        shell.env("ASSAY_LISTEN", "127.0.0.1:0").stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
        let mut shell = shell.spawn().expect("a shell");
        let lines = BufReader::new(shell.stdout.take().expect("its stdout")).lines().map_while(Result::ok);
        let mut words = lines.flat_map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        let url = words.find(|word| word.starts_with("http://")).expect("the runtime says where it serves");
        First { shell, url }
    }
}

impl Drop for First {
    fn drop(&mut self) {
        if let Some(group) = i32::try_from(self.shell.id()).ok().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = self.shell.wait();
    }
}

fn place() -> TempDir {
    let target = root().join("target");
    fs::create_dir_all(&target).expect("target");
    tempfile::tempdir_in(target).expect("a folder below target")
}

#[test]
fn the_walk_through_of_the_readme_works_as_it_stands_there() {
    let typed = blocks("sh");
    let [first, second] = &typed[..] else { panic!("two terminals, and not {typed:?}") };
    let commands = second.lines().filter(|line| line.starts_with("cargo ")).count();
    assert_eq!(commands, 5, "{second}");
    // Built before, so that both terminals need not wait for each other's cargo.
    runtime();
    let folder = place();
    let runtime = First::open(first, folder.path());
    let output = terminal(second, folder.path()).env("ASSAY_TARGET", &runtime.url).output().expect("a shell");
    let ended = Ended::of(&output);
    assert_eq!(ended.code, 0, "{}", ended.all());
    let shown = blocks("");
    assert!(ended.stdout.ends_with(&shown[0]), "{}\n{}", shown[0], ended.all());
}

#[test]
fn the_fault_that_the_readme_shows_is_the_one_that_is_shown() {
    let folder = place();
    let package = |arguments: &[&str]| xtask_in(folder.path(), &[&["package"], arguments].concat(), &[]);
    assert_eq!(package(&["init", "target/greet", "--id", "com.example.greet", "--example"]).code, 0);
    assert_eq!(package(&["build", "target/greet", "--wasm", "target/greet/handler.wat"]).code, 0);
    let path = folder.path().join("target/greet/manifest.json");
    let manifest = fs::read_to_string(&path).expect("a manifest");
    fs::write(&path, manifest.replace("\"1.0.0\"", "\"1.0\"")).expect("a manifest");
    let verified = package(&["verify", "target/greet"]);
    let shown = blocks("").pop().expect("a fault");
    assert!(verified.stderr.starts_with(&shown), "{shown}\n{}", verified.all());
}
