//! Whatever callers ask for, in any order: the views are what the log says, and can be made of it anew.

use app::{NewEndpoint, NewKey, PatchEndpoint, PatchStore};
use domain::webhook::WebhookEvent;
use domain::{EndpointId, JobId};
use ledger::conformance::audit::whole;

use crate::history::step;
use crate::support::*;

on_both_ledgers! {
    whatever_callers_ask_for_views_follow_from_the_log_and_are_made_of_it_anew
}

/// A tenant's calls, drawn by chance. Calls that are refused are part of it.
struct Walk<'w> {
    world: &'w World,
    dice: Dice,
    shop: Shop<'w>,
    orders: Vec<String>,
    jobs: Vec<JobId>,
    endpoints: Vec<EndpointId>,
}

impl<'w> Walk<'w> {
    async fn start(world: &'w World, seed: u64) -> Self {
        let shop = world.shop().await;
        Self {
            world,
            dice: Dice(seed),
            orders: vec![shop.order(), shop.order()],
            shop,
            jobs: Vec::new(),
            endpoints: Vec::new(),
        }
    }

    async fn step(&mut self, round: u64) {
        match self.dice.below(20) {
            0..=6 => {
                let count = 1 + self.dice.below(3);
                self.submit(count, round).await;
            }
            7 | 8 => self.with_a_job(round).await,
            9 => self.change_store(round).await,
            10 if self.dice.below(3) == 0 => self.leave().await,
            10..=13 => self.change_endpoint(round).await,
            14 => self.change_keys(round).await,
            _ => {
                // So that jobs get on between calls.
                if let Some(job) = self.dice.pick(&self.jobs).copied()
                    && self.shop.now().await.paused.is_none()
                {
                    self.world.ended(job).await;
                }
            }
        }
    }

    async fn submit(&mut self, count: u64, round: u64) {
        let order = self.dice.pick(&self.orders).expect("two").clone();
        let mut commands = Vec::new();
        for n in 0..count {
            commands.push(step(
                self.world,
                &self.shop,
                &order,
                &mut self.dice,
                10 * round + n,
            ));
        }
        self.jobs.extend(self.shop.submit_all(commands).await);
    }

    async fn with_a_job(&mut self, round: u64) {
        let Some(job) = self.dice.pick(&self.jobs).copied() else {
            return;
        };
        let (app, caller) = (&self.world.app, &self.world.caller);
        match self.dice.below(3) {
            0 => drop(app.cancel(caller, job, None).await),
            1 => {
                if let Ok(again) = app.retry(caller, job, None, None).await {
                    self.jobs.extend(again.jobs.iter().map(|job| job.id));
                }
            }
            _ => {
                if let Ok(revert) = app.revert(caller, job).await
                    && revert.store.id == self.shop.store.id
                {
                    let undo = mutate(revert.order_id.as_str(), revert.body["operations"].clone());
                    self.jobs.extend(self.shop.submit_all(vec![undo]).await);
                } else {
                    self.submit(1, round).await;
                }
            }
        }
    }

    async fn change_store(&mut self, round: u64) {
        let patch = PatchStore {
            label: (self.dice.below(2) == 0).then(|| Some(format!("shop {} {round}", self.shop.id))),
            paused: Some(self.dice.below(2) == 0),
            ..PatchStore::default()
        };
        self.shop.patch(patch).await;
    }

    /// Deletes the store, jobs under way or not, and goes on in another.
    async fn leave(&mut self) {
        self.shop.delete().await;
        self.shop = self.world.shop().await;
        self.orders = vec![self.shop.order(), self.shop.order()];
    }

    async fn change_endpoint(&mut self, round: u64) {
        let (app, caller) = (&self.world.app, &self.world.caller);
        let Some(id) = self
            .dice
            .pick(&self.endpoints)
            .copied()
            .filter(|_| self.dice.below(3) > 0)
        else {
            let new = NewEndpoint {
                url: format!("https://example.com/{round}"),
                events: Vec::new(),
                stores: vec![self.shop.id.clone()],
            };
            if let Ok(made) = app.create_endpoint(caller, &new, None).await {
                self.endpoints.push(made.done().expect("new").endpoint.id);
            }
            return;
        };
        match self.dice.below(4) {
            0 => {
                let patch = PatchEndpoint {
                    url: Some(format!("https://example.org/{round}")),
                    events: Some(vec![WebhookEvent::JobFailed]),
                    enabled: Some(self.dice.below(2) == 0),
                    ..PatchEndpoint::default()
                };
                drop(app.patch_endpoint(caller, id, &patch, None).await);
            }
            1 => drop(app.rotate_endpoint_secret(caller, id, None).await),
            2 => drop(app.test_endpoint(caller, id, None).await),
            _ => drop(app.delete_endpoint(caller, id, None).await),
        }
    }

    async fn change_keys(&mut self, round: u64) {
        let (app, caller) = (&self.world.app, &self.world.caller);
        match self.dice.below(3) {
            0 => drop(app.create_callback_secret(caller, None).await),
            1 => {
                let new = NewKey {
                    label: format!("key {round}"),
                    expires_at: None,
                };
                drop(app.add_key(caller, &new, None).await);
            }
            _ => {
                let keys = app.keys(caller).await.expect("the ledger answers");
                let key = self.dice.pick(&keys).expect("the first one").id;
                drop(app.revoke_key(caller, key, None).await);
            }
        }
    }

    /// Lets everything come to its end.
    async fn end(self) {
        let patch = PatchStore {
            paused: Some(false),
            ..PatchStore::default()
        };
        self.shop.patch(patch).await;
        self.world.all_ended(&self.jobs).await;
    }
}

async fn whatever_callers_ask_for_views_follow_from_the_log_and_are_made_of_it_anew(database: Database) {
    let world = world().on(database).start().await;
    for seed in [5, 99, 2_026, 77_777] {
        let mut walk = Walk::start(&world, seed).await;
        for round in 0..60 {
            walk.step(round).await;
        }
        walk.end().await;
    }
    world.check().await;
    let ledger = &*world.ledger;
    let types: std::collections::BTreeSet<String> = world
        .events()
        .await
        .into_iter()
        .map(|event| event.type_name)
        .collect();
    assert!(types.len() >= 20, "of few kinds: {types:?}");
    let views = whole(ledger).await;
    ledger.rebuild().await.expect("rebuilt");
    // A worker may still record the end of a deleted store.
    let again = whole(ledger).await;
    assert_eq!((again.jobs, again.keys), (views.jobs, views.keys));
}
