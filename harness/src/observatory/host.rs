//! One name of a check: how it is programmed, what was seen of it, and how to wait for more.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::records::{Connection, Handshake, Log, Query, Seen};
use super::reply::Reply;
use super::script::{DnsAnswer, Entry, Protocols, Tls};
use super::watch::{Grounds, unusable};
use crate::Stop;

/// A name that a check registered. Clones are the same name.
#[derive(Clone, Debug)]
pub struct Host {
    pub(super) entry: Arc<Entry>,
    grounds: Arc<Grounds>,
}

impl Host {
    pub(super) fn new(entry: Arc<Entry>, grounds: Arc<Grounds>) -> Host {
        Host { entry, grounds }
    }

    /// The name, in lower case.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.entry.name
    }

    /// The port on which it serves: that of all names.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.grounds.site.port
    }

    /// Its first address.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        self.entry.address
    }

    /// Its first address and its port.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        SocketAddr::new(self.address(), self.port())
    }

    /// What its default answer holds, and no other name's: 24 hexadecimal digits.
    #[must_use]
    pub fn nonce(&self) -> &str {
        &self.entry.nonce
    }

    /// `https://name:port`, as in a manifest.
    #[must_use]
    pub fn rule(&self) -> String {
        format!("https://{}:{}", self.name(), self.port())
    }

    /// `https://name:port` and this path, which begins with `/`.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.rule())
    }

    /// Answers the requests with these replies in turn; the last one stays.
    pub fn replies(&self, replies: Vec<Reply>) {
        self.entry.set_replies(replies);
    }

    /// Answers every request with this reply.
    pub fn reply_with(&self, reply: Reply) {
        self.entry.set_replies(vec![reply]);
    }

    /// Answers requests for this target (path and query, as on the wire) with this reply, whatever the others get.
    pub fn reply_at(&self, target: &str, reply: Reply) {
        self.entry.set_reply_at(target.to_owned(), reply);
    }

    /// Answers the questions for IPv4 with these in turn, and those for IPv6 likewise; the last one stays.
    pub fn resolves_to(&self, answers: Vec<DnsAnswer>) {
        self.entry.set_answers(answers);
    }

    /// Serves TLS in this way from now on.
    pub fn certificate(&self, tls: Tls) {
        self.entry.set_tls(tls);
    }

    /// Agrees to these versions of HTTP from now on. Without this it is HTTP/1.1 alone.
    pub fn speaks(&self, protocols: Protocols) {
        self.entry.set_protocols(protocols);
    }

    /// One more address of the internet at which the name serves. It does not resolve to it by itself.
    ///
    /// # Errors
    /// [`Stop::Error`] if this machine gives none.
    pub fn further_address(&self) -> Result<IpAddr, Stop> {
        let address = self.grounds.site.internet_address();
        self.listen_at(address)?;
        Ok(address)
    }

    /// Serves at port 443 of its first address, too, which URLs and rules need not name. False where the system gives that
    /// port to nobody but its administrator.
    ///
    /// # Errors
    /// [`Stop::Skip`] if another program has the port.
    pub fn at_the_default_port(&self) -> Result<bool, Stop> {
        let place = SocketAddr::new(self.address(), super::DEFAULT_PORT);
        match super::origin::listen(&self.grounds.site, place, Some(Arc::clone(&self.entry))) {
            Ok((_, task)) => {
                self.grounds.keep(task);
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(false),
            Err(error) => Err(Stop::Skip(format!("the observatory cannot listen at {place}: {error}"))),
        }
    }

    /// One more port of its first address at which the name serves in the same way.
    ///
    /// # Errors
    /// [`Stop::Error`] if this machine gives none.
    pub fn further_port(&self) -> Result<u16, Stop> {
        self.listen(SocketAddr::new(self.address(), 0)).map(|place| place.port())
    }

    /// One more port at which the name serves, and no other: at its first address, at 127.0.0.1 and, where this machine has
    /// IPv6, at ::1. A connection there is on record as soon as it stands, whatever it says: so it is seen also of somebody
    /// who is led to this machine itself and says nothing.
    ///
    /// # Errors
    /// [`Stop::Error`] if this machine gives none.
    pub fn port_everywhere(&self) -> Result<u16, Stop> {
        let mut last = String::new();
        for _ in 0..super::ATTEMPTS {
            let port = self.further_port()?;
            match self.at_loopback(port) {
                Ok(()) => return Ok(port),
                Err(error) => last = error.to_string(),
            }
        }
        Err(Stop::Error(format!("the observatory finds no port that is free at loopback: {last}")))
    }

    fn at_loopback(&self, port: u16) -> std::io::Result<()> {
        let listen = |address: IpAddr| -> std::io::Result<()> {
            let (site, owner) = (&self.grounds.site, Some(Arc::clone(&self.entry)));
            let (_, task) = super::origin::listen(site, SocketAddr::new(address, port), owner)?;
            self.grounds.keep(task);
            Ok(())
        };
        listen(Ipv4Addr::LOCALHOST.into())?;
        match listen(Ipv6Addr::LOCALHOST.into()) {
            // Without IPv6 there is nothing at that address that could be reached.
            Err(error) if error.kind() != ErrorKind::AddrInUse => Ok(()),
            listens => listens,
        }
    }

    pub(super) fn listen_at(&self, address: IpAddr) -> Result<(), Stop> {
        self.listen(SocketAddr::new(address, self.port())).map(drop)
    }

    fn listen(&self, place: SocketAddr) -> Result<SocketAddr, Stop> {
        let listening = super::origin::listen(&self.grounds.site, place, Some(Arc::clone(&self.entry)));
        let (place, task) = listening.map_err(|error| unusable(place, &error))?;
        self.grounds.keep(task);
        Ok(place)
    }

    /// The requests so far, in the order in which they were complete.
    #[must_use]
    pub fn requests(&self) -> Vec<Seen> {
        self.entry.records.read(|log| log.requests.clone())
    }

    /// The questions for the name so far.
    #[must_use]
    pub fn queries(&self) -> Vec<Query> {
        self.entry.records.read(|log| log.queries.clone())
    }

    /// The handshakes so far, finished or not.
    #[must_use]
    pub fn handshakes(&self) -> Vec<Handshake> {
        self.entry.records.read(|log| log.handshakes.clone())
    }

    /// The connections so far: to its own addresses, and those to 127.0.0.1 and ::1 that named it.
    #[must_use]
    pub fn connections(&self) -> Vec<Connection> {
        self.entry.records.read(|log| log.connections.clone())
    }

    /// Whether anything at all was seen of it, be it a question for its name.
    #[must_use]
    pub fn was_noticed(&self) -> bool {
        self.entry.records.read(|log| !(log.queries.is_empty() && log.connections.is_empty()))
    }

    /// Whether anybody connected.
    #[must_use]
    pub fn was_reached(&self) -> bool {
        self.entry.records.read(|log| !log.connections.is_empty())
    }

    /// Waits for the request with this number, from 1, to be complete.
    ///
    /// # Errors
    /// [`Stop::Fail`] if it does not come while the check may wait.
    pub async fn request_number(&self, number: usize) -> Result<Seen, Stop> {
        let what = || format!("request {number} to {} did not come", self.name());
        self.until(self.grounds.patience(), what, |log| log.requests.get(number.checked_sub(1)?).cloned()).await
    }

    /// Waits for the question with this number, from 1.
    ///
    /// # Errors
    /// As for [`Host::request_number`].
    pub async fn query_number(&self, number: usize) -> Result<Query, Stop> {
        let what = || format!("question {number} for {} did not come", self.name());
        self.until(self.grounds.patience(), what, |log| log.queries.get(number.checked_sub(1)?).cloned()).await
    }

    /// Waits for the connection with this number in the order of the name, from 1.
    ///
    /// # Errors
    /// As for [`Host::request_number`].
    pub async fn connection_number(&self, number: usize) -> Result<Connection, Stop> {
        let what = || format!("connection {number} to {} did not come", self.name());
        self.until(self.grounds.patience(), what, |log| log.connections.get(number.checked_sub(1)?).cloned()).await
    }

    /// Waits for the end of a connection, by its [`Connection::number`] or [`Seen::connection`].
    ///
    /// # Errors
    /// As for [`Host::request_number`].
    pub async fn closed(&self, connection: u64) -> Result<Connection, Stop> {
        self.closed_within(connection, self.grounds.patience()).await
    }

    /// The same, for at most so long.
    ///
    /// # Errors
    /// [`Stop::Fail`] if the connection is open after that.
    pub async fn closed_within(&self, connection: u64, patience: Duration) -> Result<Connection, Stop> {
        let what = || format!("a connection to {} was not closed", self.name());
        let patience = patience.min(self.grounds.patience());
        let over = |known: &&Connection| known.number == connection && known.closed.is_some();
        self.until(patience, what, |log| log.connections.iter().find(over).cloned()).await
    }

    /// Waits until a request is given up: its stream is reset by the client, or its connection is over.
    ///
    /// # Errors
    /// [`Stop::Fail`] if it is not after that time.
    pub async fn given_up_within(&self, request: &Seen, patience: Duration) -> Result<(), Stop> {
        let what = || format!("a request to {} was not given up", self.name());
        let patience = patience.min(self.grounds.patience());
        let (connection, stream) = (request.connection, request.stream);
        let is_over = |log: &Log| {
            let closed = log.connections.iter().any(|known| known.number == connection && known.closed.is_some());
            let same = |seen: &&Seen| seen.connection == connection && seen.stream == stream;
            let reset = log.requests.iter().find(same).is_some_and(|seen| seen.given_up.is_some());
            (closed || reset).then_some(())
        };
        self.until(patience, what, is_over).await
    }

    async fn until<T>(
        &self,
        patience: Duration,
        what: impl FnOnce() -> String,
        find: impl Fn(&Log) -> Option<T>,
    ) -> Result<T, Stop> {
        match tokio::time::timeout(patience, self.entry.records.until(find)).await {
            Ok(Some(found)) => Ok(found),
            Ok(None) => Err(Stop::Error("the observatory has ended".to_owned())),
            Err(_) => Err(Stop::Fail(format!("{} within {:.1} s", what(), patience.as_secs_f64()))),
        }
    }
}
