//! A target that is attached: reached, known to be a runtime of this contract, and open to both tokens.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use assay_reports::{AttachedFile, Attachment, Target};
use reqwest::Url;
use tempfile::TempDir;

use crate::client::root_cause;
use crate::launch::{Launched, Launcher};
use crate::observatory::{Kept, Observatory};
use crate::probe::probe;
use crate::process::{Output, Process};
use crate::redact::Redactor;
use crate::target::{Attached, STARTUP, Tokens};
use crate::{Attach, AttachError, Discovery, Interrupt, Probe};

/// The target gets so long to end by itself before it is killed.
const FAREWELL: Duration = Duration::from_secs(5);

/// How to attach.
#[derive(Clone, Debug)]
pub struct AttachOptions {
    /// What is asked before the run.
    pub probe: Probe,
    /// How long one request may take while attaching.
    pub request_timeout: Duration,
    /// How long a launched target may take until it is healthy.
    pub startup: Duration,
    /// Where data folders of launched targets are made; none is the system's folder for temporary files.
    pub scratch: Option<PathBuf>,
    /// The folder of a kept observatory. A target that runs already is observed only with one; a launched one uses it in
    /// place of an observatory of this run.
    pub observatory: Option<PathBuf>,
    /// Whether the target reaches other hosts through the observatory's forward proxy (egress.md 7.2). A launched one is told
    /// so by `HTTPS_PROXY`.
    pub proxy: bool,
    /// Ends the attempt early. Give the same one to the run.
    pub interrupt: Interrupt,
}

impl Default for AttachOptions {
    fn default() -> AttachOptions {
        AttachOptions {
            probe: Probe::Tokens,
            request_timeout: Duration::from_secs(10),
            startup: STARTUP,
            scratch: None,
            observatory: None,
            proxy: false,
            interrupt: Interrupt::new(),
        }
    }
}

/// An attached target. Dropped, a launched one is killed and its data folder is removed.
#[derive(Debug)]
pub struct Session {
    pub(crate) attached: Arc<Attached>,
    pub(crate) http: reqwest::Client,
    pub(crate) launcher: Option<Arc<Launcher>>,
    pub(crate) observatory: Option<Arc<Observatory>>,
    /// Whether names are resolved by a proxy and not by the target.
    pub(crate) proxied: bool,
    owned: Option<Owned>,
}

/// What the session launched. The process goes before its folder.
#[derive(Debug)]
struct Owned {
    process: Process,
    output: Arc<Output>,
    startup: Duration,
    _data: TempDir,
}

impl Session {
    /// Attaches a target: launches it if it is a command, reads discovery, tries the tokens.
    ///
    /// # Errors
    /// Why it is impossible, with what to type next and the exit code.
    pub async fn attach(attach: Attach, options: AttachOptions) -> Result<Session, AttachError> {
        let interrupt = options.interrupt.clone();
        tokio::select! {
            attached = Session::try_attach(attach, &options) => attached,
            () = interrupt.thrown() => Err(AttachError::Interrupted),
        }
    }

    async fn try_attach(attach: Attach, options: &AttachOptions) -> Result<Session, AttachError> {
        match attach {
            Attach::Url { url, admin_token, user_token } => {
                let tokens = given(&url, admin_token, user_token)?;
                let http = http_client(url.scheme() == "https")?;
                let observatory = kept(options)?.map(Arc::new);
                let base = url.as_str().trim_end_matches('/').to_owned();
                let discovery = probe(&http, &base, &tokens, options).await?;
                let attached = Arc::new(Attached::new(base, tokens, discovery));
                Ok(Session { attached, http, launcher: None, observatory, proxied: options.proxy, owned: None })
            }
            Attach::Launch { command, env } => {
                let http = http_client(false)?;
                let (patience, scratch) = (options.startup, options.scratch.clone());
                let observatory = match kept(options)? {
                    Some(kept) => kept,
                    None => Observatory::start(scratch.as_deref()).map_err(AttachError::Harness)?,
                };
                let mut observed = observatory.settings();
                observed.extend(options.proxy.then(|| observatory.proxy()));
                let launcher = Launcher { command, env, observed, patience, scratch, http: http.clone() };
                let data = launcher.data_folder().map_err(AttachError::Harness)?;
                let (tokens, output) = (Tokens::random(), Arc::new(Output::default()));
                let Launched { process, url, startup } =
                    launcher.start(&tokens, data.path(), &output).await.map_err(|not| AttachError::DidNotStart {
                        command: launcher.command.join(" "),
                        reason: not.reason,
                        stderr: redactor_of(&tokens).text(&not.stderr),
                    })?;
                let owned = Owned { process, output, startup, _data: data };
                let discovery = probe(&http, &url, &tokens, options).await?;
                let attached = Arc::new(Attached::new(url, tokens, discovery));
                let (launcher, observatory) = (Some(Arc::new(launcher)), Some(Arc::new(observatory)));
                Ok(Session { attached, http, launcher, observatory, proxied: options.proxy, owned: Some(owned) })
            }
        }
    }

