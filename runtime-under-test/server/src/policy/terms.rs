//! What decisions are about, and what they come to.

use std::collections::BTreeMap;

use assay_package::{Package, Refusal};
use axum::http::request::Parts;

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

/// What the handler did to its state: a value to set, or none for a key to remove.
pub type StateChanges = BTreeMap<String, Option<Vec<u8>>>;

/// What becomes of an upload.
pub struct Judged {
    /// What is stored, if anything is.
    pub stored: Option<Package>,
    /// What is answered in place of the release.
    pub refusal: Option<Refusal>,
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
}
