//! From a host name to the addresses that a connection may use.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

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
/// sender's time-out does not free it. So that a name which nobody answers for does not keep others from being looked
/// for, it has a few of these threads and no more.
#[derive(Clone)]
pub struct SystemLookup(Arc<Resolver>);

/// How many names are looked for at once, and how often the same one.
const AT_ONCE: usize = 64;
const OF_ONE_NAME: usize = 2;

struct Resolver {
    find: fn(&str) -> io::Result<Vec<IpAddr>>,
    room: Arc<Semaphore>,
    /// The names that somebody waits for.
    names: Mutex<HashMap<String, Arc<Semaphore>>>,
}

impl Default for SystemLookup {
    fn default() -> Self {
        Self::with(system, AT_ONCE)
    }
}

impl std::fmt::Debug for SystemLookup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SystemLookup").finish_non_exhaustive()
    }
}

fn system(name: &str) -> io::Result<Vec<IpAddr>> {
    let found = std::net::ToSocketAddrs::to_socket_addrs(&(name, 0))?;
    Ok(found.map(|address| address.ip()).collect())
}

impl SystemLookup {
    fn with(find: fn(&str) -> io::Result<Vec<IpAddr>>, at_once: usize) -> Self {
        Self(Arc::new(Resolver {
            find,
            room: Arc::new(Semaphore::new(at_once)),
            names: Mutex::default(),
        }))
    }
}

impl Resolver {
    /// The room that a name has. What nobody waits for any more is forgotten.
    fn room_of(&self, name: &str) -> Arc<Semaphore> {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.retain(|_, room| Arc::strong_count(room) > 1);
        let room = names.entry(name.to_owned());
        Arc::clone(room.or_insert_with(|| Arc::new(Semaphore::new(OF_ONE_NAME))))
    }
}

#[async_trait]
impl Lookup for SystemLookup {
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let resolver = &self.0;
        let own = resolver.room_of(name).acquire_owned().await;
        let own = own.map_err(io::Error::other)?;
        let any = Arc::clone(&resolver.room).acquire_owned().await;
        let any = any.map_err(io::Error::other)?;
        let (find, name) = (resolver.find, name.to_owned());
        let found = tokio::task::spawn_blocking(move || {
            let found = find(&name);
            drop((own, any));
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

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::Condvar;
    use std::time::Duration;

    use super::*;

    static DEAD: (Mutex<usize>, Condvar) = (Mutex::new(0), Condvar::new());

    /// Nobody answers for one name until its lookups are given up by setting the count to the highest number.
    fn find(name: &str) -> io::Result<Vec<IpAddr>> {
        if name == "dead.example" {
            let mut asked = DEAD.0.lock().unwrap();
            *asked += 1;
            while *asked < usize::MAX / 2 {
                asked = DEAD.1.wait(asked).unwrap();
            }
        }
        if name == "nowhere.example" {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(vec![Ipv4Addr::new(8, 8, 8, 8).into()])
    }

    #[tokio::test]
    async fn a_name_that_nobody_answers_for_keeps_no_other_from_being_looked_for() {
        let lookup = SystemLookup::with(find, OF_ONE_NAME + 1);
        for _ in 0..20 {
            // Whoever asks gives up soon, the threads do not.
            let asked = tokio::time::timeout(Duration::from_millis(5), lookup.lookup("dead.example"));
            assert!(asked.await.is_err());
        }
        for name in ["a.example", "b.example", "a.example"] {
            let found = tokio::time::timeout(Duration::from_secs(30), lookup.lookup(name)).await;
            assert_eq!(found.expect("its turn comes").unwrap().len(), 1, "{name}");
        }
        assert!(lookup.lookup("nowhere.example").await.is_err());
        assert!(*DEAD.0.lock().unwrap() <= OF_ONE_NAME);
        *DEAD.0.lock().unwrap() = usize::MAX / 2;
        DEAD.1.notify_all();
        assert_eq!(lookup.lookup("dead.example").await.unwrap().len(), 1);
        assert!(
            lookup.0.names.lock().unwrap().len() <= 1,
            "what is over is forgotten"
        );
    }
}
