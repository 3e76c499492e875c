//! What the harness lets a target talk to: a resolver, origins with TLS on a range of loopback that stands for the internet,
//! decoys outside of it, and a record of everything that reaches them.
//!
//! Each launched session has one, and tells its targets of it by the settings `ASSAY_EGRESS_*`. A check asks for a part of it
//! with [`Cx::observatory`](crate::Cx::observatory), registers names of its own, and programs what they do:
//!
//! ```
//! use assay_harness::observatory::{DnsAnswer, Reply};
//! use assay_harness::{Cx, Stop, ensure};
//!
//! async fn redirects_are_handed_on(cx: Cx) -> Result<(), Stop> {
//!     let watch = cx.observatory()?;
//!     let (api, elsewhere) = (watch.host("api")?, watch.host("elsewhere")?);
//!     api.reply_with(Reply::redirect(302, &elsewhere.url("/")));
//!     // … a handler sends a request to api.url("/") …
//!     api.request_number(1).await?;
//!     ensure!(!elsewhere.was_noticed(), "the redirect was followed");
//!     api.resolves_to(vec![DnsAnswer::NxDomain]);
//!     Ok(())
//! }
//! ```

mod dns;
mod evidence;
mod folder;
mod hello;
mod host;
mod http;
mod http2;
mod origin;
mod proxy;
mod records;
mod reply;
mod script;
mod site;
mod tls;
mod watch;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use tempfile::TempDir;
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

pub use folder::Kept;
pub use host::Host;
pub use proxy::{Connect, Tunnel};
pub use records::{Connection, Handshake, Query, Seen};
pub use reply::{Frame, Gate, Reply};
pub use script::{DnsAnswer, Protocols, Tls};
pub(crate) use watch::Sightings;
pub use watch::Watch;

use folder::Ports;
use site::{INTERNET, Site};
use tls::Authority;

/// Where the resolver listens, and the first origin: it holds the port for the others.
const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const HOLDS_THE_PORT: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 77, 0, 1));
/// The port of `https` (RFC 9110, 4.2.2).
const DEFAULT_PORT: u16 = 443;
/// So often free ports are looked for: another process may take one in between.
const ATTEMPTS: u32 = 20;

/// A running observatory. Dropped, all its servers end.
#[derive(Debug)]
pub struct Observatory {
    site: Arc<Site>,
    dns: u16,
    proxy: u16,
    certificate: PathBuf,
    tasks: Vec<JoinHandle<()>>,
    /// Holds the certificate of one that is not kept.
    _folder: Option<TempDir>,
}

impl Observatory {
    /// Starts one for this run, with a root of its own and on free ports. Its certificate is written below `scratch`, or below
    /// the system's folder for temporary files.
    ///
    /// # Errors
    /// In one sentence, what this machine does not allow.
    pub fn start(scratch: Option<&Path>) -> Result<Observatory, String> {
        let cannot = |error: io::Error| format!("no observatory can be started here: {error}");
        let parent = scratch.map_or_else(std::env::temp_dir, Path::to_owned);
        let folder = tempfile::Builder::new().prefix("assay-observatory-").tempdir_in(parent).map_err(cannot)?;
        let certificate = folder.path().join("ca.pem");
        let mut last = io::Error::other("no port is free");
        for _ in 0..ATTEMPTS {
            let authority = Authority::new().map_err(|error| cannot(io::Error::other(error)))?;
            std::fs::write(&certificate, &authority.pem).map_err(cannot)?;
            let ports = Ports::free().map_err(cannot)?;
            let Ports { dns, proxy, .. } = ports;
            match Observatory::serve(authority, ports) {
                Ok((site, tasks)) => {
                    return Ok(Observatory { site, dns, proxy, certificate, tasks, _folder: Some(folder) });
                }
                Err(error) => last = error,
            }
        }
        Err(cannot(last))
    }

