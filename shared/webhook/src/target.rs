//! Which URLs can be webhooks at all, told when one is named.

use std::net::IpAddr;

use ipnet::IpNet;
use url::{Host, Url};

use crate::address::{AddressPolicy, AddressRefused, Reach};

/// The longest URL, in bytes.
pub const MOST_URL: usize = 2_048;

/// Why a URL cannot be told anything. Each reads as the detail of a refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlRefused {
    /// It is too long.
    #[error("must be at most {MOST_URL} characters long")]
    TooLong,
    /// It is none, or has no host.
    #[error("must be an absolute URL such as https://example.com/hooks")]
    NoUrl,
    /// Another scheme, or an unencrypted one to the public internet.
    #[error("must begin with https://")]
    Scheme,
    /// It holds a user name or a password, which would be stored and shown in clear.
    #[error("must not hold a user name or a password")]
    Credentials,
    /// It has a fragment, which no server is ever sent.
    #[error("must not have a fragment")]
    Fragment,
    /// Its host is, or always resolves to, an address that is not of the public internet.
    #[error("must not point to a loopback, private, link-local or otherwise reserved address")]
    Address(#[from] AddressRefused),
}

/// Parses and checks a URL that webhooks are to be sent to. A name is not resolved: what it resolves to is judged at
/// each connection.
///
/// # Errors
/// [`UrlRefused`], fit to be shown to whoever named the URL.
pub fn check_url(url: &str, allow_nets: &[IpNet]) -> Result<Url, UrlRefused> {
    if url.len() > MOST_URL {
        return Err(UrlRefused::TooLong);
    }
    let url = Url::parse(url).map_err(|_| UrlRefused::NoUrl)?;
    // As it is kept and shown, where characters may have been escaped.
    if url.as_str().len() > MOST_URL {
        return Err(UrlRefused::TooLong);
    }
    check(&url, &AddressPolicy::new(allow_nets))?;
    Ok(url)
}

/// What can be said of a URL without asking anybody.
pub(crate) fn check(url: &Url, policy: &AddressPolicy) -> Result<(), UrlRefused> {
    let encrypted = match url.scheme() {
        "https" => true,
        "http" => false,
        _ => return Err(UrlRefused::Scheme),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(UrlRefused::Credentials);
    }
    if url.fragment().is_some() {
        return Err(UrlRefused::Fragment);
    }
    let reach = match url.host() {
        None => return Err(UrlRefused::NoUrl),
        // All notations of an address, decimal, octal, hexadecimal and shortened ones too, are one by now: the URL
        // standard reads them as the system would.
        Some(Host::Ipv4(address)) => Some(policy.check(IpAddr::V4(address))?),
        Some(Host::Ipv6(address)) => Some(policy.check(IpAddr::V6(address))?),
        Some(Host::Domain(name)) if is_this_host(name) && !opens_loopback(policy) => {
            return Err(UrlRefused::Address(AddressRefused));
        }
        Some(Host::Domain(_)) => None,
    };
    let may_be_plain = match reach {
        Some(reach) => reach == Reach::Opened,
        None => policy.opens_any(),
    };
    if encrypted || may_be_plain {
        Ok(())
    } else {
        Err(UrlRefused::Scheme)
    }
}

/// RFC 6761 §6.3: these names are the host itself, whoever is asked.
fn is_this_host(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name == "localhost" || name.ends_with(".localhost")
}

fn opens_loopback(policy: &AddressPolicy) -> bool {
    use std::net::{Ipv4Addr, Ipv6Addr};
    policy.check(Ipv4Addr::LOCALHOST.into()).is_ok() || policy.check(Ipv6Addr::LOCALHOST.into()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str) -> UrlRefused {
        check_url(url, &[]).expect_err(url)
    }

    #[test]
    fn a_public_https_url_is_taken_as_it_is() {
        for url in [
            "https://example.com/hooks?a=b",
            "https://8.8.8.8/",
            "https://[2606:4700::1111]:8443/x",
        ] {
            assert_eq!(check_url(url, &[]).expect(url).as_str(), url);
        }
    }

    #[test]
    fn every_notation_of_a_reserved_address_is_refused() {
        for url in [
            "https://127.0.0.1/",
            "https://127.1/",
            "https://127.0.0.1./",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://0x7f.0.0.1/",
            "https://0177.0.0.1/",
            "https://017700000001/",
            "https://%31%32%37.0.0.1/",
            "https://１２７.0.0.1/",
            "https://169.254.169.254/latest/meta-data/",
            "https://2852039166/",
            "https://0/",
            "https://10.1.2.3:8443/",
            "https://[::1]/",
            "https://[::]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::ffff:a9fe:a9fe]/",
            "https://[fd00:ec2::254]/",
            "https://[64:ff9b::7f00:1]/",
            "https://[2002:7f00:1::]/",
            "https://0x7f.1/",
            "https://0xa9fea9fe/",
            "https://0251.0376.0251.0376/",
            "https://169.254.43518/",
            "https://[::7f00:1]/",
            "https://[::127.0.0.1]/",
            "https://[::ffff:0:7f00:1]/",
            "https://[64:ff9b::a9fe:a9fe]/",
            "https://[64:ff9b:1::808:808]/",
            "https://[2002:a9fe:a9fe::1]/",
            "https://[2001:0:808:808::1]/",
            "https://[fe80::1]/",
            "https://[ff02::1]/",
            "https://localhost/",
            "https://LOCALHOST:443/",
            "https://localhost./",
            "https://metadata.localhost/",
        ] {
            assert_eq!(refused(url), UrlRefused::Address(AddressRefused), "{url}");
        }
    }

    #[test]
    fn anything_but_a_plain_https_url_is_refused() {
        assert_eq!(refused("http://example.com/"), UrlRefused::Scheme);
        assert_eq!(refused("http://8.8.8.8/"), UrlRefused::Scheme);
        assert_eq!(refused("ftp://example.com/"), UrlRefused::Scheme);
        assert_eq!(refused("file:///etc/passwd"), UrlRefused::Scheme);
        assert_eq!(
            refused("https://user:password@example.com/"),
            UrlRefused::Credentials
        );
        assert_eq!(refused("https://user@example.com/"), UrlRefused::Credentials);
        assert_eq!(refused("https://example.com/#part"), UrlRefused::Fragment);
        assert_eq!(refused("example.com/hooks"), UrlRefused::NoUrl);
        assert_eq!(refused("https://"), UrlRefused::NoUrl);
        assert_eq!(
            refused(&format!("https://example.com/{}", "x".repeat(MOST_URL))),
            UrlRefused::TooLong
        );
        // As it is kept, it is three times as long.
        assert_eq!(
            refused(&format!("https://example.com/{}", "ä".repeat(MOST_URL / 4))),
            UrlRefused::TooLong
        );
    }

    #[test]
    fn an_opened_range_may_be_reached_without_encryption() {
        let opened = ["127.0.0.0/8".parse().unwrap()];
        for url in [
            "http://127.0.0.1:8080/",
            "http://2130706433/",
            "https://127.0.0.1/",
            "http://localhost:1/",
        ] {
            assert!(check_url(url, &opened).is_ok(), "{url}");
        }
        // Whether the name's address lies in the range is seen when it is resolved.
        assert!(check_url("http://receiver.internal/", &opened).is_ok());
        assert_eq!(check_url("http://8.8.8.8/", &opened), Err(UrlRefused::Scheme));
        assert!(check_url("http://10.0.0.1/", &opened).is_err());
    }
}
