//! Finds a loopback port for a target that is about to start.
//!
//! Binding port 0 would give a port of the range from which the kernel also takes the source ports of outgoing connections,
//! and under load one of those takes it before the target does. So ports come from below that range.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

const LOWEST: u16 = 10_240;
/// Start of the kernel's range where it cannot be read: Linux's default.
const EPHEMERAL: u16 = 32_768;
/// Few ports below 32768 are taken on any machine; this many in a row never are.
const ATTEMPTS: u32 = 200;

/// A port on 127.0.0.1 that is free now, and that this process hands out only once.
pub(crate) fn free() -> io::Result<u16> {
    static NEXT: OnceLock<AtomicU32> = OnceLock::new();
    let below = ephemeral_start();
    let span = u32::from(below.saturating_sub(LOWEST));
    if span >= ATTEMPTS {
        // Two harnesses on one machine start at different places.
        let next = NEXT.get_or_init(|| AtomicU32::new(rand::random_range(0..span)));
        for _ in 0..ATTEMPTS {
            let offset = next.fetch_add(1, Ordering::Relaxed) % span;
            let port = LOWEST + u16::try_from(offset).unwrap_or_default();
            if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
                return Ok(port);
            }
        }
    }
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn ephemeral_start() -> u16 {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    range.split_whitespace().next().and_then(|start| start.parse().ok()).unwrap_or(EPHEMERAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_port_is_not_handed_out_twice() {
        let ports: std::collections::BTreeSet<u16> = (0..20).map(|_| free().unwrap()).collect();
        assert_eq!(ports.len(), 20);
    }
}
