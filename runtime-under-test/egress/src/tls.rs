//! TLS (egress.md 7.1). Every handler has a configuration of its own, and with it its own store of sessions (7.7).

use std::sync::Arc;

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

use crate::StartError;

/// The roots that are trusted: those of the PEM text, or the system's.
pub(crate) fn roots(pem: Option<&[u8]>) -> Result<RootCertStore, StartError> {
    let mut roots = RootCertStore::empty();
    match pem {
        Some(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let certificate = certificate.map_err(|error| StartError::Roots(error.to_string()))?;
                roots.add(certificate)?;
            }
            if roots.is_empty() {
                return Err(StartError::Roots("there is none".to_owned()));
            }
        }
        None => {
            let native = rustls_native_certs::load_native_certs();
            for error in native.errors {
                tracing::warn!(%error, "a root certificate of the system cannot be read");
            }
            roots.add_parsable_certificates(native.certs);
        }
    }
    Ok(roots)
}

/// The configuration for one handler: TLS 1.2 or later, certificates verified against the roots, HTTP/2 or HTTP/1.1.
pub(crate) fn config(roots: &Arc<RootCertStore>) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?;
    Ok(offering(builder.with_root_certificates(roots.clone()).with_no_client_auth(), &["h2", "http/1.1"]))
}

/// The same, offering these protocols by ALPN (7.9).
pub(crate) fn offering(mut config: ClientConfig, protocols: &[&str]) -> ClientConfig {
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    config
}

#[cfg(test)]
mod tests {
    use super::roots;

    #[test]
    fn a_text_without_a_certificate_is_refused() {
        for pem in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            assert!(roots(Some(pem.as_bytes())).is_err(), "{pem:?}");
        }
    }
}
