//! The suite's own multipart/form-data (RFC 7578), so that a body can be wrong in exactly one way.

use assay_fixtures::Package;
use sha2::{Digest, Sha256};

/// The media type of the part `manifest`.
pub const MANIFEST: &str = "application/json";
/// The media type of the part `module`.
pub const MODULE: &str = "application/wasm";
/// The media type of a part `signature`.
pub const SIGNATURE: &str = "application/vnd.dsse+json";

/// One part of a form.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FormPart {
    /// The name in its Content-Disposition.
    pub name: String,
    /// Its Content-Type.
    pub media_type: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// A form, part by part in the order in which it is sent.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Form {
    /// The parts.
    pub parts: Vec<FormPart>,
}

impl Form {
    /// The form in which a package is uploaded.
    pub fn of(package: &Package) -> Form {
        let form = Form::default().part("manifest", MANIFEST, package.manifest.clone()).part(
            "module",
            MODULE,
            package.module.clone(),
        );
        package.signatures.iter().fold(form, |form, signature| form.part("signature", SIGNATURE, signature.clone()))
    }

    /// Adds a part at the end.
    pub fn part(mut self, name: &str, media_type: &str, bytes: Vec<u8>) -> Form {
        self.parts.push(FormPart { name: name.to_owned(), media_type: media_type.to_owned(), bytes });
        self
    }

    /// Leaves out every part of this name.
    pub fn without(mut self, name: &str) -> Form {
        self.parts.retain(|part| part.name != name);
        self
    }

    /// Repeats the first part of this name at the end.
    pub fn repeated(mut self, name: &str) -> Form {
        if let Some(part) = self.parts.iter().find(|part| part.name == name).cloned() {
            self.parts.push(part);
        }
        self
    }

    /// Gives every part of this name another media type.
    pub fn typed(mut self, name: &str, media_type: &str) -> Form {
        for part in self.parts.iter_mut().filter(|part| part.name == name) {
            media_type.clone_into(&mut part.media_type);
        }
        self
    }

    /// The Content-Type of the whole and its bytes.
    pub fn encode(&self) -> (String, Vec<u8>) {
        self.encode_between(&self.boundary())
    }

    /// The same with this boundary, which no part may hold.
    pub fn encode_between(&self, boundary: &str) -> (String, Vec<u8>) {
        let mut body = Vec::new();
        for part in &self.parts {
            body.extend_from_slice(
                format!(
                    "--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"; filename=\"{}\"\r\nContent-Type: {}\r\n\r\n",
                    part.name, part.name, part.media_type
                )
                .as_bytes(),
            );
            body.extend_from_slice(&part.bytes);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        (format!("multipart/form-data; boundary={boundary}"), body)
    }

    /// A boundary that depends on the content, so that no content can hold it by intent.
    fn boundary(&self) -> String {
        let mut hash = Sha256::new();
        for part in &self.parts {
            hash.update(&part.bytes);
        }
        format!("assay-{}", &hex::encode(hash.finalize())[..32])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_ends_with_its_closing_boundary() {
        let (content_type, body) = Form::default().part("a", "text/plain", b"x".to_vec()).encode();
        let boundary = content_type.split("boundary=").nth(1).expect("a boundary");
        let text = String::from_utf8(body).expect("text");
        assert!(text.starts_with(&format!("--{boundary}\r\n")));
        assert!(text.ends_with(&format!("\r\nx\r\n--{boundary}--\r\n")));
    }
}
