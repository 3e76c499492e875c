//! An observatory that is kept: its root, its key and its ports in a folder, so that a runtime which somebody starts by hand
//! can be told of it before the run and between runs.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::tls::Authority;
use super::{settings, through};

const CERTIFICATE: &str = "ca.pem";
const KEY: &str = "ca.key";
const PORTS: &str = "ports.json";

/// A folder with an observatory in it.
#[derive(Debug)]
pub struct Kept {
    folder: PathBuf,
    pub(super) authority: Authority,
    pub(super) ports: Ports,
}

/// The ports of an observatory, all on loopback.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Debug)]
pub(super) struct Ports {
    /// Of the resolver.
    pub(super) dns: u16,
    /// Of all origins.
    pub(super) origins: u16,
    /// Of the forward proxy.
    pub(super) proxy: u16,
}

impl Ports {
    /// Ports that nobody has at this moment.
    pub(super) fn free() -> io::Result<Ports> {
        Ok(Ports { dns: crate::port::free()?, origins: crate::port::free()?, proxy: crate::port::free()? })
    }
}

impl Kept {
    /// Opens the observatory in a folder, or makes one where there is none.
    ///
    /// # Errors
    /// In one sentence, what in the folder cannot be read or written.
    pub fn open(folder: &Path) -> Result<Kept, String> {
        let folder = std::path::absolute(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        if !folder.join(PORTS).exists() {
            make(&folder).map_err(|error| format!("{} cannot hold an observatory: {error}", folder.display()))?;
        }
        let broken = |what: &str, error: String| {
            format!("{}: {error}\nRemove the folder to have a new one made", folder.join(what).display())
        };
        let ports = fs::read_to_string(folder.join(PORTS)).map_err(|error| broken(PORTS, error.to_string()))?;
        let ports = serde_json::from_str(&ports).map_err(|error| broken(PORTS, error.to_string()))?;
        let key = fs::read_to_string(folder.join(KEY)).map_err(|error| broken(KEY, error.to_string()))?;
        let authority = Authority::kept(&key).map_err(|error| broken(KEY, error.to_string()))?;
        Ok(Kept { folder, authority, ports })
    }

    /// The settings of contract.toml that a runtime needs to be observed: name and value.
    #[must_use]
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        settings(self.ports.dns, &self.certificate())
    }

    /// The setting that leads a runtime through the forward proxy: name and value.
    #[must_use]
    pub fn proxy(&self) -> (&'static str, String) {
        through(self.ports.proxy)
    }

    pub(super) fn certificate(&self) -> PathBuf {
        self.folder.join(CERTIFICATE)
    }
}

fn make(folder: &Path) -> io::Result<()> {
    let authority = Authority::new().map_err(io::Error::other)?;
    let ports = Ports::free()?;
    fs::create_dir_all(folder)?;
    // The key can vouch for any name to whoever trusts the root: it is for nobody else to read.
    let mut key = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(folder.join(KEY))?;
    key.write_all(authority.key_pem().as_bytes())?;
    fs::write(folder.join(CERTIFICATE), &authority.pem)?;
    // Last: a folder with ports is whole.
    fs::write(folder.join(PORTS), format!("{}\n", serde_json::to_string_pretty(&ports)?))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_folder_that_was_made_is_opened_again_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("observatory");
        let made = Kept::open(&place).unwrap();
        let opened = Kept::open(&place).unwrap();
        assert_eq!(made.ports, opened.ports);
        assert_eq!(made.settings(), opened.settings());
        assert_eq!(made.authority.key_pem(), opened.authority.key_pem());
    }

    #[test]
    fn the_key_is_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        Kept::open(folder.path()).unwrap();
        let mode = fs::metadata(folder.path().join(KEY)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_folder_that_was_spoilt_is_refused_with_a_remedy() {
        let folder = tempfile::tempdir().unwrap();
        Kept::open(folder.path()).unwrap();
        fs::write(folder.path().join(KEY), "nothing").unwrap();
        assert!(Kept::open(folder.path()).unwrap_err().contains("Remove the folder"));
    }
}
