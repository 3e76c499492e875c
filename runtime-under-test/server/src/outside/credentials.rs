//! Credentials: what the runtime adds to requests on behalf of handlers that never see it (egress.md, section 4).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use assay_egress::{is_field_value, is_hop_by_hop, is_token};
use assay_package::{Code, HandlerId, HostRule, KeyName, Refusal, Scope};

use super::policy::EgressPolicy;

/// The most entries of `handlers`, and of `hosts`.
const MOST_ENTRIES: usize = 32;
/// The least and the most bytes of a value.
const VALUE_BYTES: std::ops::RangeInclusive<usize> = 8..=4096;
/// Headers that the runtime writes itself.
const WRITTEN_HERE: [&str; 2] = ["host", "content-length"];

/// A credential that is right (4.1).
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// The name under which an admin keeps it.
    pub name: KeyName,
    /// For which handlers it is.
    pub handlers: Vec<Scope>,
    /// For which hosts it is.
    pub hosts: Vec<HostRule>,
    /// The header that it is sent as.
    pub header: String,
    /// The secret. It is in nothing that is shown or logged.
    pub value: String,
}

/// What an admin asks to be kept.
pub struct Asked {
    /// The name, out of the path.
    pub name: KeyName,
    /// Handler ids and prefixes as text.
    pub handlers: Vec<String>,
    /// Rules for hosts as text.
    pub hosts: Vec<String>,
    /// The header.
    pub header: String,
    /// The secret.
    pub value: String,
}

/// A member of a credential that is not of its form.
pub struct CredentialFault {
    /// Which one.
    pub of: Member,
    /// How it is refused.
    pub refusal: Refusal,
}

/// The members of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Member {
    Handlers,
    Hosts,
    Header,
    Value,
}

impl Credential {
    /// Judges what is asked, member by member (4.1).
    ///
    /// # Errors
    /// `credential-invalid` at the first place that is wrong. No refusal quotes the value.
    pub fn judge(asked: Asked, policy: &dyn EgressPolicy) -> Result<Self, Refusal> {
        let fault = |of, detail: String, pointer: String| {
            let refusal = Refusal::new(Code::CredentialInvalid, detail).at(pointer);
            policy.credential_fault(CredentialFault { of, refusal })
        };
        if !(1..=MOST_ENTRIES).contains(&asked.handlers.len()) {
            fault(Member::Handlers, format!("there are not 1 to {MOST_ENTRIES} handlers"), "/handlers".to_owned())?;
        }
        let mut handlers = Vec::new();
        for (index, text) in asked.handlers.iter().enumerate() {
            match text.parse() {
                Ok(scope) if scope != Scope::Every => handlers.push(scope),
                _ => fault(
                    Member::Handlers,
                    "this is not a handler id, nor a prefix of one and `.*`".to_owned(),
                    format!("/handlers/{index}"),
                )?,
            }
        }
        if !(1..=MOST_ENTRIES).contains(&asked.hosts.len()) {
            fault(Member::Hosts, format!("there are not 1 to {MOST_ENTRIES} hosts"), "/hosts".to_owned())?;
        }
        let mut hosts = Vec::new();
        for (index, text) in asked.hosts.iter().enumerate() {
            match text.parse::<HostRule>() {
                Ok(rule) => hosts.push(rule),
                Err(form) => fault(Member::Hosts, format!("this is not {form}"), format!("/hosts/{index}"))?,
            }
        }
        if !is_header(&asked.header) {
            let detail = "this is not the name of a header that a credential may be sent as";
            fault(Member::Header, detail.to_owned(), "/header".to_owned())?;
        }
        if !VALUE_BYTES.contains(&asked.value.len()) || !is_field_value(&asked.value) {
            let (least, most) = (VALUE_BYTES.start(), VALUE_BYTES.end());
            let detail = format!("the value is not {least} to {most} bytes of visible ASCII, with spaces only between");
            fault(Member::Value, detail, "/value".to_owned())?;
        }
        Ok(Self { name: asked.name, handlers, hosts, header: asked.header, value: asked.value })
    }

    /// Whether it is for a handler.
    pub fn covers(&self, handler: &HandlerId) -> bool {
        self.handlers.iter().any(|scope| scope.covers(handler))
    }

    /// Whether it is for a canonical host and a port.
    pub fn is_for(&self, host: &str, port: u16) -> bool {
        self.hosts.iter().any(|rule| rule.matches(host, port))
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Credential").field("name", &self.name).field("header", &self.header).finish_non_exhaustive()
    }
}

/// A token that is no header of the connection and none that the runtime writes itself.
fn is_header(name: &str) -> bool {
    let written_here = WRITTEN_HERE.iter().any(|header| name.eq_ignore_ascii_case(header));
    is_token(name) && !is_hop_by_hop(name) && !written_here
}

