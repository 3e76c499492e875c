//! Part c: warm executions over HTTP, a fresh instance each, of the runtime beside bare peers.
//!
//! Every server is a process of its own on the same machine, gets the same requests to the byte, and is asked in turn
//! within each repetition. The runtime does all that it promises meanwhile: it asks the gates again, judges input and
//! output by their schemas, keeps the log and the record, and accounts. The peers take the same body and give it back: one
//! by itself, one through a fresh instance of the very same component.

mod connection;
mod load;
mod peer;
mod publish;
mod server;

use std::path::Path;

use anyhow::{Context as _, Result};
use assay_fixtures::{Behaviour, Key, LogLevel, Package, Packaging, Recipe};
use serde_json::{Value, json};

pub use load::Load;
pub use peer::Peer;

use crate::table::{Goal, Row};
use server::Server;

/// The handler's id.
const HANDLER: &str = "com.example.order";
/// What an answer must hold, because the input does.
const MARK: &str = "a question of sixty-four bytes, which is given back as it came..";
/// Requests per second.
const UNIT: &str = "requests/s";

/// The package that is executed: a component that writes one line and gives its input back.
fn package(key: &Key) -> Package {
    let line = (LogLevel::Info, "one line for the log".to_owned());
    Recipe::new(HANDLER, Behaviour::Log(vec![line]))
        .packaging(Packaging::Component)
        .input(schema())
        .output(schema())
        .build()
        .signed(key)
}

/// What an input and an output are: an object with a text, a number in bounds, and a list of words.
fn schema() -> Value {
    json!({
        "type": "object",
        "required": ["question", "amount", "tags"],
        "additionalProperties": false,
        "properties": {
            "question": {"type": "string", "minLength": 1, "maxLength": 256},
            "amount": {"type": "integer", "minimum": 0, "maximum": 1_000_000},
            "tags": {"type": "array", "maxItems": 8, "items": {"enum": ["new", "old", "large"]}}
        }
    })
}

/// The body of every request to every server.
fn body() -> Vec<u8> {
    json!({"input": {"question": MARK, "amount": 4711, "tags": ["new", "large"]}}).to_string().into_bytes()
}

/// Measures the runtime and its peers side by side, so often.
///
/// # Errors
/// If a server does not start, does not take the package, or answers anything but what it should.
pub async fn measure(runtime: &Path, load: Load, repetitions: usize) -> Result<Vec<Row>> {
    let runtime = Server::runtime(runtime).await.context("the runtime")?;
    let key = Key::from_seed([9; 32]);
    publish::install(runtime.address(), &package(&key), &key).await?;
    let servers = [runtime, Server::peer(Peer::Echo).await?, Server::peer(Peer::Bare).await?];
    let path = format!("/handlers/{HANDLER}/executions");
    let request = connection::request("POST", &path, server::USER, "application/json", &body());
    // The first round fills caches and is not counted.
    let mut samples = [const { Vec::new() }; 3];
    for round in 0..=repetitions {
        for (server, samples) in servers.iter().zip(&mut samples) {
            let rate = load.run(server.address(), &request, MARK.as_bytes()).await.context(server.name())?;
            if round > 0 {
                samples.push(rate);
            }
        }
    }
    Ok(rows(&samples, load))
}

fn rows(samples: &[Vec<f64>; 3], load: Load) -> Vec<Row> {
    let [ours, echo, bare] = samples;
    let connections = load.connections;
    let all_on = "fresh instance each, schemas, log, record and account on";
    let why = if server::on_path("wasmtime") {
        "no component on wasi:http that equals the handler is made here"
    } else {
        "wasmtime-cli is not installed"
    };
    vec![
        Row::figure("c", format!("the runtime, {all_on}, {connections} connections"), UNIT, ours),
        Row::figure("c", "axum that gives the body back, no WebAssembly", UNIT, echo),
        Row::figure("c", "axum and a fresh instance of the same component, nothing else", UNIT, bare),
        Row::skipped("c", "`wasmtime serve`, a fresh instance each", UNIT, why),
        Row::ratio("c", "the runtime beside the axum that gives the body back", ours, echo),
        Row::ratio("c", "the runtime beside axum and a fresh instance", ours, bare).with_goal(Goal::AtLeast(0.6)),
        Row::skipped("c", "the runtime beside `wasmtime serve`", "×", why).with_goal(Goal::AtLeast(2.0)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runtime_is_set_beside_each_peer_repetition_by_repetition() {
        let load = Load { connections: 16, requests: 1 };
        let rows = rows(&[vec![60.0, 30.0], vec![100.0, 50.0], vec![80.0, 40.0]], load);
        let text = crate::table::Run { started_at: String::new(), facts: Vec::new(), rows }.markdown();
        assert!(text.contains("gives the body back | × | 0.60 / 0.60 / 0.60 |  |  |"), "{text}");
        assert!(text.contains("fresh instance | × | 0.75 / 0.75 / 0.75 | ≥ 0.60 | yes |"), "{text}");
        assert!(text.contains("| the runtime beside `wasmtime serve` | × | skipped: "), "{text}");
    }

    #[test]
    fn an_answer_that_gives_the_input_back_holds_the_mark() {
        assert!(String::from_utf8(body()).unwrap().contains(MARK));
    }
}
