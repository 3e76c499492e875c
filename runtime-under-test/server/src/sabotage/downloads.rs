//! Defects of ranges and conditions, and of requests that come again.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use assay_package::{Bounds, Code, Refusal};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use headers::ETag;

use super::registry::Defect;
use crate::api::{Selected, selected};
use crate::policy::RegistryPolicy;
use crate::retries::{self, Acknowledgement};

/// The table.
pub const DEFECTS: &[Defect] = &[
    ("ranges-of-any-unit", || Arc::new(AnyUnit)),
    ("ranges-ignored", || Arc::new(Selects(all))),
    ("ranges-one-byte-long", || Arc::new(Selects(one_more))),
    ("ranges-behind-the-end-answered", || Arc::new(Selects(something))),
    ("conditions-ignored", || Arc::new(Without(header::IF_NONE_MATCH))),
    ("range-conditions-ignored", || Arc::new(Without(header::IF_RANGE))),
    ("idempotency-keys-ignored", || Arc::new(NoKeys)),
    ("idempotency-keys-in-any-form", || Arc::new(AnyKey)),
    ("idempotency-keys-answer-anything", || Arc::new(AnyRequest)),
    ("idempotency-answers-made-anew", || Arc::new(WritesAnew)),
    ("idempotency-keys-claimed-at-once", || Arc::<Claims>::default()),
    ("idempotency-keys-looked-for-once", || Arc::new(LooksOnce)),
    ("idempotency-keys-forgotten-early", || Arc::new(KeepsFew)),
];

/// What is sent, instead of what should be, of a part of so many bytes.
struct Selects(fn(Selected, u64) -> Selected);
impl RegistryPolicy for Selects {
    fn selected(&self, headers: &HeaderMap, etag: &ETag, size: u64) -> Selected {
        (self.0)(selected(headers, etag, size), size)
    }
}

fn all(right: Selected, _: u64) -> Selected {
    if matches!(right, Selected::Bytes(..)) { Selected::Whole } else { right }
}

fn one_more(right: Selected, size: u64) -> Selected {
    match right {
        Selected::Bytes(first, last) => Selected::Bytes(first, (last + 1).min(size - 1)),
        _ => right,
    }
}

fn something(right: Selected, _: u64) -> Selected {
    if right == Selected::BehindTheEnd { Selected::Whole } else { right }
}

struct AnyUnit;
impl RegistryPolicy for AnyUnit {
    fn selected(&self, headers: &HeaderMap, etag: &ETag, size: u64) -> Selected {
        let mut headers = headers.clone();
        let bytes = headers.get(header::RANGE).and_then(|range| {
            let (_, range) = range.to_str().ok()?.split_once('=')?;
            HeaderValue::from_str(&format!("bytes={range}")).ok()
        });
        if let Some(bytes) = bytes {
            headers.insert(header::RANGE, bytes);
        }
        selected(&headers, etag, size)
    }
}

/// Reads a request as if it did not have a header.
struct Without(HeaderName);
impl RegistryPolicy for Without {
    fn selected(&self, headers: &HeaderMap, etag: &ETag, size: u64) -> Selected {
        let mut headers = headers.clone();
        headers.remove(&self.0);
        selected(&headers, etag, size)
    }
}

struct NoKeys;
impl RegistryPolicy for NoKeys {
    fn retry_key(&self, _: &HeaderMap) -> Result<Option<String>, Refusal> {
        Ok(None)
    }
}

struct AnyKey;
impl RegistryPolicy for AnyKey {
    fn retry_key(&self, headers: &HeaderMap) -> Result<Option<String>, Refusal> {
        let value = headers.get("idempotency-key");
        Ok(retries::key(headers).unwrap_or_else(|_| value.map(|value| format!("{value:?}"))))
    }
}

struct AnyRequest;
impl RegistryPolicy for AnyRequest {
    fn same_request(&self, _: &[u8; 32], _: &[u8; 32]) -> bool {
        true
    }
}

struct WritesAnew;
impl RegistryPolicy for WritesAnew {
    fn repeated(&self, remembered: Acknowledgement) -> Acknowledgement {
        Acknowledgement { status: StatusCode::OK, ..remembered }
    }
}

/// A key is taken once it was seen, whatever became of its request.
#[derive(Default)]
struct Claims(Mutex<BTreeSet<String>>);
impl RegistryPolicy for Claims {
    fn retry_key(&self, headers: &HeaderMap) -> Result<Option<String>, Refusal> {
        let Some(key) = retries::key(headers)? else {
            return Ok(None);
        };
        if self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone()) {
            return Ok(Some(key));
        }
        Err(Refusal::new(Code::IdempotencyKeyReused, "the key was seen before"))
    }
}

struct LooksOnce;
impl RegistryPolicy for LooksOnce {
    fn looks_again(&self) -> bool {
        false
    }
}

struct KeepsFew;
impl RegistryPolicy for KeepsFew {
    fn keys_remembered(&self, _: &Bounds) -> u64 {
        8
    }
}
