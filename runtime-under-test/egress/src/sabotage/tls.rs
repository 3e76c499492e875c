//! Defects of TLS (egress.md 7.1).

use std::sync::Arc;

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::ring::default_provider,
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tokio::net::TcpStream;

use super::Defect;
use crate::{connect::handshake, pool::Wire, stop::Stop, tls::http1};

/// The table.
pub(super) const DEFECTS: &[Defect] = &[
    ("egress-certificate-names-unverified", |policy| {
        policy.tls = |roots| {
            lenient(roots, |error| {
                matches!(error, CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. })
            })
        };
    }),
    ("egress-certificate-dates-unverified", |policy| policy.tls = |roots| lenient(roots, is_of_dates)),
    ("egress-certificate-roots-unverified", |policy| {
        policy.tls = |roots| {
            lenient(roots, |error| {
                !is_of_dates(error)
                    && !matches!(
                        error,
                        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }
                    )
            })
        };
    }),
    ("egress-falls-back-to-plain", |policy| {
        policy.handshake = |config, host, stream| {
            Box::pin(async move {
                let address = stream.peer_addr();
                match (handshake(config, host, stream).await, address) {
                    (Err(_), Ok(address)) => {
                        let plain = TcpStream::connect(address).await;
                        Ok(Box::new(plain.map_err(|_| Stop::failed("no connection"))?) as Box<dyn Wire>)
                    }
                    (secured, _) => secured,
                }
            })
        };
    }),
];

fn is_of_dates(error: &CertificateError) -> bool {
    matches!(
        error,
        CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. }
    )
}

/// A configuration that overlooks some errors of certificates.
fn lenient(roots: &Arc<RootCertStore>, overlooks: fn(&CertificateError) -> bool) -> Result<ClientConfig, Error> {
    let provider = Arc::new(default_provider());
    let strict = WebPkiServerVerifier::builder_with_provider(roots.clone(), provider.clone());
    let strict = strict.build().map_err(|error| Error::General(error.to_string()))?;
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let verifier = Arc::new(Lenient { strict, overlooks });
    Ok(http1(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()))
}

/// Overlooks some errors.
#[derive(Debug)]
struct Lenient {
    strict: Arc<WebPkiServerVerifier>,
    overlooks: fn(&CertificateError) -> bool,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.strict.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(Error::InvalidCertificate(error)) if (self.overlooks)(&error) => Ok(ServerCertVerified::assertion()),
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.strict.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.strict.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.strict.supported_verify_schemes()
    }
}
