//! Steering a simulator from inside the process; the control API offers the same over HTTP.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    config::{BucketConfig, StoreConfig},
    edit::{Edit, ScheduledEdit},
    fault::{Fault, FaultRule},
    hold::{HoldId, HoldPhase},
    kind::Matcher,
    log::{Counters, LogEntry},
    quirk::Quirks,
    shared::Shared,
    state::{Context, inventory, raw, value::id},
    world::{NoSuchOrder, World},
};

/// Why a control call cannot be carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// There is no store of that id.
    #[error("there is no store {0}")]
    NoSuchStore(String),
    /// There is no such order, or the edit makes no sense for it.
    #[error("there is no order {order} in store {store} that this edit fits")]
    NoSuchOrder {
        /// The store's id.
        store: String,
        /// The order's id.
        order: String,
    },
    /// A record must be a JSON object.
    #[error("the record must be a JSON object")]
    NotAnObject,
    /// There is no hold of that number, or it has been released.
    #[error("there is no hold {0}")]
    NoSuchHold(u64),
}

/// A reference to a running simulator; cheap to clone, and usable after its end.
#[derive(Clone, Debug)]
pub struct Handle {
    shared: Arc<Shared>,
}

impl Handle {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    // --- stores and records -------------------------------------------------------------------

    /// Adds a store, or changes settings and key of one that exists and keeps what is in it.
    pub fn add_store(&self, store: StoreConfig) {
        self.shared.with(|world| world.add_store(store, Instant::now()));
    }

    /// The ids of all stores.
    pub fn stores(&self) -> Vec<String> {
        self.shared.peek(|world| world.stores.keys().cloned().collect())
    }

    /// Puts an order in place as it is given and returns its id.
    ///
    /// Known fields that are missing get defaults, missing totals are computed, a missing id is chosen;
    /// unknown fields, tags, shipments and times stay as given.
    pub fn put_order(&self, store: &str, order: Value) -> Result<String, ControlError> {
        let Value::Object(given) = order else {
            return Err(ControlError::NotAnObject);
        };
        self.in_store(store, |world| {
            let World {
                stores, ids, quirks, ..
            } = world;
            let store = stores.get_mut(store)?;
            if let Some(id) = id(given.get("id")) {
                ids.avoid(&id);
            }
            let mut context = Context {
                now: Timestamp::now(),
                ids,
                quirks,
                store: &store.config,
            };
            let order = raw::complete(given, &mut context);
            let id = id(order.get("id")).unwrap_or_default();
            store.orders.insert(id.clone(), order);
            Some(id)
        })
    }

    /// The order as it is stored, without any quirk of printing.
    pub fn get_order(&self, store: &str, order: &str) -> Option<Value> {
        self.shared.peek(|world| {
            world
                .stores
                .get(store)?
                .orders
                .get(order)
                .cloned()
                .map(Value::Object)
        })
    }

    /// All orders of a store, by id.
    pub fn orders(&self, store: &str) -> Result<Vec<Value>, ControlError> {
        self.in_store(store, |world| {
            let orders = world.stores.get(store)?.orders.values();
            Some(orders.cloned().map(Value::Object).collect())
        })
    }

    /// The history of an order, oldest first.
    pub fn history(&self, store: &str, order: &str) -> Vec<Value> {
        self.shared
            .peek(|world| {
                world
                    .stores
                    .get(store)
                    .and_then(|store| store.history.get(order).cloned())
            })
            .unwrap_or_default()
    }

    /// Puts an inventory item in place as it is given and returns its id.
    pub fn put_inventory_item(&self, store: &str, item: Value) -> Result<String, ControlError> {
        let Value::Object(given) = item else {
            return Err(ControlError::NotAnObject);
        };
        self.in_store(store, |world| {
            let World {
                stores, ids, quirks, ..
            } = world;
            let store = stores.get_mut(store)?;
            let mut context = Context {
                now: Timestamp::now(),
                ids,
                quirks,
                store: &store.config,
            };
            let item = inventory::complete(given, &mut context);
            let id = id(item.get("id")).unwrap_or_default();
            store.inventory.insert(id.clone(), item);
            Some(id)
        })
    }

