//! The author's key pair on disk: `author.key`, PKCS#8 in PEM, for its owner only, and `author.pub`. They are the files of
//! `openssl genpkey -algorithm ed25519` and `openssl pkey -pubout`.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use assay_fixtures::Key;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::report::Failed;

/// What stands before the 32 bytes of a private key (RFC 8410, section 7), and of a public key (section 4).
const PRIVATE: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
const PUBLIC: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];

/// The public key's file beside a private key's.
pub(crate) fn public_path(key: &Path) -> PathBuf {
    key.with_extension("pub")
}

/// Makes a key pair. Nothing that is there is overwritten.
pub(crate) fn create(path: &Path) -> Result<Key, Failed> {
    let key = Key::generate(&mut rand::rng());
    let unwritable = |fault: std::io::Error| Failed::unwritable(path, &fault);
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(path).map_err(unwritable)?;
    file.write_all(pem("PRIVATE KEY", &PRIVATE, &key.seed()).as_bytes()).map_err(unwritable)?;
    write_public(path, &key)?;
    Ok(key)
}

/// Writes the public key beside the private one, where it can be made again from it.
pub(crate) fn write_public(path: &Path, key: &Key) -> Result<(), Failed> {
    let public = public_path(path);
    fs::write(&public, pem("PUBLIC KEY", &PUBLIC, &key.public_key()))
        .map_err(|fault| Failed::unwritable(&public, &fault))
}

/// Reads a private key that nobody else can read.
pub(crate) fn read_private(path: &Path) -> Result<Key, Failed> {
    let shown = path.display();
    let make = format!("Make one: openssl genpkey -algorithm ed25519 -out {shown} && chmod 600 {shown}");
    let unreadable =
        |fault: std::io::Error| Failed::usage(format!("the key {shown} cannot be read: {fault}"), make.clone());
    let mode = fs::metadata(path).map_err(unreadable)?.permissions().mode();
    if mode & 0o077 != 0 {
        let message = format!("the key {shown} can be read by others (mode {:o})", mode & 0o777);
        return Err(Failed::usage(message, format!("chmod 600 {shown}")));
    }
    let bytes = fs::read(path).map_err(unreadable)?;
    // What is in the file is not repeated: it may be another secret.
    unpem("PRIVATE KEY", &PRIVATE, &bytes)
        .map(Key::from_seed)
        .ok_or_else(|| Failed::usage(format!("{shown} is not a private Ed25519 key in PEM (PKCS#8)"), make))
}

/// Reads a public key.
pub(crate) fn read_public(path: &Path) -> Result<[u8; 32], Failed> {
    let shown = path.display();
    let next = format!(
        "Give the public key of whoever signed: --public FILE (openssl pkey -in author.key -pubout -out {shown})"
    );
    let bytes = fs::read(path)
        .map_err(|fault| Failed::usage(format!("the public key {shown} cannot be read: {fault}"), next.clone()))?;
    unpem("PUBLIC KEY", &PUBLIC, &bytes)
        .ok_or_else(|| Failed::usage(format!("{shown} is not a public Ed25519 key in PEM"), next))
}

fn pem(label: &str, before: &[u8], key: &[u8; 32]) -> String {
    let encoded = STANDARD.encode([before, key].concat());
    format!("-----BEGIN {label}-----\n{encoded}\n-----END {label}-----\n")
}

fn unpem(label: &str, before: &[u8], bytes: &[u8]) -> Option<[u8; 32]> {
    let text = std::str::from_utf8(bytes).ok()?.trim();
    let inner = text.strip_prefix(&format!("-----BEGIN {label}-----"))?;
    let inner = inner.strip_suffix(&format!("-----END {label}-----"))?;
    let encoded: String = inner.split_ascii_whitespace().collect();
    STANDARD.decode(encoded).ok()?.strip_prefix(before)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_are_those_of_openssl() {
        // The example of RFC 8410, sections 10.1 and 10.3: of one key pair.
        let private = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";
        let public = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
        let seed = unpem("PRIVATE KEY", &PRIVATE, private.as_bytes()).unwrap();
        let key = Key::from_seed(seed);
        assert_eq!(unpem("PUBLIC KEY", &PUBLIC, public.as_bytes()), Some(key.public_key()));
        assert_eq!(pem("PRIVATE KEY", &PRIVATE, &seed), private);
        assert_eq!(pem("PUBLIC KEY", &PUBLIC, &key.public_key()), public);
    }

    #[test]
    fn a_new_key_is_for_its_owner_only_and_replaces_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("author.key");
        let key = create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(read_private(&path).unwrap().public_key(), key.public_key());
        assert_eq!(read_public(&public_path(&path)).unwrap(), key.public_key());
        assert!(create(&path).is_err());
        assert_eq!(read_private(&path).unwrap().public_key(), key.public_key());
    }

    #[test]
    fn a_key_that_others_can_read_is_refused_with_the_command_that_mends_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("author.key");
        create(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let failed = read_private(&path).err().unwrap();
        assert!(failed.message.contains("mode 640") && failed.next.starts_with("chmod 600 "), "{failed:?}");
    }

    #[test]
    fn what_is_no_key_is_not_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("author.key");
        let mut options = OpenOptions::new();
        options.write(true).create(true).mode(0o600).open(&path).unwrap().write_all(b"hunter2").unwrap();
        let failed = read_private(&path).err().unwrap();
        assert!(!format!("{failed:?}").contains("hunter2") && failed.next.contains("openssl genpkey"), "{failed:?}");
    }
}
