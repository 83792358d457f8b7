//! Submitting commands: checked, sealed and accepted, one or a thousand in one commit.

mod plan;

use std::collections::HashMap;

use domain::job::{Job, Priority};
use domain::order::{CommandKind, FieldError, IfMatch};
use domain::store::Store;
use domain::{JobId, OrderId, TenantId, Timestamp};
use ledger::{AppendError, IdempotencyAnswer, Refusal, Unique};
use queue::Subject;
use serde_json::Value;

use crate::after::News;
use crate::denied::may_be_denied;
use crate::{App, Caller, Denied, IdempotencyKey};
use plan::Call;
pub(crate) use plan::{check_options, lane, read, subject};

/// How many commands one call may submit.
pub const MAX_BATCH: usize = 1000;

/// How often a submission is decided anew because something changed meanwhile.
const MAX_TRIES: usize = 5;

/// One command as it was asked for.
#[derive(Clone)]
pub struct Submission {
    /// What it does.
    pub kind: CommandKind,
    /// To which order or inventory item; none for creates.
    pub order_id: Option<OrderId>,
    /// Its body; null for deletions.
    pub body: Value,
    /// Before or after others.
    pub priority: Priority,
    /// Not before this time; the past means now.
    pub run_at: Option<Timestamp>,
    /// The address to tell when it has ended.
    pub callback_url: Option<String>,
    /// Whether the order is read again directly before the update.
    pub strict: bool,
    /// What the order must carry at this command's turn.
    pub if_match: Option<IfMatch>,
    /// The job whose change it takes back.
    pub revert_of: Option<JobId>,
    /// Its own idempotency key, as an item of a batch.
    pub idempotency_key: Option<String>,
    /// What tells it from others under that key.
    pub fingerprint: [u8; 32],
}

impl Submission {
    /// A command without any options.
    pub fn new(kind: CommandKind, order_id: Option<OrderId>, body: Value) -> Self {
        Self {
            kind,
            order_id,
            body,
            priority: Priority::Normal,
            run_at: None,
            callback_url: None,
            strict: false,
            if_match: None,
            revert_of: None,
            idempotency_key: None,
            fingerprint: [0; 32],
        }
    }

    fn own_key(&self) -> Option<IdempotencyKey> {
        let key = self.idempotency_key.clone()?;
        Some(IdempotencyKey {
            key,
            fingerprint: self.fingerprint,
        })
    }
}

impl std::fmt::Debug for Submission {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Submission({}, {:?}, ***)", self.kind, self.order_id)
    }
}

/// Something that is wrong with one command of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemError {
    /// Which command, from 0.
    pub index: usize,
    /// Whether the pointer leads into the command's body, rather than among its options (`/run_at`).
    pub in_body: bool,
    /// What is wrong.
    pub error: FieldError,
}

/// Why nothing was submitted; nothing of the call was.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// Something is wrong with the commands, or there are none or too many.
    #[error("the commands are not valid")]
    Invalid(Vec<ItemError>),
    /// These commands, by index, carry an idempotency key that was used for something else.
    #[error("an idempotency key was used for another request")]
    ItemKeyReused(Vec<usize>),
    /// There is a `callback_url`, and no secret that could sign what it is told.
    #[error("there is no callback secret")]
    CallbackSecretMissing,
    /// The caller has no such store, or not any more.
    #[error("there is no such store")]
    StoreGone,
    /// See [`Denied`].
    #[error(transparent)]
    Denied(#[from] Denied),
}

may_be_denied!(SubmitError);

/// Accepted commands.
#[derive(Clone, Debug)]
pub struct Submitted {
    /// Their jobs in request order, in their present state.
    pub jobs: Vec<Job>,
    /// Whether the whole call had been made before under its idempotency key.
    pub replayed: bool,
}

