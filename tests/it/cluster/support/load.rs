//! Many clients that submit notes, each note unique, until they are told to stop.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::Timestamp;
use futures::StreamExt;
use serde_json::Value;
use tokio::task::JoinSet;

use super::shop::notes;
use super::{Client, Cluster, Shop};

/// Running clients.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    count: Arc<AtomicUsize>,
    accepted: Arc<Mutex<Vec<Submitted>>>,
    clients: JoinSet<()>,
}

/// An accepted command.
#[derive(Clone, Debug)]
pub(crate) struct Submitted {
    pub(crate) job: String,
    pub(crate) note: String,
    pub(crate) store: String,
    pub(crate) order: String,
}

impl Load {
    /// Starts `clients` of them, each with a pause between its commands.
    pub(crate) fn start(client: &Client, shops: &[Shop], clients: usize, pause: Duration) -> Self {
        let mut load = Self {
            stop: Arc::default(),
            count: Arc::default(),
            accepted: Arc::default(),
            clients: JoinSet::new(),
        };
        for who in 0..clients {
            let (client, shops) = (client.clone(), shops.to_vec());
            let (stop, count, accepted) = (
                Arc::clone(&load.stop),
                Arc::clone(&load.count),
                Arc::clone(&load.accepted),
            );
            load.clients.spawn(async move {
                let mut turn = 0;
                while !stop.load(Ordering::Relaxed) {
                    let submitted = submit(&client, &shops, who, turn).await;
                    accepted
                        .lock()
                        .expect("nothing panics with the list")
                        .push(submitted);
                    count.fetch_add(1, Ordering::Relaxed);
                    turn += 1;
                    tokio::time::sleep(pause).await;
                }
            });
        }
        load
    }

    /// How many commands were accepted so far.
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Waits until so many more commands were accepted.
    pub(crate) async fn more(&self, commands: usize) {
        let wanted = self.count() + commands;
        testkit::eventually(
            &format!("{commands} more commands to be accepted"),
            super::PATIENCE,
            async || {
                let count = self.count();
                if count >= wanted {
                    Ok(())
                } else {
                    Err(format!("{count} of {wanted}"))
                }
            },
        )
        .await;
    }

    /// Lets each client end its command, and returns all accepted ones.
    pub(crate) async fn stop(mut self) -> Vec<Submitted> {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.clients.join_next().await {
            ended.expect("a client of the load panicked");
        }
        let accepted = self.accepted.lock().expect("nothing panics with the list");
        accepted.clone()
    }
}

async fn submit(client: &Client, shops: &[Shop], who: usize, turn: usize) -> Submitted {
    let shop = &shops[(who + turn) % shops.len()];
    let note = format!("note {who}-{turn}");
    let order = turn / shops.len();
    let answer = shop
        .note(client, order, &note)
        .header("Idempotency-Key", format!("key {who}-{turn}"))
        .persist()
        .await;
    assert_eq!(answer.status, 202, "{:?}", answer.body);
    Submitted {
        job: answer.body["id"].as_str().expect("a job has an id").to_owned(),
        note,
        store: shop.id.clone(),
        order: shop.orders[order % shop.orders.len()].clone(),
    }
}

/// One of a job's times.
pub(crate) fn time(job: &Value, name: &str) -> Timestamp {
    job[name]
        .as_str()
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| panic!("{name} of {job}"))
}

/// From a job's acceptance to its end, as the ledger has it.
pub(crate) fn took(job: &Value) -> Duration {
    time(job, "finished_at").since(time(job, "submitted_at"))
}

impl Cluster {
    /// Waits for the end of every accepted command and shows that none was lost and none doubled.
    pub(crate) async fn assert_all_done_once(&self, client: &Client, accepted: &[Submitted]) -> Vec<Value> {
        assert!(!accepted.is_empty(), "the load did nothing");
        let jobs: Vec<Value> = futures::stream::iter(accepted)
            .map(|one| client.ended(&one.job))
            .buffered(16)
            .collect()
            .await;
        let mut orders = HashMap::new();
        for (one, job) in accepted.iter().zip(&jobs) {
            assert_eq!(job["status"], "succeeded", "{job}");
            let order = orders.entry((&one.store, &one.order)).or_insert_with(|| {
                self.desk
                    .get_order(&one.store, &one.order)
                    .expect("the order is there")
            });
            assert_eq!(notes(order, &one.note), 1, "{one:?} in {order}");
        }
        self.assert_ledger_is_whole(accepted.len()).await;
        jobs
    }
}
