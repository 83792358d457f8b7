//! From a host name to the addresses that a connection may use.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;

use crate::address::{AddressPolicy, AddressRefused, Reach};

/// Finds the addresses of a name; [`SystemLookup`] outside tests.
#[async_trait]
pub trait Lookup: Send + Sync + 'static {
    /// All addresses of `name`.
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The system's resolver, with a bound on the names that it looks for at the same time: each holds a thread, and a
/// sender's time-out does not free it.
#[derive(Clone, Debug)]
pub struct SystemLookup {
    room: Arc<Semaphore>,
}

impl Default for SystemLookup {
    fn default() -> Self {
        const AT_ONCE: usize = 64;
        Self {
            room: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }
}

#[async_trait]
impl Lookup for SystemLookup {
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let permit = Arc::clone(&self.room)
            .acquire_owned()
            .await
            .map_err(io::Error::other)?;
        let name = name.to_owned();
        let found = tokio::task::spawn_blocking(move || {
            let found = std::net::ToSocketAddrs::to_socket_addrs(&(name.as_str(), 0))
                .map(|addresses| addresses.map(|address| address.ip()).collect());
            drop(permit);
            found
        });
        found.await.map_err(io::Error::other)?
    }
}

/// Hands a connector only the addresses that it may use, so that what was judged is what is connected to.
pub(crate) struct Guarded {
    pub(crate) lookup: Arc<dyn Lookup>,
    pub(crate) policy: Arc<AddressPolicy>,
    /// Whether public addresses count too: not without encryption.
    pub(crate) public: bool,
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let (lookup, policy, public) = (Arc::clone(&self.lookup), Arc::clone(&self.policy), self.public);
        Box::pin(async move {
            let found = lookup.lookup(name.as_str()).await?;
            let usable = found.into_iter().filter(|address| match policy.check(*address) {
                Ok(Reach::Opened) => true,
                Ok(Reach::Public) => public,
                Err(AddressRefused) => false,
            });
            let usable: Vec<SocketAddr> = usable.map(|address| SocketAddr::new(address, 0)).collect();
            if usable.is_empty() {
                return Err(AddressRefused.into());
            }
            Ok(Box::new(usable.into_iter()) as Addrs)
        })
    }
}
