//! Special addresses (egress.md 6.2), each range with addresses at its borders and inside.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A range of addresses that are not globally reachable unicast.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Range {
    /// The first address.
    pub first: IpAddr,
    /// How many leading bits all have in common.
    pub bits: u8,
    /// What it is for.
    pub what: &'static str,
}

const fn v4(a: u8, b: u8, c: u8, bits: u8, what: &'static str) -> Range {
    Range { first: IpAddr::V4(Ipv4Addr::new(a, b, c, 0)), bits, what }
}

const fn v6(words: [u16; 8], bits: u8, what: &'static str) -> Range {
    let [a, b, c, d, e, f, g, h] = words;
    Range { first: IpAddr::V6(Ipv6Addr::new(a, b, c, d, e, f, g, h)), bits, what }
}

/// Every range that 6.2 names. What of IPv6 lies outside of 2000::/3 stands block by block, as in IANA's registry of the
/// address space: each has borders of its own.
pub const SPECIAL: &[Range] = &[
    v4(0, 0, 0, 8, "this network"),
    v4(10, 0, 0, 8, "private"),
    v4(100, 64, 0, 10, "shared"),
    v4(127, 0, 0, 8, "loopback"),
    v4(169, 254, 0, 16, "link-local"),
    v4(172, 16, 0, 12, "private"),
    v4(192, 0, 0, 24, "protocol assignments"),
    v4(192, 0, 2, 24, "documentation"),
    v4(192, 88, 99, 24, "6to4 relays"),
    v4(192, 168, 0, 16, "private"),
    v4(198, 18, 0, 15, "benchmarking"),
    v4(198, 51, 100, 24, "documentation"),
    v4(203, 0, 113, 24, "documentation"),
    v4(224, 0, 0, 4, "multicast"),
    v4(240, 0, 0, 4, "reserved"),
    v6([0; 8], 128, "unspecified"),
    v6([0, 0, 0, 0, 0, 0, 0, 1], 128, "loopback"),
    v6([0, 0, 0, 0, 0, 0xffff, 0, 0], 96, "mapped"),
    v6([0; 8], 96, "compatible"),
    v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96, "NAT64"),
    v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48, "local NAT64"),
    v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64, "discard"),
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, "protocol assignments"),
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, "documentation"),
    v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16, "6to4"),
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, "documentation"),
    v6([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16, "segment routing"),
    v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, "unique local"),
    v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, "link-local"),
    v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, "site-local"),
    v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, "multicast"),
    v6([0; 8], 8, "reserved"),
    v6([0x100, 0, 0, 0, 0, 0, 0, 0], 8, "reserved"),
    v6([0x200, 0, 0, 0, 0, 0, 0, 0], 7, "reserved"),
    v6([0x400, 0, 0, 0, 0, 0, 0, 0], 6, "reserved"),
    v6([0x800, 0, 0, 0, 0, 0, 0, 0], 5, "reserved"),
    v6([0x1000, 0, 0, 0, 0, 0, 0, 0], 4, "reserved"),
    v6([0x4000, 0, 0, 0, 0, 0, 0, 0], 3, "reserved"),
    v6([0x6000, 0, 0, 0, 0, 0, 0, 0], 3, "reserved"),
    v6([0x8000, 0, 0, 0, 0, 0, 0, 0], 3, "reserved"),
    v6([0xa000, 0, 0, 0, 0, 0, 0, 0], 3, "reserved"),
    v6([0xc000, 0, 0, 0, 0, 0, 0, 0], 3, "reserved"),
    v6([0xe000, 0, 0, 0, 0, 0, 0, 0], 4, "reserved"),
    v6([0xf000, 0, 0, 0, 0, 0, 0, 0], 5, "reserved"),
    v6([0xf800, 0, 0, 0, 0, 0, 0, 0], 6, "reserved"),
    v6([0xfe00, 0, 0, 0, 0, 0, 0, 0], 9, "reserved"),
];

impl Range {
    /// Whether an address lies in it.
    #[must_use]
    pub fn holds(&self, address: IpAddr) -> bool {
        let (first, width) = number(self.first);
        let (found, other) = number(address);
        let shift = width - u32::from(self.bits);
        width == other && (shift == 128 || first >> shift == found >> shift)
    }

    /// Its first and its last address.
    #[must_use]
    pub fn borders(&self) -> [IpAddr; 2] {
        let (first, width) = number(self.first);
        let last = first | (1_u128 << (width - u32::from(self.bits))).wrapping_sub(1);
        [first, last].map(|number| match width {
            32 => IpAddr::V4(Ipv4Addr::from(u32::try_from(number).unwrap_or(u32::MAX))),
            _ => IpAddr::V6(Ipv6Addr::from(number)),
        })
    }
}

/// The address as a number, and how many bits it has.
fn number(address: IpAddr) -> (u128, u32) {
    match address {
        IpAddr::V4(address) => (u128::from(u32::from(address)), 32),
        IpAddr::V6(address) => (u128::from(address), 128),
    }
}

/// Whether an address is special.
#[must_use]
pub fn special(address: IpAddr) -> bool {
    SPECIAL.iter().any(|range| range.holds(address))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_borders_of_a_range_lie_in_it_and_are_special() {
        for range in SPECIAL {
            for border in range.borders() {
                assert!(range.holds(border) && special(border), "{border}");
            }
        }
    }

    #[test]
    fn what_is_reachable_is_not_special() {
        for text in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "172.32.0.0",
            "192.0.1.0",
            "223.255.255.255",
            "2606:4700::1",
            "2a00::",
            "2001:200::",
        ] {
            assert!(!special(text.parse().expect("an address")), "{text}");
        }
    }

    #[test]
    fn of_ipv6_nothing_but_2000_slash_3_and_not_all_of_that_is_reachable() {
        for first in 0..=u16::MAX {
            let is_global = first >> 13 == 1 && first != 0x2002;
            // The other exceptions of 2000::/3 are told apart by more than their first group.
            let address = Ipv6Addr::new(first, 0xfff0, 0, 0, 0, 0, 0, 1);
            assert_eq!(special(IpAddr::V6(address)), !is_global, "{address}");
        }
    }

    proptest! {
        #[test]
        fn the_standard_library_finds_nothing_else_private(bits: u32) {
            let address = Ipv4Addr::from(bits);
            let known = address.is_private() || address.is_loopback() || address.is_link_local() || address.is_multicast()
                || address.is_broadcast() || address.is_documentation() || address.is_unspecified();
            prop_assert!(!known || special(IpAddr::V4(address)), "{address}");
        }

        #[test]
        fn every_address_that_embeds_another_is_special(bits: u32) {
            let address = Ipv4Addr::from(bits);
            let [high, low] = [(bits >> 16) as u16, (bits & 0xffff) as u16];
            for embedded in [
                address.to_ipv6_mapped(),
                address.to_ipv6_compatible(),
                Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
            ] {
                prop_assert!(special(IpAddr::V6(embedded)), "{embedded}");
            }
        }
    }
}
