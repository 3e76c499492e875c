//! A stub resolver for one server: random ids, a fresh socket for each question, TCP where UDP is too small, and nothing taken
//! from an answer that was not asked for.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use futures_util::future::{BoxFuture, join_all};
use hickory_proto::{
    op::{Message, MessageType, Query, ResponseCode},
    rr::{Name, RData, RecordType},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, UdpSocket},
    time::timeout,
};

use super::{Answer, Resolve};

/// How long an answer over UDP is waited for before the question is sent again, for one of the two may have been lost.
const PATIENCE: Duration = Duration::from_secs(2);
/// The largest answer over UDP that a server may send without EDNS, with room for those that send more.
const LARGEST_DATAGRAM: usize = 4096;

/// The decisions.
#[derive(Clone, Copy)]
pub(crate) struct StubRules {
    /// Which records are asked for.
    pub types: &'static [RecordType],
    /// How many aliases of one name are followed.
    pub most_aliases: usize,
    /// Whether one kind of records is enough where the other cannot be had (6.1).
    pub one_is_enough: bool,
}

impl StubRules {
    pub const fn honest() -> Self {
        Self { types: &[RecordType::A, RecordType::AAAA], most_aliases: 8, one_is_enough: true }
    }
}

/// A client of one DNS server.
pub(crate) struct Stub {
    pub server: SocketAddr,
    pub rules: StubRules,
}

impl Resolve for Stub {
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Answer> {
        Box::pin(async move {
            let Ok(mut name) = Name::from_ascii(host) else {
                return Answer::default();
            };
            name.set_fqdn(true);
            let answers = join_all(self.rules.types.iter().map(|kind| self.look_up(name.clone(), *kind))).await;
            if !self.rules.one_is_enough && answers.contains(&None) {
                return Answer::default();
            }
            answers.into_iter().flatten().fold(Answer::default(), |mut all, answer| {
                all.addresses.extend(answer.addresses);
                all.aliased |= answer.aliased;
                all
            })
        })
    }
}

impl Stub {
    /// The addresses of one kind. Aliases are followed in the answer, and where it ends with one, by the next question.
    async fn look_up(&self, name: Name, kind: RecordType) -> Option<Answer> {
        let mut trail = Trail { name, followed: 0 };
        loop {
            let asked = trail.followed;
            let reply = self.ask(&trail.name, kind).await.ok()?;
            let addresses = trail.follow(&reply, kind, self.rules.most_aliases);
            if !addresses.is_empty() || trail.followed == asked || trail.followed >= self.rules.most_aliases {
                return Some(Answer { addresses, aliased: trail.followed > 0 });
            }
        }
    }

    /// One question, and the server's answer to it.
    async fn ask(&self, name: &Name, kind: RecordType) -> io::Result<Message> {
        let mut question = Message::query();
        question.metadata.recursion_desired = true;
        question.add_query(Query::query(name.clone(), kind));
        let bytes = question.to_vec().map_err(io::Error::other)?;
        let mut reply = self.over_udp(&question, &bytes).await?;
        if reply.metadata.truncation {
            reply = self.over_tcp(&question, &bytes).await?;
        }
        match reply.metadata.response_code {
            ResponseCode::NoError | ResponseCode::NXDomain => Ok(reply),
            _ => Err(io::ErrorKind::Other.into()),
        }
    }

    async fn over_udp(&self, question: &Message, bytes: &[u8]) -> io::Result<Message> {
        let any: IpAddr =
            if self.server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        // The port is a new random one; being connected, the socket takes nothing from anybody else.
        let socket = UdpSocket::bind((any, 0)).await?;
        socket.connect(self.server).await?;
        let mut datagram = vec![0; LARGEST_DATAGRAM];
        // Whoever asks knows how long that may go on (7.6).
        loop {
            socket.send(bytes).await?;
            let listen = async {
                loop {
                    let length = socket.recv(&mut datagram).await?;
                    if let Some(reply) = answer_to(question, &datagram[..length]) {
                        return Ok(reply);
                    }
                }
            };
            if let Ok(reply) = timeout(PATIENCE, listen).await {
                return reply;
            }
        }
    }

    async fn over_tcp(&self, question: &Message, bytes: &[u8]) -> io::Result<Message> {
        let mut stream = TcpStream::connect(self.server).await?;
        let length = u16::try_from(bytes.len()).map_err(io::Error::other)?;
        stream.write_all(&[&length.to_be_bytes(), bytes].concat()).await?;
        let length = stream.read_u16().await?;
        let mut reply = vec![0; length.into()];
        stream.read_exact(&mut reply).await?;
        answer_to(question, &reply).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }
}

