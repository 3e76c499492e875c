//! Every operation, and the path and method that lead to it.
//!
//! The contract compares segments after percent-decoding (README, clause 1.1) and judges the role before the method
//! (2.3), so the table is matched here and not by a router that compares raw paths.

use std::borrow::Cow;

use axum::http::Method;

/// What a caller can ask for; the table below says how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Discover,
    Health,
    ListKeys,
    PutKey,
    ShowKey,
    DeleteKey,
    ListCredentials,
    PutCredential,
    DeleteCredential,
    Upload,
    RevokeHandler,
    Sign,
    RevokeRelease,
    ListHandlers,
    ShowHandler,
    DownloadPart,
    ListInstalled,
    Install,
    Upgrade,
    ShowInstallation,
    Uninstall,
    Execute,
    ShowExecution,
    ShowState,
    ListEgress,
}

use Operation as Op;

/// Method, path and operation. `{name}` stands for one segment that is not empty.
const ROUTES: &[(Method, &str, Operation)] = &[
    (Method::GET, ".well-known/handler-runtime", Op::Discover),
    (Method::GET, "health", Op::Health),
    (Method::GET, "admin/trust/keys", Op::ListKeys),
    (Method::PUT, "admin/trust/keys/{key}", Op::PutKey),
    (Method::GET, "admin/trust/keys/{key}", Op::ShowKey),
    (Method::DELETE, "admin/trust/keys/{key}", Op::DeleteKey),
    (Method::GET, "admin/egress/credentials", Op::ListCredentials),
    (Method::PUT, "admin/egress/credentials/{name}", Op::PutCredential),
    (Method::DELETE, "admin/egress/credentials/{name}", Op::DeleteCredential),
    (Method::POST, "admin/registry/handlers", Op::Upload),
    (Method::POST, "admin/registry/handlers/{id}/revoke", Op::RevokeHandler),
    (Method::POST, "admin/registry/handlers/{id}/versions/{version}/sign", Op::Sign),
    (Method::POST, "admin/registry/handlers/{id}/versions/{version}/revoke", Op::RevokeRelease),
    (Method::GET, "registry/handlers", Op::ListHandlers),
    (Method::GET, "registry/handlers/{id}", Op::ShowHandler),
    (Method::GET, "registry/handlers/{id}/versions/{version}/{part}", Op::DownloadPart),
    (Method::GET, "handlers", Op::ListInstalled),
    (Method::POST, "handlers/{id}/install", Op::Install),
    (Method::POST, "handlers/{id}/upgrade", Op::Upgrade),
    (Method::GET, "handlers/{id}", Op::ShowInstallation),
    (Method::DELETE, "handlers/{id}", Op::Uninstall),
    (Method::POST, "handlers/{id}/executions", Op::Execute),
    (Method::GET, "handlers/{id}/executions/{execution}", Op::ShowExecution),
    (Method::GET, "handlers/{id}/state", Op::ShowState),
    (Method::GET, "handlers/{id}/egress", Op::ListEgress),
];

/// A path that exists.
#[derive(Debug)]
pub struct Matched<'p> {
    /// The operations of the path with their methods; never empty.
    pub operations: Vec<(&'static Method, Operation)>,
    /// The segments that stand for a name, decoded, in order.
    pub names: Vec<Cow<'p, str>>,
}

impl Matched<'_> {
    /// The operation of this method.
    pub fn operation(&self, method: &Method) -> Option<Operation> {
        self.operations.iter().find(|(known, _)| *known == method).map(|(_, operation)| *operation)
    }

    /// The value of `Allow` (RFC 9110, 10.2.1).
    pub fn allow(&self) -> String {
        self.operations.iter().map(|(method, _)| method.as_str()).collect::<Vec<_>>().join(", ")
    }
}

/// Finds the path in the table.
pub fn find(path: &str) -> Option<Matched<'_>> {
    let segments: Vec<_> = path.strip_prefix('/')?.split('/').map(decode).collect();
    let mut found: Option<Matched<'_>> = None;
    for (method, template, operation) in ROUTES {
        let Some(names) = names(template, &segments) else {
            continue;
        };
        found.get_or_insert(Matched { operations: Vec::new(), names }).operations.push((method, *operation));
    }
    found
}

fn names<'p>(template: &str, segments: &[Cow<'p, str>]) -> Option<Vec<Cow<'p, str>>> {
    let mut names = Vec::new();
    let mut given = segments.iter();
    for wanted in template.split('/') {
        let segment = given.next()?;
        if wanted.starts_with('{') && !segment.is_empty() {
            names.push(segment.clone());
        } else if wanted != segment.as_ref() {
            return None;
        }
    }
    given.next().is_none().then_some(names)
}

/// Percent-decoding of one segment. What is not UTF-8 then becomes U+FFFD, which no name has.
fn decode(segment: &str) -> Cow<'_, str> {
    percent_encoding::percent_decode_str(segment).decode_utf8_lossy()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_compared_after_decoding() {
        let matched = find("/%68ealth").unwrap();
        assert_eq!(matched.operation(&Method::GET), Some(Op::Health));
    }

    #[test]
    fn an_encoded_slash_does_not_split_a_segment() {
        assert_eq!(find("/handlers/a%2Finstall").unwrap().names, ["a/install"]);
    }

    #[test]
    fn what_is_not_in_the_table_does_not_exist() {
        for path in ["/", "", "*", "/health/", "//health", "/handlers/", "/Health", "/handlers/a/install/x"] {
            assert!(find(path).is_none(), "{path}");
        }
    }

    #[test]
    fn allow_lists_every_method_of_the_path() {
        assert_eq!(find("/admin/trust/keys/a").unwrap().allow(), "PUT, GET, DELETE");
    }
}
