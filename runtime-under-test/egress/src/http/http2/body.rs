//! Bodies: sent as fast as the host takes them, and read up to the bound.

use std::future::poll_fn;

use bytes::Bytes;
use h2::{RecvStream, SendStream};

use super::{Fault, HttpRules, PIECE, fault, head};
use crate::{Bounds, received::Received, recording::Progress};

/// Sends a body, piece by piece, as the windows of the host let it.
pub(crate) async fn write(mut stream: SendStream<Bytes>, body: &[u8], progress: &Progress) -> Result<(), Fault> {
    let mut rest = Bytes::copy_from_slice(body);
    while !rest.is_empty() {
        stream.reserve_capacity(rest.len().min(PIECE));
        while stream.capacity() == 0 {
            let room = poll_fn(|context| stream.poll_capacity(context)).await;
            room.ok_or(Fault::Borrowed("the host reads no more"))?.map_err(|error| fault(&error))?;
        }
        let piece = rest.split_to(stream.capacity().min(rest.len()));
        let length = piece.len();
        stream.send_data(piece, rest.is_empty()).map_err(|error| fault(&error))?;
        progress.sent(length);
    }
    Ok(())
}

/// Reads a body to the end of its stream, and trailers after it. False if there is more that was not read.
pub(super) async fn read(
    mut stream: RecvStream,
    bounds: &Bounds,
    rules: &HttpRules,
    progress: &Progress,
    received: &mut Received,
) -> Result<bool, Fault> {
    while let Some(piece) = stream.data().await {
        let piece = match piece {
            Ok(piece) => piece,
            Err(error) => return (rules.http2.broken)(&error).map(|()| false),
        };
        let room = bounds.body_bytes.saturating_sub(received.body.len() as u64);
        let here = usize::try_from(room).unwrap_or(usize::MAX).min(piece.len());
        received.body.extend_from_slice(&piece[..here]);
        progress.received(here);
        if here < piece.len() {
            return (rules.too_large)().map(|()| false);
        }
        // The library asks for as many new bytes as are given back.
        stream.flow_control().release_capacity(here).map_err(|error| fault(&error))?;
    }
    match stream.trailers().await {
        Ok(Some(trailers)) => (rules.trailers)(received, head::bounded(&trailers, bounds, rules)?),
        Ok(None) => {}
        Err(error) => return (rules.http2.broken)(&error).map(|()| false),
    }
    Ok(true)
}
