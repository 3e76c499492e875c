//! Defects of the manifest's rules.

use serde_json::Value;

use crate::{
    Bounds, HandlerId, Json, Offer, Refusal,
    manifest::{ManifestDraft, fields, invalid, limits, schemas, shape},
    parse_json,
};

type Verdict = Result<(), Refusal>;

/// Skips a byte order mark.
pub(super) fn skip_mark(draft: &mut ManifestDraft, _: &Offer) -> Verdict {
    if let Some(rest) = draft.bytes.strip_prefix(b"\xef\xbb\xbf") {
        draft.bytes = rest.to_vec();
    }
    Ok(())
}

/// Cuts off what follows the first value.
pub(super) fn cut_rest(draft: &mut ManifestDraft, _: &Offer) -> Verdict {
    let mut values = serde_json::Deserializer::from_slice(&draft.bytes).into_iter::<Value>();
    if let Some(Ok(_)) = values.next() {
        let end = values.byte_offset();
        draft.bytes.truncate(end);
    }
    Ok(())
}

/// Takes every depth that the reader can take.
pub(super) fn any_depth(draft: &mut ManifestDraft, offer: &Offer) -> Verdict {
    let mut offer = offer.clone();
    offer.bounds.json_depth = u64::MAX;
    shape::json(draft, &offer)
}

/// Writes the manifest again as most parsers read it.
pub(super) fn last_name_wins(draft: &mut ManifestDraft, _: &Offer) -> Verdict {
    if let Ok(value) = serde_json::from_slice::<Value>(&draft.bytes) {
        draft.bytes = value.to_string().into_bytes();
    }
    Ok(())
}

