//! The backend.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cache::{Area, Backend, Entry, Envelope, Found, Generation, Key, Sealing, Unavailable, Usage};
use domain::Timestamp;
use redis::Script;
use redis::aio::MultiplexedConnection;
use tokio::time::Instant;

use crate::connect::{self, AddressError, TOKEN_KEPT_MS};
use crate::keeper::Keeper;
use crate::link::{Link, Shared, Trouble};
use crate::options::RedisOptions;
use crate::script::{FILL, LOOK, TIME, TOKEN};

/// Entries and generations in Redis.
pub struct RedisCache {
    keeper: Keeper,
    options: RedisOptions,
    envelope: Envelope,
    look: Script,
    fill: Script,
}

impl RedisCache {
    /// Begins to connect to `url`; there need not be anybody there. Needs a Tokio runtime.
    ///
    /// # Errors
    /// [`AddressError`] if nothing could ever be there.
    pub fn new(url: &str, options: RedisOptions, sealing: Arc<dyn Sealing>) -> Result<Self, AddressError> {
        let client = connect::client(url)?;
        let envelope = Envelope::new(sealing);
        Ok(Self {
            keeper: Keeper::start(client, options, envelope.clone()),
            options,
            envelope,
            look: Script::new(LOOK),
            fill: Script::new(FILL),
        })
    }

    async fn call<T, F, Fut>(&self, link: &Shared, call: F) -> Result<T, Unavailable>
    where
        F: FnOnce(MultiplexedConnection) -> Fut,
        Fut: Future<Output = redis::RedisResult<T>>,
    {
        match Link::call(self.options.patience, call(link.connection.clone())).await {
            Ok(value) => Ok(value),
            Err(Trouble::Refused(reason)) => Err(Unavailable(reason)),
            Err(Trouble::Lost(reason)) => {
                self.keeper.lose(link, &reason);
                Err(Unavailable(reason))
            }
        }
    }

    async fn raise_on(&self, link: &Shared, names: &[[u8; 32]]) -> Result<(), Unavailable> {
        let keys: Vec<String> = names.iter().map(|name| link.names.area(name)).collect();
        let raised = self
            .call(link, |mut connection| async move {
                redis::cmd("DEL")
                    .arg(keys)
                    .query_async::<()>(&mut connection)
                    .await
            })
            .await;
        // However it failed: what should have been forgotten is found no more by anybody once there is a new epoch.
        if let Err(Unavailable(reason)) = &raised {
            self.keeper.lose(link, reason);
        }
        raised
    }
}

#[async_trait]
impl Backend for RedisCache {
    async fn look(&self, key: &Key<'_>) -> Result<Found, Unavailable> {
        let link = self.keeper.link()?;
        let token = connect::token().map_err(Unavailable)?;
        let mut invocation = self.look.prepare_invoke();
        invocation
            .key(link.names.epoch())
            .key(link.names.area(&self.envelope.name_of_area(key.area)))
            .key(link.names.entry(&self.envelope.name_of_entry(key)))
            .arg(token)
            .arg(TOKEN_KEPT_MS);
        let (stamp, kept): (String, Option<Vec<u8>>) = self
            .call(&link, |mut connection| async move {
                let mut found: Vec<Vec<u8>> = invocation.invoke_async(&mut connection).await?;
                let kept = if found.len() > 1 { found.pop() } else { None };
                let stamp = found.pop().unwrap_or_default();
                Ok((String::from_utf8_lossy(&stamp).into_owned(), kept))
            })
            .await?;
        let generation = generation(&stamp).ok_or_else(|| Unavailable("a token is damaged".to_owned()))?;
        let entry = match kept.as_deref().and_then(|kept| kept.split_at_checked(TIME)) {
            Some((time, sealed)) => {
                let millis = std::str::from_utf8(time).ok().and_then(|time| time.parse().ok());
                let fetched_at = Timestamp::from_millis(millis.unwrap_or_default());
                self.envelope.open(key, generation, fetched_at, sealed).await
            }
            None => None,
        };
        Ok(Found { generation, entry })
    }

    async fn fill(
        &self,
        key: &Key<'_>,
        generation: Generation,
        entry: Entry,
        keep: Duration,
    ) -> Result<(), Unavailable> {
        let link = self.keeper.link()?;
        let Some(sealed) = self.envelope.seal(key, generation, &entry).await else {
            return Ok(());
        };
        let mut invocation = self.fill.prepare_invoke();
        invocation
            .key(link.names.epoch())
            .key(link.names.area(&self.envelope.name_of_area(key.area)))
            .key(link.names.entry(&self.envelope.name_of_entry(key)))
            .arg(stamp(generation))
            .arg(format!("{:0TIME$}", entry.fetched_at.as_millis()))
            .arg(sealed)
            .arg(keep.as_millis().clamp(1, u128::from(TOKEN_KEPT_MS)) as u64);
        self.call(&link, |mut connection| async move {
            invocation.invoke_async::<i64>(&mut connection).await.map(drop)
        })
        .await
    }

    async fn raise(&self, areas: &[Area]) -> Result<(), Unavailable> {
        let names: Vec<[u8; 32]> = areas
            .iter()
            .map(|area| self.envelope.name_of_area(area))
            .collect();
        let until = Instant::now() + self.options.patience;
        // Once more if the connection turns out to be lost: perhaps only that one was.
        for _ in 0..2 {
            let link = if let Ok(link) = self.keeper.link() {
                link
            } else {
                let left = until.saturating_duration_since(Instant::now());
                self.keeper.link_within(left).await?
            };
            if self.raise_on(&link, &names).await.is_ok() {
                return Ok(());
            }
        }
        Err(Unavailable("the areas could not be raised in redis".to_owned()))
    }

    async fn ping(&self) -> Result<(), Unavailable> {
        let link = self.keeper.link()?;
        self.call(&link, |mut connection| async move {
            redis::cmd("PING").query_async::<()>(&mut connection).await
        })
        .await
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn usage(&self) -> Option<Usage> {
        None
    }
}

impl std::fmt::Debug for RedisCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisCache")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// A stamp as a number; both halves are random.
fn generation(stamp: &str) -> Option<Generation> {
    (stamp.len() == 2 * TOKEN)
        .then(|| u128::from_str_radix(stamp, 16).ok().map(Generation))
        .flatten()
}

fn stamp(generation: Generation) -> String {
    format!("{:032x}", generation.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_a_number_and_back() {
        let text = "00112233445566778899aabbccddeeff";
        assert_eq!(stamp(generation(text).unwrap()), text);
        assert_eq!(generation("12"), None);
        assert_eq!(generation(&"g".repeat(32)), None);
    }
}
