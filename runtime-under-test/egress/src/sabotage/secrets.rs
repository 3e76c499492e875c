//! Defects of credentials (egress.md 4).

use super::Defect;
use crate::{
    credentials::{fitting, inject},
    headers::{strip_hop_by_hop, strip_named_by_connection},
    outgoing::{Outgoing, Step, Terms},
};

/// The table.
pub(super) const DEFECTS: &[Defect] = &[
    ("egress-credentials-appended", |policy| {
        policy.in_its_turn = vec![Step::new("sabotaged", |request, terms| {
            let written = std::mem::take(&mut request.headers);
            put(request, terms, false);
            request.headers.splice(..0, written);
            Ok(())
        })];
    }),
    ("egress-credentials-last-name-wins", |policy| {
        policy.in_its_turn = vec![Step::new("sabotaged", |request, terms| {
            put(request, terms, true);
            Ok(())
        })];
    }),
    ("egress-credentials-of-the-asking", |policy| {
        policy.at_once.append(&mut policy.in_its_turn);
    }),
    ("egress-credentials-named-by-connection-lost", |policy| {
        policy.without(&["strip-named-by-connection", "strip-hop-by-hop"]);
        policy.at_last(strip_named_by_connection);
        policy.at_last(strip_hop_by_hop);
    }),
    ("egress-credentials-of-other-hosts-echoed", |policy| {
        policy.in_its_turn = vec![Step::new("sabotaged", |request, terms| {
            inject(request, terms)?;
            request.secrets = fitting(request, terms).into_iter().map(|credential| credential.value).collect();
            Ok(())
        })];
    }),
    ("egress-credentials-echoed-in-headers", |policy| policy.hand_on("redact-headers", |_, _| {})),
    ("egress-credentials-echoed-in-bodies", |policy| policy.hand_on("redact-body", |_, _| {})),
];

/// Puts credentials into a request: of several for one header the first by name, or the last.
fn put(request: &mut Outgoing, terms: &Terms<'_>, last_wins: bool) {
    let mut fitting = fitting(request, terms);
    fitting.sort_by(|a, b| if last_wins { a.name.cmp(&b.name) } else { b.name.cmp(&a.name) });
    for credential in fitting {
        request.headers.retain(|(name, _)| !name.eq_ignore_ascii_case(&credential.header));
        request.headers.push((credential.header, credential.value));
    }
}
