//! Gate 1, structure, for signatures: is each one a DSSE envelope with a release statement (core.md 5.1, 5.2).

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE},
};

use super::{
    PAYLOAD_TYPE, PREDICATE_TYPE, STATEMENT_TYPE, Signature,
    draft::{EnvelopeDraft, array, malformed, object, only, text},
};
use crate::{Code, Digest, Json, JsonFault, Offer, Refusal, parse_json, parse_time};

type Verdict = Result<(), Refusal>;

/// The part is one JSON object.
pub(crate) fn json(draft: &mut EnvelopeDraft, offer: &Offer) -> Verdict {
    draft.json = Some(json_object(&draft.bytes, offer)?);
    Ok(())
}

/// It has no members but those of DSSE.
pub(crate) fn members(draft: &mut EnvelopeDraft, _: &Offer) -> Verdict {
    only(draft.json.as_ref(), "", &["payloadType", "payload", "signatures"])
}

/// `payloadType` is that of in-toto statements.
pub(crate) fn payload_type(draft: &mut EnvelopeDraft, _: &Offer) -> Verdict {
    if text(draft.member("/payloadType")?, "/payloadType")? != PAYLOAD_TYPE {
        return Err(malformed(format!("the payload type is not {PAYLOAD_TYPE}"), "/payloadType"));
    }
    Ok(())
}

/// The payload, with the type under which it was signed, is base64.
pub(crate) fn payload(draft: &mut EnvelopeDraft, _: &Offer) -> Verdict {
    let payload_type = text(draft.member("/payloadType")?, "/payloadType")?.to_owned();
    draft.payload = Some(base64(draft.member("/payload")?, "/payload")?);
    draft.payload_type = Some(payload_type);
    Ok(())
}

/// There are 1 to `bounds.signatures` signatures.
pub(crate) fn signature_count(draft: &mut EnvelopeDraft, offer: &Offer) -> Verdict {
    let count = array(draft.member("/signatures")?, "/signatures")?.len() as u64;
    if count == 0 || count > offer.bounds.signatures {
        let detail = format!("there are {count} signatures, not 1 to {}", offer.bounds.signatures);
        return Err(malformed(detail, "/signatures"));
    }
    Ok(())
}

/// A signature has no members but `keyid` and `sig`.
pub(crate) fn signature_members(draft: &mut EnvelopeDraft, _: &Offer) -> Verdict {
    let signatures = array(draft.member("/signatures")?, "/signatures")?;
    (signatures.iter().enumerate())
        .try_for_each(|(index, signature)| only(Some(signature), &format!("/signatures/{index}"), &["keyid", "sig"]))
}

/// Each signature has a `sig` in base64 and, if it likes, a `keyid`.
pub(crate) fn signatures(draft: &mut EnvelopeDraft, _: &Offer) -> Verdict {
    let signatures = array(draft.member("/signatures")?, "/signatures")?;
    draft.signatures = (signatures.iter().enumerate())
        .map(|(index, json)| signature(json, &format!("/signatures/{index}")))
        .collect::<Result<_, _>>()?;
    Ok(())
}

/// The payload is one JSON object.
pub(crate) fn statement(draft: &mut EnvelopeDraft, offer: &Offer) -> Verdict {
    let payload = draft.payload.as_deref().unwrap_or_default();
    draft.statement = Some(json_object(payload, offer)?);
    Ok(())
}

/// The statement has no members but those of a release statement, at any depth.
pub(crate) fn statement_members(draft: &mut EnvelopeDraft, _: &Offer) -> Verdict {
    let at = |pointer| draft.statement.as_ref().and_then(|statement| statement.at(pointer));
    only(at(""), "", &["_type", "subject", "predicateType", "predicate"])?;
    only(at("/predicate"), "/predicate", &["issued_at", "expires_at", "previous"])?;
    for (index, subject) in at("/subject").and_then(Json::as_array).unwrap_or_default().iter().enumerate() {
        only(Some(subject), &format!("/subject/{index}"), &["name", "digest"])?;
        only(subject.at("/digest"), &format!("/subject/{index}/digest"), &["sha256"])?;
    }
    Ok(())
}

/// `_type` is that of in-toto Statement v1.
pub(crate) fn statement_type(draft: &mut EnvelopeDraft, _: &Offer) -> Verdict {
    if text(draft.stated("/_type")?, "/_type")? != STATEMENT_TYPE {
        return Err(malformed(format!("the statement type is not {STATEMENT_TYPE}"), "/_type"));
    }
    Ok(())
}

