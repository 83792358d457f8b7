//! A registered store and its orders.

use app::{JobView, Submission};
use domain::JobId;
use domain::store::Store;
use serde_json::Value;
use simulator::{LogEntry, Matcher, RequestKind};
use testkit::eventually;

use super::{PATIENCE, World};

/// A registered store.
pub struct Shop<'w> {
    pub world: &'w World,
    /// Order Desk's id of it.
    pub id: String,
    pub store: Store,
}

impl Shop<'_> {
    /// A new order in Order Desk.
    pub fn order(&self) -> String {
        self.order_like(simulator::sample_order(3))
    }

    /// A given order in Order Desk.
    pub fn order_like(&self, order: Value) -> String {
        self.world.desk.put_order(&self.id, order).expect("an order")
    }

    /// An order as Order Desk has it.
    pub fn get(&self, order: &str) -> Value {
        self.world
            .desk
            .get_order(&self.id, order)
            .expect("the order is there")
    }

    /// How many notes of an order have this text.
    pub fn notes(&self, order: &str, text: &str) -> usize {
        notes(&self.get(order), text)
    }

    /// Selects requests of this store.
    pub fn requests(&self, kind: RequestKind) -> Matcher {
        Matcher::from(kind).store(&self.id)
    }

    /// The requests that came for this store.
    pub fn log(&self) -> Vec<LogEntry> {
        let mut log = self.world.desk.request_log();
        log.retain(|entry| entry.store == self.id);
        log
    }

    /// How many requests of a kind came.
    pub fn count(&self, kind: RequestKind) -> usize {
        self.log().iter().filter(|entry| entry.kind == kind).count()
    }

    /// Waits until a request of a kind has come; what is done to Order Desk before might come first otherwise.
    pub async fn asked(&self, kind: RequestKind) {
        let came = self
            .world
            .desk
            .wait_until(PATIENCE, |_| self.count(kind) > 0)
            .await;
        assert!(came, "no {kind:?} came for {}", self.id);
    }

    /// The registration as it is now.
    pub async fn now(&self) -> Store {
        self.world
            .ledger
            .store(self.store.id)
            .await
            .expect("the ledger answers")
            .expect("the store is there")
    }

    /// Waits until the registration fulfils `condition`.
    pub async fn until(&self, what: &str, condition: impl Fn(&Store) -> bool) -> Store {
        let what = format!("store {} to be {what}", self.id);
        eventually(&what, PATIENCE, async || {
            Some(self.now().await).filter(&condition)
        })
        .await
    }

    /// Submits one command.
    pub async fn submit(&self, submission: Submission) -> JobId {
        self.submit_all(vec![submission]).await[0]
    }

    /// Submits commands in one commit.
    pub async fn submit_all(&self, submissions: Vec<Submission>) -> Vec<JobId> {
        let world = self.world;
        let submitted = world
            .app
            .submit(&world.caller, &self.store, submissions, None)
            .await
            .expect("accepted");
        submitted.jobs.iter().map(|job| job.id).collect()
    }

    /// Submits one command and waits for its end.
    pub async fn run(&self, submission: Submission) -> JobView {
        self.world.ended(self.submit(submission).await).await
    }

    /// Submits commands in one commit and waits for their ends.
    pub async fn run_all(&self, submissions: Vec<Submission>) -> Vec<JobView> {
        self.world.all_ended(&self.submit_all(submissions).await).await
    }

    /// Changes the registration.
    pub async fn patch(&self, patch: app::PatchStore) {
        let world = self.world;
        world
            .app
            .patch_store(&world.caller, &self.now().await, patch, None)
            .await
            .expect("changed");
    }

    /// Deletes the registration.
    pub async fn delete(&self) {
        let world = self.world;
        world
            .app
            .delete_store(&world.caller, &self.now().await, None)
            .await
            .expect("deleted");
    }
}

/// How many notes of an order have this text.
pub fn notes(order: &Value, text: &str) -> usize {
    let notes = order["order_notes"].as_array().expect("notes");
    notes.iter().filter(|note| note["content"] == text).count()
}
