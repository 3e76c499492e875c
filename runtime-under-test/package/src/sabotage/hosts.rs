//! Defects of the rules for hosts. The seam is the list of steps by which a rule is read.

use idna::{
    AsciiDenyList,
    uts46::{DnsLength, Hyphens, Uts46},
};

use crate::{
    Offer, Refusal,
    gates::Judge,
    host_rule::steps::{self, Step},
    manifest::{ManifestDraft, egress},
};

/// The manifest's rule with another step in the place of one.
macro_rules! instead {
    ($($name:literal => $step:expr),+) => {
        Judge::Manifest(|draft: &mut ManifestDraft, _: &Offer| read(draft, &[$(($name, $step)),+]))
    };
}

/// Takes any scheme.
pub(super) const ANY_SCHEME: Judge = instead!("scheme" => |draft| {
    let (_, rest) = draft.rest.split_once("://").ok_or("a scheme")?;
    draft.rest = rest.to_owned();
    Ok(())
});

/// Cuts off what is not host and port.
pub(super) const PATHS_IGNORED: Judge = instead!("authority" => |draft| {
    let end = draft.rest.find(['/', '?', '#', '\\']).unwrap_or(draft.rest.len());
    draft.rest.truncate(end);
    let begin = draft.rest.rfind('@').map_or(0, |at| at + 1);
    draft.rest.drain(..begin);
    Ok(())
});

/// Removes white space and control characters.
pub(super) const WHITE_SPACE_TRIMMED: Judge = instead!("characters" => |draft| {
    draft.rest.retain(|character| !character.is_whitespace() && !character.is_control());
    Ok(())
});

/// Takes addresses.
pub(super) const ADDRESSES_ACCEPTED: Judge = instead!(
    "no-address" => |_| Ok(()),
    "host" => |draft| {
        draft.host = url::Host::parse(&draft.rest).map_err(|_| "a host")?.to_string();
        Ok(())
    },
    "several-labels" => |_| Ok(())
);

/// Takes the trailing dot off.
pub(super) const TRAILING_DOTS_TRIMMED: Judge = instead!("labels" => |draft| {
    if draft.rest.ends_with('.') {
        draft.rest.pop();
    }
    Ok(())
});

/// Takes what *domain to ASCII* takes without `beStrict`.
pub(super) const HOSTS_LENIENT: Judge = instead!("host" => |draft| {
    let lax = Uts46::new().to_ascii(draft.rest.as_bytes(), AsciiDenyList::URL, Hyphens::Allow, DnsLength::Ignore);
    draft.host = lax.map_err(|_| "a domain name")?.into_owned();
    Ok(())
});

/// Takes hosts of one label.
pub(super) const SINGLE_LABELS_ACCEPTED: Judge = instead!("several-labels" => |_| Ok(()));

/// Takes `localhost`.
pub(super) const LOCALHOST_ACCEPTED: Judge = instead!(
    "several-labels" => |draft| match draft.host.contains('.') || draft.host == "localhost" {
        true => Ok(()),
        false => Err("a host of two labels"),
    },
    "no-localhost" => |_| Ok(())
);

/// Reads the digits at the begin of a port, whatever they are.
pub(super) const PORTS_LENIENT: Judge = instead!("port" => |draft| {
    if let Some((host, port)) = draft.rest.rsplit_once(':') {
        let digits: String = port.chars().take_while(char::is_ascii_digit).collect();
        draft.port = digits.parse::<u64>().map_or(443, |port| (port % 65536) as u16);
        draft.rest = host.to_owned();
    }
    Ok(())
});

/// Takes a star anywhere for a wildcard over what follows its label.
pub(super) const STARS_ANYWHERE: Judge = instead!("wildcard" => |draft| {
    if let Some(star) = draft.rest.rfind('*') {
        let rest = &draft.rest[star + 1..];
        draft.wildcard = true;
        draft.rest = rest.strip_prefix('.').unwrap_or(rest).to_owned();
    }
    Ok(())
});

/// Takes wildcards above public suffixes.
pub(super) const PUBLIC_SUFFIXES_ACCEPTED: Judge = instead!(
    "several-labels" => |draft| match draft.wildcard || draft.host.contains('.') {
        true => Ok(()),
        false => Err("a host of two labels"),
    },
    "no-public-suffix" => |_| Ok(())
);

/// Keeps the host as it is written.
pub(super) const HOSTS_AS_WRITTEN: Judge = instead!("host" => |draft| {
    draft.host = draft.rest.clone();
    Ok(())
});

/// Reads the rules with other steps in the place of some.
fn read(draft: &mut ManifestDraft, others: &[Step]) -> Result<(), Refusal> {
    let other = |(name, step): Step| others.iter().find(|(other, _)| *other == name).copied().unwrap_or((name, step));
    egress::rules_by(draft, &steps::HONEST.map(other))
}
