//! Changing an order: fetch and fold.

use app::Sealer;
use domain::job::{ErrorCode, Job, JobError};
use domain::order::batch::{BatchJob, fold};
use domain::order::{FolderId, OrderDoc, Patch, folder_change};
use domain::{JobId, OrderId, Timestamp};
use serde_json::Value;

use super::Cycle;
use super::failure::Fate;
use super::image::{self, External};
use super::load::Loaded;
use super::record::TELLING;
use crate::schedule::Finish;

/// How often an order is read anew because it, or what is known of the store's folders, changed meanwhile.
const ROUNDS: usize = 3;

/// Carries out jobs that change one order.
pub(super) async fn run(cycle: &mut Cycle<'_>, jobs: Vec<Loaded>) -> Finish {
    let Some(order) = Cycle::target(&jobs).cloned() else {
        return Finish::default();
    };
    let sealer = match cycle
        .context
        .seals
        .for_order(cycle.plan.tenant_id, cycle.plan.store_id, Some(&order))
        .await
    {
        Ok(sealer) => sealer,
        Err(error) => {
            tracing::warn!(error = %error, "no key for an order's data");
            return super::hold(cycle.context, cycle.plan, 1_000);
        }
    };
    Change {
        cycle,
        order,
        sealer,
        jobs,
        lost: Vec::new(),
    }
    .run()
    .await
}

/// A batch of changes of one order, on its way.
pub(super) struct Change<'c, 'a> {
    pub(super) cycle: &'c mut Cycle<'a>,
    pub(super) order: OrderId,
    pub(super) sealer: Sealer,
    pub(super) jobs: Vec<Loaded>,
    /// Jobs that failed before the fold; they are recorded with the others.
    lost: Vec<(Job, Fate)>,
}

/// A fold that is ready to be sent.
pub(super) struct Ready {
    pub(super) before: OrderDoc,
    /// What a PUT sends: the fold, with the fetched folder.
    pub(super) sent: OrderDoc,
    pub(super) destination: Option<FolderId>,
    /// Jobs that could be folded, with their shares.
    pub(super) shares: Vec<(JobId, Patch)>,
    pub(super) failed: Vec<(JobId, Fate)>,
    pub(super) external: Option<External>,
    pub(super) read_at: Timestamp,
}

impl Change<'_, '_> {
    async fn run(mut self) -> Finish {
        if let Err(finish) = self.find_folders().await {
            return finish;
        }
        if self.jobs.is_empty() {
            return self.only_lost().await;
        }
        for _ in 0..ROUNDS {
            let ready = match self.read().await {
                Ok(ready) => ready,
                Err(finish) => return finish,
            };
            let ready = match self.check_destination(ready).await {
                Ok(Some(ready)) => ready,
                // The look-up cost a round trip in which others may have changed the order: read it again.
                Ok(None) => continue,
                Err(finish) => return finish,
            };
            let blocked = self.cycle.purse.blocked_for();
            if !blocked.is_zero() {
                return super::hold(self.cycle.context, self.cycle.plan, blocked.as_millis() as u64);
            }
            return self.send(ready).await;
        }
        self.keeps_changing("the store's folders kept changing under us")
            .await
    }

    /// Reads the order and folds the jobs over it; twice or more often if one of them is strict.
    async fn read(&mut self) -> Result<Ready, Finish> {
        // Waiting for the update's token later would make the window longer in which others' edits are lost.
        let strict = self.jobs.iter().any(|job| job.job.strict);
        self.cycle.purse.have(2 + u32::from(strict)).await;
        let (context, store, order) = (self.cycle.context, self.cycle.plan.store_id, self.order.clone());
        let (fetched, last) = tokio::join!(self.fetch(), image::last(context, store, &order));
        let (mut fetched, read_at) = (fetched?, context.now().at);
        runtime::crash::point("cycle.fetched");
        let external = image::compare(self.cycle, &order, &fetched, last.clone()).await;
        let mut ready = self.fold(fetched.clone(), external, read_at);
        if !self.jobs.iter().any(|job| job.job.strict) || ready.shares.is_empty() {
            return Ok(ready);
        }
        for _ in 0..ROUNDS {
            let again = self.fetch().await?;
            let read_at = self.cycle.context.now().at;
            if self.cycle.tag(&again) == self.cycle.tag(&fetched) && same_telling(&fetched, &again) {
                ready.read_at = read_at;
                return Ok(ready);
            }
            fetched = again;
            let external = image::compare(self.cycle, &order, &fetched, last.clone()).await;
            ready = self.fold(fetched.clone(), external, read_at);
        }
        Err(self.keeps_changing("the order kept changing under us").await)
    }

