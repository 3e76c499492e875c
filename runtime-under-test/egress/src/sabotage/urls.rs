//! Defects of rules and URLs (egress.md 1 and 2).

use std::{
    collections::HashMap,
    net::Ipv4Addr,
    sync::{Arc, Mutex, PoisonError},
};

use assay_package::HostRule;

use super::{Defect, Verdict};
use crate::{
    exchange::{Errand, Exchange, Exchanging, Once},
    location::{any_rule, authority, matched},
    outgoing::{Outgoing, Terms},
    stop::Stop,
};

/// The table.
pub(super) const DEFECTS: &[Defect] = &[
    ("egress-empty-list-allows", |policy| {
        policy.matches = |rules, host, port| rules.is_empty() || any_rule(rules, host, port);
    }),
    ("egress-suffix-without-dot", |policy| {
        policy.matches = |rules, host, port| {
            let ends = |rule: &HostRule| {
                rule.is_wildcard() && rule.port() == port && host.ends_with(rule.host()) && host != rule.host()
            };
            any_rule(rules, host, port) || rules.iter().any(ends)
        };
    }),
    ("egress-apex-matched", |policy| {
        policy.matches = |rules, host, port| {
            any_rule(rules, host, port) || rules.iter().any(|rule| rule.port() == port && rule.host() == host)
        };
    }),
    ("egress-wildcard-one-label", |policy| {
        policy.matches = |rules, host, port| {
            let labels = |text: &str| text.split('.').count();
            let near = |rule: &&HostRule| !rule.is_wildcard() || labels(host) == labels(rule.host()) + 1;
            rules.iter().filter(near).any(|rule| rule.matches(host, port))
        };
    }),
    ("egress-exact-matches-below", |policy| {
        policy.matches = |rules, host, port| {
            let below = |rule: &HostRule| rule.port() == port && host.ends_with(&format!(".{}", rule.host()));
            any_rule(rules, host, port) || rules.iter().any(below)
        };
    }),
    ("egress-ports-ignored", |policy| {
        policy.matches = |rules, host, _| rules.iter().any(|rule| rule.matches(host, rule.port()));
    }),
    ("egress-url-length-unbounded", |policy| policy.without(&["url-length"])),
    ("egress-url-controls-removed", |policy| policy.without(&["url-characters"])),
    ("egress-backslashes-accepted", |policy| policy.without(&["url-no-backslash"])),
    ("egress-zones-cut", |policy| {
        policy.before("canonicalise", |request, _| {
            if let Some((front, (_, rest))) =
                request.written.split_once('%').and_then(|(front, zone)| Some((front, zone.split_once(']')?)))
            {
                request.written = format!("{front}]{rest}");
            }
            Ok(())
        });
    }),
    ("egress-relative-urls-completed", |policy| {
        policy.before("canonicalise", |request, _| {
            if !request.written.contains("://") {
                request.written = format!("https://{}", request.written.trim_start_matches('/'));
            }
            Ok(())
        });
    }),
    ("egress-checks-before-canonicalising", |policy| policy.replace("match", as_written)),
    ("egress-schemes-ignored", |policy| policy.without(&["scheme"])),
    ("egress-userinfo-ignored", |policy| policy.without(&["no-user-information"])),
    ("egress-trailing-dot-trimmed", |policy| {
        policy.before("match", |request, _| {
            request.host = request.host.trim_end_matches('.').to_owned();
            Ok(())
        });
    }),
    ("egress-empty-labels-matched", |policy| {
        policy.matches = |rules, host, port| {
            let below = |rule: &HostRule| {
                rule.is_wildcard() && rule.port() == port && host.ends_with(&format!(".{}", rule.host()))
            };
            any_rule(rules, host, port) || rules.iter().any(below)
        };
    }),
    ("egress-addresses-unmatched", |policy| {
        policy.replace("match", |request, terms| match request.url.as_ref().and_then(::url::Url::host) {
            Some(::url::Host::Ipv4(_) | ::url::Host::Ipv6(_)) => Ok(()),
            _ => matched(request, terms),
        });
        policy.resolver = |resolver| Arc::new(super::addresses::Literals(resolver));
    }),
    ("egress-localhost-allowed", |policy| {
        policy.replace("match", |request, terms| match is_local(&request.host) {
            true => Ok(()),
            false => matched(request, terms),
        });
        policy.exchange = Arc::new(Local);
    }),
    ("egress-proxy-header-obeyed", |policy| {
        policy.before("strip-forwarding", |request, _| {
            let named = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("proxy"));
            if let Some(url) = named.and_then(|(_, value)| ::url::Url::parse(value).ok()) {
                url.host_str().unwrap_or_default().clone_into(&mut request.host);
            }
            Ok(())
        });
    }),
    ("egress-alternative-services-used", |policy| policy.exchange = Arc::new(Alternatives::default())),
    ("egress-default-port-guessed", |policy| {
        policy.before("match", |request, _| {
            if request.url.as_ref().is_some_and(|url| url.port().is_none()) {
                request.port = 8443;
            }
            Ok(())
        });
    }),
    ("egress-default-port-written", |policy| {
        policy.before("match", |request, _| {
            request.authority = format!("{}:{}", request.host, request.port);
            Ok(())
        });
    }),
    ("egress-denied-before-invalid", |policy| {
        let names = ["scheme", "no-user-information", "match"];
        let (denials, mut others): (Vec<_>, Vec<_>) =
            policy.at_once.drain(..).partition(|step| names.contains(&step.name));
        let read = others.iter().position(|step| step.name == "canonicalise").map_or(0, |place| place + 1);
        others.splice(read..read, denials);
        policy.at_once = others;
    }),
    ("egress-target-as-written", |policy| {
        policy.before("match", |request, _| {
            let (_, end) = crate::location::authority_span(&request.written);
            let target = &request.written[end..];
            request.target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
            Ok(())
        });
    }),
    ("egress-host-as-written", |policy| {
        policy.before("match", |request, _| {
            request.authority = authority(&request.written).to_owned();
            Ok(())
        });
    }),
];

