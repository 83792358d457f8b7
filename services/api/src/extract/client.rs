//! Who is at the other end: the client's address and scheme, through trusted proxies only.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use ipnet::IpNet;

use crate::state::ApiConfig;

/// The client as far as it can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Client {
    /// Its address; none without a connection, as in tests.
    pub(crate) ip: Option<IpAddr>,
    /// Whether it speaks https to the outermost proxy.
    pub(crate) https: bool,
    /// Cloudflare's name for the request.
    pub(crate) cf_ray: Option<String>,
}

impl Client {
    /// Reads peer and forwarding headers; the latter count only if the peer is a trusted proxy.
    pub(crate) fn of(config: &ApiConfig, peer: Option<SocketAddr>, headers: &HeaderMap) -> Self {
        let peer = peer.map(|peer| peer.ip().to_canonical());
        let trusted = |ip: IpAddr| config.trusted_proxies.iter().any(|net: &IpNet| net.contains(&ip));
        match peer {
            Some(ip) if config.trust_proxy && trusted(ip) => Self {
                ip: Some(forwarded_ip(headers, ip, trusted)),
                https: scheme(headers).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https")),
                cf_ray: text(headers, "cf-ray")
                    .filter(|ray| is_ray(ray))
                    .map(str::to_owned),
            },
            ip => Self {
                ip,
                https: false,
                cf_ray: None,
            },
        }
    }
}

fn forwarded_ip(headers: &HeaderMap, peer: IpAddr, trusted: impl Fn(IpAddr) -> bool) -> IpAddr {
    if let Some(ip) = text(headers, "cf-connecting-ip").and_then(address) {
        return ip;
    }
    let hops: Vec<Option<IpAddr>> = if headers.contains_key("x-forwarded-for") {
        list(headers, "x-forwarded-for").map(address).collect()
    } else {
        list(headers, "forwarded")
            .map(|hop| parameter(hop, "for").and_then(address))
            .collect()
    };
    // Each proxy appends whom it was called by: from the right, the first that is no proxy of ours is the
    // client. An unreadable hop ends the chain, since nothing left of it can be trusted.
    let mut nearest = peer;
    for hop in hops.into_iter().rev() {
        let Some(ip) = hop else { break };
        nearest = ip;
        if !trusted(ip) {
            break;
        }
    }
    nearest
}

fn scheme(headers: &HeaderMap) -> Option<&str> {
    list(headers, "x-forwarded-proto")
        .next()
        .or_else(|| list(headers, "forwarded").find_map(|hop| parameter(hop, "proto")))
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

fn list<'h>(headers: &'h HeaderMap, name: &'static str) -> impl Iterator<Item = &'h str> + use<'h> {
    headers
        .get_all(name)
        .iter()
        // What is no text stays in the list as a hop that nobody can read.
        .flat_map(|value| value.to_str().unwrap_or("unreadable").split(','))
        .map(str::trim)
        .filter(|part| !part.is_empty())
}

/// One parameter of a `Forwarded` element (RFC 7239 §4), quotes removed.
fn parameter<'h>(element: &'h str, name: &str) -> Option<&'h str> {
    element.split(';').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        key.trim()
            .eq_ignore_ascii_case(name)
            .then(|| value.trim().trim_matches('"'))
    })
}

/// An address with or without port: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.trim();
    let ip = bare
        .parse::<IpAddr>()
        .ok()
        .or_else(|| bare.parse::<SocketAddr>().ok().map(|address| address.ip()))
        .or_else(|| bare.strip_prefix('[')?.strip_suffix(']')?.parse().ok())?;
    Some(ip.to_canonical())
}

