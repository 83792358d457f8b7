//! Everything the simulator remembers, and the three moments of a request that touch it.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    config::{BucketConfig, SimulatorConfig, StoreConfig},
    edit::{Edit, ScheduledEdit},
    fault::{self, Fault, FaultRule},
    hold::Holds,
    kind::RequestKind,
    log::{Counters, LogEntry, RequestLog},
    quirk::{Quirks, append_note},
    reply::Reply,
    request::ApiRequest,
    routes::{self, Call},
    state::{self, Context, Ids, Store, raw, value::Object},
};

/// The whole state, behind one lock.
#[derive(Debug)]
pub(crate) struct World {
    pub stores: BTreeMap<String, Store>,
    pub ids: Ids,
    pub quirks: Quirks,
    pub bucket: BucketConfig,
    pub latency: Duration,
    pub faults: Vec<FaultRule>,
    pub poison: Vec<String>,
    pub holds: Holds,
    pub scheduled: Vec<ScheduledEdit>,
    pub log: RequestLog,
    pub counters: Counters,
    /// Rises with every reset, so that a late write of before cannot reach into the time after.
    pub generation: u64,
}

/// A request that arrived: its number, and either the fault it will meet or the answer that ends it here.
pub(crate) struct Admission {
    pub seq: u64,
    pub tokens_left: Option<u32>,
    pub generation: u64,
    pub verdict: Result<Option<Fault>, Rejection>,
}

/// An answer given at the door.
pub(crate) struct Rejection {
    pub reply: Reply,
    pub retry_after: Option<u64>,
}

impl From<Reply> for Rejection {
    fn from(reply: Reply) -> Self {
        Self {
            reply,
            retry_after: None,
        }
    }
}

impl World {
    pub fn new(config: &SimulatorConfig, now: Instant) -> Self {
        let mut world = Self {
            stores: BTreeMap::new(),
            ids: Ids::default(),
            quirks: config.quirks.clone(),
            bucket: config.bucket,
            latency: config.latency,
            faults: Vec::new(),
            poison: Vec::new(),
            holds: Holds::default(),
            scheduled: Vec::new(),
            log: RequestLog::new(config.log_capacity),
            counters: Counters::default(),
            generation: 0,
        };
        for store in &config.stores {
            world.add_store(store.clone(), now);
        }
        world
    }

    /// Adds a store, or changes the settings of one that exists and keeps what is in it.
    pub fn add_store(&mut self, config: StoreConfig, now: Instant) {
        if let Some(store) = self.stores.get_mut(&config.id) {
            store.config = config;
        } else {
            let store = Store::new(config, &self.bucket, now);
            self.stores.insert(store.config.id.clone(), store);
        }
    }

    /// Admits a request or answers it at the door: path, credentials, lock, bucket, in this order.
    pub fn admit(&mut self, request: &ApiRequest, at_ms: u64, now: Instant) -> Admission {
        let mut tokens_left = None;
        let mut throttled = false;
        let verdict = self.check(request, now, &mut tokens_left, &mut throttled);
        let entry = LogEntry {
            seq: 0,
            at_ms,
            ended_ms: None,
            applied_ms: None,
            store: request.store.clone(),
            kind: request.kind(),
            method: request.method.clone(),
            path: request.path.clone(),
            query: request.query.clone(),
            user_agent: request.user_agent.clone(),
            body: request.logged_body(),
            status: None,
            applied: false,
            fault: verdict
                .as_ref()
                .ok()
                .and_then(Option::as_ref)
                .map(|fault| fault.name().to_owned()),
            tokens_left,
        };
        let count = self.counters.at(&request.store, request.kind());
        count.requests += 1;
        count.throttled += u64::from(throttled);
        count.faults += u64::from(entry.fault.is_some());
        Admission {
            seq: self.log.push(entry),
            tokens_left,
            generation: self.generation,
            verdict,
        }
    }

    fn check(
        &mut self,
        request: &ApiRequest,
        now: Instant,
        tokens_left: &mut Option<u32>,
        throttled: &mut bool,
    ) -> Result<Option<Fault>, Rejection> {
        let bucket = self.bucket;
        let store = match self.stores.get_mut(&request.store) {
            Some(store) if store.config.api_key.expose() == request.key => store,
            _ => return Err(Reply::error(401, "Invalid store id or API key").into()),
        };
        if let Err(wait) = store.bucket.take(&bucket, now) {
            *tokens_left = Some(0);
            *throttled = true;
            let reply = Reply::error(429, "Too many requests");
            return Err(Rejection {
                reply,
                retry_after: Some(wait),
            });
        }
        let fault = fault::pick(&mut self.faults, &request.target());
        if fault == Some(Fault::ResetBefore) {
            store.bucket.give_back(&bucket);
        }
        *tokens_left = Some(store.bucket.left(&bucket, now));
        match &request.route {
            // A fault also covers paths that do not exist, for a client must survive it there too.
            Err(status) if fault.is_none() => {
                let message = if *status == 405 {
                    "Method Not Allowed"
                } else {
                    "Not Found"
                };
                Err(Reply::error(*status, message).into())
            }
            _ if store.config.locked => Err(Reply::error(403, "This store is locked").into()),
            _ => Ok(fault),
        }
    }