/// The predicate is that of a release.
pub(crate) fn predicate_type(draft: &mut EnvelopeDraft, _: &Offer) -> Verdict {
    if text(draft.stated("/predicateType")?, "/predicateType")? != PREDICATE_TYPE {
        return Err(malformed(format!("the predicate type is not {PREDICATE_TYPE}"), "/predicateType"));
    }
    Ok(())
}

/// There is exactly one subject.
pub(crate) fn one_subject(draft: &mut EnvelopeDraft, _: &Offer) -> Verdict {
    match array(draft.stated("/subject")?, "/subject")?.len() {
        1 => Ok(()),
        count => Err(malformed(format!("there are {count} subjects, not one"), "/subject")),
    }
}

/// The subject has a name and a digest.
pub(crate) fn subject(draft: &mut EnvelopeDraft, _: &Offer) -> Verdict {
    let subjects = array(draft.stated("/subject")?, "/subject")?;
    let subject = object(subjects.first().ok_or_else(|| malformed("there is no subject", "/subject"))?, "/subject/0")?;
    let required = |pointer| malformed("the member is required", pointer);
    let name = subject.get("name").ok_or_else(|| required("/subject/0/name"))?;
    let name = text(name, "/subject/0/name")?.to_owned();
    let digest = subject.get("digest").ok_or_else(|| required("/subject/0/digest"))?;
    let digest = object(digest, "/subject/0/digest")?.get("sha256");
    let pointer = "/subject/0/digest/sha256";
    let digits = text(digest.ok_or_else(|| required(pointer))?, pointer)?;
    draft.subject_digest = Some(Digest::from_hex(digits).map_err(|fault| malformed(fault.to_string(), pointer))?);
    draft.subject_name = Some(name);
    Ok(())
}

/// `issued_at` and `expires_at` are times.
pub(crate) fn dates(draft: &mut EnvelopeDraft, _: &Offer) -> Verdict {
    object(draft.stated("/predicate")?, "/predicate")?;
    let time = |pointer| {
        let written = text(draft.stated(pointer)?, pointer)?;
        parse_time(written).map_err(|fault| malformed(fault.to_string(), pointer))
    };
    let (issued_at, expires_at) = (time("/predicate/issued_at")?, time("/predicate/expires_at")?);
    draft.issued_at = Some(issued_at);
    draft.expires_at = Some(expires_at);
    Ok(())
}

/// `expires_at` is later than `issued_at`.
pub(crate) fn order_of_dates(draft: &mut EnvelopeDraft, _: &Offer) -> Verdict {
    if draft.expires_at <= draft.issued_at {
        return Err(malformed("the statement ends before it begins", "/predicate/expires_at"));
    }
    Ok(())
}

/// `previous` is a package digest or null.
pub(crate) fn previous(draft: &mut EnvelopeDraft, _: &Offer) -> Verdict {
    let pointer = "/predicate/previous";
    draft.previous = Some(match draft.stated(pointer)? {
        Json::Null => None,
        json => Some(text(json, pointer)?.parse().map_err(|_| malformed("not a package digest", pointer))?),
    });
    Ok(())
}

fn signature(json: &Json, pointer: &str) -> Result<Signature, Refusal> {
    let members = object(json, pointer)?;
    let keyid = members.get("keyid").map(|keyid| text(keyid, &format!("{pointer}/keyid")));
    let place = format!("{pointer}/sig");
    let sig = members.get("sig").ok_or_else(|| malformed("the member is required", &place))?;
    Ok(Signature { keyid: keyid.transpose()?.map(str::to_owned), bytes: base64(sig, &place)? })
}

fn json_object(bytes: &[u8], offer: &Offer) -> Result<Json, Refusal> {
    let refuse = |fault: JsonFault| {
        let refusal = Refusal::new(Code::EnvelopeMalformed, fault.detail);
        fault.pointer.into_iter().fold(refusal, Refusal::at)
    };
    let json = parse_json(bytes, offer.bounds.json_depth).map_err(refuse)?;
    object(&json, "")?;
    Ok(json)
}

/// Standard or URL-safe alphabet, never both in one text, padded.
fn base64(json: &Json, pointer: &str) -> Result<Vec<u8>, Refusal> {
    let encoded = text(json, pointer)?;
    STANDARD
        .decode(encoded)
        .or_else(|_| URL_SAFE.decode(encoded))
        .map_err(|_| malformed("this is not padded base64", pointer))
}
