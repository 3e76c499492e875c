//! How the handler comes into the runtime: over HTTP, like any other.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail};
use assay_fixtures::{Key, Package};
use serde_json::json;

use super::connection::{Connection, request};
use super::server::ADMIN;

/// The media type of JSON.
const JSON: &str = "application/json";
/// What stands between the parts of the form; none of them holds it.
const BOUNDARY: &str = "assay-bench-between-two-parts";

/// Makes the key trusted, uploads the package and installs it.
///
/// # Errors
/// If the runtime refuses one of these.
pub async fn install(runtime: SocketAddr, package: &Package, key: &Key) -> Result<()> {
    let mut connection = Connection::open(runtime).await?;
    let trusted = json!({
        "algorithm": "ed25519",
        "public_key": key.public_base64(),
        "role": "publisher",
        "scope": ["com.*"],
        "not_after": null,
    });
    let path = format!("/admin/trust/keys/{}", key.name());
    send(&mut connection, "PUT", &path, JSON, trusted.to_string().as_bytes()).await?;
    let form = format!("multipart/form-data; boundary={BOUNDARY}");
    send(&mut connection, "POST", "/admin/registry/handlers", &form, &encoded(package)).await?;
    let version = json!({"version": package.version()}).to_string();
    send(&mut connection, "POST", &format!("/handlers/{}/install", package.id()), JSON, version.as_bytes()).await
}

async fn send(connection: &mut Connection, method: &str, path: &str, content_type: &str, body: &[u8]) -> Result<()> {
    let request = request(method, path, ADMIN, content_type, body);
    let (status, answer) = connection.exchange(&request).await.with_context(|| format!("{method} {path}"))?;
    if !(200..300).contains(&status) {
        bail!("{method} {path} is answered with {status}: {}", String::from_utf8_lossy(answer));
    }
    Ok(())
}

/// The form in which a package is uploaded (RFC 7578).
fn encoded(package: &Package) -> Vec<u8> {
    let mut parts = vec![("manifest", JSON, &package.manifest), ("module", "application/wasm", &package.module)];
    parts.extend(package.signatures.iter().map(|bytes| ("signature", "application/vnd.dsse+json", bytes)));
    let mut form = Vec::new();
    for (name, media_type, bytes) in parts {
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{name}\"\r\n\
             Content-Type: {media_type}\r\n\r\n"
        );
        form.extend_from_slice(head.as_bytes());
        form.extend_from_slice(bytes);
        form.extend_from_slice(b"\r\n");
    }
    form.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    form
}
