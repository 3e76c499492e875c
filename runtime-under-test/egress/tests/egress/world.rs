//! A resolver, an origin and an audit in memory. The range 127.77.0.0/16 stands for the internet.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use assay_egress::{
    Audit, AuditError, Bounds, Credential, Credentials, Egress, EgressError, Entry, Grant, Request, Response, Settings,
};
use futures_util::future::BoxFuture;
use hickory_proto::{
    op::{Message, OpCode},
    rr::{RData, Record, RecordType},
};
use rcgen::{CertificateParams, CertifiedIssuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, UdpSocket},
};
use tokio_rustls::TlsAcceptor;

/// The address of the origin, on the internet of this test.
pub const ORIGIN: &str = "127.77.0.1";

/// What was seen, and what is to be answered.
#[derive(Default)]
pub struct Shared {
    pub names: Mutex<HashMap<String, Vec<Vec<IpAddr>>>>,
    pub queries: Mutex<Vec<String>>,
    pub replies: Mutex<HashMap<String, Vec<u8>>>,
    pub requests: Mutex<Vec<(u64, String)>>,
    pub connections: Mutex<u64>,
    pub entries: Mutex<Vec<Entry>>,
    pub credentials: Mutex<Vec<Credential>>,
}

/// Everything together.
pub struct World {
    pub shared: Arc<Shared>,
    #[cfg(feature = "sabotage")]
    pub settings: Settings,
    pub port: u16,
    pub egress: Egress,
}

pub struct Store(pub Arc<Shared>);

impl Credentials for Store {
    fn fitting(&self, _: &str, _: &str, _: u16) -> Vec<Credential> {
        self.0.credentials.lock().expect("lock").clone()
    }

    fn known_to(&self, _: &str) -> Vec<String> {
        self.0.credentials.lock().expect("lock").iter().map(|credential| credential.value.clone()).collect()
    }
}

impl Audit for Store {
    fn record(&self, entry: Entry) -> BoxFuture<'_, Result<(), AuditError>> {
        self.0.entries.lock().expect("lock").push(entry);
        Box::pin(async { Ok(()) })
    }
}