fn is_ray(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> ApiConfig {
        ApiConfig {
            trusted_proxies: vec!["10.0.0.0/8".parse().unwrap(), "127.0.0.0/8".parse().unwrap()],
            ..ApiConfig::default()
        }
    }

    fn client(peer: &str, headers: &[(&'static str, &str)]) -> Client {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        Client::of(&config(), Some(SocketAddr::new(peer.parse().unwrap(), 1)), &map)
    }

    fn ip(peer: &str, headers: &[(&'static str, &str)]) -> String {
        client(peer, headers).ip.unwrap().to_string()
    }

    #[test]
    fn headers_of_a_stranger_do_not_count() {
        let spoofed = [
            ("cf-connecting-ip", "203.0.113.9"),
            ("x-forwarded-for", "203.0.113.9"),
            ("x-forwarded-proto", "https"),
            ("cf-ray", "abc"),
        ];
        let client = client("198.51.100.1", &spoofed);
        assert_eq!(client.ip.unwrap().to_string(), "198.51.100.1");
        assert!(!client.https && client.cf_ray.is_none());
    }

    #[test]
    fn nobody_is_trusted_where_proxies_are_not() {
        let config = ApiConfig {
            trust_proxy: false,
            ..config()
        };
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", "203.0.113.9".parse().unwrap());
        let peer = SocketAddr::new("10.0.0.1".parse().unwrap(), 1);
        let client = Client::of(&config, Some(peer), &headers);
        assert_eq!(client.ip, Some(peer.ip()));
    }

    #[test]
    fn the_right_most_untrusted_hop_is_the_client() {
        let hops = [("x-forwarded-for", "203.0.113.9, 198.51.100.7, 10.1.2.3")];
        assert_eq!(ip("127.0.0.1", &hops), "198.51.100.7");
        let split = [
            ("x-forwarded-for", "203.0.113.9"),
            ("x-forwarded-for", "10.1.2.3"),
        ];
        assert_eq!(ip("127.0.0.1", &split), "203.0.113.9");
        assert_eq!(
            ip(
                "127.0.0.1",
                &[("x-forwarded-for", "203.0.113.9, garbage, 10.0.0.2")]
            ),
            "10.0.0.2"
        );
        assert_eq!(ip("127.0.0.1", &[("x-forwarded-for", "garbage")]), "127.0.0.1");
        assert_eq!(ip("127.0.0.1", &[]), "127.0.0.1");
    }

    #[test]
    fn cloudflare_goes_first_and_forwarded_is_understood() {
        let both = [
            ("cf-connecting-ip", "203.0.113.1"),
            ("x-forwarded-for", "203.0.113.2"),
        ];
        assert_eq!(ip("10.0.0.1", &both), "203.0.113.1");
        let forwarded = [(
            "forwarded",
            "for=\"[2001:db8::1]:4711\";proto=https, for=10.0.0.7",
        )];
        let client = client("10.0.0.1", &forwarded);
        assert_eq!(client.ip.unwrap().to_string(), "2001:db8::1");
        assert!(client.https);
    }

    #[test]
    fn a_mapped_address_is_the_address_it_maps() {
        assert_eq!(
            ip("::ffff:10.0.0.1", &[("x-forwarded-for", "203.0.113.2:5555")]),
            "203.0.113.2"
        );
    }

    #[test]
    fn nothing_left_of_a_hop_that_is_no_text_counts() {
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", "203.0.113.9".parse().unwrap());
        headers.append(
            "x-forwarded-for",
            http::HeaderValue::from_bytes(b"\xff\xfe").unwrap(),
        );
        headers.append("x-forwarded-for", "10.1.2.3".parse().unwrap());
        let client = Client::of(
            &config(),
            Some(SocketAddr::new("10.0.0.1".parse().unwrap(), 1)),
            &headers,
        );
        assert_eq!(client.ip.unwrap().to_string(), "10.1.2.3");
    }

    #[test]
    fn addresses_of_every_form_are_read() {
        for (hop, read) in [
            ("203.0.113.2:80", "203.0.113.2"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("::ffff:203.0.113.2", "203.0.113.2"),
            ("unknown", "10.0.0.1"),
            ("_hidden", "10.0.0.1"),
            ("203.0.113.256", "10.0.0.1"),
            ("", "10.0.0.1"),
        ] {
            assert_eq!(ip("10.0.0.1", &[("x-forwarded-for", hop)]), read, "{hop}");
            let forwarded = format!("by=10.0.0.1; For=\"{hop}\" ;proto=http");
            assert_eq!(ip("10.0.0.1", &[("forwarded", &forwarded)]), read, "{forwarded}");
        }
        let garbage = [("cf-connecting-ip", "x"), ("x-forwarded-for", "203.0.113.2")];
        assert_eq!(
            ip("10.0.0.1", &garbage),
            "203.0.113.2",
            "an unreadable one does not count"
        );
    }

    #[test]
    fn the_scheme_is_that_of_the_first_proxy() {
        let https = |headers: &[(&'static str, &str)]| client("10.0.0.1", headers).https;
        assert!(https(&[("x-forwarded-proto", "https, http")]));
        assert!(!https(&[("x-forwarded-proto", "http, https")]));
        assert!(https(&[(
            "forwarded",
            "for=1.2.3.4;proto=HTTPS, for=10.0.0.2;proto=http"
        )]));
        assert!(!https(&[("x-forwarded-proto", "ftp")]) && !https(&[]));
    }

    proptest::proptest! {
        #[test]
        fn any_headers_are_read_and_a_stranger_is_only_its_peer(
            values in proptest::collection::vec((0_usize..6, proptest::collection::vec(0_u8.., 0..200)), 0..8),
            octets in proptest::prelude::any::<[u8; 4]>(),
        ) {
            const NAMES: [&str; 6] =
                ["cf-connecting-ip", "x-forwarded-for", "forwarded", "x-forwarded-proto", "cf-ray", "via"];
            let mut headers = HeaderMap::new();
            for (name, value) in values {
                if let Ok(value) = http::HeaderValue::from_bytes(&value) {
                    headers.append(NAMES[name], value);
                }
            }
            let peer = SocketAddr::new(octets.into(), 1);
            let found = Client::of(&config(), Some(peer), &headers);
            let trusted = matches!(octets[0], 10 | 127);
            if !trusted {
                proptest::prop_assert_eq!(found, Client { ip: Some(peer.ip()), https: false, cf_ray: None });
            }
        }

        /// However the client lies, the address that our own proxy saw is the one that counts.
        #[test]
        fn what_the_client_writes_cannot_hide_where_it_comes_from(
            lies in "[ -~]{0,120}",
            outside in (11_u8..126, 0_u8.., 0_u8..),
        ) {
            let seen = format!("{}.{}.{}.7", outside.0, outside.1, outside.2);
            let chain = format!("{lies}, {seen}");
            proptest::prop_assert_eq!(ip("10.0.0.1", &[("x-forwarded-for", &chain)]), seen);
        }
    }
}
