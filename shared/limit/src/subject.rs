//! Who is counted.

use std::fmt;
use std::net::IpAddr;

/// Who is counted, as 128 bits: an id, the beginning of a hash, or an address.
///
/// Subjects of different kinds may only meet in one limiter if their bits cannot: two of a random kind do not.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Subject([u8; 16]);

impl Subject {
    /// By an id of 128 bits.
    pub fn id(id: [u8; 16]) -> Self {
        Self(id)
    }

    /// By the first half of a hash.
    pub fn hash(hash: &[u8; 32]) -> Self {
        Self(std::array::from_fn(|index| hash[index]))
    }

    /// By address. Of IPv6 the network of 64 bits counts: whoever has one address has all of them.
    pub fn address(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(ip) => Self(ip.to_ipv6_mapped().octets()),
            IpAddr::V6(ip) => {
                let mut octets = ip.octets();
                octets[8..].fill(0);
                Self(octets)
            }
        }
    }

    /// The bits.
    pub fn octets(self) -> [u8; 16] {
        self.0
    }
}

/// In hexadecimal digits.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Subject({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Subject {
        Subject::address(text.parse().unwrap())
    }

    #[test]
    fn ipv6_counts_by_64_bits_and_ipv4_by_address() {
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("::1"), of("0.0.0.0"));
    }
}
