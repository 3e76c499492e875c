//! HTTP/2 (RFC 9113), by the crate `h2`, one exchange at a time. The library sees to frames, flow control and malformed messages;
//! the bounds of the contract, and what a handler is handed, are judged here.
//!
//! Nobody drives a connection in the background: it moves only while an exchange waits for it. So it is closed as soon as its
//! exchange is dropped, and what a host sends over an idle one stays with the operating system.

mod body;
mod head;

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use h2::{
    Reason,
    client::{Builder, Connection, ResponseFuture, SendRequest},
};

pub(crate) use body::write;
pub(crate) use head::{fields, of_request};

use super::{Fault, HttpRules, MALFORMED, PIECE, TOO_LARGE, Treat};
use crate::{Bounds, outgoing::Outgoing, pool::Wire, received::Received, recording::Progress};

/// How much of a response may be under way that was not taken.
const WINDOW: u32 = 256 << 10;
/// What is said of a stream that the host reset.
pub(crate) const RESET: &str = "the host reset the stream";

/// A connection over which one exchange follows another.
pub(crate) struct Http2 {
    pub requests: SendRequest<Bytes>,
    pub connection: Connection<Box<dyn Wire>, Bytes>,
}

impl Http2 {
    /// Says what the runtime takes. The host's own settings come with its first answer.
    pub async fn open(wire: Box<dyn Wire>, bounds: &Bounds, rules: &HttpRules) -> Result<Self, Fault> {
        let mut builder = Builder::new();
        (rules.http2.settings)(&mut builder, bounds);
        let (requests, connection) = builder.handshake(wire).await.map_err(|error| fault(&error))?;
        Ok(Self { requests, connection })
    }

    /// Whether the remote host has neither closed it nor said that it takes no more requests.
    pub fn is_ready(&mut self) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        Pin::new(&mut self.connection).poll(&mut context).is_pending()
            && matches!(self.requests.poll_ready(&mut context), Poll::Ready(Ok(())))
    }

    /// Sends a request and reads the response to it. The flag says whether the connection may be used again.
    pub async fn exchange(
        &mut self,
        request: &Outgoing,
        bounds: &Bounds,
        rules: &HttpRules,
        progress: &Progress,
    ) -> Result<(Received, bool), Fault> {
        let exchange = over_a_stream(&mut self.requests, request, bounds, rules, progress);
        tokio::pin!(exchange);
        tokio::select! {
            biased;
            received = &mut exchange => return received,
            _ = &mut self.connection => {}
        }
        // The connection is over. What came before its end is still to be had; the rest is an error of the stream.
        exchange.await.map(|(received, _)| (received, false))
    }
}

/// What the remote host is told: no pushed responses, no more headers than the bounds let through, and little ahead.
pub(crate) fn settings(builder: &mut Builder, bounds: &Bounds) {
    builder
        .enable_push(false)
        .initial_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_header_list_size(head::most_bytes(bounds));
}

/// One exchange over a stream of its own, while somebody drives the connection.
pub(crate) async fn over_a_stream(
    requests: &mut SendRequest<Bytes>,
    request: &Outgoing,
    bounds: &Bounds,
    rules: &HttpRules,
    progress: &Progress,
) -> Result<(Received, bool), Fault> {
    let head = (rules.http2.head)(request)?;
    poll_fn(|context| requests.poll_ready(context)).await.map_err(|error| fault(&error))?;
    let (response, stream) = requests.send_request(head, request.body.is_empty()).map_err(|error| fault(&error))?;
    let sending = (rules.http2.body)(stream, request, progress);
    let receiving = read(response, bounds, rules, progress);
    tokio::pin!(receiving);
    // A host may answer before it has read everything.
    tokio::select! {
        biased;
        received = &mut receiving => Ok((received?.0, false)),
        sent = sending => receiving.await.map(|(received, goes_on)| (received, goes_on && sent.is_ok())),
    }
}

/// Reads interim responses away, then the response.
async fn read(
    mut response: ResponseFuture,
    bounds: &Bounds,
    rules: &HttpRules,
    progress: &Progress,
) -> Result<(Received, bool), Fault> {
    while let Some(interim) = poll_fn(|context| response.poll_informational(context)).await {
        let interim = interim.map_err(|error| fault(&error))?;
        match (rules.treat)(interim.status().as_u16()) {
            Treat::Skip => {}
            Treat::Refuse => return Err("the host would change the protocol".into()),
            Treat::Final => return Ok((head::received(&interim, bounds, rules)?, false)),
        }
    }
    let response = response.await.map_err(|error| fault(&error))?;
    let mut received = head::received(&response, bounds, rules)?;
    let goes_on = body::read(response.into_body(), bounds, rules, progress, &mut received).await?;
    Ok((received, goes_on))
}

/// What is wrong, in words of ours: nothing that the host wrote stands in them.
pub(crate) fn fault(error: &h2::Error) -> Fault {
    Fault::Borrowed(match error.reason() {
        // The library's way to turn down a head that passes its bound.
        Some(Reason::REFUSED_STREAM) if error.is_library() => TOO_LARGE,
        Some(Reason::ENHANCE_YOUR_CALM) if error.is_library() => TOO_LARGE,
        Some(_) if error.is_library() => MALFORMED,
        Some(_) if error.is_go_away() => "the host took no more requests",
        Some(_) => RESET,
        None if error.is_io() => "the connection broke",
        None => MALFORMED,
    })
}