/// All credentials by their names, in order of the names' bytes.
pub type Kept = BTreeMap<KeyName, Credential>;

/// The credentials as of now: read by every request that goes out, changed after a commit and before the answer.
pub struct Keyring {
    kept: RwLock<Kept>,
    policy: Arc<dyn EgressPolicy>,
}

impl Keyring {
    /// What a store holds.
    pub fn new(kept: Kept, policy: Arc<dyn EgressPolicy>) -> Self {
        Self { kept: RwLock::new(kept), policy }
    }

    /// The credentials. Keep them for as long as a look takes.
    pub fn read(&self) -> RwLockReadGuard<'_, Kept> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the credentials.
    pub fn change(&self, change: impl FnOnce(&mut Kept)) {
        change(&mut self.kept.write().unwrap_or_else(PoisonError::into_inner));
    }
}

impl assay_egress::Credentials for Keyring {
    fn fitting(&self, handler: &str, host: &str, port: u16) -> Vec<assay_egress::Credential> {
        let Ok(handler) = handler.parse::<HandlerId>() else {
            return Vec::new();
        };
        let sent =
            |Credential { name, header, value, .. }| assay_egress::Credential { name: name.to_string(), header, value };
        self.policy.fitting(&self.read(), &handler, host, port).into_iter().map(sent).collect()
    }

    fn known_to(&self, handler: &str) -> Vec<String> {
        let Ok(handler) = handler.parse::<HandlerId>() else {
            return Vec::new();
        };
        self.read().values().filter(|credential| credential.covers(&handler)).map(|known| known.value.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::policy::EgressContract;
    use super::*;

    fn judge(change: impl FnOnce(&mut Asked)) -> Result<Credential, Refusal> {
        let mut asked = Asked {
            name: "api".parse().unwrap(),
            handlers: vec!["com.example.*".to_owned(), "org.example.one".to_owned()],
            hosts: vec!["https://*.example.com:8443".to_owned()],
            header: "Authorization".to_owned(),
            value: "Bearer \tsecret".to_owned(),
        };
        change(&mut asked);
        Credential::judge(asked, &EgressContract)
    }

    #[track_caller]
    fn refused(place: &str, change: impl FnOnce(&mut Asked)) {
        let refusal = judge(change).unwrap_err();
        assert_eq!((refusal.code, refusal.pointer.as_deref()), (Code::CredentialInvalid, Some(place)));
    }

    #[test]
    fn a_credential_is_for_its_handlers_and_hosts_only() {
        let credential = judge(|_| ()).unwrap();
        let covers = |id: &str| credential.covers(&id.parse().unwrap());
        assert!(covers("com.example.a") && covers("org.example.one"));
        assert!(!covers("com.exampleb.a") && !covers("org.example.two"));
        assert!(credential.is_for("a.b.example.com", 8443));
        assert!(!credential.is_for("a.example.com", 443) && !credential.is_for("example.com", 8443));
        assert!(!format!("{credential:?}").contains("secret"));
    }

    #[test]
    fn handlers_are_ids_or_prefixes() {
        refused("/handlers", |asked| asked.handlers.clear());
        refused("/handlers/1", |asked| asked.handlers[1] = "*".to_owned());
        refused("/handlers/0", |asked| asked.handlers[0] = "com.*.x".to_owned());
        refused("/handlers", |asked| asked.handlers = vec!["com.example.a".to_owned(); 33]);
    }

    #[test]
    fn hosts_are_rules() {
        refused("/hosts", |asked| asked.hosts.clear());
        refused("/hosts/1", |asked| asked.hosts.push("https://*.com".to_owned()));
    }

    #[test]
    fn headers_are_tokens_that_do_not_belong_to_the_connection() {
        for header in ["", "a b", "a:", "Host", "Content-Length", "TE", "Transfer-Encoding", "k\u{e4}se"] {
            refused("/header", |asked| asked.header = header.to_owned());
        }
        for header in ["cookie", "X-Api-Key", "authorization"] {
            assert!(judge(|asked| asked.header = header.to_owned()).is_ok(), "{header}");
        }
    }

    #[test]
    fn values_are_visible_ascii_of_a_length() {
        let long = "x".repeat(4097);
        for value in ["1234567", " 12345678", "12345678\t", "1234\r\n5678", "1234\u{0}5678", "12345678\u{e4}", &long] {
            refused("/value", |asked| asked.value = value.to_owned());
        }
        for value in ["12345678", &long[1..]] {
            assert!(judge(|asked| asked.value = value.to_owned()).is_ok());
        }
    }
}
