//! Certificates made to order, right and wrong in one point each, and the TLS servers that show them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SerialNumber, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::script::{Protocols, Tls};

/// The root of the observatory's internet, one that nobody trusts, and the key of all its servers.
pub(super) struct Authority {
    root: Issuer<'static, KeyPair>,
    /// The root's certificate.
    pub(super) pem: String,
    /// Has the root's name, and another key.
    stranger: Issuer<'static, KeyPair>,
    leaf_key: KeyPair,
}

/// Servers by the name in the certificate, by how it is wrong and by what is spoken: one for each, so that sessions can be
/// resumed.
#[derive(Default, Debug)]
pub(super) struct Servers(Mutex<HashMap<(String, Tls, Protocols), Arc<ServerConfig>>>);

impl Authority {
    /// A new one.
    pub(super) fn new() -> Result<Authority, rcgen::Error> {
        Authority::with_key(KeyPair::generate()?)
    }

    /// The one with this key, which was kept: whoever trusts its certificate trusts what it signs now.
    pub(super) fn kept(key_pem: &str) -> Result<Authority, rcgen::Error> {
        Authority::with_key(KeyPair::from_pem(key_pem)?)
    }

    fn with_key(key: KeyPair) -> Result<Authority, rcgen::Error> {
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, "Assay observatory, trusted by nobody but targets under test");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Ok(Authority {
            pem: params.self_signed(&key)?.pem(),
            stranger: Issuer::new(params.clone(), KeyPair::generate()?),
            root: Issuer::new(params, key),
            leaf_key: KeyPair::generate()?,
        })
    }

    /// The root's key, to be kept.
    pub(super) fn key_pem(&self) -> String {
        self.root.key().serialize_pem()
    }

    /// The certificate that a server for this name shows.
    pub(super) fn certificate(&self, name: &str, tls: Tls) -> Result<CertificateDer<'static>, rcgen::Error> {
        let shown = if tls == Tls::WrongName { "another.assay.test" } else { name };
        let mut params = CertificateParams::new(vec![shown.to_owned()])?;
        params.distinguished_name.push(DnType::CommonName, "a name of the observatory");
        params.serial_number = Some(SerialNumber::from_slice(&rand::random::<[u8; 8]>()));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        match tls {
            Tls::Expired => {
                (params.not_before, params.not_after) = (date_time_ymd(2001, 1, 1), date_time_ymd(2002, 1, 1))
            }
            Tls::NotYet => {
                (params.not_before, params.not_after) = (date_time_ymd(3001, 1, 1), date_time_ymd(3002, 1, 1))
            }
            _ => {}
        }
        let certificate = match tls {
            Tls::SelfSigned => params.self_signed(&self.leaf_key)?,
            Tls::UnknownRoot => params.signed_by(&self.leaf_key, &self.stranger)?,
            _ => params.signed_by(&self.leaf_key, &self.root)?,
        };
        Ok(certificate.der().clone())
    }

    /// A server for this name.
    fn server(&self, name: &str, tls: Tls, protocols: Protocols) -> Result<ServerConfig, String> {
        let certificate = self.certificate(name, tls).map_err(|error| error.to_string())?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.leaf_key.serialize_der()));
        let versions: &[_] = if tls == Tls::Tls12 { &[&rustls::version::TLS12] } else { rustls::ALL_VERSIONS };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(vec![certificate], key))
            .map_err(|error| error.to_string())?;
        config.alpn_protocols = protocols.names();
        Ok(config)
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authority(..)")
    }
}

impl Servers {
    /// The server for this name, made when it is first needed.
    pub(super) fn get(
        &self,
        authority: &Authority,
        name: &str,
        tls: Tls,
        protocols: Protocols,
    ) -> Result<Arc<ServerConfig>, String> {
        let mut servers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = (name.to_owned(), tls, protocols);
        if let Some(server) = servers.get(&wanted) {
            return Ok(Arc::clone(server));
        }
        let server = Arc::new(authority.server(name, tls, protocols)?);
        servers.insert(wanted, Arc::clone(&server));
        Ok(server)
    }
}

/// A server that chooses TLS 1.1: ServerHello, Certificate and ServerHelloDone, by hand.
pub(super) fn tls_1_1_flight(suite: u16, certificate: &[u8]) -> Vec<u8> {
    let mut hello = vec![3, 2];
    hello.extend_from_slice(&rand::random::<[u8; 32]>());
    // No session, the suite, no compression, no extensions.
    hello.push(0);
    hello.extend_from_slice(&suite.to_be_bytes());
    hello.push(0);
    let list = sized(&sized(certificate));
    let messages = [message(2, &hello), message(11, &list), message(14, &[])].concat();
    let length = u16::try_from(messages.len()).unwrap_or(u16::MAX).to_be_bytes();
    [&[0x16, 3, 2], &length[..], &messages[..]].concat()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &sized(body)[..]].concat()
}

/// The bytes with their length in three bytes in front.
fn sized(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes();
    [&length[1..], bytes].concat()
}
