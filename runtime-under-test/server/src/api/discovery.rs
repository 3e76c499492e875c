//! What the runtime declares about itself (README of the contract, section 4).

use assay_package::{Abi, Feature};
use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::json as answer;
use crate::app::{App, Call};
use crate::problem::Answer;

const CONTRACT: &str = "0.1";
const PROFILES: [&str; 4] = ["core", "egress", "registry", "sandbox"];

/// What is optional: the capabilities of handlers, and HTTP/2 on the way out.
fn features(app: &App) -> Vec<&'static str> {
    let mut features: Vec<&str> = app.offer.features.iter().copied().map(Feature::as_str).collect();
    if app.offer.features.contains(&Feature::Egress) && app.outside.policy.declares_http2() {
        features.push(assay_egress::HTTP2_FEATURE);
    }
    features
}

/// `GET /.well-known/handler-runtime`
pub fn discover(call: &Call) -> Answer {
    let app = &call.app;
    let bounds: Map<String, Value> = app
        .policy
        .published_bounds(&app.offer.bounds)
        .by_name()
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    let document = json!({
        "contract": CONTRACT,
        "implementation": { "name": "assay-runtime", "version": env!("CARGO_PKG_VERSION") },
        "profiles": PROFILES,
        "features": features(app),
        "abis": app.offer.abis.iter().copied().map(Abi::as_str).collect::<Vec<_>>(),
        "bounds": bounds,
        "registry_key": {
            "algorithm": "ed25519",
            "public_key": app.policy.published_key(&app.key.public_key()).to_string(),
        },
    });
    answer(StatusCode::OK, &document)
}