    /// All inventory items of a store, by id.
    pub fn inventory(&self, store: &str) -> Result<Vec<Value>, ControlError> {
        self.in_store(store, |world| {
            let items = world.stores.get(store)?.inventory.values();
            Some(items.cloned().map(Value::Object).collect())
        })
    }

    fn in_store<R>(
        &self,
        store: &str,
        access: impl FnOnce(&mut World) -> Option<R>,
    ) -> Result<R, ControlError> {
        self.shared
            .with(access)
            .ok_or_else(|| ControlError::NoSuchStore(store.to_owned()))
    }

    // --- other parties ------------------------------------------------------------------------

    /// Edits an order as another party would, without a token, and returns it; `null` after a deletion.
    pub fn foreign_edit(&self, store: &str, order: &str, edit: Edit) -> Result<Value, ControlError> {
        self.shared
            .with(|world| world.edit(store, order, edit, Timestamp::now()))
            .map(Option::unwrap_or_default)
            .map_err(|NoSuchOrder| ControlError::NoSuchOrder {
                store: store.into(),
                order: order.into(),
            })
    }

    /// Lets another party edit an order at an exact moment of a client's cycle.
    pub fn schedule_edit(&self, edit: ScheduledEdit) {
        self.shared.with(|world| world.scheduled.push(edit));
    }

    /// The scheduled edits that have not happened yet.
    pub fn scheduled_edits(&self) -> Vec<ScheduledEdit> {
        self.shared.peek(|world| world.scheduled.clone())
    }

    /// Whole tokens left in a store's bucket.
    pub fn tokens(&self, store: &str) -> Result<u32, ControlError> {
        self.in_store(store, |world| {
            let bucket = world.bucket;
            Some(world.stores.get_mut(store)?.bucket.left(&bucket, Instant::now()))
        })
    }

    /// Sets the level of a store's bucket, as when other integrations spend tokens.
    pub fn set_tokens(&self, store: &str, tokens: f64) -> Result<(), ControlError> {
        self.in_store(store, |world| {
            let bucket = world.bucket;
            world
                .stores
                .get_mut(store)?
                .bucket
                .set(&bucket, tokens, Instant::now());
            Some(())
        })
    }

    /// Size, speed and force of the buckets.
    pub fn bucket(&self) -> BucketConfig {
        self.shared.peek(|world| world.bucket)
    }

    /// Changes size, speed and force of all buckets; their levels stay.
    pub fn set_bucket(&self, bucket: BucketConfig) {
        self.shared.with(|world| world.bucket = bucket);
    }

    // --- faults, quirks, holds ----------------------------------------------------------------

    /// Replaces all fault rules; the first that matches and is not spent counts.
    pub fn set_faults(&self, rules: Vec<FaultRule>) {
        self.shared.with(|world| world.faults = rules);
    }

    /// Adds a fault rule behind the others.
    pub fn add_fault(&self, rule: FaultRule) {
        self.shared.with(|world| world.faults.push(rule));
    }

    /// Lets the next matching request meet `fault`.
    pub fn fail_next(&self, matcher: impl Into<Matcher>, fault: Fault) {
        self.add_fault(FaultRule::once(matcher, fault));
    }

    /// The fault rules with their hits so far.
    pub fn faults(&self) -> Vec<FaultRule> {
        self.shared.peek(|world| world.faults.clone())
    }

    /// Removes all fault rules; poison stays.
    pub fn clear_faults(&self) {
        self.set_faults(Vec::new());
    }

    /// Refuses, until changed, every PUT whose body contains one of these texts with 400.
    pub fn set_poison(&self, texts: Vec<String>) {
        self.shared.with(|world| world.poison = texts);
    }

    /// The texts that make a PUT be refused.
    pub fn poison(&self) -> Vec<String> {
        self.shared.peek(|world| world.poison.clone())
    }

