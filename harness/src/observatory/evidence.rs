//! What was seen of a name, as text for the report.

use std::fmt::Write as _;
use std::time::Instant;

use super::records::{Log, Seen};
use super::script::Entry;

/// So many records of each kind are written down.
const MOST: usize = 50;
/// So much of a text is.
const MOST_TEXT: usize = 200;

/// A section of the evidence.
pub(super) fn text(entry: &Entry) -> String {
    entry.records.read(|log| {
        let mut text = format!("{} at {}, nonce {}\n", entry.name, entry.address, entry.nonce);
        // Writing to a string does not fail.
        let _ = write(&mut text, log);
        text.push('\n');
        text
    })
}

fn write(text: &mut String, log: &Log) -> std::fmt::Result {
    let starts = log.queries.iter().map(|query| query.at).chain(log.connections.iter().map(|one| one.opened));
    let Some(start) = starts.min() else {
        return writeln!(text, "  nothing was seen of it");
    };
    let since = |at: Instant| at.saturating_duration_since(start).as_secs_f64() * 1000.0;
    for query in log.queries.iter().take(MOST) {
        writeln!(text, "  {:9.1} ms  question {} over {}", since(query.at), query.kind, query.over)?;
    }
    for connection in log.connections.iter().take(MOST) {
        let (number, to) = (connection.number, connection.to);
        write!(text, "  {:9.1} ms  connection {number} to {to}", since(connection.opened))?;
        match connection.closed {
            Some(at) => {
                let who = if connection.by_client { "the client" } else { "the origin" };
                writeln!(text, ", closed by {who} at {:.1} ms", since(at))?;
            }
            None => writeln!(text, ", open")?,
        }
    }
    for handshake in log.handshakes.iter().take(MOST) {
        let how = match (handshake.completed, handshake.resumed) {
            (true, true) => "resumed",
            (true, false) => "completed",
            (false, _) => "not completed",
        };
        let sni = handshake.sni.as_deref().map_or_else(|| "no name".to_owned(), crate::text::quote);
        let (number, versions) = (handshake.connection, &handshake.versions);
        writeln!(
            text,
            "  {:9.1} ms  handshake on {number} for {sni}, versions {versions:04x?}, {how}",
            since(handshake.at)
        )?;
    }
    for seen in log.requests.iter().take(MOST) {
        request(text, seen, since(seen.at))?;
    }
    let shown = |records: usize| records.saturating_sub(MOST);
    let hidden = shown(log.queries.len())
        + shown(log.connections.len())
        + shown(log.handshakes.len())
        + shown(log.requests.len())
        + log.left_out;
    if hidden > 0 {
        writeln!(text, "  and {hidden} more")?;
    }
    Ok(())
}

fn request(text: &mut String, seen: &Seen, at: f64) -> std::fmt::Result {
    let broken = if seen.complete { "" } else { ", broken off" };
    writeln!(
        text,
        "  {at:9.1} ms  {} request on {}: {} {} with {} bytes of body{broken}",
        cut(&seen.version),
        seen.connection,
        cut(&seen.method),
        cut(&seen.target),
        seen.body.len()
    )?;
    for (name, value) in seen.headers.iter().take(MOST) {
        writeln!(text, "                  {}: {}", cut(name), cut(value))?;
    }
    for (name, value) in seen.trailers.iter().take(MOST) {
        writeln!(text, "                  behind the body {}: {}", cut(name), cut(value))?;
    }
    Ok(())
}

/// Bounded, and without what would break the lines.
fn cut(text: &str) -> String {
    text.escape_debug().take(MOST_TEXT).collect()
}