    /// Carries a request out, with the edits that others make right before and after it.
    pub fn apply(&mut self, request: &ApiRequest, seq: u64, at_ms: u64, now: Timestamp) -> Reply {
        let Ok(route) = &request.route else {
            return Reply::error(404, "Not Found");
        };
        self.run_scheduled(request, now, |edit, kind| edit.when.is_before(kind));
        let poisoned = request.method == "PUT" && self.poison.iter().any(|text| request.contains(text));
        let Some(store) = self.stores.get_mut(&request.store) else {
            return Reply::error(401, "Invalid store id or API key");
        };
        let reply = if poisoned {
            Reply::error(400, "The content was not accepted")
        } else {
            let mut call = Call {
                request,
                route,
                ids: &mut self.ids,
                quirks: &self.quirks,
                now,
            };
            routes::carry_out(store, &mut call)
        };
        if reply.changed {
            self.counters.at(&request.store, route.kind).applied += 1;
            if let Some(entry) = self.log.get_mut(seq) {
                entry.applied = true;
                entry.applied_ms = Some(at_ms);
            }
        }
        if reply.status < 400 {
            self.run_scheduled(request, now, |edit, kind| edit.when.is_after(kind));
        }
        reply
    }

    fn run_scheduled(
        &mut self,
        request: &ApiRequest,
        now: Timestamp,
        due: impl Fn(&ScheduledEdit, RequestKind) -> bool,
    ) {
        let Ok(route) = &request.route else { return };
        let mut edits = Vec::new();
        for scheduled in &mut self.scheduled {
            let here = scheduled.store == request.store && Some(&scheduled.order) == route.order.as_ref();
            if here && scheduled.times > 0 && due(scheduled, route.kind) {
                scheduled.times -= 1;
                edits.push((scheduled.order.clone(), scheduled.edit.clone()));
            }
        }
        self.scheduled.retain(|scheduled| scheduled.times > 0);
        for (order, edit) in edits {
            // An order that is gone by then cannot be edited, which is no error of the client's.
            let _ = self.edit(&request.store, &order, edit, now);
        }
    }

    /// Applies another party's edit; `Ok(None)` after a deletion, `Err` if there is no such order.
    pub fn edit(
        &mut self,
        store: &str,
        order: &str,
        edit: Edit,
        now: Timestamp,
    ) -> Result<Option<Value>, NoSuchOrder> {
        let store = self.stores.get_mut(store).ok_or(NoSuchOrder)?;
        let stored = store.orders.get(order).ok_or(NoSuchOrder)?;
        let stamp = state::time::stamp(now);
        let mut context = Context {
            now,
            ids: &mut self.ids,
            quirks: &self.quirks,
            store: &store.config,
        };
        let edited: Object = match edit {
            Edit::Merge { patch } => raw::merge(stored, &patch, &mut context),
            Edit::Replace { order: given } => {
                let Value::Object(mut given) = given else {
                    return Err(NoSuchOrder);
                };
                given.insert("id".into(), Value::String(order.to_owned()));
                raw::complete(given, &mut context)
            }
            Edit::Note { username, content } => {
                let mut edited = stored.clone();
                append_note(&mut edited, &username, &content, &stamp);
                edited.insert("date_updated".into(), Value::String(stamp));
                edited
            }
            Edit::Move { folder_id } => {
                let folder = store
                    .config
                    .folders
                    .iter()
                    .find(|folder| folder.id == folder_id)
                    .cloned();
                let folder = folder.ok_or(NoSuchOrder)?;
                store.move_order(order, &folder, &self.quirks, &stamp);
                return Ok(store.orders.get(order).cloned().map(Value::Object));
            }
            Edit::Delete => {
                store.orders.remove(order);
                store.history.remove(order);
                return Ok(None);
            }
        };
        store.orders.insert(order.to_owned(), edited.clone());
        Ok(Some(Value::Object(edited)))
    }

    /// Notes how a request ended.
    pub fn finish(&mut self, request: &ApiRequest, seq: u64, status: Option<u16>, at_ms: u64) {
        if status.is_some_and(|status| status >= 400) {
            self.counters.at(&request.store, request.kind()).errors += 1;
        }
        if let Some(entry) = self.log.get_mut(seq) {
            entry.status = status;
            entry.ended_ms = Some(at_ms);
        }
    }

    /// Back to the state of the start; log numbers go on.
    pub fn reset(&mut self, config: &SimulatorConfig, now: Instant) {
        let generation = self.generation + 1;
        let mut log = std::mem::replace(&mut self.log, RequestLog::new(1));
        log.clear();
        self.holds.clear();
        *self = Self {
            log,
            generation,
            ..Self::new(config, now)
        };
    }
}

/// The store or order that an edit names does not exist, or the edit makes no sense for it.
#[derive(Debug)]
pub(crate) struct NoSuchOrder;