impl App {
    /// Accepts `submissions` for `store`, all in one commit or none. `key` stands for the whole call.
    pub async fn submit(
        &self,
        caller: &Caller,
        store: &Store,
        submissions: Vec<Submission>,
        key: Option<IdempotencyKey>,
    ) -> Result<Submitted, SubmitError> {
        let Some(tenant) = caller.tenant_id().filter(|tenant| *tenant == store.tenant_id) else {
            return Err(SubmitError::StoreGone);
        };
        let now = self.now();
        let nets = &self.0.config.webhook_allow_nets;
        let planned = plan::check(&submissions, now, nets).map_err(SubmitError::Invalid)?;
        let calls_back = submissions
            .iter()
            .any(|submission| submission.callback_url.is_some());
        if calls_back && !self.signs_callbacks(tenant).await? {
            return Err(SubmitError::CallbackSecretMissing);
        }
        // Looked up only after a clash: most keys are new, and the append tests them anyway.
        let mut known: HashMap<usize, JobId> = HashMap::new();
        for _ in 0..MAX_TRIES {
            let call = Call {
                caller,
                store,
                submissions: &submissions,
                key: key.as_ref(),
                now,
            };
            let draft = self.draft(&call, &planned, &known).await?;
            let mut append = draft.append;
            if let Some(key) = &key {
                let answer = match draft.ids.as_slice() {
                    [one] if submissions.len() == 1 => IdempotencyAnswer::Job(*one),
                    all => IdempotencyAnswer::Jobs(all.to_vec()),
                };
                let record = self.record(&append, tenant, key, answer);
                append.idempotency.push(record);
            }
            if append.events.is_empty() && append.idempotency.is_empty() {
                let jobs = self.present_jobs(tenant, &draft.ids).await?;
                return Ok(Submitted {
                    jobs,
                    replayed: false,
                });
            }
            let subjects = draft.jobs.iter().map(|(_, job)| job_news(job)).collect();
            let news = News {
                tenant,
                partitions: vec![store.partition],
                subjects,
            };
            match self.commit(append, news).await {
                Ok(appended) => {
                    let mut jobs = self
                        .present_jobs(tenant, &known.values().copied().collect::<Vec<_>>())
                        .await?;
                    jobs.extend(draft.jobs.into_iter().map(|(event, job)| {
                        let position = appended.first + event as u64;
                        Job {
                            position,
                            last_position: position,
                            ..job
                        }
                    }));
                    return Ok(Submitted {
                        jobs: in_order(jobs, &draft.ids),
                        replayed: false,
                    });
                }
                Err(AppendError::Refused(Refusal::Exists(Unique::Idempotency(_)))) => {
                    if let Some(key) = &key
                        && let Some(answer) = self.recorded(tenant, key).await?
                    {
                        return self.replayed(tenant, answer).await;
                    }
                    known = self.known_items(tenant, &submissions).await?;
                }
                Err(AppendError::Refused(Refusal::DataKeyGone)) => {
                    for id in draft.data_keys {
                        self.0.seals.forget_key(id).await;
                    }
                }
                Err(AppendError::Refused(Refusal::StoreGone)) => return Err(SubmitError::StoreGone),
                Err(error) => return Err(error.into()),
            }
        }
        Err(Denied::contended().into())
    }

    async fn replayed(&self, tenant: TenantId, answer: IdempotencyAnswer) -> Result<Submitted, SubmitError> {
        let ids = match answer {
            IdempotencyAnswer::Job(id) => vec![id],
            IdempotencyAnswer::Jobs(ids) => ids,
            // The fingerprint holds method and path, so the same request cannot have been something else.
            IdempotencyAnswer::Response { .. } => return Err(Denied::KeyReused.into()),
        };
        Ok(Submitted {
            jobs: self.present_jobs(tenant, &ids).await?,
            replayed: true,
        })
    }

    /// The jobs of those items whose own key was used before for the same thing.
    async fn known_items(
        &self,
        tenant: TenantId,
        submissions: &[Submission],
    ) -> Result<HashMap<usize, JobId>, SubmitError> {
        let (mut known, mut clashes) = (HashMap::new(), Vec::new());
        for (index, submission) in submissions.iter().enumerate() {
            let Some(key) = submission.own_key() else { continue };
            match self.recorded(tenant, &key).await {
                Ok(None) => {}
                Ok(Some(IdempotencyAnswer::Job(id))) => {
                    known.insert(index, id);
                }
                Ok(Some(_)) | Err(Denied::KeyReused) => clashes.push(index),
                Err(error) => return Err(error.into()),
            }
        }
        if clashes.is_empty() {
            Ok(known)
        } else {
            Err(SubmitError::ItemKeyReused(clashes))
        }
    }

    /// The tenant's jobs with these ids, in their order.
    pub(crate) async fn present_jobs(&self, tenant: TenantId, ids: &[JobId]) -> Result<Vec<Job>, Denied> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut jobs = self.0.ledger.jobs(ids).await?;
        jobs.retain(|job| job.tenant_id == tenant);
        Ok(in_order(jobs, ids))
    }
}

/// `jobs` in the order of `ids`, in which one may occur twice.
fn in_order(jobs: Vec<Job>, ids: &[JobId]) -> Vec<Job> {
    let mut by_id: HashMap<JobId, Job> = jobs.into_iter().map(|job| (job.id, job)).collect();
    let mut left: HashMap<JobId, usize> = HashMap::new();
    for id in ids {
        *left.entry(*id).or_default() += 1;
    }
    let mut take = |id: &JobId| {
        let count = left.get_mut(id)?;
        *count -= 1;
        if *count == 0 {
            by_id.remove(id)
        } else {
            by_id.get(id).cloned()
        }
    };
    ids.iter().filter_map(&mut take).collect()
}

/// What is announced of a job.
pub(crate) fn job_news(job: &Job) -> Subject {
    Subject::Job {
        job_id: job.id,
        store_id: job.store_id,
        order_id: job.order_id.clone(),
        ended: job.status.is_final(),
    }
}
