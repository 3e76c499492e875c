//! HTTP/1.1 (RFC 9112), written by hand around `httparse`, because a client library keeps neither the order of repeated headers
//! nor the bounds of the contract, and decides by itself what a doubtful response means. Here whatever is doubtful is an error.

mod body;
mod head;
mod reader;

pub(crate) use head::of_request;

use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
};

use bytes::BytesMut;
use tokio::io::{AsyncRead as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};

use super::{Fault, HttpRules, PIECE, Treat};
use crate::{Bounds, outgoing::Outgoing, pool::Wire, received::Received, recording::Progress};
use reader::Reader;

/// A connection over which one exchange follows another.
pub(crate) struct Http1 {
    wire: Box<dyn Wire>,
    /// What was read and belongs to no response yet.
    unread: BytesMut,
}

impl Http1 {
    pub fn new(wire: Box<dyn Wire>) -> Self {
        Self { wire, unread: BytesMut::new() }
    }

    /// Whether the remote host has neither closed it nor sent anything.
    pub fn is_quiet(&mut self) -> bool {
        let mut byte = [0; 1];
        let mut context = Context::from_waker(Waker::noop());
        matches!(Pin::new(&mut self.wire).poll_read(&mut context, &mut ReadBuf::new(&mut byte)), Poll::Pending)
    }

    /// Sends a request and reads the response to it. The flag says whether the connection may be used again.
    pub async fn exchange(
        &mut self,
        request: &Outgoing,
        bounds: &Bounds,
        rules: &HttpRules,
        progress: &Progress,
    ) -> Result<(Received, bool), Fault> {
        let (reading, mut writing) = tokio::io::split(&mut self.wire);
        let mut reader = Reader { io: reading, unread: &mut self.unread };
        let ((received, goes_on), sent) = {
            let sending = write(&mut writing, request, rules, progress);
            let receiving = read(&mut reader, request, bounds, rules, progress);
            tokio::pin!(sending, receiving);
            // A host may answer before it has read everything. It may also refuse to read on, and its answer is still to be had.
            tokio::select! {
                biased;
                received = &mut receiving => (received?, false),
                sent = &mut sending => (receiving.await?, sent.is_ok()),
            }
        };
        let is_clean = (rules.clean)(&self.unread);
        Ok((received, sent && goes_on && is_clean))
    }
}

/// Writes head and body.
async fn write(
    io: &mut (impl AsyncWrite + Unpin),
    request: &Outgoing,
    rules: &HttpRules,
    progress: &Progress,
) -> std::io::Result<()> {
    let (head, body) = (rules.http1.written)(request);
    io.write_all(head.as_bytes()).await?;
    for piece in body.chunks(PIECE) {
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
