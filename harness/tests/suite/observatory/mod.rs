//! The observatory as a target sees it: real questions to the resolver, real TLS, replies byte for byte.

mod certificates;
mod checks;
mod http2;
mod names;
mod replies;
mod requests;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use assay_harness::observatory::{Host, Observatory, Watch};
use hickory_proto::op::{Message, MessageType, OpCode, Query as Question};
use hickory_proto::rr::{Name, RecordType};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// An observatory, the part of one check, and what a target is told of it.
struct Ground {
    watch: Watch,
    dns: SocketAddr,
    client: Arc<ClientConfig>,
    observatory: Observatory,
}

impl Ground {
    fn new() -> Ground {
        let observatory = Observatory::start(None).unwrap();
        Ground::of(observatory)
    }

    fn of(observatory: Observatory) -> Ground {
        let settings = observatory.settings();
        let setting = |name: &str| settings.iter().find(|(known, _)| *known == name).unwrap().1.clone();
        let watch = observatory.watch("n1", Instant::now() + Duration::from_secs(60));
        let dns = setting("ASSAY_EGRESS_DNS").parse().unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(setting("ASSAY_EGRESS_CA")).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let mut client = builder.with_root_certificates(roots).with_no_client_auth();
        client.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ground { watch, dns, client: Arc::new(client), observatory }
    }

    fn host(&self, label: &str) -> Host {
        self.watch.host(label).unwrap()
    }

    /// A connection for this name to any address.
    async fn connect(&self, name: &str, to: SocketAddr) -> std::io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(to).await?;
        let name = ServerName::try_from(name.to_owned()).unwrap();
        TlsConnector::from(Arc::clone(&self.client)).connect(name, stream).await
    }

    /// Sends bytes to a host and reads what comes until nothing more does.
    async fn exchange(&self, host: &Host, request: &[u8]) -> Vec<u8> {
        let mut stream = self.connect(host.name(), host.addr()).await.unwrap();
        stream.write_all(request).await.unwrap();
        stream.flush().await.unwrap();
        let mut answer = Vec::new();
        // A connection that is cut is an error after what came.
        let _ = stream.read_to_end(&mut answer).await;
        answer
    }

    /// Asks the resolver over UDP.
    async fn ask(&self, name: &str, kind: RecordType) -> Message {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.send_to(&question(name, kind), self.dns).await.unwrap();
        let mut buffer = vec![0; 4096];
        let length = within(socket.recv(&mut buffer)).await.unwrap();
        Message::from_vec(&buffer[..length]).unwrap()
    }

    /// Asks it over TCP.
    async fn ask_over_tcp(&self, name: &str, kind: RecordType) -> Message {
        let mut stream = TcpStream::connect(self.dns).await.unwrap();
        let question = question(name, kind);
        stream.write_u16(question.len().try_into().unwrap()).await.unwrap();
        stream.write_all(&question).await.unwrap();
        let length = within(stream.read_u16()).await.unwrap();
        let mut answer = vec![0; length.into()];
        stream.read_exact(&mut answer).await.unwrap();
        Message::from_vec(&answer).unwrap()
    }
}

fn question(name: &str, kind: RecordType) -> Vec<u8> {
    let mut message = Message::new(7, MessageType::Query, OpCode::Query);
    message.add_query(Question::query(Name::from_ascii(format!("{name}.")).unwrap(), kind));
    message.to_vec().unwrap()
}

/// The addresses of an answer, in order.
fn addresses(answer: &Message) -> Vec<IpAddr> {
    answer.answers.iter().filter_map(|record| record.data.ip_addr()).collect()
}

/// Whatever a test waits for comes within this time, or never.
async fn within<T>(waiting: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("nothing came")
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
