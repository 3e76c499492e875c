//! The suite and the runtime need no network but loopback: they are run where there is no other.

use std::process::{Command, Output, Stdio};

use crate::support::{folder, runtime, verdicts};

/// Some of the quick checks of core, and those of egress that send most and farthest.
const CHOSEN: &str = "core.discovery.*,core.execution.*,core.signature.*,core.state.*,egress.addresses.*,egress.redirect.*,\
    egress.response.*,egress.tls.*,egress.url.*,egress.wildcards.*";

/// Runs a command in a network of its own, which has loopback alone.
fn cut_off(command: &[&str]) -> std::io::Result<Output> {
    let up = "ip link set lo up && exec \"$@\"";
    Command::new("unshare")
        .args(["--map-root-user", "--net", "sh", "-c", up, "sh"])
        .args(command)
        .env_remove("ASSAY_ADMIN_TOKEN")
        .env_remove("ASSAY_USER_TOKEN")
        .stdin(Stdio::null())
        .output()
}

/// The interfaces of the network in which a command is run, or why there is none.
fn interfaces() -> Result<Vec<String>, String> {
    let output = cut_off(&["cat", "/proc/net/dev"]).map_err(|fault| format!("unshare: {fault}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text.lines().filter_map(|line| Some(line.split_once(':')?.0.trim().to_owned())).collect())
}

#[test]
fn nothing_but_loopback_is_needed() {
    match interfaces() {
        Ok(found) if found.iter().any(|name| name == "lo") => {
            assert!(found.iter().all(|name| is_idle(name)), "a new network has {found:?}");
        }
        Ok(found) => return skipped(&format!("a new network has {found:?}")),
        // A machine may forbid such a network, or lack what makes one.
        Err(why) => return skipped(&why),
    }
    let (out, runtime) = (folder(), runtime().display().to_string());
    let place = out.path().display().to_string();
    let xtask = env!("CARGO_BIN_EXE_xtask");
    let run = [xtask, "conformance", "--launch", &runtime, "--filter", CHOSEN, "--out", &place];
    let run = cut_off(&run).expect("it was possible a moment ago");
    let told = format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert_eq!(run.status.code(), Some(3), "a filtered run is partial: {told}");
    let verdicts = verdicts(out.path());
    assert!(verdicts.len() > 100 && verdicts.values().all(|verdict| verdict == "\"PASS\""), "{told}");
}

/// Loopback, or one of the tunnels that some kernels put into every network, and that lead nowhere until they are set up.
fn is_idle(name: &str) -> bool {
    name == "lo" || ["tunl", "gre", "erspan", "sit", "ip6", "ip_vti"].iter().any(|kind| name.starts_with(kind))
}

fn skipped(why: &str) {
    eprintln!("SKIPPED nothing_but_loopback_is_needed: this machine gives no network of its own: {why}");
}
