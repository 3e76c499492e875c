//! A runtime on a real socket with a real data folder, and a client that can send anything.

use std::net::SocketAddr;
use std::sync::Arc;

use assay_fixtures::{Behaviour, Key, Package, Recipe};
use assay_server::{App, Clock, Conduct, Network, Storage, SystemClock, Tokens, serve};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

pub const ADMIN: &str = "admin-token-of-a-test";
pub const USER: &str = "user-token-of-a-test";

/// Where a runtime serves, in this process or in another.
#[derive(Clone, Copy)]
pub struct Target(pub SocketAddr);

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

/// Opens a runtime on a data folder and serves it until the test ends.
pub async fn start(data: &std::path::Path, clock: Arc<dyn Clock>) -> Target {
    start_on(data, clock, Network::default()).await
}

/// The same on a network.
pub async fn start_on(data: &std::path::Path, clock: Arc<dyn Clock>, network: Network) -> Target {
    serving(data, clock, network, Conduct::default()).await
}

/// A runtime with the machine's clock that keeps its promises in some way.
pub async fn start_conducted(data: &std::path::Path, conduct: Conduct) -> Target {
    serving(data, Arc::new(SystemClock), Network::default(), conduct).await
}

async fn serving(data: &std::path::Path, clock: Arc<dyn Clock>, network: Network, conduct: Conduct) -> Target {
    let tokens = Tokens::new(ADMIN, USER).unwrap();
    let storage = Storage::within(data);
    let open = move || App::open(&storage, tokens, clock, network, conduct);
    let app = tokio::task::spawn_blocking(open).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, Arc::new(app.unwrap()), std::future::pending()));
    Target(address)
}

/// A runtime with the machine's clock, and the folder that it needs for as long as it runs.
pub async fn start_fresh() -> (Target, tempfile::TempDir) {
    let data = tempfile::tempdir().unwrap();
    (start(data.path(), Arc::new(SystemClock)).await, data)
}

impl Target {
    /// Sends bytes as they are and reads until the connection ends.
    pub async fn send_raw(self, bytes: &[u8]) -> Reply {
        let mut stream = TcpStream::connect(self.0).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        Reply::parse(&answer)
    }

    pub async fn send(self, token: &str, method: &str, path: &str, content_type: &str, body: &[u8]) -> Reply {
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\
             Content-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body);
        self.send_raw(&request).await
    }

    pub async fn get(self, path: &str) -> Reply {
        self.send(ADMIN, "GET", path, "", b"").await
    }

    pub async fn put(self, path: &str, body: Value) -> Reply {
        self.send(ADMIN, "PUT", path, "application/json", body.to_string().as_bytes()).await
    }

    pub async fn delete(self, path: &str) -> Reply {
        self.send(ADMIN, "DELETE", path, "", b"").await
    }

    pub async fn post(self, path: &str, body: Value) -> Reply {
        self.send(ADMIN, "POST", path, "application/json", body.to_string().as_bytes()).await
    }

    pub async fn trust(self, key: &Key, not_after: Option<&str>) -> Reply {
        let body = json!({
            "public_key": key.public_base64(), "role": "publisher", "scope": ["com.example.*"], "not_after": not_after,
        });
        let path = "/admin/trust/keys/publisher";
        self.send(ADMIN, "PUT", path, "application/json", body.to_string().as_bytes()).await
    }

    pub async fn upload(self, package: &Package) -> Reply {
        let body = form(package);
        self.send(ADMIN, "POST", "/admin/registry/handlers", "multipart/form-data; boundary=XX", &body).await
    }

    /// Uploads and installs.
    pub async fn install(self, package: &Package) {
        self.upload(package).await.expect(201);
        let path = format!("/handlers/{}/install", package.id());
        self.post(&path, json!({ "version": package.version() })).await.expect(201);
    }

    pub async fn execute(self, id: &str, input: Value) -> Reply {
        self.post(&format!("/handlers/{id}/executions"), json!({ "input": input })).await
    }
}

impl Reply {
    fn parse(answer: &[u8]) -> Self {
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("an answer with a head");
        let head = String::from_utf8(answer[..end].to_vec()).unwrap();
        Self { status: head[9..12].parse().unwrap(), head, body: answer[end + 4..].to_vec() }
    }

    /// The body, after the status was compared.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}\n{}", self.head, String::from_utf8_lossy(&self.body));
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The problem's code, after its form was judged.
    #[track_caller]
    pub fn problem(&self) -> String {
        assert!(self.head.contains("content-type: application/problem+json"), "{}", self.head);
        assert!(self.head.contains("x-request-id: "), "{}", self.head);
        let body = self.expect(self.status);
        assert_eq!(body["status"], self.status);
        body["code"].as_str().unwrap().to_owned()
    }
}

pub fn key() -> Key {
    Key::from_seed([7; 32])
}

pub fn recipe(name: &str, behaviour: Behaviour) -> Recipe {
    Recipe::new(format!("com.example.{name}"), behaviour)
}

/// A package as multipart/form-data with the boundary `XX`.
pub fn form(package: &Package) -> Vec<u8> {
    let mut parts = vec![
        part("manifest", "application/json", &package.manifest),
        part("module", "application/wasm", &package.module),
    ];
    parts.extend(package.signatures.iter().map(|bytes| part("signature", "application/vnd.dsse+json", bytes)));
    let mut body = parts.concat();
    body.extend_from_slice(b"--XX--\r\n");
    body
}

pub fn part(name: &str, content_type: &str, bytes: &[u8]) -> Vec<u8> {
    let head =
        format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\nContent-Type: {content_type}\r\n\r\n");
    [head.as_bytes(), bytes, b"\r\n"].concat()
}
