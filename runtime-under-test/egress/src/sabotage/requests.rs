//! Defects of what is sent (egress.md 3).

use std::{
    borrow::Cow,
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use super::Defect;
use crate::{
    headers::{is_field_value, is_token},
    http::HttpRules,
    outgoing::{Outgoing, Step},
    stop::Stop,
};

/// Every step that takes headers away.
const STRIPS: [&str; 6] = [
    "strip-named-by-connection",
    "strip-hop-by-hop",
    "strip-own",
    "strip-authorization",
    "strip-cookies",
    "strip-forwarding",
];

/// The table.
pub(super) const DEFECTS: &[Defect] = &[
    ("egress-methods-unchecked", |policy| {
        policy.replace("method", |request, _| match is_token(&request.method) {
            true => Ok(()),
            false => Err(Stop::invalid("the method is no token")),
        });
    }),
    ("egress-methods-upper-cased", |policy| {
        policy.before("method", |request, _| {
            request.method.make_ascii_uppercase();
            Ok(())
        });
    }),
    ("egress-get-with-body", |policy| policy.without(&["no-body-with-get"])),
    ("egress-invalid-headers-dropped", |policy| {
        policy.before("header-names", |request, _| {
            request.headers.retain(|(name, value)| is_token(name) && is_field_value(value));
            Ok(())
        });
    }),
    ("egress-values-cut", |policy| {
        policy.before("header-values", |request, _| {
            for (_, value) in &mut request.headers {
                let end = value.find(|character: char| character.is_control() && character != '\t');
                value.truncate(end.unwrap_or(value.len()));
            }
            Ok(())
        });
    }),
    ("egress-values-trimmed", |policy| {
        policy.before("header-values", |request, _| {
            for (_, value) in &mut request.headers {
                *value = value.trim_matches([' ', '\t']).to_owned();
            }
            Ok(())
        });
    }),
    ("egress-values-beyond-ascii", |policy| {
        policy.replace("header-values", |request, _| {
            let in_ascii = |value: &str| value.chars().filter(char::is_ascii).collect::<String>();
            match request.headers.iter().all(|(_, value)| is_field_value(&in_ascii(value))) {
                true => Ok(()),
                false => Err(Stop::invalid("the value of a header")),
            }
        });
    }),
    ("egress-header-count-unbounded", |policy| policy.without(&["header-count"])),
    ("egress-header-bytes-unbounded", |policy| policy.without(&["header-bytes"])),
    ("egress-request-body-unbounded", |policy| policy.without(&["body-bytes"])),
    ("egress-hop-headers-forwarded", |policy| {
        policy.replace("strip-hop-by-hop", |request, _| {
            // What frames the message must go, or no server would read it.
            request.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("transfer-encoding"));
            Ok(())
        });
    }),
    ("egress-connection-names-kept", |policy| policy.without(&["strip-named-by-connection"])),
    ("egress-authorization-forwarded", |policy| policy.without(&["strip-authorization"])),
    ("egress-cookies-forwarded", |policy| policy.without(&["strip-cookies"])),
    ("egress-forwarding-headers-kept", |policy| policy.without(&["strip-forwarding"])),
    ("egress-strips-exact-case", |policy| {
        policy.without(&STRIPS);
        policy.at_once.push(Step::new("sabotaged", |request, terms| {
            let written = std::mem::take(&mut request.headers);
            let is_lower = |(name, _): &(String, String)| !name.bytes().any(|byte| byte.is_ascii_uppercase());
            let (lower, mixed): (Vec<_>, Vec<_>) = written.into_iter().partition(is_lower);
            request.headers = lower;
            for step in crate::order::AT_ONCE.iter().filter(|step| STRIPS.contains(&step.name)) {
                (step.run)(request, terms)?;
            }
            // The runtime's own stay its own, or no server would read the message.
            let frames = |(name, _): &(String, String)| {
                crate::headers::is_one_of(name, &["host", "content-length", "transfer-encoding"])
            };
            request.headers.extend(mixed.into_iter().filter(|header| !frames(header)));
            Ok(())
        }));
    }),
    ("egress-host-header-kept", |policy| {
        policy.replace("strip-own", |request, _| {
            request.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-length"));
            Ok(())
        });
    }),
    ("egress-headers-merged", |policy| {
        policy.at_last(|request, _| {
            let mut merged: Vec<(String, String)> = Vec::new();
            for (name, value) in std::mem::take(&mut request.headers) {
                match merged.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(&name)) {
                    Some((_, known)) => *known = format!("{known}, {value}"),
                    None => merged.push((name, value)),
                }
            }
            request.headers = merged;
            Ok(())
        });
    }),
    ("egress-headers-sorted", |policy| {
        policy.at_last(|request, _| {
            request.headers.sort_by_key(|(name, _)| name.to_ascii_lowercase());
            Ok(())
        });
    }),
    ("egress-names-the-handler", |policy| {
        policy.at_last(|request, terms| {
            request.headers.push(("x-handler".to_owned(), terms.grant.handler.clone()));
            Ok(())
        });
    }),
    ("egress-hashes-the-handler", |policy| {
        policy.at_last(|request, terms| {
            let mut hasher = DefaultHasher::new();
            terms.grant.handler.hash(&mut hasher);
            request.headers.push(("x-client".to_owned(), format!("{:016x}", hasher.finish())));
            Ok(())
        });
    }),
    ("egress-names-the-execution", |policy| {
        policy.at_last(|request, terms| {
            request.headers.push(("traceparent".to_owned(), terms.grant.execution.clone()));
            Ok(())
        });
    }),
    ("egress-targets-absolute", |policy| {
        policy.http.http1.written = |request| {
            let mut absolute = request.clone();
            absolute.target = format!("https://{}{}", request.authority, request.target);
            let (head, _) = (HttpRules::honest().http1.written)(&absolute);
            (head, Cow::Borrowed(&request.body))
        };
    }),
    ("egress-connects-to-the-host-header", |policy| {
        policy.before("strip-own", |request, _| {
            if let Some(host) = host_header(request) {
                request.host = host;
            }
            Ok(())
        });
    }),
];

/// The host of the handler's own `host` header, without a port.
fn host_header(request: &Outgoing) -> Option<String> {
    let (_, value) = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("host"))?;
    Some(value.split_once(':').map_or(value.as_str(), |(host, _)| host).to_ascii_lowercase())
}
