//! The resolver: answers over UDP and TCP as the names' scripts say, and notes every question.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hickory_proto::op::{Message, MessageType, Query as Question, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;

use super::records::Query;
use super::site::{End, Resolved, Site};

/// The largest message over UDP that a client need not ask for (RFC 1035, 4.2.1).
const PLAIN_UDP_BYTES: usize = 512;
/// More than this is no question.
const MOST_QUESTION_BYTES: usize = 4096;

/// Answers over UDP.
pub(super) async fn serve_udp(socket: UdpSocket, site: Arc<Site>) {
    let socket = Arc::new(socket);
    let mut answering = JoinSet::new();
    let mut buffer = vec![0; MOST_QUESTION_BYTES];
    loop {
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else {
            // An answer to a client that has gone comes back as an error of the socket; the next question is none of that.
            tokio::task::yield_now().await;
            continue;
        };
        while answering.try_join_next().is_some() {}
        if let Some((answer, delay)) = answer(&site, &buffer[..length], "udp") {
            answering.spawn(send_later(Arc::clone(&socket), answer, from, delay));
        }
    }
}

async fn send_later(socket: Arc<UdpSocket>, answer: Vec<u8>, to: SocketAddr, delay: Duration) {
    tokio::time::sleep(delay).await;
    // A client that went away misses nothing.
    let _ = socket.send_to(&answer, to).await;
}

/// Answers over TCP.
pub(super) async fn serve_tcp(listener: TcpListener, site: Arc<Site>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        connections.spawn(converse(stream, Arc::clone(&site)));
    }
}

/// One message after the other, each with its length in front (RFC 1035, 4.2.2).
async fn converse(mut stream: TcpStream, site: Arc<Site>) -> std::io::Result<()> {
    loop {
        let length = usize::from(stream.read_u16().await?);
        let mut question = vec![0; length];
        stream.read_exact(&mut question).await?;
        if let Some((answer, delay)) = answer(&site, &question, "tcp") {
            tokio::time::sleep(delay).await;
            stream.write_u16(u16::try_from(answer.len()).unwrap_or(u16::MAX)).await?;
            stream.write_all(&answer).await?;
        }
    }
}

/// The answer to a message, and how much later it is sent; none to what is no question, and where silence is the answer.
fn answer(site: &Site, message: &[u8], over: &'static str) -> Option<(Vec<u8>, Duration)> {
    let request = Message::from_vec(message).ok()?;
    let question = request.queries.first().filter(|_| request.metadata.message_type == MessageType::Query)?;
    let mut response = Message::response(request.metadata.id, request.metadata.op_code);
    response.metadata.recursion_desired = request.metadata.recursion_desired;
    response.metadata.recursion_available = true;
    response.add_query(question.clone());
    let (resolved, of_v4) = resolve(site, question, over);
    write(&mut response, question, &resolved)?;
    let mut bytes = response.to_vec().ok()?;
    let most = usize::from(request.max_payload()).max(PLAIN_UDP_BYTES);
    if over == "udp" && bytes.len() > most {
        // The client comes again over TCP, and gets the same answer.
        if let Some(entry) = site.find(&name_of(question)) {
            entry.give_back_turn(of_v4);
        }
        bytes = response.truncate().to_vec().ok()?;
    }
    Some((bytes, resolved.delay))
}

fn resolve(site: &Site, question: &Question, over: &'static str) -> (Resolved, bool) {
    let name = name_of(question);
    let kind = question.query_type();
    let of_v4 = kind == RecordType::A;
    let query = Query { name: name.clone(), kind: kind.to_string(), over, at: Instant::now() };
    if matches!(kind, RecordType::A | RecordType::AAAA) {
        return (site.resolve(query, of_v4), of_v4);
    }
    // Records of other types exist for no name, and asking for them takes no turn.
    let known = site.find(&name);
    let end = if known.is_some() { End::Addresses(Vec::new()) } else { End::NxDomain };
    match known {
        Some(entry) => entry.records.query(query),
        None => site.stray_query(query),
    }
    (Resolved { aliases: Vec::new(), end, delay: Duration::ZERO }, of_v4)
}

fn name_of(question: &Question) -> String {
    question.name().to_ascii().trim_end_matches('.').to_ascii_lowercase()
}

/// Puts what was resolved into the response; nothing for silence.
fn write(response: &mut Message, question: &Question, resolved: &Resolved) -> Option<()> {
    let mut owner = question.name().clone();
    for alias in &resolved.aliases {
        let alias = Name::from_ascii(format!("{}.", alias.trim_end_matches('.'))).ok()?;
        response.add_answer(Record::from_rdata(owner, 0, RData::CNAME(CNAME(alias.clone()))));
        owner = alias;
    }
    match &resolved.end {
        End::Addresses(addresses) => {
            for address in addresses {
                let data = match address {
                    IpAddr::V4(address) => RData::A(A(*address)),
                    IpAddr::V6(address) => RData::AAAA(AAAA(*address)),
                };
                response.add_answer(Record::from_rdata(owner.clone(), 0, data));
            }
        }
        End::NxDomain => response.metadata.response_code = ResponseCode::NXDomain,
        End::ServFail => response.metadata.response_code = ResponseCode::ServFail,
        End::Silence => return None,
    }
    Some(())
}