impl World {
    pub async fn new() -> Self {
        let shared = Arc::new(Shared::default());
        let dns = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let resolver = dns.local_addr().expect("an address");
        tokio::spawn(answer_queries(dns, shared.clone()));

        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, key).expect("a root");
        let leaf_key = KeyPair::generate().expect("a key");
        let names = vec!["api.example.test".to_owned(), "*.example.test".to_owned()];
        let leaf = CertificateParams::new(names).expect("names").signed_by(&leaf_key, &issuer).expect("a leaf");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(
                vec![leaf.der().clone()],
                PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(leaf_key.serialize_der())),
            )
            .expect("a certificate");
        let listener = TcpListener::bind((ORIGIN, 0)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        tokio::spawn(serve(listener, TlsAcceptor::from(Arc::new(config)), shared.clone()));

        let settings = Settings {
            dns: Some(resolver),
            roots_pem: Some(issuer.pem().into_bytes()),
            internet: Some("127.77.0.0/16".parse().expect("a range")),
            proxy: None,
            bounds: Bounds { headers: 8, header_bytes: 1000, body_bytes: 10_000 },
        };
        let store = || Arc::new(Store(shared.clone()));
        let egress = Egress::new(settings.clone(), store(), store()).expect("it starts");
        let world = Self {
            shared,
            #[cfg(feature = "sabotage")]
            settings,
            port,
            egress,
        };
        world.resolve("api.example.test", &[&[ORIGIN]]);
        world
    }

    /// What a name resolves to, one question after the other; the last answer stays.
    pub fn resolve(&self, name: &str, answers: &[&[&str]]) {
        let parse = |texts: &&[&str]| texts.iter().map(|text| text.parse().expect("an address")).collect();
        self.shared.names.lock().expect("lock").insert(name.to_owned(), answers.iter().map(parse).collect());
    }

    /// What is answered to requests for a path. Without one: 200 and `hello`.
    pub fn reply(&self, path: &str, bytes: impl Into<Vec<u8>>) {
        self.shared.replies.lock().expect("lock").insert(path.to_owned(), bytes.into());
    }

    pub fn grant(&self, handler: &str) -> Grant {
        Grant {
            handler: handler.to_owned(),
            version: "1.0.0".to_owned(),
            execution: format!("{handler}-1"),
            rules: vec![format!("https://api.example.test:{}", self.port).parse().expect("a rule")],
            requests_per_minute: 60_000,
            bytes_per_minute: 1 << 30,
            queue: 8,
            timeout: Duration::from_secs(10),
        }
    }

    pub fn get(&self, path: &str) -> Request {
        Request {
            method: "GET".to_owned(),
            url: format!("https://api.example.test:{}{path}", self.port),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    pub async fn send(&self, request: Request) -> Result<Response, EgressError> {
        self.egress.send(&self.grant("com.example.a"), request).await
    }

    pub fn last_entry(&self) -> Entry {
        self.shared.entries.lock().expect("lock").last().expect("an entry").clone()
    }

    pub fn last_request(&self) -> String {
        self.shared.requests.lock().expect("lock").last().expect("a request").1.clone()
    }

    pub fn connections(&self) -> u64 {
        *self.shared.connections.lock().expect("lock")
    }

    pub fn queries(&self) -> usize {
        self.shared.queries.lock().expect("lock").len()
    }
}

async fn answer_queries(socket: UdpSocket, shared: Arc<Shared>) {
    let mut bytes = [0; 600];
    while let Ok((length, client)) = socket.recv_from(&mut bytes).await {
        let query = Message::from_vec(&bytes[..length]).expect("a query");
        let question = query.queries[0].clone();
        let name = question.name().to_ascii().trim_end_matches('.').to_owned();
        let mut reply = Message::response(query.metadata.id, OpCode::Query);
        if question.query_type() == RecordType::A {
            shared.queries.lock().expect("lock").push(name.clone());
            if let Some(answers) = shared.names.lock().expect("lock").get_mut(&name) {
                let answer = if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() };
                for address in answer {
                    if let IpAddr::V4(address) = address {
                        reply.add_answer(Record::from_rdata(question.name().clone(), 0, RData::A(address.into())));
                    }
                }
            }
        }
        reply.add_query(question);
        let _ = socket.send_to(&reply.to_vec().expect("a reply"), client).await;
    }
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let number = {
            let mut connections = shared.connections.lock().expect("lock");
            *connections += 1;
            *connections
        };
        let (acceptor, shared) = (acceptor.clone(), shared.clone());
        tokio::spawn(async move {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                return;
            };
            while let Some(request) = read_request(&mut stream).await {
                let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
                shared.requests.lock().expect("lock").push((number, request));
                let reply = shared.replies.lock().expect("lock").get(&path).cloned();
                let reply = reply.unwrap_or_else(|| b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello".to_vec());
                let silent = reply == b"silence";
                if silent {
                    tokio::time::sleep(Duration::from_secs(60)).await;
                }
                let closes = String::from_utf8_lossy(&reply).contains("close");
                if stream.write_all(&reply).await.is_err() || stream.flush().await.is_err() {
                    return;
                }
                if closes {
                    let _ = stream.shutdown().await;
                    return;
                }
            }
        });
    }
}

async fn read_request(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.map_or(0, |length| length.parse().expect("a length"));
            if body.len() >= length {
                return Some(text);
            }
        }
        let mut piece = [0; 4096];
        match stream.read(&mut piece).await {
            Ok(length @ 1..) => bytes.extend_from_slice(&piece[..length]),
            _ => return None,
        }
    }
}

/// An address of the origin.
pub fn origin(port: u16) -> SocketAddr {
    SocketAddr::new(ORIGIN.parse().expect("an address"), port)
}
