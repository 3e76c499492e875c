//! TLS, right and wrong in one point each.

use assay_harness::observatory::{Host, Tls};
use rustls::{CertificateError, Error};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{GET, Ground, within};

/// Why a client that trusts the root refuses a name that serves so.
async fn refusal(tls: Tls) -> (Host, Error) {
    let ground = Ground::new();
    let host = ground.host("api");
    host.certificate(tls);
    let error = ground.connect(host.name(), host.addr()).await.unwrap_err();
    let error = error.get_ref().and_then(|error| error.downcast_ref::<Error>()).expect("an error of TLS").clone();
    // The client's alert is on its way to the origin.
    within(host.closed(host.connections()[0].number)).await.unwrap();
    (host, error)
}

async fn invalid_certificate(tls: Tls) -> CertificateError {
    let (host, error) = refusal(tls).await;
    let handshake = &host.handshakes()[0];
    assert!(!handshake.completed && handshake.sni.as_deref() == Some(host.name()));
    assert!(host.requests().is_empty());
    match error {
        Error::InvalidCertificate(error) => error,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_certificate_is_wrong_in_one_point() {
    assert!(matches!(invalid_certificate(Tls::Expired).await, CertificateError::ExpiredContext { .. }));
    assert!(matches!(invalid_certificate(Tls::NotYet).await, CertificateError::NotValidYetContext { .. }));
    assert!(matches!(invalid_certificate(Tls::WrongName).await, CertificateError::NotValidForNameContext { .. }));
    assert!(matches!(invalid_certificate(Tls::SelfSigned).await, CertificateError::UnknownIssuer));
    // It has the name of the trusted root, and the signature of another one.
    assert!(matches!(invalid_certificate(Tls::UnknownRoot).await, CertificateError::BadSignature));
}

#[tokio::test]
async fn both_versions_that_may_be_used_are_served() {
    for (tls, version) in [(Tls::Good, 0x0304), (Tls::Tls12, 0x0303)] {
        let ground = Ground::new();
        let host = ground.host("api");
        host.certificate(tls);
        let mut stream = ground.connect(host.name(), host.addr()).await.unwrap();
        assert_eq!(u16::from(stream.get_ref().1.protocol_version().unwrap()), version);
        stream.write_all(GET).await.unwrap();
        host.request_number(1).await.unwrap();
    }
}

#[tokio::test]
async fn a_client_that_refuses_tls_1_1_is_not_seen_to_go_on() {
    let (host, _) = refusal(Tls::Tls11).await;
    assert!(!host.handshakes()[0].went_on_below_1_2);
}

#[tokio::test]
async fn a_client_that_accepts_tls_1_1_is_seen_to_go_on() {
    let ground = Ground::new();
    let host = ground.host("api");
    host.certificate(Tls::Tls11);
    let mut stream = TcpStream::connect(host.addr()).await.unwrap();
    // A ClientHello of TLS 1.1 with one suite and no extensions.
    let hello = [&[1, 0, 0, 41, 3, 2][..], &[7; 32], &[0, 0, 2, 0xc0, 0x09, 1, 0]].concat();
    stream.write_all(&[&[0x16, 3, 1, 0, 45][..], &hello].concat()).await.unwrap();
    let mut head = [0; 11];
    within(stream.read_exact(&mut head)).await.unwrap();
    // A record of TLS 1.1 with a ServerHello that says the same.
    assert_eq!((&head[..3], head[5], &head[9..]), (&[0x16, 3, 2][..], 2, &[3, 2][..]));
    // A ClientKeyExchange.
    stream.write_all(&[0x16, 3, 2, 0, 5, 16, 0, 0, 1, 0]).await.unwrap();
    drop(stream);
    within(host.closed(host.connections()[0].number)).await.unwrap();
    let handshake = &host.handshakes()[0];
    assert_eq!((handshake.went_on_below_1_2, &handshake.versions[..]), (true, &[0x0302][..]));
}

#[tokio::test]
async fn a_handshake_can_be_left_unanswered_or_closed() {
    let ground = Ground::new();
    let host = ground.host("api");
    host.certificate(Tls::Closed);
    assert!(ground.connect(host.name(), host.addr()).await.is_err());
    host.certificate(Tls::Plain);
    assert!(ground.connect(host.name(), host.addr()).await.is_err());
    host.certificate(Tls::Silent);
    let connecting = ground.connect(host.name(), host.addr());
    assert!(tokio::time::timeout(std::time::Duration::from_millis(50), connecting).await.is_err());
    let number = host.connections()[2].number;
    assert!(within(host.closed(number)).await.unwrap().by_client);
}

#[tokio::test]
async fn what_is_no_tls_is_no_handshake() {
    let ground = Ground::new();
    let host = ground.host("api");
    let mut stream = TcpStream::connect(host.addr()).await.unwrap();
    stream.write_all(GET).await.unwrap();
    within(host.closed(host.connection_number(1).await.unwrap().number)).await.unwrap();
    assert!(host.handshakes().is_empty() && host.requests().is_empty());
}
