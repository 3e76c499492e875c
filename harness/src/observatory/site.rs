//! What all servers of an observatory share: the names, the addresses that are handed out, the port.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::records::Query;
use super::script::{DnsAnswer, Entry};
use super::tls::Authority;

/// The range that stands for the internet: loopback, but for targets that are told of it.
pub(super) const INTERNET: &str = "127.77.0.0/16";
const INTERNET_PREFIX: [u8; 2] = [127, 77];
/// Where decoys are: loopback that nothing excepts.
const DECOYS_PREFIX: [u8; 2] = [127, 88];
/// So many questions for names that nobody registered are kept; the oldest go.
const MOST_STRAYS: usize = 4096;
/// An alias of an alias and so on is followed so often.
const MOST_ALIASES: usize = 8;

#[derive(Debug)]
pub(super) struct Site {
    /// The port of all origins.
    pub(super) port: u16,
    pub(super) authority: Authority,
    names: RwLock<HashMap<String, Arc<Entry>>>,
    strays: Mutex<VecDeque<Query>>,
    addresses: AtomicU32,
    connections: AtomicU64,
}

/// A name resolved: the aliases on the way, and what stands at their end.
#[derive(Debug)]
pub(super) struct Resolved {
    pub(super) aliases: Vec<String>,
    pub(super) end: End,
    pub(super) delay: std::time::Duration,
}

#[derive(Debug)]
pub(super) enum End {
    Addresses(Vec<IpAddr>),
    NxDomain,
    ServFail,
    Silence,
}

/// How many addresses each range has.
const ADDRESSES: u32 = 250 * 250;

impl Site {
    pub(super) fn new(port: u16, authority: Authority) -> Site {
        Site {
            port,
            authority,
            names: RwLock::default(),
            strays: Mutex::default(),
            // A kept observatory has the same port in each run, and what the run before left at an address may linger.
            addresses: AtomicU32::new(rand::random_range(0..ADDRESSES)),
            connections: AtomicU64::new(0),
        }
    }

    /// An address of the internet that no other name has.
    pub(super) fn internet_address(&self) -> IpAddr {
        self.address(INTERNET_PREFIX)
    }

    /// An address of loopback outside of the internet that no other name has.
    pub(super) fn decoy_address(&self) -> IpAddr {
        self.address(DECOYS_PREFIX)
    }

    /// There are [`ADDRESSES`] in each range; a run that needs more gets the first ones again, whose checks have ended.
    fn address(&self, [first, second]: [u8; 2]) -> IpAddr {
        let number = self.addresses.fetch_add(1, Ordering::Relaxed);
        let part = |number: u32| u8::try_from(number % 250).unwrap_or_default() + 2;
        IpAddr::V4(Ipv4Addr::new(first, second, part(number / 250), part(number)))
    }

    pub(super) fn next_connection(&self) -> u64 {
        self.connections.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Makes a name known.
    pub(super) fn register(&self, entry: &Arc<Entry>) -> Result<(), String> {
        let mut names = self.names.write().unwrap_or_else(PoisonError::into_inner);
        if names.contains_key(&entry.name) {
            return Err(format!("the observatory has the name {} already", entry.name));
        }
        names.insert(entry.name.clone(), Arc::clone(entry));
        Ok(())
    }

    pub(super) fn forget(&self, name: &str) {
        self.names.write().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    pub(super) fn find(&self, name: &str) -> Option<Arc<Entry>> {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        self.names.read().unwrap_or_else(PoisonError::into_inner).get(&name).cloned()
    }

    pub(super) fn stray_query(&self, query: Query) {
        let mut strays = self.strays.lock().unwrap_or_else(PoisonError::into_inner);
        if strays.len() == MOST_STRAYS {
            strays.pop_front();
        }
        strays.push_back(query);
    }

    pub(super) fn strays(&self) -> Vec<Query> {
        self.strays.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Notes a question, and answers it by the script of the name.
    pub(super) fn resolve(&self, query: Query, of_v4: bool) -> Resolved {
        let Some(entry) = self.find(&query.name) else {
            self.stray_query(query);
            return Resolved { aliases: Vec::new(), end: End::NxDomain, delay: std::time::Duration::ZERO };
        };
        entry.records.query(query);
        let mut resolved = Resolved { aliases: Vec::new(), end: End::NxDomain, delay: std::time::Duration::ZERO };
        let mut answer = entry.next_answer(of_v4);
        while resolved.aliases.len() < MOST_ALIASES {
            match answer {
                DnsAnswer::After(delay, later) => {
                    resolved.delay += delay;
                    answer = *later;
                }
                DnsAnswer::Each(of_a, of_aaaa) => answer = if of_v4 { *of_a } else { *of_aaaa },
                DnsAnswer::Alias(to) => {
                    answer = self.find(&to).map_or(DnsAnswer::NxDomain, |entry| entry.next_answer(of_v4));
                    resolved.aliases.push(to);
                }
                DnsAnswer::AliasTo(to, there) => {
                    resolved.aliases.push(to);
                    answer = *there;
                }
                DnsAnswer::Addresses(mut addresses) => {
                    addresses.retain(|address| address.is_ipv4() == of_v4);
                    resolved.end = End::Addresses(addresses);
                    return resolved;
                }
                DnsAnswer::Empty => {
                    resolved.end = End::Addresses(Vec::new());
                    return resolved;
                }
                DnsAnswer::NxDomain => return resolved,
                DnsAnswer::ServFail => {
                    resolved.end = End::ServFail;
                    return resolved;
                }
                DnsAnswer::Silence => {
                    resolved.end = End::Silence;
                    return resolved;
                }
            }
        }
        resolved.end = End::ServFail;
        resolved
    }
}

/// Binds a listener of the standard library and hands it to the runtime.
pub(super) fn bind(place: SocketAddr) -> std::io::Result<tokio::net::TcpListener> {
    let listener = std::net::TcpListener::bind(place)?;
    listener.set_nonblocking(true)?;
    tokio::net::TcpListener::from_std(listener)
}