    /// The quirks in force.
    pub fn quirks(&self) -> Quirks {
        self.shared.peek(|world| world.quirks.clone())
    }

    /// Replaces the quirks.
    pub fn set_quirks(&self, quirks: Quirks) {
        self.shared.with(|world| world.quirks = quirks);
    }

    /// Time added to every answer.
    pub fn latency(&self) -> Duration {
        self.shared.peek(|world| world.latency)
    }

    /// Changes the time added to every answer.
    pub fn set_latency(&self, latency: Duration) {
        self.shared.with(|world| world.latency = latency);
    }

    /// Stops matching requests at `phase` until they are released.
    pub fn hold(&self, matcher: impl Into<Matcher>, phase: HoldPhase) -> HoldId {
        let matcher = matcher.into();
        self.shared.with(|world| world.holds.add(matcher, phase))
    }

    /// Waits until `count` requests have been stopped by the hold, at most `within`; tells whether they have.
    pub async fn wait_held(&self, hold: HoldId, count: u64, within: Duration) -> bool {
        self.wait_until(within, |handle| {
            handle
                .shared
                .peek(|world| world.holds.arrived(hold))
                .is_some_and(|arrived| arrived >= count)
        })
        .await
    }

    /// Ends the hold and lets all its requests go on.
    pub fn release(&self, hold: HoldId) -> Result<(), ControlError> {
        let found = self.shared.with(|world| world.holds.release(hold));
        found.then_some(()).ok_or(ControlError::NoSuchHold(hold.0))
    }

    /// Lets the `count` requests that have waited longest go on; the hold stops later ones.
    pub fn release_some(&self, hold: HoldId, count: usize) -> Result<(), ControlError> {
        let found = self.shared.with(|world| world.holds.release_some(hold, count));
        found.then_some(()).ok_or(ControlError::NoSuchHold(hold.0))
    }

    pub(crate) fn holds(&self) -> Vec<Value> {
        self.shared.peek(|world| world.holds.list())
    }

    // --- observation --------------------------------------------------------------------------

    /// The requests of the log, oldest first.
    pub fn request_log(&self) -> Vec<LogEntry> {
        self.request_log_since(0)
    }

    /// The requests that arrived after number `seq`.
    pub fn request_log_since(&self, seq: u64) -> Vec<LogEntry> {
        self.shared.peek(|world| world.log.since(seq))
    }

    /// Forgets the logged requests; the counters stay.
    pub fn clear_log(&self) {
        self.shared.with(|world| world.log.clear());
    }

    /// How many requests came and how they ended.
    pub fn counters(&self) -> Counters {
        self.shared.peek(|world| world.counters.clone())
    }

    /// Waits until `condition` holds, at most `within`; it is tried again at every change of the state.
    pub async fn wait_until(&self, within: Duration, mut condition: impl FnMut(&Self) -> bool) -> bool {
        let mut changes = self.shared.subscribe();
        let waiting = async {
            while !condition(self) {
                if changes.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        tokio::time::timeout(within, waiting).await.is_ok()
    }

    // --- the whole ----------------------------------------------------------------------------

    /// Back to the state of the start: no orders, faults, holds, log or counts, the first stores and quirks.
    ///
    /// Requests under way go on; late writes of before are dropped.
    pub fn reset(&self) {
        self.shared
            .with(|world| world.reset(&self.shared.config, Instant::now()));
    }

    /// Closes the listener and all connections, so that new ones are refused; returns when that is so.
    pub async fn refuse_connections(&self) {
        self.listen(false).await;
    }

    /// Listens again on the same port; returns when that is so.
    pub async fn accept_connections(&self) {
        self.listen(true).await;
    }

    async fn listen(&self, open: bool) {
        let mut state = self.shared.is_open.subscribe();
        self.shared.wanted_open.send_replace(open);
        tokio::select! {
            () = self.shared.stop.cancelled() => {}
            // The sender lives as long as this handle.
            _ = state.wait_for(|is_open| *is_open == open) => {}
        }
    }
}