    /// What the target says about itself.
    #[must_use]
    pub fn discovery(&self) -> &Discovery {
        &self.attached.discovery
    }

    /// Its base URL, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        self.attached.base()
    }

    /// Its tokens, of the role admin and of the role user: for a second attachment of the same target.
    #[must_use]
    pub fn tokens(&self) -> (&str, &str) {
        (&self.attached.tokens.admin, &self.attached.tokens.user)
    }

    /// The process id of a launched target.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        self.owned.as_ref().and_then(|owned| owned.process.id())
    }

    /// The target as the report states it.
    #[must_use]
    pub fn target(&self) -> Target {
        let command = self.launcher.as_ref().map(|launcher| launcher.command.join(" "));
        Target {
            attachment: if command.is_some() { Attachment::Command } else { Attachment::Url },
            url: self.url(),
            command: command.map(|command| self.redactor().text(&command)),
            discovery: self.discovery().raw.clone(),
            startup_ms: self.owned.as_ref().map(|owned| u64::try_from(owned.startup.as_millis()).unwrap_or(u64::MAX)),
        }
    }

    /// The end of what a launched target wrote, tokens replaced: `target-stdout.txt` and `target-stderr.txt`.
    #[must_use]
    pub fn output(&self) -> Vec<AttachedFile> {
        let owned = self.owned.as_ref();
        owned.map(|owned| owned.output.files("target", &self.redactor())).unwrap_or_default()
    }

    /// Ends a launched target: SIGTERM, and SIGKILL if it does not end within 5 s. A target that ran already stays.
    pub async fn stop(mut self) {
        if let Some(owned) = &mut self.owned {
            // Whether it ends politely is for a check to judge, not for the end of a run.
            let _ = owned.process.terminate(FAREWELL).await;
        }
    }

    pub(crate) fn redactor(&self) -> Redactor {
        redactor_of(&self.attached.tokens)
    }
}

/// The observatory of the folder that the options name, if they do.
fn kept(options: &AttachOptions) -> Result<Option<Observatory>, AttachError> {
    let open = |folder: &PathBuf| Kept::open(folder).and_then(Observatory::start_kept).map_err(AttachError::Harness);
    options.observatory.as_ref().map(open).transpose()
}

pub(crate) fn redactor_of(tokens: &Tokens) -> Redactor {
    let mut redactor = Redactor::default();
    tokens.teach(&mut redactor);
    redactor
}

fn given(url: &Url, admin: Option<String>, user: Option<String>) -> Result<Tokens, AttachError> {
    if !matches!(url.scheme(), "http" | "https") || url.query().is_some() || url.fragment().is_some() {
        let usage =
            format!("`{url}` is no base URL: give http:// or https://, without a query, such as https://my-runtime");
        return Err(AttachError::Usage(usage));
    }
    let need = |token: Option<String>, role: &str| {
        let usage =
            || AttachError::Usage(format!("a target that runs already needs a {role} token: --{role}-token TOKEN"));
        token.filter(|token| !token.is_empty()).ok_or_else(usage)
    };
    let tokens = Tokens { admin: need(admin, "admin")?, user: need(user, "user")? };
    if tokens.admin == tokens.user {
        let usage = "the admin token and the user token are the same: roles cannot be judged with one token";
        return Err(AttachError::Usage(usage.to_owned()));
    }
    Ok(tokens)
}

/// One pool for the whole session. No proxy, no redirect, no retry: what the target does is seen as it is.
pub(crate) fn http_client(https: bool) -> Result<reqwest::Client, AttachError> {
    // Somebody may have installed a provider before; any will do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .http1_only()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .user_agent(concat!("assay/", env!("CARGO_PKG_VERSION")))
        // Shorter than any server's own patience, so a pooled connection is not closed under a request.
        .pool_idle_timeout(Duration::from_secs(2));
    if !https {
        // A machine without root certificates can still judge a target over http.
        builder = builder.tls_certs_only([]);
    }
    builder.build().map_err(|error| AttachError::Harness(format!("no HTTP client: {}", root_cause(&error))))
}
