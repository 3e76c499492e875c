//! The server side of HTTP/2, on the crate `h2`: streams side by side, and between its frames any that a reply asks for.

mod splice;

use std::time::Instant;

use ::http::{HeaderMap, Request};
use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use h2::server::{Builder, SendResponse};
use h2::{Reason, RecvStream, SendStream};
use tokio::io::{AsyncRead, AsyncWrite};

use super::http::{Line, MOST_BODY_BYTES, MOST_HEAD_BYTES, latin_1};
use super::records::Seen;
use super::reply::{After, Answer, Part, Then, Whole};
use super::script::Entry;
use splice::{Splice, Splicer};

/// How much a client may send ahead on a stream, and on all of them.
const WINDOW: u32 = 1 << 20;
/// How many streams a client may have open.
const STREAMS: u32 = 128;

/// The client gave a stream up.
struct GivenUp;

/// Answers requests until somebody closes the connection; whether that was the client.
pub(super) async fn converse<S>(stream: S, entry: &Entry, line: Line) -> bool
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let splicer = Splicer::default();
    let mut builder = Builder::new();
    builder.initial_window_size(WINDOW).initial_connection_window_size(4 * WINDOW).max_concurrent_streams(STREAMS);
    builder.max_header_list_size(u32::try_from(MOST_HEAD_BYTES).unwrap_or(u32::MAX));
    let Ok(mut connection) = builder.handshake::<_, Bytes>(Splice::new(stream, splicer.clone())).await else {
        return true;
    };
    let (mut streams, mut is_closing) = (FuturesUnordered::new(), false);
    loop {
        tokio::select! {
            accepted = connection.accept() => match accepted {
                Some(Ok((request, respond))) => streams.push(answer(entry, &line, &splicer, request, respond)),
                Some(Err(_)) | None => return !is_closing,
            },
            Some(after) = streams.next() => match after {
                After::Keep | After::Reset(_) => {}
                After::Close => {
                    is_closing = true;
                    connection.graceful_shutdown();
                }
                After::Cut => return false,
            },
        }
    }
}

/// A stream from its request to its end.
async fn answer(
    entry: &Entry,
    line: &Line,
    splicer: &Splicer,
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
) -> After {
    let seen = read(request, line).await;
    let (complete, to_head, target, stream) = (seen.complete, seen.method == "HEAD", seen.target.clone(), seen.stream);
    entry.records.request(seen);
    if !complete {
        entry.records.given_up(line.connection, stream);
        return After::Keep;
    }
    let answer = entry.next_reply(&target).over_http2(to_head);
    play(answer, &mut respond, splicer).await.unwrap_or_else(|GivenUp| {
        entry.records.given_up(line.connection, stream);
        After::Keep
    })
}

/// A request as it came. `:authority` stands first among the headers, as `host`.
async fn read(request: Request<RecvStream>, line: &Line) -> Seen {
    let (head, mut stream) = request.into_parts();
    let at = Instant::now();
    let authority = head.uri.authority().map(ToString::to_string);
    let host = authority.iter().map(|authority| ("host".to_owned(), authority.clone()));
    let mut seen = Seen {
        method: head.method.to_string(),
        target: head.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        version: format!("{:?}", head.version),
        headers: host.chain(fields(&head.headers)).collect(),
        authority,
        body: Vec::new(),
        trailers: Vec::new(),
        connection: line.connection,
        stream: stream.stream_id().as_u32(),
        sni: line.sni.clone(),
        alpn: line.alpn.clone(),
        session_resumed: line.resumed,
        at,
        complete: false,
        given_up: None,
    };
    while let Some(piece) = stream.data().await {
        let Ok(piece) = piece else {
            return seen;
        };
        let room = MOST_BODY_BYTES.saturating_sub(seen.body.len());
        seen.body.extend_from_slice(&piece[..piece.len().min(room)]);
        let _ = stream.flow_control().release_capacity(piece.len());
    }
    let trailers = stream.trailers().await;
    seen.complete = trailers.is_ok();
    seen.trailers = trailers.ok().flatten().iter().flat_map(fields).collect();
    seen
}

/// Names and values of a block; each byte of a value is a character.
fn fields(block: &HeaderMap) -> impl Iterator<Item = (String, String)> {
    block.iter().map(|(name, value)| (name.as_str().to_owned(), latin_1(value.as_bytes())))
}

