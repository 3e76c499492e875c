//! The audit against what the hosts saw (egress.md 8.2): whoever reads it has only the audit.

use std::net::SocketAddr;

use assay_harness::observatory::{Connection, Host, Seen};
use assay_harness::{Stop, ensure};
use serde_json::Value;

/// What becomes of a request that must not have had an effect.
const REFUSED: [&str; 3] = ["denied", "invalid-request", "rate-limited"];

/// Judges that the entries and what these hosts saw are the same exchanges, if each of them had a URL of its own: what a host saw is
/// on record with the address at which it came and what was moved, and what no host saw is not on record as sent.
///
/// # Errors
/// FAIL at the first that disagrees.
pub(super) fn agree(entries: &[Value], hosts: &[Host]) -> Result<(), Stop> {
    for host in hosts {
        let connections = host.connections();
        for seen in host.requests() {
            is_recorded(&seen, &connections, entries, &host.url(&seen.target))?;
        }
        for Connection { to, .. } in connections {
            let told = entries.iter().any(|entry| address(entry) == Some(to));
            ensure!(told, "{} was connected to at {to}, and no entry has that address", host.name());
        }
    }
    entries.iter().try_for_each(|entry| was_seen(entry, hosts))
}

fn address(entry: &Value) -> Option<SocketAddr> {
    entry["address"].as_str()?.parse().ok()
}

/// A request that a host saw.
fn is_recorded(seen: &Seen, connections: &[Connection], entries: &[Value], url: &str) -> Result<(), Stop> {
    let of_it: Vec<&Value> = entries.iter().filter(|entry| entry["url"] == url).collect();
    let [entry] = of_it[..] else {
        return Err(Stop::Fail(format!("{url} was sent, and the audit has {} entries of it", of_it.len())));
    };
    let outcome = entry["outcome"].as_str().unwrap_or_default();
    ensure!(!REFUSED.contains(&outcome), "{url} was sent, and is on record as `{outcome}`");
    ensure!(entry["method"] == seen.method, "{url}: `method` is {}, and {} came", entry["method"], seen.method);
    let came_to = connections.iter().find(|connection| connection.number == seen.connection).map(|known| known.to);
    ensure!(
        came_to.is_some() && address(entry) == came_to,
        "{url}: `address` is {}, and it came to {came_to:?}",
        entry["address"]
    );
    let bytes = &entry["request_bytes"];
    ensure!(*bytes == seen.body.len(), "{url}: `request_bytes` is {bytes}, and {} came", seen.body.len());
    Ok(())
}

/// An entry, whether a host saw its request or not.
fn was_seen(entry: &Value, hosts: &[Host]) -> Result<(), Stop> {
    let url = entry["url"].as_str().unwrap_or_default();
    let outcome = entry["outcome"].as_str().unwrap_or_default();
    let seen = hosts.iter().any(|host| host.requests().iter().any(|seen| host.url(&seen.target) == url));
    if !seen {
        ensure!(outcome != "answered", "{url} was not sent, and is on record as `answered`");
        for member in ["request_bytes", "response_bytes"] {
            ensure!(entry[member] == 0, "{url} was not sent, and `{member}` is {}", entry[member]);
        }
    }
    let connected = hosts.iter().filter(|host| entry["host"] == host.name()).flat_map(Host::connections);
    let reached: Vec<SocketAddr> = connected.map(|connection| connection.to).collect();
    match address(entry) {
        Some(address) => {
            ensure!(!REFUSED.contains(&outcome), "{url} is on record as `{outcome}`, with the address {address}");
            ensure!(reached.contains(&address), "{url}: `address` is {address}, and nobody connected there");
        }
        None => ensure!(!seen && outcome != "answered", "{url} was sent, and `address` is {}", entry["address"]),
    }
    let has_status = entry["status"].is_u64();
    ensure!(has_status == (outcome == "answered"), "{url}: `status` of `{outcome}` is {}", entry["status"]);
    Ok(())
}
