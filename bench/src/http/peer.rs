//! The servers that the runtime is measured beside. Each runs in a process of its own, started from this same binary.

use std::net::Ipv4Addr;
use std::sync::Arc;

use anyhow::{Result, format_err};
use assay_fixtures::Key;
use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::routing::post;
use axum::serve::ListenerExt as _;
use clap::ValueEnum;
use tokio::net::TcpListener;

use crate::bare::BareComponent;

/// Which of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Peer {
    /// Gives the body back.
    Echo,
    /// Gives the body to a fresh instance of the component, and its output back.
    Bare,
}

impl Peer {
    /// Its name on the command line and in errors.
    pub fn as_str(self) -> &'static str {
        match self {
            Peer::Echo => "echo",
            Peer::Bare => "bare",
        }
    }

    /// Serves on a free loopback port, which it prints, until it is killed.
    ///
    /// # Errors
    /// If no port is free, or the engine refuses the component.
    pub async fn serve(self) -> Result<()> {
        let path = "/handlers/{id}/executions";
        let router = match self {
            Peer::Echo => Router::new().route(path, post(|body: Bytes| async { body })),
            Peer::Bare => {
                let module = super::package(&Key::from_seed([9; 32])).module;
                let component = BareComponent::new(&module).map_err(|error| format_err!("{error:#}"))?;
                let component = Arc::new(component);
                Router::new().route(path, post(move |body: Bytes| executed(component.clone(), body)))
            }
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        println!("http://{}", listener.local_addr()?);
        // As the runtime does.
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        axum::serve(listener, router).await?;
        Ok(())
    }
}

async fn executed(component: Arc<BareComponent>, body: Bytes) -> Result<Vec<u8>, StatusCode> {
    component.call(&body).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}
