//! Defects of rules and URLs (egress.md 1 and 2).

use assay_package::HostRule;

use super::{Defect, Verdict};
use crate::{
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
    ("egress-addresses-unmatched", |policy| {
        policy.replace("match", |request, terms| match request.url.as_ref().and_then(::url::Url::host) {
            Some(::url::Host::Ipv4(_) | ::url::Host::Ipv6(_)) => Ok(()),
            _ => matched(request, terms),
        });
        policy.resolver = |resolver| std::sync::Arc::new(super::addresses::Literals(resolver));
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
