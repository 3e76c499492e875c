//! What can be known of one handler from outside, and what each operation makes of it. All of it is there or none of it: no
//! state of the model is half an operation.

use std::collections::BTreeMap;
use std::fmt;

/// One handler, as far as reads show it.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Handler {
    /// Its releases by their numbers: see [`version`].
    pub releases: BTreeMap<u32, Release>,
    /// What is installed of it.
    pub installed: Option<Installation>,
    /// Whether the key of its publisher is trusted.
    pub trusted: bool,
}

/// One release, all its parts included.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Release {
    /// How many signatures it has.
    pub signatures: usize,
    /// Whether it is revoked.
    pub revoked: bool,
}

/// An installation and the state that goes with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Installation {
    /// The number of the release.
    pub release: u32,
    /// The state; none before the first write.
    pub state: Option<Written>,
}

/// What an execution left in the state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Written {
    /// The number of the release whose form the state has.
    pub by: u32,
    /// A value that no other write has.
    pub value: u64,
}

/// One operation that changes something; `release` is the number of the release that it is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Act {
    Trust,
    /// With so many signatures.
    Upload {
        release: u32,
        signatures: usize,
    },
    Sign {
        release: u32,
    },
    Install {
        release: u32,
    },
    Write {
        value: u64,
    },
    Upgrade {
        release: u32,
    },
    Uninstall,
    Revoke {
        release: u32,
    },
    Distrust,
}

/// Operations without what they are about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    Trust,
    Upload,
    Sign,
    Install,
    Write,
    Upgrade,
    Uninstall,
    Revoke,
    Distrust,
}

/// The version of the release with this number.
pub fn version(release: u32) -> String {
    format!("1.{release}.0")
}

impl Handler {
    /// What an operation makes of it, when it is carried out as a whole.
    #[must_use]
    pub fn after(&self, act: Act) -> Handler {
        let mut after = self.clone();
        match act {
            Act::Trust => after.trusted = true,
            Act::Distrust => after.trusted = false,
            Act::Upload { release, signatures } => {
                after.releases.insert(release, Release { signatures, revoked: false });
            }
            Act::Sign { release } => after.change(release, |release| release.signatures += 1),
            Act::Revoke { release } => after.change(release, |release| release.revoked = true),
            Act::Install { release } => after.installed = Some(Installation { release, state: None }),
            Act::Write { value } => {
                if let Some(installed) = &mut after.installed {
                    installed.state = Some(Written { by: installed.release, value });
                }
            }
            Act::Upgrade { release } => {
                if let Some(installed) = &mut after.installed {
                    installed.release = release;
                    // The migration of every release takes the state of the one before it into its own form.
                    installed.state = installed.state.map(|state| Written { by: release, ..state });
                }
            }
            Act::Uninstall => after.installed = None,
        }
        after
    }

    /// The same without what no read shows: a release that is revoked does not run, so nobody sees what it keeps.
    #[must_use]
    pub fn visible(&self) -> Handler {
        let mut visible = self.clone();
        if let Some(installed) = &mut visible.installed
            && self.releases.get(&installed.release).is_none_or(|release| release.revoked)
        {
            installed.state = None;
        }
        visible
    }

    fn change(&mut self, release: u32, change: impl FnOnce(&mut Release)) {
        if let Some(release) = self.releases.get_mut(&release) {
            change(release);
        }
    }
}

impl Act {
    /// What kind of operation it is.
    pub fn kind(self) -> Kind {
        match self {
            Act::Trust => Kind::Trust,
            Act::Distrust => Kind::Distrust,
            Act::Upload { .. } => Kind::Upload,
            Act::Sign { .. } => Kind::Sign,
            Act::Install { .. } => Kind::Install,
            Act::Write { .. } => Kind::Write,
            Act::Upgrade { .. } => Kind::Upgrade,
            Act::Uninstall => Kind::Uninstall,
            Act::Revoke { .. } => Kind::Revoke,
        }
    }
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 9] = [
        Kind::Trust,
        Kind::Upload,
        Kind::Sign,
        Kind::Install,
        Kind::Write,
        Kind::Upgrade,
        Kind::Uninstall,
        Kind::Revoke,
        Kind::Distrust,
    ];

    /// Many of them.
    pub fn words(self) -> &'static str {
        match self {
            Kind::Trust => "keys made trusted",
            Kind::Distrust => "keys deleted",
            Kind::Upload => "uploads",
            Kind::Sign => "signatures",
            Kind::Install => "installs",
            Kind::Write => "writes",
            Kind::Upgrade => "upgrades",
            Kind::Uninstall => "uninstalls",
            Kind::Revoke => "revocations",
        }
    }

    /// One of them, in one word.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Trust => "trust in its key",
            Kind::Distrust => "deletion of its key",
            Kind::Upload => "upload",
            Kind::Sign => "signature",
            Kind::Install => "install",
            Kind::Write => "write",
            Kind::Upgrade => "upgrade",
            Kind::Uninstall => "uninstall",
            Kind::Revoke => "revocation",
        }
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = self.kind().word();
        match self {
            Act::Upload { release, .. } | Act::Sign { release } | Act::Revoke { release } => {
                write!(f, "{word} of {}", version(*release))
            }
            Act::Install { release } => write!(f, "{word} of {}", version(*release)),
            Act::Upgrade { release } => write!(f, "{word} to {}", version(*release)),
            Act::Write { value } => write!(f, "{word} of {value}"),
            Act::Trust | Act::Uninstall | Act::Distrust => f.write_str(word),
        }
    }
}