/// Sends an answer.
async fn play(answer: Answer, respond: &mut SendResponse<Bytes>, splicer: &Splicer) -> Result<After, GivenUp> {
    let stream = respond.stream_id().as_u32();
    for part in answer.before {
        match part {
            Part::Informed(head) => respond.send_informational(head).map_err(|_| GivenUp)?,
            Part::Frames(frames) => splicer.send(&bytes(&frames, stream)).await,
            waits => unless_reset(respond, waits.waited()).await?,
        }
    }
    match answer.then {
        Then::Silence => unless_reset(respond, std::future::pending()).await,
        Then::Frames { frames, again } => {
            let bytes = bytes(&frames, stream);
            splicer.send(&bytes).await;
            if again {
                loop {
                    splicer.send(&bytes).await;
                }
            }
            // The library knows nothing of them: for it the stream is still to be answered.
            unless_reset(respond, std::future::pending()).await
        }
        Then::Unsendable => {
            respond.send_reset(Reason::INTERNAL_ERROR);
            Ok(After::Keep)
        }
        Then::Response(whole) => respond_with(*whole, respond, splicer).await,
    }
}

async fn respond_with(whole: Whole, respond: &mut SendResponse<Bytes>, splicer: &Splicer) -> Result<After, GivenUp> {
    let Some(head) = whole.head else {
        return Ok(whole.after);
    };
    if let Some((bytes, pause)) = whole.slow_head {
        splicer.pace(bytes, pause);
    }
    let ends = matches!(whole.after, After::Keep | After::Close);
    let ends_with_the_body = ends && whole.trailers.is_none() && whole.endless.is_none();
    let ends_at_once = ends_with_the_body && whole.body.is_empty() && whole.between.is_empty();
    let Ok(mut stream) = respond.send_response(head, ends_at_once) else {
        // It holds what the library does not send, such as a header of the connection.
        respond.send_reset(Reason::INTERNAL_ERROR);
        return Ok(After::Keep);
    };
    if ends_at_once {
        return Ok(whole.after);
    }
    for part in whole.between {
        unless_stream_reset(&mut stream, part.waited()).await?;
    }
    let (at_once, pause) = whole.slow_body.unwrap_or((usize::MAX, std::time::Duration::ZERO));
    let mut rest = whole.body.clone();
    while !rest.is_empty() {
        let piece: Bytes = rest.drain(..at_once.clamp(1, rest.len())).collect();
        if !pause.is_zero() {
            unless_stream_reset(&mut stream, tokio::time::sleep(pause)).await?;
        }
        put(&mut stream, piece, ends_with_the_body && rest.is_empty()).await?;
    }
    if ends_with_the_body && whole.body.is_empty() {
        stream.send_data(Bytes::new(), true).map_err(|_| GivenUp)?;
    }
    while let Some(pause) = whole.endless {
        if !pause.is_zero() {
            unless_stream_reset(&mut stream, tokio::time::sleep(pause)).await?;
        }
        put(&mut stream, whole.body.clone().into(), false).await?;
    }
    if let Some(trailers) = whole.trailers {
        stream.send_trailers(trailers).map_err(|_| GivenUp)?;
    }
    if !ends {
        splicer.send(&[]).await;
    }
    if let After::Reset(code) = whole.after {
        stream.send_reset(code.into());
    }
    Ok(whole.after)
}

/// Sends a piece of a body as the client's windows let it.
async fn put(stream: &mut SendStream<Bytes>, mut piece: Bytes, ends: bool) -> Result<(), GivenUp> {
    while !piece.is_empty() {
        stream.reserve_capacity(piece.len());
        while stream.capacity() == 0 {
            let room = std::future::poll_fn(|cx| stream.poll_capacity(cx)).await;
            room.ok_or(GivenUp)?.map_err(|_| GivenUp)?;
        }
        let here = piece.split_to(stream.capacity().min(piece.len()));
        stream.send_data(here, ends && piece.is_empty()).map_err(|_| GivenUp)?;
    }
    Ok(())
}

fn bytes(frames: &[super::reply::Frame], stream: u32) -> Vec<u8> {
    frames.iter().flat_map(|frame| frame.bytes(stream)).collect()
}

/// Waits, unless the client gives the stream up.
async fn unless_reset<T>(respond: &mut SendResponse<Bytes>, waiting: impl Future<Output = T>) -> Result<T, GivenUp> {
    tokio::select! {
        waited = waiting => Ok(waited),
        _ = std::future::poll_fn(|cx| respond.poll_reset(cx)) => Err(GivenUp),
    }
}

async fn unless_stream_reset<T>(
    stream: &mut SendStream<Bytes>,
    waiting: impl Future<Output = T>,
) -> Result<T, GivenUp> {
    tokio::select! {
        waited = waiting => Ok(waited),
        _ = std::future::poll_fn(|cx| stream.poll_reset(cx)) => Err(GivenUp),
    }
}
