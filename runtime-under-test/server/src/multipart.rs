//! Reads an upload part by part, and stops where no package could go on.
//!
//! What a part has to be is for the structure gate; this module sees to it that an upload never takes more memory
//! than the largest package and that what was cut off is never taken for the whole.

use std::sync::atomic::{AtomicU64, Ordering};

use assay_package::{Bounds, Code, Part, Refusal};
use axum::body::Bytes;
use axum::http::{HeaderMap, header};
use futures_util::stream;
use multer::{Constraints, Field, Multipart, SizeLimit};

use crate::body::{Cut, RequestBody};
use crate::policy::Policy;

/// How long an upload and its parts may be, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadBounds {
    /// The whole body.
    pub whole: u64,
    /// The part `manifest`.
    pub manifest: u64,
    /// The part `module`.
    pub module: u64,
    /// Any other part.
    pub other: u64,
    /// The number of parts; with one more, one is repeated or unknown.
    pub parts: u64,
}

impl UploadBounds {
    /// What the boundaries and headers of one part may take.
    const HEADERS: u64 = 4096;

    /// The bounds of the largest package, and a little for what stands around its parts.
    pub fn of(bounds: &Bounds) -> Self {
        let parts = 2 + bounds.signatures;
        let content = bounds.manifest_bytes + bounds.module_bytes + bounds.signatures * bounds.envelope_bytes;
        Self {
            whole: content + (parts + 1) * Self::HEADERS,
            manifest: bounds.manifest_bytes,
            module: bounds.module_bytes,
            other: bounds.envelope_bytes,
            parts,
        }
    }

    fn of_part(&self, name: &str) -> u64 {
        match name {
            "manifest" => self.manifest,
            "module" => self.module,
            _ => self.other,
        }
    }
}

/// Reads the parts. Reading stops after the first part that is larger than its bound, of which one byte more than the
/// bound is kept, and after one part more than a package can have: the structure gate refuses either.
///
/// # Errors
/// `multipart-malformed` if the body is another type, cut short, late or not well-formed; `request-too-large`; `overloaded` if there
/// is no room for it.
pub async fn read(
    headers: &HeaderMap,
    body: &mut RequestBody,
    bounds: &UploadBounds,
    policy: &dyn Policy,
) -> Result<Vec<Part>, Refusal> {
    let boundary = match boundary(headers) {
        Ok(boundary) => boundary,
        Err(refusal) => return policy.upload_cut_short(Vec::new(), refusal),
    };
    if body.announced() > bounds.whole {
        return Err(too_large(bounds.whole));
    }
    let limits = Constraints::new().size_limit(SizeLimit::new().whole_stream(bounds.whole));
    let left = AtomicU64::new(0);
    let mut multipart = Multipart::with_constraints(pieces(body, &left), boundary, limits);
    let mut parts = Vec::new();
    loop {
        left.store(BETWEEN, Ordering::Relaxed);
        let field = match multipart.next_field().await {
            Ok(Some(field)) => field,
            Ok(None) => return Ok(parts),
            Err(error) => return policy.upload_cut_short(parts, refusal(&error)),
        };
        let part = match start_part(&field) {
            Ok(part) => part,
            Err(refusal) => return policy.upload_cut_short(parts, refusal),
        };
        let most = bounds.of_part(&part.name);
        left.store(u64::MAX, Ordering::Relaxed);
        let read = read_part(part, field, most).await;
        let complete = match read {
            Ok(complete) => complete,
            Err((part, error)) => {
                parts.push(part);
                return policy.upload_cut_short(parts, refusal(&error));
            }
        };
        let too_large = complete.bytes.len() as u64 > most;
        parts.push(complete);
        if too_large || parts.len() as u64 > bounds.parts {
            return Ok(parts);
        }
    }
}

/// How much of the body the parser gets at once: less than what separates the bound of the largest part from that of
/// the whole, so that a part which is too large is always refused as such.
const PIECE: usize = 32 * 1024;
/// How much may come between two parts. The parser looks at all of it again with each piece.
const BETWEEN: u64 = 2 * PIECE as u64;

