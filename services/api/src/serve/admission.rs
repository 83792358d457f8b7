//! How many connections there may be, in all and of one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ipnet::IpNet;
use limit::Subject;

use super::ServeConfig;

/// Counts connections.
#[derive(Clone)]
pub(super) struct Admission(Arc<Inner>);

struct Inner {
    in_all: usize,
    per_address: usize,
    proxies: Vec<IpNet>,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    in_all: usize,
    by_address: HashMap<Subject, usize>,
}

/// The place of one connection, until it is dropped.
pub(super) struct Place {
    admission: Admission,
    address: Option<Subject>,
}

impl Admission {
    pub(super) fn new(config: &ServeConfig) -> Self {
        Self(Arc::new(Inner {
            in_all: config.max_connections,
            per_address: config.max_per_address,
            proxies: config.proxies.clone(),
            open: Mutex::default(),
        }))
    }

    /// A place for a connection from `ip`, if there is one.
    pub(super) fn enter(&self, ip: IpAddr) -> Option<Place> {
        let inner = &self.0;
        let proxy = inner.proxies.iter().any(|net| net.contains(&ip.to_canonical()));
        let address = (!proxy).then(|| Subject::address(ip));
        let mut open = self.lock();
        let of_address = address
            .and_then(|address| open.by_address.get(&address).copied())
            .unwrap_or(0);
        let full = if open.in_all >= inner.in_all {
            "all"
        } else if address.is_some() && of_address >= inner.per_address {
            "address"
        } else {
            open.in_all += 1;
            if let Some(address) = address {
                open.by_address.insert(address, of_address + 1);
            }
            metrics::gauge!("http_connections").set(open.in_all as f64);
            return Some(Place {
                admission: self.clone(),
                address,
            });
        };
        drop(open);
        metrics::counter!("http_connections_refused_total", "limit" => full).increment(1);
        None
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.admission.lock();
        open.in_all -= 1;
        metrics::gauge!("http_connections").set(open.in_all as f64);
        let Some(address) = self.address else { return };
        if let Some(count) = open.by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                open.by_address.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_cannot_take_every_place_unless_it_is_a_proxys() {
        let admission = Admission::new(&ServeConfig {
            max_connections: 4,
            max_per_address: 2,
            proxies: vec!["10.0.0.0/8".parse().unwrap()],
            ..ServeConfig::default()
        });
        let enter = |ip: &str| admission.enter(ip.parse().unwrap());
        let (first, second) = (enter("2001:db8::1").unwrap(), enter("2001:db8::2").unwrap());
        assert!(enter("2001:db8::3").is_none(), "one network of 64 bits");
        let third = enter("::ffff:10.0.0.1").unwrap();
        let _fourth = enter("10.0.0.1").unwrap();
        assert!(
            enter("192.0.2.1").is_none() && enter("10.0.0.1").is_none(),
            "four in all"
        );
        drop(third);
        assert!(enter("192.0.2.1").is_some());
        drop(first);
        assert!(enter("2001:db8::3").is_some());
        drop(second);
        assert!(admission.lock().by_address.is_empty(), "nobody is remembered");
    }
}