    /// Starts one that is kept in a folder.
    ///
    /// # Errors
    /// In one sentence, such as that another run uses it.
    pub fn start_kept(kept: Kept) -> Result<Observatory, String> {
        let (certificate, Ports { dns, origins, proxy }) = (kept.certificate(), kept.ports);
        let (site, tasks) = Observatory::serve(kept.authority, kept.ports).map_err(|error| {
            format!(
                "the ports of the observatory ({dns}, {origins}, {proxy}) cannot be had: {error}\n\
                 Wait for the run that uses it, or give another folder"
            )
        })?;
        Ok(Observatory { site, dns, proxy, certificate, tasks, _folder: None })
    }

    fn serve(authority: Authority, ports: Ports) -> io::Result<(Arc<Site>, Vec<JoinHandle<()>>)> {
        let Ports { dns, origins, proxy } = ports;
        let site = Arc::new(Site::new(origins, authority));
        let mut tasks = Tasks(Vec::new());
        let resolver = SocketAddr::new(LOOPBACK, dns);
        let udp = std::net::UdpSocket::bind(resolver)?;
        udp.set_nonblocking(true)?;
        let (udp, tcp) = (UdpSocket::from_std(udp)?, site::bind(resolver)?);
        tasks.0.push(tokio::spawn(dns::serve_udp(udp, Arc::clone(&site))));
        tasks.0.push(tokio::spawn(dns::serve_tcp(tcp, Arc::clone(&site))));
        // Whoever is led to loopback itself is seen, too.
        for address in [HOLDS_THE_PORT, LOOPBACK] {
            tasks.0.push(origin::listen(&site, SocketAddr::new(address, origins), None)?.1);
        }
        // A machine without IPv6 has nothing at that address that could be reached.
        let v6 = SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), origins);
        tasks.0.extend(origin::listen(&site, v6, None).ok().map(|(_, task)| task));
        let listener = site::bind(SocketAddr::new(LOOPBACK, proxy))?;
        tasks.0.push(tokio::spawn(proxy::serve(listener, Arc::clone(&site))));
        Ok((site, std::mem::take(&mut tasks.0)))
    }

    /// The settings of contract.toml that tell a target of it: name and value.
    #[must_use]
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        settings(self.dns, &self.certificate)
    }

    /// The setting that leads a target through the forward proxy: name and value.
    #[must_use]
    pub fn proxy(&self) -> (&'static str, String) {
        through(self.proxy)
    }

    /// The part of one check, whose names end in `<namespace>.assay.test` and whose waits end at `until`.
    #[must_use]
    pub fn watch(&self, namespace: &str, until: Instant) -> Watch {
        self.sighted(namespace, until).0
    }

    pub(crate) fn sighted(&self, namespace: &str, until: Instant) -> (Watch, Arc<Sightings>) {
        Watch::new(Arc::clone(&self.site), SocketAddr::new(LOOPBACK, self.dns), namespace, until)
    }
}

impl Drop for Observatory {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Whether names may serve at the port of `https` here: some systems give it to their administrator alone. Whether another
/// program has it is another matter.
pub(crate) fn may_use_the_default_port() -> bool {
    let bound = std::net::TcpListener::bind(SocketAddr::new(HOLDS_THE_PORT, DEFAULT_PORT));
    !bound.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
}

/// Servers that end if not all of them can be started.
struct Tasks(Vec<JoinHandle<()>>);

impl Drop for Tasks {
    fn drop(&mut self) {
        for task in &self.0 {
            task.abort();
        }
    }
}

/// The setting of contract.toml for a forward proxy at this port.
pub(crate) fn through(port: u16) -> (&'static str, String) {
    ("HTTPS_PROXY", format!("http://{}", SocketAddr::new(LOOPBACK, port)))
}

pub(crate) fn settings(dns: u16, certificate: &Path) -> Vec<(&'static str, String)> {
    vec![
        ("ASSAY_EGRESS_DNS", SocketAddr::new(LOOPBACK, dns).to_string()),
        ("ASSAY_EGRESS_CA", certificate.display().to_string()),
        ("ASSAY_EGRESS_INTERNET", INTERNET.to_owned()),
    ]
}
