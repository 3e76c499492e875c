//! From settings to a runtime that serves, and back to an exit code.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

use crate::app::{App, Conduct};
use crate::clock::SystemClock;
use crate::config::{Given, MadeTokens, Settings};
use crate::exit::{Exit, Failure};
use crate::serve::serve;
use crate::shutdown::signals;

/// What `--help` says after the flags.
pub const HELP: &str = "\
Settings come from the command line, the environment and the configuration file, in this order of precedence.
With none at all it serves on 127.0.0.1:8420, keeps its data in ./assay-data and makes two random tokens, which it
prints once at start.
";

/// Runs until a signal asks it to stop; prints one message on stderr if it cannot start.
pub fn run(given: &Given, conduct: Conduct) -> ExitCode {
    match start(given, conduct) {
        Ok(exit) => exit.into(),
        Err(failure) => report(&failure),
    }
}

/// Prints a failure for a person; its exit code is the answer.
pub fn report(failure: &Failure) -> ExitCode {
    // If stderr is closed the exit code has to do.
    let _ = writeln!(std::io::stderr(), "assay-runtime: {failure}");
    failure.exit.into()
}

fn start(given: &Given, conduct: Conduct) -> Result<Exit, Failure> {
    let settings = Settings::load(given)?;
    log(&settings.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Internal, format!("the threads do not start: {error}")))?;
    let exit = runtime.block_on(serve_until_stopped(settings, conduct));
    runtime.shutdown_timeout(Duration::from_secs(1));
    exit
}

async fn serve_until_stopped(settings: Settings, conduct: Conduct) -> Result<Exit, Failure> {
    let Settings { listen, storage, tokens, made, network, .. } = settings;
    let cannot_listen = |error| {
        let advice =
            "Stop what listens there, or choose another address with --listen or ASSAY_LISTEN; port 0 is a free one.";
        Failure::new(Exit::Listen, format!("cannot listen on {listen}: {error}\n{advice}"))
    };
    let listener = TcpListener::bind(listen).await.map_err(cannot_listen)?;
    let address = listener.local_addr().map_err(cannot_listen)?;
    let stop =
        signals().map_err(|error| Failure::new(Exit::Internal, format!("signals cannot be handled: {error}")))?;
    let opened = {
        let storage = storage.clone();
        let open = move || App::open(&storage, tokens, Arc::new(SystemClock), network, conduct);
        tokio::task::spawn_blocking(open).await
    };
    let app = opened.map_err(|error| Failure::new(Exit::Internal, format!("opening the data failed: {error}")))??;
    announce(&address.to_string(), &storage.data.display().to_string(), &made);
    let finished = serve(listener, Arc::new(app), async {
        // A sender that is gone has heard no signal.
        if stop.await.is_err() {
            std::future::pending::<()>().await;
        }
    })
    .await;
    Ok(if finished { Exit::Stopped } else { Exit::Internal })
}

fn log(filter: &str) -> Result<(), Failure> {
    let filter = filter.parse::<EnvFilter>().map_err(|error| {
        Failure::new(Exit::Usage, format!("the setting log is wrong: {error}\nTry `info` or `assay_server=debug`."))
    })?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .try_init()
        .map_err(|error| Failure::new(Exit::Internal, format!("the log does not start: {error}")))
}

/// Says where it serves and what to type next. Tokens are shown only where nobody else could know them.
fn announce(address: &str, data: &str, made: &MadeTokens) {
    let admin = made.admin.as_deref().unwrap_or("\"$ASSAY_ADMIN_TOKEN\"");
    let user = made.user.as_deref().unwrap_or("\"$ASSAY_USER_TOKEN\"");
    let text = format!(
        "assay-runtime {} serves http://{address} with its data in {data}\n\
         Next: cargo xtask conformance --target http://{address} --admin-token {admin} --user-token {user}\n",
        env!("CARGO_PKG_VERSION"),
    );
    // Nobody may be reading; the runtime serves all the same.
    let mut out = std::io::stdout();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
