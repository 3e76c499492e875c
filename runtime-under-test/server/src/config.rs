//! Where settings come from: a file, the environment, the command line; the later wins.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use assay_package::Malformed;
use clap::Args;
use figment::Figment;
use figment::providers::{Format, Serialized, Toml};
use serde::{Deserialize, Serialize};

use crate::exit::{Exit, Failure};
use crate::outside::Network;
use crate::roles::Tokens;
use crate::store::Place;

/// The file that is read if it is present and `--config` names no other.
pub const DEFAULT_FILE: &str = "assay-runtime.toml";

/// Settings from the command line and the environment: what is absent is left to the file.
#[derive(Args, Clone, Debug, Default, Serialize)]
pub struct Given {
    /// TOML file with `listen`, `data`, `compiled`, `admin_token`, `user_token`, `log`, `objects`, `egress_dns`, `egress_ca`, `egress_internet`, `egress_proxy` [default: ./assay-runtime.toml if present]
    #[arg(long, value_name = "FILE", env = "ASSAY_CONFIG")]
    #[serde(skip)]
    pub config: Option<PathBuf>,
    /// Address and port to serve HTTP on; port 0 takes a free one [default: 127.0.0.1:8420]
    #[arg(long, value_name = "ADDRESS:PORT", env = "ASSAY_LISTEN")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
    /// Folder for everything that must survive a restart [default: ./assay-data]
    #[arg(long, value_name = "FOLDER", env = "ASSAY_DATA")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<PathBuf>,
    /// Folder for compiled modules; it may be lost, and shared with other runtimes [default: `compiled` in the data folder]
    #[arg(long, value_name = "FOLDER", env = "ASSAY_COMPILED")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compiled: Option<PathBuf>,
    /// Bearer token of the role admin [default: random, printed at start]
    #[arg(long, value_name = "TOKEN", env = "ASSAY_ADMIN_TOKEN", hide_env_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin_token: Option<String>,
    /// Bearer token of the role user [default: random, printed at start]
    #[arg(long, value_name = "TOKEN", env = "ASSAY_USER_TOKEN", hide_env_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_token: Option<String>,
    /// What is logged to stderr, such as `info` or `assay_server=debug` [default: info]
    #[arg(long, value_name = "FILTER", env = "ASSAY_LOG")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    /// Bucket of S3 that keeps the modules, s3://BUCKET or s3://BUCKET/PREFIX, and nothing else under that; where it is and who may use it, the variables AWS_ENDPOINT, AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY say [default: a folder in the data folder]
    #[arg(long, value_name = "URL", env = "ASSAY_OBJECTS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objects: Option<String>,
    /// Resolver for the requests of handlers to other hosts, over UDP and TCP [default: those of /etc/resolv.conf]
    #[arg(long, value_name = "ADDRESS:PORT", env = "ASSAY_EGRESS_DNS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub egress_dns: Option<SocketAddr>,
    /// PEM file of the only roots that these requests trust [default: those of the web]
    #[arg(long, value_name = "FILE", env = "ASSAY_EGRESS_CA")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub egress_ca: Option<PathBuf>,
    /// Range of addresses that these requests take for globally reachable, for tests [default: none]
    #[arg(long, value_name = "ADDRESS/BITS", env = "ASSAY_EGRESS_INTERNET")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub egress_internet: Option<String>,
    /// Forward proxy that is asked for every other host, and resolves it [default: none]
    #[arg(long, value_name = "URL", env = "HTTPS_PROXY")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub egress_proxy: Option<String>,
}

/// Settings as the process runs with them.
pub struct Settings {
    /// Where HTTP is served.
    pub listen: SocketAddr,
    /// Where everything is kept.
    pub storage: Storage,
    /// Who may call.
    pub tokens: Tokens,
    /// Tokens that were made because none was configured, to be shown once.
    pub made: MadeTokens,
    /// Filter for the log, in the syntax of `tracing-subscriber`.
    pub log: String,
    /// The network as egress finds it.
    pub network: Network,
}

/// Where a runtime keeps what it has.
#[derive(Clone, Debug)]
pub struct Storage {
    /// Folder for everything that must survive a restart, but for what lies elsewhere.
    pub data: PathBuf,
    /// Folder for compiled modules.
    pub compiled: PathBuf,
    /// Where the modules are that were uploaded.
    pub objects: Place,
}

impl Storage {
    /// Everything in one folder.
    #[must_use]
    pub fn within(data: &Path) -> Self {
        Self { data: data.to_owned(), compiled: data.join("compiled"), objects: Place::Folder }
    }
}

/// The tokens in clear, as far as this start made them.
#[derive(Default)]
pub struct MadeTokens {
    /// The admin token, if it was made.
    pub admin: Option<String>,
    /// The user token, if it was made.
    pub user: Option<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Merged {
    listen: SocketAddr,
    data: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    compiled: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    admin_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_token: Option<String>,
    log: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    objects: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    egress_dns: Option<SocketAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    egress_ca: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    egress_internet: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    egress_proxy: Option<String>,
}

impl Default for Merged {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8420)),
            data: PathBuf::from("assay-data"),
            compiled: None,
            admin_token: None,
            user_token: None,
            log: "info".to_owned(),
            objects: None,
            egress_dns: None,
            egress_ca: None,
            egress_internet: None,
            egress_proxy: None,
        }
    }
}