    async fn keeps_changing(&mut self, detail: &str) -> Finish {
        let error = JobError::new(ErrorCode::ConflictUnresolved, detail);
        let jobs: Vec<Job> = self.rows();
        let jobs: Vec<&Job> = jobs.iter().collect();
        self.cycle
            .try_again(&jobs, &self.sealer, None, &Fate { error, message: None })
            .await
    }

    /// A job that fails before it is folded.
    pub(super) fn lose(&mut self, id: Option<JobId>, fate: Fate) {
        if let Some(index) = self.jobs.iter().position(|loaded| Some(loaded.job.id) == id) {
            self.lost.push((self.jobs.remove(index).job, fate));
        }
    }

    /// Ends jobs that failed before the order was read, if there are no others.
    async fn only_lost(&mut self) -> Finish {
        let mut finish = Finish::default();
        for (job, fate) in std::mem::take(&mut self.lost) {
            let ended = self.cycle.fail(&[&job], &self.sealer, None, &fate).await;
            finish.hold_until = finish.hold_until.max(ended.hold_until);
            finish.jobs.extend(ended.jobs);
        }
        finish
    }

    pub(super) fn rows(&self) -> Vec<Job> {
        self.jobs
            .iter()
            .map(|loaded| &loaded.job)
            .chain(self.lost.iter().map(|(job, _)| job))
            .cloned()
            .collect()
    }

    async fn fetch(&mut self) -> Result<OrderDoc, Finish> {
        let (client, credentials) = (self.cycle.context.client.clone(), self.cycle.credentials.clone());
        let call = client.get_order(&credentials, self.order.as_str());
        match self.cycle.purse.call(call).await {
            Ok(answer) => OrderDoc::from_value(Value::Object(answer.value)).map_err(|error| {
                tracing::warn!(error = %error, order_id = %self.order, "the order cannot be read");
                super::hold(self.cycle.context, self.cycle.plan, 5_000)
            }),
            Err(error) => {
                let jobs = self.rows();
                let jobs: Vec<&Job> = jobs.iter().collect();
                Err(self
                    .cycle
                    .read_failed(&jobs, &self.sealer, &error, ErrorCode::OrderNotFound)
                    .await)
            }
        }
    }

    pub(super) fn fold(&self, before: OrderDoc, external: Option<External>, read_at: Timestamp) -> Ready {
        let jobs: Vec<BatchJob<JobId>> = self
            .jobs
            .iter()
            .map(|loaded| BatchJob {
                id: loaded.job.id,
                mutation: loaded.mutation.clone(),
                if_match: loaded.job.if_match.as_deref().and_then(|tag| tag.parse().ok()),
            })
            .collect();
        let folded = fold(&before, &jobs, |doc| self.cycle.tag(doc));
        let destination = folder_change(&before, &folded.after);
        let sent = match before.folder_id() {
            Some(folder) if destination.is_some() => folded.after.with_folder(folder),
            _ => folded.after.clone(),
        };
        let mut shares = Vec::new();
        let mut failed: Vec<(JobId, Fate)> = self
            .lost
            .iter()
            .map(|(job, fate)| (job.id, fate.clone()))
            .collect();
        for outcome in folded.jobs {
            match outcome.result {
                Ok(share) => shares.push((outcome.id, share.patch)),
                Err(error) => {
                    let detail = match &error.pointer {
                        Some(pointer) => format!("{} ({pointer})", error.detail),
                        None => error.detail,
                    };
                    failed.push((
                        outcome.id,
                        Fate {
                            error: JobError::new(error.code, detail),
                            message: None,
                        },
                    ));
                }
            }
        }
        Ready {
            before,
            sent,
            destination,
            shares,
            failed,
            external,
            read_at,
        }
    }
}

fn same_telling(one: &OrderDoc, other: &OrderDoc) -> bool {
    let (one, other) = (one.to_value(), other.to_value());
    TELLING
        .iter()
        .all(|pointer| one.pointer(pointer) == other.pointer(pointer))
}
