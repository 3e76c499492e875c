//! The manifest's texts: identity, description, packaging, permissions (core.md 3.1, 3.4, 3.6, 3.7).

use super::{ManifestDraft, invalid};
use crate::{Abi, Code, Feature, Json, Offer, Refusal};

type Verdict = Result<(), Refusal>;

/// `/id` is a reverse-DNS name.
pub(crate) fn id(draft: &mut ManifestDraft, _: &Offer) -> Verdict {
    draft.id = parsed(draft, "/id")?;
    Ok(())
}

/// `/version` is SemVer 2.0.0 without build metadata (3.4).
pub(crate) fn version(draft: &mut ManifestDraft, _: &Offer) -> Verdict {
    draft.version = parsed(draft, "/version")?;
    Ok(())
}

/// `/name` has 1 to 80 characters, none of them a control character.
pub(crate) fn name(draft: &mut ManifestDraft, _: &Offer) -> Verdict {
    let Some(name) = text(draft, "/name")? else {
        return Ok(());
    };
    if !(1..=80).contains(&name.chars().count()) {
        return Err(invalid("/name", "a name has 1 to 80 characters"));
    }
    if name.chars().any(|character| character.is_ascii_control()) {
        return Err(invalid("/name", "a name has no control characters"));
    }
    draft.name = Some(name.to_owned());
    Ok(())
}

/// `/description` has at most 1000 characters.
pub(crate) fn description(draft: &mut ManifestDraft, _: &Offer) -> Verdict {
    let Some(description) = text(draft, "/description")? else {
        return Ok(());
    };
    if description.chars().count() > 1000 {
        return Err(invalid("/description", "a description has at most 1000 characters"));
    }
    draft.description = description.to_owned();
    Ok(())
}

/// `/category` is one lower-case word.
pub(crate) fn category(draft: &mut ManifestDraft, _: &Offer) -> Verdict {
    let Some(category) = text(draft, "/category")? else {
        return Ok(());
    };
    if !is_word(category, |byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-') {
        return Err(invalid("/category", "a category is `[a-z][a-z0-9-]{0,31}`"));
    }
    draft.category = Some(category.to_owned());
    Ok(())
}

/// `/abi` is a packaging of the contract.
pub(crate) fn abi(draft: &mut ManifestDraft, _: &Offer) -> Verdict {
    draft.abi = parsed(draft, "/abi")?;
    Ok(())
}

/// `/abi` is a packaging that discovery declares (3.6).
pub(crate) fn abi_offered(draft: &mut ManifestDraft, offer: &Offer) -> Verdict {
    match draft.abi {
        Some(abi) if !offer.abis.contains(&abi) => {
            let offered: Vec<&str> = offer.abis.iter().copied().map(Abi::as_str).collect();
            let detail = format!("this runtime runs {}", offered.join(" and "));
            Err(Refusal::new(Code::AbiUnsupported, detail).at("/abi"))
        }
        _ => Ok(()),
    }
}

/// `/module/digest` is a digest.
pub(crate) fn module_digest(draft: &mut ManifestDraft, _: &Offer) -> Verdict {
    draft.module_digest = parsed(draft, "/module/digest")?;
    Ok(())
}

/// `/permissions/vault` is a list of names.
pub(crate) fn vault_names(draft: &mut ManifestDraft, _: &Offer) -> Verdict {
    let is_name = |name: &str| is_word(name, |byte| byte.is_ascii_lowercase() || byte == b'-');
    draft.vault = list(draft, "/permissions/vault", is_name)?;
    Ok(())
}

/// Every capability that is asked for is one whose feature discovery declares (3.7).
pub(crate) fn features(draft: &mut ManifestDraft, offer: &Offer) -> Verdict {
    let missing = |feature: &Feature| !offer.features.contains(feature);
    for feature in Feature::ALL.into_iter().filter(missing) {
        let permission = format!("/permissions/{feature}");
        let limits = format!("/limits/{feature}");
        if let Some(pointer) = [permission, limits].into_iter().find(|pointer| draft.field(pointer).is_some()) {
            let detail = format!("this runtime does not declare the feature {feature}");
            return Err(Refusal::new(Code::FeatureUnsupported, detail).at(pointer));
        }
    }
    Ok(())
}

/// The text at a place, if there is a value.
fn text<'a>(draft: &'a ManifestDraft, pointer: &str) -> Result<Option<&'a str>, Refusal> {
    draft.field(pointer).map(|json| json.as_str().ok_or_else(|| invalid(pointer, "this is not a string"))).transpose()
}

/// The text at a place, read as what it stands for.
fn parsed<T: std::str::FromStr<Err = crate::Malformed>>(
    draft: &ManifestDraft,
    pointer: &str,
) -> Result<Option<T>, Refusal> {
    let parse = |text: &str| text.parse().map_err(|fault: crate::Malformed| invalid(pointer, fault.to_string()));
    text(draft, pointer)?.map(parse).transpose()
}

/// The array of texts of one form at a place.
fn list(draft: &ManifestDraft, pointer: &str, form: impl Fn(&str) -> bool) -> Result<Option<Vec<String>>, Refusal> {
    let Some(json) = draft.field(pointer) else {
        return Ok(None);
    };
    let items = json.as_array().ok_or_else(|| invalid(pointer, "this is not an array"))?;
    let read = |(index, item): (usize, &Json)| match item.as_str() {
        Some(text) if form(text) => Ok(text.to_owned()),
        _ => Err(invalid(&format!("{pointer}/{index}"), "the item is not of the form that manifest.schema.json gives")),
    };
    items.iter().enumerate().map(read).collect::<Result<_, _>>().map(Some)
}

/// A letter and up to 31 more bytes of an alphabet.
fn is_word(text: &str, alphabet: impl Fn(u8) -> bool) -> bool {
    text.len() <= 32 && text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase()) && text.bytes().all(alphabet)
}