/// Fills in every required field that is missing.
pub(super) fn fill_in(draft: &mut ManifestDraft, _: &Offer) -> Verdict {
    const DEFAULTS: [(&str, &str, &str); 14] = [
        ("", "id", r#""com.example.unnamed""#),
        ("", "version", r#""0.0.0""#),
        ("", "name", r#""Unnamed""#),
        ("", "category", r#""other""#),
        ("", "abi", r#""core""#),
        ("", "module", "{}"),
        ("", "input", "true"),
        ("", "output", "true"),
        ("", "permissions", "{}"),
        ("", "limits", "{}"),
        ("/module", "size", "8"),
        ("/limits", "memory_bytes", "1048576"),
        ("/limits", "timeout_ms", "1000"),
        ("/permissions/state", "max_bytes", "1024"),
    ];
    for (place, name, default) in DEFAULTS {
        insert(draft, place, name, default);
    }
    let zeros = format!(r#""sha256:{}""#, "0".repeat(64));
    insert(draft, "/module", "digest", &zeros);
    Ok(())
}

/// Takes any text of 1 to 128 bytes as an id.
pub(super) fn any_id(draft: &mut ManifestDraft, offer: &Offer) -> Verdict {
    match draft.field("/id").and_then(Json::as_str) {
        Some(text) if (1..=HandlerId::LONGEST).contains(&text.len()) => {
            draft.id = Some(HandlerId(text.into()));
            Ok(())
        }
        _ => fields::id(draft, offer),
    }
}

/// Makes a version of whatever resembles one.
pub(super) fn coerce_version(draft: &mut ManifestDraft, offer: &Offer) -> Verdict {
    let Some(text) = draft.field("/version").and_then(Json::as_str) else {
        return fields::version(draft, offer);
    };
    let text = text.trim_start_matches(['v', 'V', '=']);
    let text = text.split_once('+').map_or(text, |(version, _)| version);
    let (core, pre) = text.split_once('-').map_or((text, None), |(core, pre)| (core, Some(pre)));
    let mut numbers: Vec<&str> = core.split('.').map(|number| number.trim_start_matches('0')).collect();
    numbers.resize(3, "");
    let numbers: Vec<&str> = numbers.into_iter().map(|number| if number.is_empty() { "0" } else { number }).collect();
    let coerced = pre.into_iter().fold(numbers.join("."), |core, pre| format!("{core}-{pre}"));
    match coerced.parse() {
        Ok(version) => draft.version = Some(version),
        Err(_) => return fields::version(draft, offer),
    }
    Ok(())
}

/// Refuses what comes before a release.
pub(super) fn no_pre_releases(draft: &mut ManifestDraft, _: &Offer) -> Verdict {
    match &draft.version {
        Some(version) if version.as_str().contains('-') => Err(invalid("/version", "this is a pre-release")),
        _ => Ok(()),
    }
}

/// Takes `$schema` out of both schemas.
pub(super) fn forget_dialects(draft: &mut ManifestDraft, _: &Offer) -> Verdict {
    for schema in [&mut draft.input, &mut draft.output].into_iter().flatten() {
        if let Value::Object(members) = schema {
            members.remove("$schema");
        }
    }
    Ok(())
}

/// Takes any name.
pub(super) fn any_name(draft: &mut ManifestDraft, _: &Offer) -> Verdict {
    draft.name = Some(draft.field("/name").and_then(Json::as_str).unwrap_or_default().to_owned());
    Ok(())
}

/// Takes any category.
pub(super) fn any_category(draft: &mut ManifestDraft, _: &Offer) -> Verdict {
    draft.category = Some(draft.field("/category").and_then(Json::as_str).unwrap_or_default().to_owned());
    Ok(())
}

/// Takes digests in upper case.
pub(super) fn any_case(draft: &mut ManifestDraft, offer: &Offer) -> Verdict {
    let digest = draft.field("/module/digest").and_then(Json::as_str).map(str::to_ascii_lowercase);
    match digest.and_then(|text| text.parse().ok()) {
        Some(digest) => draft.module_digest = Some(digest),
        None => return fields::module_digest(draft, offer),
    }
    Ok(())
}

/// Takes each bound for the first value that is too much.
pub(super) fn below_the_bound(draft: &mut ManifestDraft, offer: &Offer) -> Verdict {
    let mut offer = offer.clone();
    let Bounds { memory_bytes, timeout_ms, log_bytes, output_bytes, state_bytes, .. } = &mut offer.bounds;
    for bound in [memory_bytes, timeout_ms, log_bytes, output_bytes, state_bytes] {
        *bound = bound.saturating_sub(1);
    }
    limits::at_most(draft, &offer)
}

/// Takes limits of egress of any size.
pub(super) fn any_egress(draft: &mut ManifestDraft, offer: &Offer) -> Verdict {
    let mut offer = offer.clone();
    offer.bounds.egress_requests_per_minute = u64::MAX;
    offer.bounds.egress_bytes_per_minute = u64::MAX;
    offer.bounds.egress_queue = u64::MAX;
    offer.bounds.egress_timeout_ms = u64::MAX;
    limits::at_most(draft, &offer)
}

/// Writes numbers with fraction and exponent as the integers that they are.
pub(super) fn round(draft: &mut ManifestDraft, _: &Offer) -> Verdict {
    for pointer in limits::integer_places() {
        let Some(number) = draft.field(pointer).and_then(Json::as_number) else {
            continue;
        };
        let value: f64 = number.as_str().parse().unwrap_or_default();
        let integer = if number.is_integer() { number.as_str().to_owned() } else { format!("{value:.0}") };
        if let (Some((place, name)), Ok(integer)) = (pointer.rsplit_once('/'), parse_json(integer.as_bytes(), 1))
            && let Some(Json::Object(members)) = draft.json.as_mut().and_then(|json| at(json, place))
        {
            members.insert(name.to_owned(), integer);
        }
    }
    Ok(())
}

/// Puts a member into the object at a place, if that is one and has no such member.
fn insert(draft: &mut ManifestDraft, place: &str, name: &str, text: &str) {
    if let Some(Json::Object(members)) = draft.json.as_mut().and_then(|json| at(json, place))
        && let Ok(value) = parse_json(text.as_bytes(), 2)
    {
        members.entry(name.to_owned()).or_insert(value);
    }
}

fn at<'a>(json: &'a mut Json, pointer: &str) -> Option<&'a mut Json> {
    pointer.split('/').skip(1).try_fold(json, |value, name| match value {
        Json::Object(members) => members.get_mut(name),
        _ => None,
    })
}

/// Does not count what the items and members of a value cost.
pub(super) fn cost_at_the_value_itself(draft: &mut ManifestDraft, _: &Offer) -> Verdict {
    schemas::affordable_to(draft, 0)
}
