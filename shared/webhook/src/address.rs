//! Which addresses a webhook may reach.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Why an address may be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It is one of the public internet.
    Public,
    /// The operator opened its range.
    Opened,
}

/// An address that no webhook may reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the address is not one of the public internet")]
pub struct AddressRefused;

/// Public addresses, and the ranges that the operator opened.
#[derive(Clone, Debug, Default)]
pub struct AddressPolicy {
    opened: Vec<IpNet>,
}

/// Not of the public internet: RFC 6890 and the IANA special-purpose registry, and what clouds use for themselves.
const REFUSED_V4: [Ipv4Net; 17] = [
    v4(0, 0, 0, 0, 8),     // "this network"; the unspecified address connects to the host itself
    v4(10, 0, 0, 0, 8),    // private
    v4(100, 64, 0, 0, 10), // carrier-grade NAT, a metadata service among it
    v4(127, 0, 0, 0, 8),   // loopback
    v4(168, 63, 129, 16, 32), // a cloud's host agent and metadata, though of a public range
    v4(169, 254, 0, 0, 16), // link-local, metadata services among it
    v4(172, 16, 0, 0, 12), // private
    v4(192, 0, 0, 0, 24),  // protocol assignments, a metadata service among it
    v4(192, 0, 2, 0, 24),  // documentation
    v4(192, 31, 196, 0, 24), // AS112
    v4(192, 88, 99, 0, 24), // 6to4 relays
    v4(192, 168, 0, 0, 16), // private
    v4(192, 175, 48, 0, 24), // AS112
    v4(198, 18, 0, 0, 15), // benchmarking
    v4(198, 51, 100, 0, 24), // documentation
    v4(203, 0, 113, 0, 24), // documentation
    v4(224, 0, 0, 0, 3),   // multicast, reserved, broadcast
];

/// All that is public in IPv6 today; whatever is outside it is refused without being listed: loopback, unspecified,
/// IPv4-compatible and translated forms, unique local, link-local, site-local, multicast, discard-only.
const GLOBAL_V6: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

/// Within [`GLOBAL_V6`], but not public.
const REFUSED_V6: [Ipv6Net; 5] = [
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), // protocol assignments: Teredo, benchmarking, ORCHID
    v6([0x2001, 0x0db8, 0, 0, 0, 0, 0, 0], 32), // documentation
    v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16), // 6to4, which holds an IPv4 address
    v6([0x2620, 0x004f, 0x8000, 0, 0, 0, 0, 0], 48), // AS112
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), // documentation
];

/// Behind it every name without an IPv6 address is reached by an embedded IPv4 address (RFC 6052 §2.1).
const NAT64: Ipv6Net = v6([0x0064, 0xff9b, 0, 0, 0, 0, 0, 0], 96);

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(s: [u16; 8], prefix: u8) -> Ipv6Net {
    let address = Ipv6Addr::new(s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]);
    Ipv6Net::new_assert(address, prefix)
}

impl AddressPolicy {
    /// Public addresses and those in `opened`.
    pub fn new(opened: impl Into<Vec<IpNet>>) -> Self {
        Self {
            opened: opened.into(),
        }
    }

    /// Whether anything beyond the public internet may be reached.
    pub fn opens_any(&self) -> bool {
        !self.opened.is_empty()
    }

    /// Judges an address. An IPv4-mapped one is what the system would connect to: the IPv4 address in it.
    ///
    /// # Errors
    /// [`AddressRefused`] if it is neither public nor opened.
    pub fn check(&self, address: IpAddr) -> Result<Reach, AddressRefused> {
        let address = address.to_canonical();
        if self.opened.iter().any(|net| net.contains(&address)) {
            return Ok(Reach::Opened);
        }
        let public = match address {
            IpAddr::V4(address) => is_public_v4(address),
            IpAddr::V6(address) => is_public_v6(address),
        };
        if public {
            Ok(Reach::Public)
        } else {
            Err(AddressRefused)
        }
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    !REFUSED_V4.iter().any(|net| net.contains(&address))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if NAT64.contains(&address) {
        let [.., a, b, c, d] = address.octets();
        return is_public_v4(Ipv4Addr::new(a, b, c, d));
    }
    GLOBAL_V6.contains(&address) && !REFUSED_V6.iter().any(|net| net.contains(&address))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn judged(policy: &AddressPolicy, text: &str) -> Result<Reach, AddressRefused> {
        policy.check(text.parse().expect("an address"))
    }

    #[test]
    fn public_addresses_are_reached() {
        let policy = AddressPolicy::default();
        for public in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "128.0.0.0",
            "169.253.255.255",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.167.255.255",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700:4700::1111",
            "2a00:1450:4001:80b::200e",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
        ] {
            assert_eq!(judged(&policy, public), Ok(Reach::Public), "{public}");
        }
    }

    #[test]
    fn nothing_else_is() {
        let policy = AddressPolicy::default();
        for refused in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:10.0.0.1",
            "::7f00:1",
            "::808:808",
            "::ffff:0:127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::808:808",
            "100::1",
            "2001::1",
            "2001:0:53aa:64c:0:0:80fe:fffe",
            "2001:2::1",
            "2001:10::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:808:808::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert_eq!(judged(&policy, refused), Err(AddressRefused), "{refused}");
        }
    }

    /// Addresses of all kinds, those of the inside as often as others.
    fn any_v4() -> impl Strategy<Value = Ipv4Addr> {
        let within = |first: [u8; 2], mask: u32| {
            let net = u32::from_be_bytes([first[0], first[1], 0, 0]);
            any::<u32>().prop_map(move |bits| Ipv4Addr::from_bits(net | (bits & mask)))
        };
        prop_oneof![
            any::<u32>().prop_map(Ipv4Addr::from_bits),
            within([127, 0], 0x00ff_ffff),
            within([10, 0], 0x00ff_ffff),
            within([169, 254], 0xffff),
            within([192, 168], 0xffff),
        ]
    }

    proptest! {
        #[test]
        fn an_address_within_another_is_reached_no_further_than_by_itself(inner in any_v4(), rest: u64) {
            let policy = AddressPolicy::default();
            let own = policy.check(inner.into());
            let [a, b, c, d] = inner.octets();
            let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            let nat64 = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low);
            for translated in [inner.to_ipv6_mapped(), nat64] {
                prop_assert_eq!(policy.check(translated.into()), own, "{}", translated);
            }
            let compatible = Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, low);
            let six_to_four = Ipv6Addr::from_bits(
                (0x2002_u128 << 112) | (u128::from(inner.to_bits()) << 80) | u128::from(rest),
            );
            let local_nat64 = Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, high, low);
            for hiding in [compatible, six_to_four, local_nat64] {
                prop_assert_eq!(policy.check(hiding.into()), Err(AddressRefused), "{}", hiding);
            }
        }
    }

    #[test]
    fn what_the_operator_opens_is_reached_in_each_of_its_forms_and_nothing_beside() {
        let policy = AddressPolicy::new(["127.0.0.0/8".parse().unwrap(), "fd12::/16".parse().unwrap()]);
        for opened in ["127.0.0.1", "127.9.9.9", "::ffff:127.0.0.1", "fd12::7"] {
            assert_eq!(judged(&policy, opened), Ok(Reach::Opened), "{opened}");
        }
        for refused in ["::1", "10.0.0.1", "64:ff9b::7f00:1", "fd13::7"] {
            assert_eq!(judged(&policy, refused), Err(AddressRefused), "{refused}");
        }
        assert_eq!(judged(&policy, "8.8.8.8"), Ok(Reach::Public));
    }
}
