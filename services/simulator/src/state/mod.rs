//! The records of the simulated stores and the rules by which they change.

pub(crate) mod address;
pub(crate) mod inventory;
pub(crate) mod item;
pub(crate) mod order;
pub(crate) mod raw;
pub(crate) mod search;
pub(crate) mod shipment;
pub(crate) mod time;
pub(crate) mod totals;
pub(crate) mod value;

use std::{
    collections::{BTreeMap, HashMap},
    time::Instant,
};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    bucket::Bucket,
    config::{BucketConfig, Folder, StoreConfig},
    quirk::Quirks,
};
use value::Object;

/// Why the service refuses a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub status: u16,
    pub message: String,
}

impl Refusal {
    pub fn bad(message: impl Into<String>) -> Self {
        Self {
            status: 400,
            message: message.into(),
        }
    }

    pub fn missing(what: &str) -> Self {
        Self {
            status: 404,
            message: format!("{what} Not Found"),
        }
    }
}

/// Numbers for new records, one series for all of them.
#[derive(Debug)]
pub(crate) struct Ids(u64);

impl Default for Ids {
    fn default() -> Self {
        Self(100_000)
    }
}

impl Ids {
    pub fn next(&mut self) -> String {
        self.0 += 1;
        self.0.to_string()
    }

    /// Keeps later numbers clear of an id that a test chose.
    pub fn avoid(&mut self, id: &str) {
        if let Ok(number) = id.parse::<u64>() {
            self.0 = self.0.max(number);
        }
    }
}

/// What the making of a record needs besides the record.
pub(crate) struct Context<'a> {
    pub now: Timestamp,
    pub ids: &'a mut Ids,
    pub quirks: &'a Quirks,
    pub store: &'a StoreConfig,
}

impl Context<'_> {
    pub fn stamp(&self) -> String {
        time::stamp(self.now)
    }

    pub fn phone(&self, phone: String) -> String {
        if self.quirks.phone_format {
            crate::quirk::format_phone(&phone)
        } else {
            phone
        }
    }

    /// The folder that a body names by `folder_id`, if the store has it.
    pub fn folder(&self, value: Option<&Value>) -> Option<&Folder> {
        let id: u64 = value::id(value)?.parse().ok()?;
        self.store.folders.iter().find(|folder| folder.id == id)
    }
}

/// One store with all that is in it.
#[derive(Debug)]
pub(crate) struct Store {
    pub config: StoreConfig,
    pub bucket: Bucket,
    pub orders: BTreeMap<String, Object>,
    pub history: HashMap<String, Vec<Value>>,
    pub inventory: BTreeMap<String, Object>,
}

/// The most entries an order's history holds.
pub(crate) const HISTORY_LIMIT: usize = 250;

impl Store {
    pub fn new(config: StoreConfig, bucket: &BucketConfig, now: Instant) -> Self {
        Self {
            config,
            bucket: Bucket::full(bucket, now),
            orders: BTreeMap::new(),
            history: HashMap::new(),
            inventory: BTreeMap::new(),
        }
    }

    /// Adds a history entry unless the order's history is full.
    pub fn record(&mut self, order: &str, note: &str, source: &str, stamp: &str) -> Result<(), Refusal> {
        let entries = self.history.entry(order.to_owned()).or_default();
        if entries.len() >= HISTORY_LIMIT {
            return Err(Refusal::bad("Order history is full"));
        }
        entries.push(json!({"note": note, "source_name": source, "date_added": stamp}));
        Ok(())
    }

    /// Puts an order into a folder; tells whether it was in another.
    pub fn move_order(&mut self, id: &str, folder: &Folder, quirks: &Quirks, stamp: &str) -> bool {
        let Some(order) = self.orders.get_mut(id) else {
            return false;
        };
        if order.get("folder_id") == Some(&json!(folder.id)) {
            return false;
        }
        order.insert("folder_id".into(), json!(folder.id));
        order.insert("date_updated".into(), json!(stamp));
        quirks.run_rules(crate::quirk::Trigger::Move, order, stamp);
        // A full history does not keep an order from moving.
        let _ = self.record(id, &format!("Order moved to {}", folder.name), "API", stamp);
        true
    }
}
