//! What a simulator is started with: address, stores, bucket and quirks.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::quirk::Quirks;

/// A store's API key; printed as `***` so that no log can carry it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct ApiKey(String);

impl ApiKey {
    /// Wraps a key as it is sent in the `ORDERDESK-API-KEY` header.
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    /// The key itself, for the test that has to send it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A folder of a store; an order is in exactly one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folder {
    /// The number that `folder_id` of an order holds.
    pub id: u64,
    /// The name that users see.
    pub name: String,
}

/// One store of the simulator: its credentials and settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreConfig {
    /// The value of `ORDERDESK-STORE-ID`.
    pub id: String,
    /// The value of `ORDERDESK-API-KEY`.
    pub api_key: ApiKey,
    /// The store's name in `GET /store`.
    #[serde(default = "store_name")]
    pub name: String,
    /// The folders, the first being where new orders go.
    #[serde(default = "usual_folders")]
    pub folders: Vec<Folder>,
    /// The store's distance from UTC, used by the `_local` search parameters.
    #[serde(default)]
    pub utc_offset_minutes: i32,
    /// Whether every call is answered `403`, as for a locked store.
    #[serde(default)]
    pub locked: bool,
}

impl StoreConfig {
    /// A store with the usual folders New, Prepared, Closed and Canceled, numbered from 1, in UTC.
    pub fn new(id: impl Into<String>, api_key: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            api_key: ApiKey::new(api_key),
            name: store_name(),
            folders: usual_folders(),
            utc_offset_minutes: 0,
            locked: false,
        }
    }
}

fn store_name() -> String {
    "Simulated Store".into()
}

fn usual_folders() -> Vec<Folder> {
    ["New", "Prepared", "Closed", "Canceled"]
        .into_iter()
        .zip(1..)
        .map(|(name, id)| Folder {
            id,
            name: name.into(),
        })
        .collect()
}

/// Size and speed of each store's token bucket.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BucketConfig {
    /// Tokens in a full bucket.
    pub size: u32,
    /// Tokens that come back per second.
    pub refill_per_second: f64,
    /// Whether an empty bucket refuses; when off the header always shows a full bucket.
    pub enforced: bool,
}

impl Default for BucketConfig {
    fn default() -> Self {
        Self {
            size: 20,
            refill_per_second: 3.0,
            enforced: true,
        }
    }
}

/// Everything a simulator is started with; the default is one store on a free port of 127.0.0.1.
#[derive(Clone, Debug)]
pub struct SimulatorConfig {
    /// The address to bind; 127.0.0.1 unless someone has reason to expose a service without any protection.
    pub host: IpAddr,
    /// The port to bind; 0 picks a free one.
    pub port: u16,
    /// The stores that exist from the start.
    pub stores: Vec<StoreConfig>,
    /// The token bucket of every store.
    pub bucket: BucketConfig,
    /// Time added to every answer, half of it before and half after the request is applied.
    pub latency: Duration,
    /// Deviations from the documented behaviour, changeable at run time.
    pub quirks: Quirks,
    /// Entries the request log keeps; the oldest go first and the counters never lose any.
    pub log_capacity: usize,
    /// Requests that took longer than this are logged as a warning.
    pub slow_request: Option<Duration>,
}

impl SimulatorConfig {
    /// The id of the default store.
    pub const STORE_ID: &str = "1001";
    /// The API key of the default store.
    pub const API_KEY: &str = "simulator-key";
}

impl Default for SimulatorConfig {
    fn default() -> Self {
        Self {
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            stores: vec![StoreConfig::new(Self::STORE_ID, Self::API_KEY)],
            bucket: BucketConfig::default(),
            latency: Duration::ZERO,
            quirks: Quirks::default(),
            log_capacity: 100_000,
            slow_request: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_hides_the_api_key() {
        let shown = format!("{:?}", SimulatorConfig::default());
        assert!(
            shown.contains("***") && !shown.contains(SimulatorConfig::API_KEY),
            "{shown}"
        );
    }
}
