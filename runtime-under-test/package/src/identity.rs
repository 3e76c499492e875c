//! What names a release: the handler's id, the version, the digest. A value of these types cannot be wrong.

use std::{cmp::Ordering, fmt, str::FromStr, sync::Arc};

use sha2::{Digest as _, Sha256};

/// The text is not of the form that was asked for; says which form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not {0}")]
pub struct Malformed(pub &'static str);

/// The id of a handler: a reverse-DNS name of two or more labels, at most 128 bytes. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HandlerId(pub(crate) Arc<str>);

impl HandlerId {
    /// The longest id, in bytes.
    pub const LONGEST: usize = 128;

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HandlerId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let starts_with_letter = text.as_bytes().first().is_some_and(u8::is_ascii_lowercase);
        let right = text.len() <= Self::LONGEST
            && starts_with_letter
            && text.contains('.')
            && text.split(['.', '-']).all(is_word);
        if right { Ok(Self(text.into())) } else { Err(Malformed("a reverse-DNS name of at most 128 bytes")) }
    }
}

impl fmt::Display for HandlerId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// One or more lower-case letters and digits: what stands between the dots and hyphens of an id.
fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// A SemVer 2.0.0 version without build metadata, at most 64 bytes, in SemVer order. Cheap to clone.
///
/// Its numbers may be of any size that the text holds, as SemVer has it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Version(Arc<str>);

impl Version {
    /// The longest version, in bytes.
    pub const LONGEST: usize = 64;

    /// The version as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The three numbers, and the identifiers of the pre-release (none for a release).
    fn split(&self) -> (impl Iterator<Item = &str>, Option<impl Iterator<Item = &str>>) {
        let (core, pre) = split_pre_release(&self.0);
        (core.split('.'), pre.map(|pre| pre.split('.')))
    }
}

impl FromStr for Version {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let (core, pre) = split_pre_release(text);
        let right = text.len() <= Self::LONGEST
            && core.split('.').count() == 3
            && core.split('.').all(is_number)
            && pre.is_none_or(|pre| pre.split('.').all(is_pre_release_identifier));
        if right { Ok(Self(text.into())) } else { Err(Malformed("a SemVer 2.0.0 version without build metadata")) }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl Ord for Version {
    /// SemVer 2.0.0, section 11.
    fn cmp(&self, other: &Self) -> Ordering {
        let ((core, pre), (other_core, other_pre)) = (self.split(), other.split());
        core.map(Numeric).cmp(other_core.map(Numeric)).then_with(|| match (pre, other_pre) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(pre), Some(other)) => pre.map(Identifier::of).cmp(other.map(Identifier::of)),
        })
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The text before the first hyphen, and what follows it.
fn split_pre_release(text: &str) -> (&str, Option<&str>) {
    match text.split_once('-') {
        Some((core, pre)) => (core, Some(pre)),
        None => (text, None),
    }
}

/// Digits without a leading zero.
fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'))
}

fn is_pre_release_identifier(text: &str) -> bool {
    let all_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let alphabet = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    !text.is_empty() && alphabet && (!all_digits || is_number(text))
}

/// Digits without leading zeros compare by length, then digit by digit: right for numbers of any size.
#[derive(PartialEq, Eq)]
struct Numeric<'a>(&'a str);

impl Ord for Numeric<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.cmp(other.0))
    }
}

impl PartialOrd for Numeric<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Numbers come before words, in the order of SemVer 11.4.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Identifier<'a> {
    Number(Numeric<'a>),
    Word(&'a str),
}

impl<'a> Identifier<'a> {
    fn of(text: &'a str) -> Self {
        if is_number(text) { Self::Number(Numeric(text)) } else { Self::Word(text) }
    }
}

/// A SHA-256 digest, written `sha256:` and 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

impl Digest {
    const PREFIX: &'static str = "sha256:";

    /// The digest of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The 32 bytes of the digest.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The 64 lower-case hexadecimal digits without the prefix, as an in-toto subject has them.
    pub fn hex(&self) -> String {
        hex::encode(self.0)
    }

    /// Reads 64 lower-case hexadecimal digits.
    ///
    /// # Errors
    /// If there are more, fewer or other characters.
    pub fn from_hex(text: &str) -> Result<Self, Malformed> {
        let lower_case = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let mut bytes = [0; 32];
        match hex::decode_to_slice(text, &mut bytes) {
            Ok(()) if lower_case => Ok(Self(bytes)),
            _ => Err(Malformed("64 lower-case hexadecimal digits")),
        }
    }
}

impl FromStr for Digest {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        text.strip_prefix(Self::PREFIX)
            .and_then(|digits| Self::from_hex(digits).ok())
            .ok_or(Malformed("`sha256:` and 64 lower-case hexadecimal digits"))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}{}", Self::PREFIX, self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

#[cfg(test)]
mod tests {
    use super::{Digest, HandlerId, Version};

    #[test]
    fn an_id_has_two_or_more_labels_of_words() {
        for right in ["com.example", "a.b", "com.example.a-b-9", "x9.9y", "com.1"] {
            assert!(right.parse::<HandlerId>().is_ok(), "{right}");
        }
        for wrong in [
            "", "com", "com.", ".com", "9.a", "Com.a", "com..a", "com.-a", "com.a-", "com.a--b", "com.a_b", "com.ä",
            "com.a\n",
        ] {
            assert!(wrong.parse::<HandlerId>().is_err(), "{wrong}");
        }
        let longest = format!("com.{}", "a".repeat(124));
        assert!(longest.parse::<HandlerId>().is_ok());
        assert!(format!("{longest}a").parse::<HandlerId>().is_err());
    }

    #[test]
    fn a_version_is_semver_without_build_metadata() {
        for right in ["0.0.0", "1.2.3", "1.0.0-alpha.1", "1.0.0-0a", "1.0.0--", "99999999999999999999.0.0", "1.0.0-a-b"]
        {
            assert!(right.parse::<Version>().is_ok(), "{right}");
        }
        for wrong in [
            "",
            "1",
            "1.0",
            "1.0.0.0",
            "01.0.0",
            "1.0.0-",
            "1.0.0-01",
            "1.0.0-a..b",
            "1.0.0+b",
            "v1.0.0",
            " 1.0.0",
            "1.0.0-ä",
        ] {
            assert!(wrong.parse::<Version>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn versions_are_in_semver_order() {
        let ascending = [
            "0.9.9",
            "1.0.0-0",
            "1.0.0-2",
            "1.0.0-11",
            "1.0.0-99999999999999999999",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "1.0.1",
            "1.9.0",
            "1.10.0",
            "2.0.0",
            "99999999999999999999.0.0",
        ];
        let versions: Vec<Version> = ascending.iter().map(|text| text.parse().expect(text)).collect();
        for pair in versions.windows(2) {
            assert!(pair[0] < pair[1], "{} < {}", pair[0], pair[1]);
        }
    }

    #[test]
    fn a_digest_reads_what_it_writes_and_nothing_else() {
        let digest = Digest::of(b"");
        let text = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(digest.to_string(), text);
        assert_eq!(text.parse(), Ok(digest));
        for wrong in [
            &text.to_uppercase(),
            &text[7..],
            &text[..70],
            &format!("{text}0"),
            "sha512:00",
            "sha256:E3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ] {
            assert!(wrong.parse::<Digest>().is_err(), "{wrong}");
        }
    }
}
