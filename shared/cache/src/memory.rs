//! The backend in the process's own memory.

use std::hash::{Hash, Hasher};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use equivalent::Equivalent;
use moka::Expiry;
use moka::sync::Cache;

use crate::{Area, Backend, Entry, Found, Generation, Generations, Key, Unavailable, Usage};

/// Keeps entries in memory, bounded in bytes.
pub struct MemoryBackend {
    entries: Cache<OwnedKey, Kept>,
    generations: Generations,
    largest: u32,
}

/// What an entry costs beside its body: keys, counters, queues.
const OVERHEAD: usize = 300;

impl MemoryBackend {
    /// 64 MiB.
    pub const DEFAULT_BYTES: u64 = 64 << 20;

    /// Keeps up to `bytes`; no entry of more than an eighth of that, which would drive out all others.
    pub fn new(bytes: u64) -> Self {
        Self {
            entries: Cache::builder()
                .max_capacity(bytes)
                .weigher(|_, kept: &Kept| kept.weight)
                .expire_after(WhenUseless)
                .build(),
            generations: Generations::new(),
            largest: u32::try_from(bytes / 8).unwrap_or(u32::MAX),
        }
    }

    /// How much is kept once everything that is too much has been driven out, which otherwise happens by and by.
    pub fn settled(&self) -> Usage {
        self.entries.run_pending_tasks();
        Usage {
            entries: self.entries.entry_count(),
            bytes: self.entries.weighted_size(),
        }
    }
}

impl Default for MemoryBackend {
    fn default() -> Self {
        Self::new(Self::DEFAULT_BYTES)
    }
}

#[async_trait]
impl Backend for MemoryBackend {
    async fn look(&self, key: &Key<'_>) -> Result<Found, Unavailable> {
        // First the generation: an entry found afterwards can only be newer, and is then not of it.
        let generation = self.generations.of(key.area);
        let kept = self.entries.get(key);
        Ok(Found {
            generation,
            entry: kept
                .filter(|kept| kept.generation == generation)
                .map(|kept| kept.entry),
        })
    }

    async fn fill(
        &self,
        key: &Key<'_>,
        generation: Generation,
        entry: Entry,
        keep: Duration,
    ) -> Result<(), Unavailable> {
        let etag = entry.content.etag.as_ref().map_or(0, String::len);
        let bytes = entry.content.body.len() + etag + key.query.len() + OVERHEAD;
        let weight = u32::try_from(bytes).unwrap_or(u32::MAX);
        if weight > self.largest {
            return Ok(());
        }
        let kept = Kept {
            entry,
            generation,
            keep,
            weight,
        };
        self.entries.entry(OwnedKey::from(key)).and_compute_with(|old| {
            // A raise that comes after this look makes the entry count as nothing, as it carries its generation.
            if self.generations.of(key.area) != generation {
                return moka::ops::compute::Op::Nop;
            }
            let newer = old.is_some_and(|old| {
                let old = old.value();
                old.generation == generation && old.entry.fetched_at > kept.entry.fetched_at
            });
            if newer {
                moka::ops::compute::Op::Nop
            } else {
                moka::ops::compute::Op::Put(kept)
            }
        });
        Ok(())
    }

    async fn raise(&self, areas: &[Area]) -> Result<(), Unavailable> {
        for area in areas {
            self.generations.raise(area);
        }
        Ok(())
    }

    async fn ping(&self) -> Result<(), Unavailable> {
        Ok(())
    }

    fn is_shared(&self) -> bool {
        false
    }

    fn usage(&self) -> Option<Usage> {
        Some(Usage {
            entries: self.entries.entry_count(),
            bytes: self.entries.weighted_size(),
        })
    }
}

#[derive(Clone)]
struct Kept {
    entry: Entry,
    generation: Generation,
    keep: Duration,
    weight: u32,
}

/// Frees the memory of entries that nobody would be shown; whether one is fresh, its reader judges.
struct WhenUseless;

impl Expiry<OwnedKey, Kept> for WhenUseless {
    fn expire_after_create(&self, _: &OwnedKey, kept: &Kept, _: Instant) -> Option<Duration> {
        Some(kept.keep)
    }

    fn expire_after_update(
        &self,
        _: &OwnedKey,
        kept: &Kept,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(kept.keep)
    }
}

/// A key that is looked up without copying its parts.
#[derive(PartialEq, Eq)]
struct OwnedKey {
    area: Area,
    query: Box<str>,
}

impl From<&Key<'_>> for OwnedKey {
    fn from(key: &Key<'_>) -> Self {
        Self {
            area: key.area.clone(),
            query: key.query.into(),
        }
    }
}

impl Hash for OwnedKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let key = Key {
            area: &self.area,
            query: &self.query,
        };
        key.hash(state);
    }
}

impl Equivalent<OwnedKey> for Key<'_> {
    fn equivalent(&self, key: &OwnedKey) -> bool {
        *self.area == key.area && *self.query == *key.query
    }
}
