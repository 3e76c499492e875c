//! What decisions are about, and what they come to.

use std::collections::BTreeMap;

use assay_package::{Package, Refusal};
use axum::body::Bytes;
use axum::http::request::Parts;
use tokio::sync::OwnedSemaphorePermit;

use crate::registry::Registry;
use crate::roles::Role;
use crate::routes::Operation;

/// What is known of a request when its role is judged.
pub struct Asked<'a> {
    /// The operations of the path: one, if the method is one of the path's.
    pub operations: &'a [Operation],
    /// The names in the path, in order.
    pub names: &'a [String],
    /// The role of the token, if it is one of ours.
    pub role: Option<Role>,
    /// The head of the request.
    pub head: &'a Parts,
    /// What is stored and who is trusted.
    pub registry: &'a Registry,
}

/// A place among the executions that may be under way; dropped, it is free.
pub type Place = OwnedSemaphorePermit;

/// What the handler did to its state: a value to set, or none for a key to remove.
pub type StateChanges = BTreeMap<String, Option<Vec<u8>>>;

/// What becomes of an upload.
pub struct Judged {
    /// What is stored, if anything is.
    pub stored: Option<Package>,
    /// What is answered in place of the release.
    pub refusal: Option<Refusal>,
}

impl From<Result<Package, Refusal>> for Judged {
    /// What passes is stored, and nothing else.
    fn from(judged: Result<Package, Refusal>) -> Self {
        match judged {
            Ok(package) => Judged { stored: Some(package), refusal: None },
            Err(refusal) => Judged { stored: None, refusal: Some(refusal) },
        }
    }
}

/// Which release is shown after a second upload of a version that was not refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duplicate {
    /// The one that was stored.
    Old,
    /// The one that was uploaded.
    New,
}

/// The filters of a list.
#[derive(Clone, Debug, Default)]
pub struct Filters {
    /// Only handlers whose highest version is of this category.
    pub category: Option<String>,
    /// Only handlers that are, or are not, installed.
    pub installed: Option<bool>,
}

/// What an uninstall removes.
#[derive(Clone, Copy, Debug)]
pub struct Removed {
    /// The installation.
    pub installation: bool,
    /// The state.
    pub state: bool,
    /// The records of its executions.
    pub records: bool,
}

/// The answer of an execution, when it is to be kept.
pub struct KeptAnswer<'a> {
    /// As it is sent.
    pub whole: &'a Bytes,
    /// Without what the handler can make large.
    pub abridged: &'a dyn Fn() -> Option<Bytes>,
}

impl KeptAnswer<'_> {
    /// As much of it as fits into `most` bytes (core.md 9.23).
    pub fn within(&self, most: u64) -> Option<Bytes> {
        let fits = u64::try_from(self.whole.len()).is_ok_and(|bytes| bytes <= most);
        if fits { Some(self.whole.clone()) } else { (self.abridged)() }
    }
}
