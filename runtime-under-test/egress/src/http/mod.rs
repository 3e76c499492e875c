//! HTTP/1.1 over one connection: one request, one response (egress.md 2.3, 3.5, 7.4 and 7.5).
//!
//! Written by hand around `httparse`, because a client library keeps neither the order of repeated headers nor the bounds of
//! the contract, and decides by itself what a doubtful response means. Here whatever is doubtful is an error.

mod body;
mod head;
mod reader;
mod rules;

use std::borrow::Cow;

use tokio::io::{AsyncWrite, AsyncWriteExt as _};

pub(crate) use rules::{HttpRules, MALFORMED, TOO_LARGE, Treat};

use crate::{Bounds, outgoing::Outgoing, pool::Connection, received::Received, recording::Progress};
use reader::Reader;

/// What is wrong with a response, in words of ours.
pub(crate) type Fault = Cow<'static, str>;

/// How much of a body is written before it counts as moved.
const PIECE: usize = 16 * 1024;

/// Sends a request and reads the response to it. The flag says whether the connection may be used again.
pub(crate) async fn exchange(
    connection: &mut Connection,
    request: &Outgoing,
    bounds: &Bounds,
    rules: &HttpRules,
    progress: &Progress,
) -> Result<(Received, bool), Fault> {
    let (reading, mut writing) = tokio::io::split(&mut connection.wire);
    let mut reader = Reader { io: reading, unread: &mut connection.unread };
    let ((received, goes_on), sent) = {
        let sending = write(&mut writing, request, progress);
        let receiving = read(&mut reader, request, bounds, rules, progress);
        tokio::pin!(sending, receiving);
        // A host may answer before it has read everything. It may also refuse to read on, and its answer is still to be had.
        tokio::select! {
            biased;
            received = &mut receiving => (received?, false),
            sent = &mut sending => (receiving.await?, sent.is_ok()),
        }
    };
    let is_clean = (rules.clean)(&connection.unread);
    Ok((received, sent && goes_on && is_clean))
}

/// Writes head and body.
async fn write(io: &mut (impl AsyncWrite + Unpin), request: &Outgoing, progress: &Progress) -> std::io::Result<()> {
    io.write_all(head::of_request(request).as_bytes()).await?;
    for piece in request.body.chunks(PIECE) {
        io.write_all(piece).await?;
        progress.sent(piece.len());
    }
    io.flush().await
}

/// Reads interim responses away, then the response.
async fn read(
    reader: &mut Reader<'_>,
    request: &Outgoing,
    bounds: &Bounds,
    rules: &HttpRules,
    progress: &Progress,
) -> Result<(Received, bool), Fault> {
    let head = loop {
        let head = head::read(reader, bounds, rules).await?;
        match (rules.treat)(head.status) {
            Treat::Skip => {}
            Treat::Refuse => return Err("the host would change the protocol".into()),
            Treat::Final => break head,
        }
    };
    let framing = body::framing(&head, &request.method, rules)?;
    let goes_on = head.keeps_alive() && framing != body::Framing::UntilTheEnd;
    let mut received = Received { status: head.status, headers: head.fields, body: Vec::new() };
    body::read(reader, framing, bounds, rules, progress, &mut received).await?;
    Ok((received, goes_on))
}
