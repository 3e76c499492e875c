//! Where objects lie, as the settings say it.

use std::str::FromStr;
use std::sync::{Arc, Once};
use std::time::Duration;

use assay_package::Malformed;
use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use object_store::{ObjectStore, RetryConfig};

/// Where objects lie.
#[derive(Clone, Debug, Default)]
pub enum Place {
    /// The folder `blobs` in the data folder.
    #[default]
    Folder,
    /// A bucket of S3, or of whatever speaks like it.
    Bucket(Bucket),
}

/// A part of a bucket that is this runtime's alone: `s3://BUCKET/PREFIX`. Who may use it, and where it is, the variables say
/// that every client of S3 reads, `AWS_ACCESS_KEY_ID` and its like.
#[derive(Clone, Debug)]
pub struct Bucket {
    name: String,
    prefix: String,
}

/// A request that fails is sent again so often, and no later than this.
const RETRIES: usize = 3;
const PATIENCE: Duration = Duration::from_secs(10);

impl Bucket {
    /// A client of the bucket. Nothing is sent yet.
    pub(super) fn open(&self) -> object_store::Result<Arc<dyn ObjectStore>> {
        // The client of HTTP takes the cryptography of the process, and there has to be one.
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            // Somebody who was first has chosen one, too.
            let _ = rustls::crypto::ring::default_provider().install_default();
        });
        let retry = RetryConfig { max_retries: RETRIES, retry_timeout: PATIENCE, ..RetryConfig::default() };
        let store = AmazonS3Builder::from_env().with_bucket_name(&self.name).with_retry(retry).build()?;
        Ok(Arc::new(store))
    }

    pub(super) fn prefix(&self) -> Path {
        Path::from(self.prefix.as_str())
    }
}

impl FromStr for Bucket {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let wrong = || Malformed("not `s3://BUCKET` or `s3://BUCKET/PREFIX`");
        let (name, prefix) = match text.strip_prefix("s3://").ok_or_else(wrong)? {
            rest if rest.contains('/') => rest.split_once('/').unwrap_or((rest, "")),
            rest => (rest, ""),
        };
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
        if !(3..=63).contains(&name.len()) || !name.bytes().all(plain) {
            return Err(wrong());
        }
        Path::parse(prefix).map_err(|_| wrong())?;
        Ok(Self { name: name.to_owned(), prefix: prefix.trim_end_matches('/').to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_has_a_name_and_perhaps_a_prefix() {
        for (text, name, prefix) in [
            ("s3://modules", "modules", ""),
            ("s3://modules/", "modules", ""),
            ("s3://modules/of/one", "modules", "of/one"),
            ("s3://modules/of/one/", "modules", "of/one"),
        ] {
            let bucket: Bucket = text.parse().unwrap();
            assert_eq!((bucket.name.as_str(), bucket.prefix.as_str()), (name, prefix), "{text}");
        }
    }

    #[test]
    fn what_is_no_bucket_is_refused() {
        for text in [
            "",
            "modules",
            "s3:/modules",
            "s3://",
            "s3://ab",
            "s3://Modules",
            "https://modules",
            "s3://modules/a//b",
            "s3://name:word@modules",
        ] {
            assert!(text.parse::<Bucket>().is_err(), "{text}");
        }
    }
}