impl Settings {
    /// Merges defaults, file and what was given, and makes the tokens that are missing.
    ///
    /// # Errors
    /// [`Exit::Usage`] with the setting's name and source for a file that is missing or malformed, a token that
    /// cannot be sent in a header, and two tokens that are the same.
    pub fn load(given: &Given) -> Result<Self, Failure> {
        let usage = |message: String| Failure::new(Exit::Usage, message);
        let mut figment = Figment::from(Serialized::defaults(Merged::default()));
        let file = given.config.as_deref().unwrap_or(Path::new(DEFAULT_FILE));
        if given.config.is_some() || file.is_file() {
            let text = std::fs::read_to_string(file)
                .map_err(|error| usage(format!("cannot read the configuration {}: {error}", file.display())))?;
            toml::from_str::<toml::Table>(&text)
                .map_err(|error| usage(format!("the configuration {} is not TOML:\n{error}", file.display())))?;
            figment = figment.merge(Toml::string(&text));
        }
        let merged: Merged = figment.merge(Serialized::defaults(given)).extract().map_err(|error| {
            usage(format!(
                "a setting is wrong: {error}\nThe settings are listen, data, compiled, admin_token, user_token, log, objects, egress_dns, egress_ca, egress_internet and egress_proxy; see --help."
            ))
        })?;
        let mut made = MadeTokens::default();
        let admin = merged.admin_token.unwrap_or_else(|| made.admin.insert(random_token()).clone());
        let user = merged.user_token.unwrap_or_else(|| made.user.insert(random_token()).clone());
        let tokens = Tokens::new(&admin, &user).map_err(usage)?;
        let within = Storage::within(&merged.data);
        let bucket = read("objects", merged.objects.filter(|url| !url.is_empty())).map_err(usage)?;
        let storage = Storage {
            compiled: merged.compiled.unwrap_or(within.compiled),
            objects: bucket.map_or(Place::Folder, Place::Bucket),
            data: merged.data,
        };
        let network = Network {
            dns: merged.egress_dns,
            roots_pem: merged.egress_ca.as_deref().map(roots).transpose().map_err(usage)?,
            internet: read("egress_internet", merged.egress_internet).map_err(usage)?,
            // A variable without a value is how shells take a proxy back.
            proxy: read("egress_proxy", merged.egress_proxy.filter(|url| !url.is_empty())).map_err(usage)?,
        };
        Ok(Self { listen: merged.listen, storage, tokens, made, log: merged.log, network })
    }
}

fn roots(file: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(file).map_err(|error| format!("cannot read the roots of egress {}: {error}", file.display()))
}

/// The value of a setting, if it has one.
fn read<T: FromStr<Err = Malformed>>(setting: &str, text: Option<String>) -> Result<Option<T>, String> {
    // The text is not repeated: it may hold what somebody would not have in a log.
    let wrong = |fault| format!("the setting {setting} is {fault}");
    text.map(|text| text.parse().map_err(wrong)).transpose()
}

/// 192 random bits in hexadecimal.
fn random_token() -> String {
    hex::encode(rand::random::<[u8; 24]>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_file(text: &str, given: Given) -> Result<Settings, Failure> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("assay.toml");
        std::fs::write(&file, text).unwrap();
        Settings::load(&Given { config: Some(file), ..given })
    }

    #[test]
    fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
        let given = Given { data: Some("from-flag".into()), ..Given::default() };
        let settings = with_file("data = 'from-file'\nlisten = '127.0.0.1:9'", given).unwrap();
        assert_eq!(settings.storage.data, PathBuf::from("from-flag"));
        assert_eq!(settings.listen.port(), 9);
        assert_eq!(settings.log, "info");
    }

    #[test]
    fn a_token_of_digits_stays_text() {
        let given = Given { admin_token: Some("12345678".into()), ..Given::default() };
        assert!(with_file("user_token = '87654321'", given).unwrap().made.admin.is_none());
    }

    #[test]
    fn an_unknown_setting_is_named() {
        let failure = with_file("lisen = '127.0.0.1:9'", Given::default()).err().unwrap();
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.message.contains("lisen"), "{}", failure.message);
    }

    #[test]
    fn a_range_that_is_none_is_refused_with_its_setting() {
        let given = |range: &str| Given { egress_internet: Some(range.to_owned()), ..Given::default() };
        assert!(with_file("", given("127.77.0.0/16")).unwrap().network.internet.is_some());
        let failure = with_file("", given("127.77.0.0/33")).err().unwrap();
        assert!(failure.message.contains("egress_internet"), "{}", failure.message);
    }

    #[test]
    fn a_bucket_is_read_and_one_that_is_none_is_refused_with_its_setting() {
        let given = |url: &str| Given { objects: Some(url.to_owned()), ..Given::default() };
        assert!(matches!(with_file("", given("s3://modules/one")).unwrap().storage.objects, Place::Bucket(_)));
        assert!(matches!(with_file("", given("")).unwrap().storage.objects, Place::Folder));
        let failure = with_file("", given("modules")).err().unwrap();
        assert!(failure.message.contains("objects"), "{}", failure.message);
    }

    #[test]
    fn a_proxy_is_read_and_one_without_a_value_is_none() {
        let given = |url: &str| Given { egress_proxy: Some(url.to_owned()), ..Given::default() };
        assert!(with_file("", given("http://127.0.0.1:3128")).unwrap().network.proxy.is_some());
        assert!(with_file("", given("")).unwrap().network.proxy.is_none());
        let failure = with_file("", given("http://name:word@127.0.0.1:3128")).err().unwrap();
        assert!(failure.message.contains("egress_proxy") && !failure.message.contains("word@"), "{}", failure.message);
    }

    #[test]
    fn the_same_token_for_both_roles_is_refused() {
        assert!(with_file("admin_token = 'same-token'\nuser_token = 'same-token'", Given::default()).is_err());
    }
}
