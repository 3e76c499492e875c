//! Defects of TLS (egress.md 7.1).

use std::{net::SocketAddr, sync::Arc};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::ring::default_provider,
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use super::Defect;
use crate::{connect::handshake, http::Secured, stop::Stop, tls::offering};

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
                        let wire = Box::new(plain.map_err(|_| Stop::failed("no connection"))?);
                        Ok(Secured { wire, http2: false })
                    }
                    (secured, _) => secured,
                }
            })
        };
    }),
    ("egress-falls-back-to-tls-1-1", |policy| {
        policy.handshake = |config, host, stream| {
            Box::pin(async move {
                let name = ServerName::try_from(host.to_owned()).map_err(|_| Stop::failed("no name for TLS"))?;
                let address = stream.peer_addr();
                let error = match TlsConnector::from(config).connect(name, stream).await {
                    Ok(stream) => {
                        let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                        return Ok(Secured { wire: Box::new(stream), http2 });
                    }
                    Err(error) => error,
                };
                let is_of_versions = matches!(
                    error.get_ref().and_then(|error| error.downcast_ref::<Error>()),
                    Some(Error::PeerIncompatible(_))
                );
                if let (true, Ok(address)) = (is_of_versions, address) {
                    let _ = old_handshake(host, address).await;
                }
                Err(Stop::failed("no secure connection could be made"))
            })
        };
    }),
];

/// The beginning of a handshake in TLS 1.1, up to the client's key: as far as a client goes that accepts the version.
async fn old_handshake(host: &str, address: SocketAddr) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    // ECDHE-ECDSA and ECDHE-RSA with AES-128-CBC; no compression; the server's name.
    let name = [&[0][..], &sized(host.as_bytes(), 2)].concat();
    let name = [&[0, 0][..], &sized(&sized(&name, 2), 2)].concat();
    let hello = [&TLS_1_1[..], &[7; 32], &[0, 0, 4, 0xc0, 0x09, 0xc0, 0x13, 1, 0], &sized(&name, 2)].concat();
    stream.write_all(&record(1, &hello)).await?;
    let mut head = [0; 5];
    stream.read_exact(&mut head).await?;
    let mut flight = vec![0; u16::from_be_bytes([head[3], head[4]]).into()];
    stream.read_exact(&mut flight).await?;
    if head[1..3] == TLS_1_1 && flight.first() == Some(&2) {
        stream.write_all(&record(16, &sized(&[4; 65], 1))).await?;
    }
    stream.shutdown().await
}

/// The version on the wire.
const TLS_1_1: [u8; 2] = [3, 2];

/// A record with one message of the handshake.
fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    let message = [&[kind][..], &sized(body, 3)].concat();
    [&[0x16][..], &TLS_1_1, &sized(&message, 2)].concat()
}

/// Bytes with their length, in so many bytes, in front.
fn sized(bytes: &[u8], length_bytes: usize) -> Vec<u8> {
    let length = bytes.len().to_be_bytes();
    [&length[length.len() - length_bytes..], bytes].concat()
}

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
    let config = builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    Ok(offering(config, &["h2", "http/1.1"]))
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
