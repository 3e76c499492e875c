//! Ranges of addresses.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use assay_package::Malformed;

/// All addresses of one family that begin with the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IpRange {
    first: IpAddr,
    bits: u8,
}

impl IpRange {
    /// A range of IPv4, such as 10.0.0.0/8.
    pub(crate) const fn v4(first: [u8; 4], bits: u8) -> Self {
        let [a, b, c, d] = first;
        Self { first: IpAddr::V4(Ipv4Addr::new(a, b, c, d)), bits }
    }

    /// A range of IPv6 by the first three groups, such as fe80::/10.
    pub(crate) const fn v6(first: [u16; 3], bits: u8) -> Self {
        let [a, b, c] = first;
        Self { first: IpAddr::V6(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0)), bits }
    }

    /// A range of IPv6 that is told apart by more than its first groups.
    pub(crate) const fn v6_of(first: Ipv6Addr, bits: u8) -> Self {
        Self { first: IpAddr::V6(first), bits }
    }

    /// Whether an address is in the range. An IPv4 address that is written in IPv6 is not in a range of IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        let differs = match (self.first, address) {
            (IpAddr::V4(first), IpAddr::V4(address)) => u128::from(first.to_bits() ^ address.to_bits()) << 96,
            (IpAddr::V6(first), IpAddr::V6(address)) => first.to_bits() ^ address.to_bits(),
            _ => return false,
        };
        differs.leading_zeros() >= u32::from(self.bits)
    }
}

impl FromStr for IpRange {
    type Err = Malformed;

    /// Reads `ADDRESS/BITS`; the bits that follow the first ones are 0.
    fn from_str(text: &str) -> Result<Self, Malformed> {
        const FORM: Malformed = Malformed("a range of addresses, such as 127.77.0.0/16");
        let (first, bits) = text.split_once('/').ok_or(FORM)?;
        let first: IpAddr = first.parse().map_err(|_| FORM)?;
        let bits: u8 = bits.parse().map_err(|_| FORM)?;
        let (all, rest) = match first {
            IpAddr::V4(first) => (32, u128::from(first.to_bits()) << 96),
            IpAddr::V6(first) => (128, first.to_bits()),
        };
        let is_first = rest.checked_shl(bits.into()).unwrap_or(0) == 0;
        if bits <= all && is_first { Ok(Self { first, bits }) } else { Err(FORM) }
    }
}

impl fmt::Display for IpRange {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.first, self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::IpRange;

    #[test]
    fn contains_its_first_and_last_address_and_not_their_neighbours() {
        for (range, inside, outside) in [
            ("127.77.0.0/16", ["127.77.0.0", "127.77.255.255"], ["127.76.255.255", "127.78.0.0"]),
            ("172.16.0.0/12", ["172.16.0.0", "172.31.255.255"], ["172.15.255.255", "172.32.0.0"]),
            ("fc00::/7", ["fc00::", "fdff:ffff::1"], ["fbff::", "fe00::"]),
            ("::1/128", ["::1", "::1"], ["::", "::2"]),
        ] {
            let range: IpRange = range.parse().expect(range);
            assert!(inside.iter().all(|address| range.contains(address.parse().expect("an address"))), "{range}");
            assert!(!outside.iter().any(|address| range.contains(address.parse().expect("an address"))), "{range}");
        }
    }

    #[test]
    fn an_ipv4_address_in_ipv6_is_not_in_a_range_of_ipv4() {
        let all: IpRange = "0.0.0.0/0".parse().expect("a range");
        assert!(all.contains("8.8.8.8".parse().expect("an address")));
        assert!(!all.contains("::ffff:8.8.8.8".parse().expect("an address")));
    }

    #[test]
    fn refuses_what_is_no_range() {
        for text in ["", "127.0.0.1", "127.0.0.1/8", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1", "a/8"] {
            assert!(text.parse::<IpRange>().is_err(), "{text}");
        }
    }
}
