//! Which addresses may be connected to (egress.md, section 6).

use std::net::{IpAddr, Ipv6Addr};

use crate::{IpRange, resolve::Answer, stop::Stop};

/// Ranges that are special for one reason.
struct Family {
    name: &'static str,
    ranges: &'static [IpRange],
}

/// Everything that is not globally reachable unicast, by reason (egress.md 6.2).
const FAMILIES: [Family; 17] = [
    Family {
        name: "private",
        ranges: &[IpRange::v4([10, 0, 0, 0], 8), IpRange::v4([172, 16, 0, 0], 12), IpRange::v4([192, 168, 0, 0], 16)],
    },
    Family { name: "loopback", ranges: &[IpRange::v4([127, 0, 0, 0], 8), IpRange::v6_of(Ipv6Addr::LOCALHOST, 128)] },
    Family {
        name: "link-local",
        // 169.254.169.254 and its like: the metadata services of clouds.
        ranges: &[IpRange::v4([169, 254, 0, 0], 16), IpRange::v6([0xfe80, 0, 0], 10), IpRange::v6([0xfec0, 0, 0], 10)],
    },
    Family { name: "shared", ranges: &[IpRange::v4([100, 64, 0, 0], 10)] },
    Family { name: "multicast", ranges: &[IpRange::v4([224, 0, 0, 0], 4), IpRange::v6([0xff00, 0, 0], 8)] },
    Family { name: "reserved", ranges: &[IpRange::v4([240, 0, 0, 0], 4)] },
    Family { name: "unspecified", ranges: &[IpRange::v4([0, 0, 0, 0], 8), IpRange::v6_of(Ipv6Addr::UNSPECIFIED, 128)] },
    Family {
        name: "documentation",
        ranges: &[
            IpRange::v4([192, 0, 2, 0], 24),
            IpRange::v4([198, 51, 100, 0], 24),
            IpRange::v4([203, 0, 113, 0], 24),
            IpRange::v6([0x2001, 0xdb8, 0], 32),
            IpRange::v6([0x3fff, 0, 0], 20),
        ],
    },
    Family { name: "benchmarking", ranges: &[IpRange::v4([198, 18, 0, 0], 15)] },
    Family {
        name: "protocol",
        ranges: &[
            IpRange::v4([192, 0, 0, 0], 24),
            IpRange::v4([192, 88, 99, 0], 24),
            IpRange::v6([0x2001, 0, 0], 23),
            IpRange::v6([0x100, 0, 0], 64),
            IpRange::v6([0x5f00, 0, 0], 16),
        ],
    },
    Family {
        name: "mapped",
        ranges: &[
            IpRange::v6_of(Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96),
            IpRange::v6_of(Ipv6Addr::UNSPECIFIED, 96),
        ],
    },
    Family { name: "nat64", ranges: &[IpRange::v6([0x64, 0xff9b, 0], 96), IpRange::v6([0x64, 0xff9b, 1], 48)] },
    Family { name: "6to4", ranges: &[IpRange::v6([0x2002, 0, 0], 16)] },
    Family { name: "unique-local", ranges: &[IpRange::v6([0xfc00, 0, 0], 7)] },
    // Global unicast of IPv6 is 2000::/3; nothing else of it is given to anybody.
    Family { name: "unallocated below", ranges: &[IpRange::v6([0, 0, 0], 3)] },
    Family { name: "unallocated", ranges: &[IpRange::v6([0x4000, 0, 0], 2)] },
    Family { name: "unallocated above", ranges: &[IpRange::v6([0x8000, 0, 0], 1)] },
];

/// Whether an address is special.
pub(crate) fn is_special(address: IpAddr) -> bool {
    reasons(address).next().is_some()
}

/// Why an address is special: the names of the families that it is in.
pub(crate) fn reasons(address: IpAddr) -> impl Iterator<Item = &'static str> {
    let holds = move |family: &&Family| family.ranges.iter().any(|range| range.contains(address));
    FAMILIES.iter().filter(holds).map(|family| family.name)
}

/// The addresses to connect to: all that answered, or none if one of them may not be reached (egress.md 6.1 and 6.3).
pub(crate) fn all_reachable(answer: &Answer, may_reach: &dyn Fn(IpAddr) -> bool) -> Result<Vec<IpAddr>, Stop> {
    if answer.addresses.is_empty() {
        return Err(unresolved());
    }
    if !answer.addresses.iter().all(|address| may_reach(*address)) {
        return Err(Stop::denied(if answer.aliased {
            "the host is an alias for an address that is not globally reachable"
        } else {
            "the host has an address that is not globally reachable"
        }));
    }
    Ok(answer.addresses.clone())
}

/// The end of a request to a host without an address.
pub(crate) fn unresolved() -> Stop {
    Stop::failed("the host could not be resolved")
}

#[cfg(test)]
mod tests {
    use super::{all_reachable, is_special};
    use crate::{Outcome, resolve::Answer};

    #[test]
    fn every_special_range_is_special_at_both_of_its_ends() {
        for address in [
            "0.0.0.0",
            "0.255.255.255",
            "10.0.0.0",
            "10.255.255.255",
            "100.64.0.0",
            "100.127.255.255",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.0",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.0",
            "192.168.255.255",
            "198.18.0.0",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.0",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:8.8.8.8",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:1ff::",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "4000::1",
            "9000::",
            "1fff::",
        ] {
            assert!(is_special(address.parse().expect(address)), "{address}");
        }
    }

    #[test]
    fn globally_reachable_addresses_are_not_special_right_up_to_the_ranges() {
        for address in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.0.3.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2003::1",
            "2606:4700::1111",
            "3ffe::1",
        ] {
            assert!(!is_special(address.parse().expect(address)), "{address}");
        }
    }

    #[test]
    fn one_special_address_denies_all() {
        let answer = |texts: &[&str]| Answer {
            addresses: texts.iter().map(|text| text.parse().expect("an address")).collect(),
            aliased: false,
        };
        let judge = |answer: Answer| all_reachable(&answer, &|address| !is_special(address));
        assert_eq!(judge(answer(&["1.1.1.1", "2606:4700::1111"])).map(|addresses| addresses.len()), Ok(2));
        for texts in [&["1.1.1.1", "10.0.0.1"][..], &["::1", "1.1.1.1"], &["127.0.0.1"]] {
            assert_eq!(judge(answer(texts)).expect_err("denied").outcome, Outcome::Denied);
        }
        assert_eq!(judge(answer(&[])).expect_err("failed").outcome, Outcome::Failed);
    }
}