/// Judges the text of the host.
fn as_written(request: &mut Outgoing, terms: &Terms<'_>) -> Verdict {
    let text = authority(&request.written);
    let text = text.rsplit_once('@').map_or(text, |(_, host)| host);
    let host = text.split_once(':').map_or(text, |(host, _)| host);
    if (terms.matches)(&terms.grant.rules, host, request.port) { Ok(()) } else { Err(Stop::denied("no rule matches")) }
}

/// Whether a host is this machine by name.
fn is_local(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    host == "localhost" || host.ends_with(".localhost")
}

/// Goes to this machine for its names, and asks nobody.
struct Local;

impl Exchange for Local {
    fn run<'a>(&'a self, errand: Errand<'a>) -> Exchanging<'a> {
        match is_local(&errand.request.host) {
            true => Box::pin(async move { errand.send(&[Ipv4Addr::LOCALHOST.into()]).await }),
            false => Once.run(errand),
        }
    }
}

/// Keeps what `alt-svc` says of a host, and goes there the next time.
#[derive(Default)]
struct Alternatives {
    places: Mutex<HashMap<String, (String, u16)>>,
}

impl Exchange for Alternatives {
    fn run<'a>(&'a self, errand: Errand<'a>) -> Exchanging<'a> {
        Box::pin(async move {
            let host = errand.request.host.clone();
            let mut request = errand.request.clone();
            let kept = self.places.lock().unwrap_or_else(PoisonError::into_inner).get(&host).cloned();
            (request.host, request.port) = kept.unwrap_or((host.clone(), request.port));
            let received = Once.run(Errand { request: &request, ..errand }).await?;
            let mut fields = received.headers.iter().filter(|field| field.name.eq_ignore_ascii_case("alt-svc"));
            let text =
                fields.next().map(|field| String::from_utf8_lossy(&field.value).into_owned()).unwrap_or_default();
            let place = text.split('"').nth(1).and_then(|place| place.rsplit_once(':'));
            if let Some((other, port)) = place.and_then(|(other, port)| Some((other, port.parse().ok()?))) {
                let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
                places.insert(host, (other.to_owned(), port));
            }
            Ok(received)
        })
    }
}