/// Why the parser gets no more of the body.
#[derive(Debug, thiserror::Error)]
enum Interrupted {
    #[error(transparent)]
    Cut(#[from] Cut),
    #[error("there are more than {BETWEEN} bytes where a part should start")]
    NoPart,
}

/// The body as a stream that gives the parser one small piece at a time, at most `left` bytes in all. The parser would
/// otherwise take in all that has arrived before it looks at a part's size, and which bound refuses would be a matter
/// of chance.
fn pieces<'b>(
    body: &'b mut RequestBody,
    left: &'b AtomicU64,
) -> impl stream::Stream<Item = Result<Bytes, Interrupted>> + Send + 'b {
    stream::unfold((body, Bytes::new()), move |(body, mut arrived)| async move {
        tokio::task::yield_now().await;
        if arrived.is_empty() {
            arrived = match body.next().await? {
                Ok(arrived) => arrived,
                Err(cut) => return Some((Err(cut.into()), (body, Bytes::new()))),
            };
        }
        let piece = arrived.split_to(arrived.len().min(PIECE));
        let before = left.load(Ordering::Relaxed);
        left.store(before.saturating_sub(piece.len() as u64), Ordering::Relaxed);
        let given = if before > 0 { Ok(piece) } else { Err(Interrupted::NoPart) };
        Some((given, (body, arrived)))
    })
}

fn boundary(headers: &HeaderMap) -> Result<String, Refusal> {
    let malformed = |detail: &str| Refusal::new(Code::MultipartMalformed, detail);
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .ok_or_else(|| malformed("there is no content type"))?;
    match multer::parse_boundary(content_type) {
        // RFC 2046, 5.1.1: 1 to 70 characters.
        Ok(boundary) if (1..=70).contains(&boundary.len()) => Ok(boundary),
        Ok(_) => Err(malformed("the boundary does not have 1 to 70 characters")),
        Err(_) => Err(malformed("the content type is not multipart/form-data with a boundary")),
    }
}

fn start_part(field: &Field<'_>) -> Result<Part, Refusal> {
    let name = field.name().ok_or_else(|| Refusal::new(Code::MultipartMalformed, "a part has no name"))?;
    let content_type =
        field.headers().get(header::CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    Ok(Part { name: name.to_owned(), content_type, bytes: Vec::new() })
}

async fn read_part(mut part: Part, mut field: Field<'_>, most: u64) -> Result<Part, (Part, multer::Error)> {
    loop {
        match field.chunk().await {
            Ok(Some(chunk)) => part.bytes.extend_from_slice(&chunk),
            Ok(None) => return Ok(part),
            Err(error) => return Err((part, error)),
        }
        let enough = usize::try_from(most + 1).unwrap_or(usize::MAX);
        if part.bytes.len() >= enough {
            part.bytes.truncate(enough);
            return Ok(part);
        }
    }
}

fn refusal(error: &multer::Error) -> Refusal {
    match error {
        multer::Error::StreamSizeExceeded { limit } => too_large(*limit),
        multer::Error::StreamReadFailed(interrupted) if is_no_room(&**interrupted) => {
            Refusal::new(Code::Overloaded, interrupted.to_string())
        }
        multer::Error::StreamReadFailed(interrupted) => Refusal::new(Code::MultipartMalformed, interrupted.to_string()),
        _ => Refusal::new(Code::MultipartMalformed, "the body is not well-formed, or ends before its closing boundary"),
    }
}

fn is_no_room(error: &(dyn std::error::Error + 'static)) -> bool {
    matches!(error.downcast_ref(), Some(Interrupted::Cut(Cut::NoRoom)))
}

fn too_large(most: u64) -> Refusal {
    Refusal::new(Code::RequestTooLarge, format!("the upload is larger than the largest package: {most} bytes"))
}