/// The message, if it is an answer to this question.
fn answer_to(question: &Message, bytes: &[u8]) -> Option<Message> {
    let reply = Message::from_vec(bytes).ok()?;
    let is_answer = reply.metadata.id == question.metadata.id
        && reply.metadata.message_type == MessageType::Response
        && reply.queries == question.queries;
    is_answer.then_some(reply)
}

/// The way from a name over its aliases.
struct Trail {
    name: Name,
    followed: usize,
}

impl Trail {
    /// Goes on as far as the answer leads, and takes the addresses at its end.
    fn follow(&mut self, reply: &Message, kind: RecordType, most: usize) -> Vec<IpAddr> {
        loop {
            let mine = || reply.answers.iter().filter(|record| record.name == self.name);
            let addresses: Vec<IpAddr> = mine()
                .filter_map(|record| match &record.data {
                    RData::A(address) if kind == RecordType::A => Some(IpAddr::V4(address.0)),
                    RData::AAAA(address) if kind == RecordType::AAAA => Some(IpAddr::V6(address.0)),
                    _ => None,
                })
                .collect();
            let alias = mine().find_map(|record| match &record.data {
                RData::CNAME(alias) => Some(alias.0.clone()),
                _ => None,
            });
            match alias {
                Some(alias) if addresses.is_empty() && self.followed < most => {
                    self.name = alias;
                    self.followed += 1;
                }
                _ => return addresses,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use hickory_proto::{
        op::{Message, OpCode, Query},
        rr::{
            Name, RData, Record, RecordType,
            rdata::{A, CNAME},
        },
    };

    use super::{Trail, answer_to};

    fn name(text: &str) -> Name {
        Name::from_ascii(text).expect("a name")
    }

    fn reply(records: &[(&str, RData)]) -> Message {
        let mut reply = Message::response(7, OpCode::Query);
        for (owner, data) in records {
            reply.add_answer(Record::from_rdata(name(owner), 0, data.clone()));
        }
        reply
    }

    fn alias(text: &str) -> RData {
        RData::CNAME(CNAME(name(text)))
    }

    fn follow(records: &[(&str, RData)], most: usize) -> (Vec<String>, usize) {
        let mut trail = Trail { name: name("a.test."), followed: 0 };
        let found = trail.follow(&reply(records), RecordType::A, most);
        (found.iter().map(ToString::to_string).collect(), trail.followed)
    }

    #[test]
    fn follows_aliases_in_whatever_order_and_takes_addresses_of_the_last_name_only() {
        let records = [
            ("c.test.", RData::A(A::new(1, 1, 1, 1))),
            ("b.test.", alias("c.test.")),
            ("evil.test.", RData::A(A::new(6, 6, 6, 6))),
            ("A.test.", alias("b.test.")),
        ];
        assert_eq!(follow(&records, 8), (vec!["1.1.1.1".to_owned()], 2));
        assert_eq!(follow(&records, 0), (vec![], 0));
    }

    #[test]
    fn a_circle_of_aliases_ends() {
        assert_eq!(follow(&[("a.test.", alias("b.test.")), ("b.test.", alias("a.test."))], 8), (vec![], 8));
    }

    #[test]
    fn takes_answers_to_its_question_only() {
        let mut question = Message::query();
        question.add_query(Query::query(name("a.test."), RecordType::A));
        let answer = |id: u16, asked: &str| {
            let mut reply = Message::response(id, OpCode::Query);
            reply.add_query(Query::query(name(asked), RecordType::A));
            reply.to_vec().expect("a message")
        };
        let id = question.metadata.id;
        assert!(answer_to(&question, &answer(id, "a.test.")).is_some());
        assert!(answer_to(&question, &answer(id.wrapping_add(1), "a.test.")).is_none());
        assert!(answer_to(&question, &answer(id, "b.test.")).is_none());
        assert!(answer_to(&question, &question.to_vec().expect("a message")).is_none());
        assert!(answer_to(&question, b"garbage").is_none());
    }

    proptest::proptest! {
        #[test]
        fn no_datagram_makes_it_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..600)) {
            let _ = answer_to(&Message::query(), &bytes);
        }
    }
}
