//! From a command as it was asked for to the job that is appended.

use std::collections::HashMap;
use std::time::Duration;

use domain::event::JobSubmitted;
use domain::job::Job;
use domain::order::{CommandKind, FieldCode, FieldError, Mutation, ParseContext};
use domain::store::Store;
use domain::{DataKeyId, JobId, OrderId, Timestamp};
use ipnet::IpNet;
use ledger::{Append, Guard, IdempotencyAnswer};
use vault::Keyring;

use super::{ItemError, MAX_BATCH, Submission, SubmitError};
use crate::payload::JobBody;
use crate::{App, Caller, IdempotencyKey, Purpose, Sealer};

/// The furthest that `run_at` may lie ahead: a year, a leap day included.
const MAX_AHEAD: Duration = Duration::from_hours(366 * 24);

/// The most errors that one call is told of, an item's own share apart.
const MAX_ERRORS: usize = 100;

/// The longest precondition that is kept.
const MAX_IF_MATCH: usize = 2048;

/// A command that was read.
pub(super) struct Planned {
    body: JobBody,
    run_at: Option<Timestamp>,
}

/// One call with its commands.
pub(super) struct Call<'a> {
    pub caller: &'a Caller,
    pub store: &'a Store,
    pub submissions: &'a [Submission],
    pub key: Option<&'a IdempotencyKey>,
    pub now: Timestamp,
}

/// An append of all commands that are new.
pub(super) struct Draft {
    pub append: Append,
    /// One id per command, in request order; known jobs included.
    pub ids: Vec<JobId>,
    /// The new jobs and the index of the event that makes each.
    pub jobs: Vec<(usize, Job)>,
    /// The existing data keys that it depends on.
    pub data_keys: Vec<DataKeyId>,
}

/// Reads all commands, and lists everything that is wrong.
pub(super) fn check(
    submissions: &[Submission],
    now: Timestamp,
    nets: &[IpNet],
) -> Result<Vec<Planned>, Vec<ItemError>> {
    if submissions.is_empty() || submissions.len() > MAX_BATCH {
        let detail = format!("must hold 1 to {MAX_BATCH} commands");
        let error = FieldError::new(FieldCode::LimitExceeded, "", detail);
        return Err(vec![ItemError {
            index: 0,
            in_body: false,
            error,
        }]);
    }
    let mut planned = Vec::with_capacity(submissions.len());
    let mut errors = Vec::new();
    for (index, submission) in submissions.iter().enumerate() {
        if errors.len() >= MAX_ERRORS {
            break;
        }
        let options = check_options(submission, now, nets);
        errors.extend(options.into_iter().map(|error| ItemError {
            index,
            in_body: false,
            error,
        }));
        match read(submission, now) {
            Ok(mutation) => {
                let body = JobBody {
                    mutation,
                    callback_url: submission.callback_url.clone(),
                };
                planned.push(Planned {
                    body,
                    run_at: submission.run_at.filter(|at| *at > now),
                });
            }
            Err(found) => {
                errors.extend(found.into_iter().map(|error| ItemError {
                    index,
                    in_body: true,
                    error,
                }));
            }
        }
    }
    if errors.is_empty() {
        Ok(planned)
    } else {
        Err(errors)
    }
}

/// Reads the body of a command.
pub(crate) fn read(submission: &Submission, now: Timestamp) -> Result<Mutation, Vec<FieldError>> {
    let target_id = submission.order_id.as_ref().map(OrderId::as_str);
    Mutation::parse(
        submission.kind,
        &submission.body,
        &ParseContext {
            target_id,
            submitted_at: now,
        },
    )
}

/// What is wrong with a command beside its body.
pub(crate) fn check_options(submission: &Submission, now: Timestamp, nets: &[IpNet]) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let mut refuse = |code, pointer, detail| errors.push(FieldError::new(code, pointer, detail));
    match (submission.kind.is_create(), &submission.order_id) {
        (true, Some(_)) => {
            refuse(
                FieldCode::FieldUnknown,
                "/order_id",
                "has no meaning here: Order Desk gives the id",
            );
        }
        (false, None) => refuse(FieldCode::FieldMissing, "/order_id", "is required"),
        _ => {}
    }
    if submission.run_at.is_some_and(|at| at > now.plus(MAX_AHEAD)) {
        refuse(
            FieldCode::FieldInvalid,
            "/run_at",
            "must be at most one year ahead",
        );
    }
    let callback = submission.callback_url.as_deref();
    if let Some(Err(refused)) = callback.map(|url| webhook::check_url(url, nets)) {
        errors.push(FieldError::new(
            FieldCode::FieldInvalid,
            "/callback_url",
            refused.to_string(),
        ));
    }
    let mut refuse = |code, pointer, detail| errors.push(FieldError::new(code, pointer, detail));
    let is_guardable = submission.kind.is_order() && !submission.kind.is_create();
    if submission.if_match.is_some() && !is_guardable {
        refuse(
            FieldCode::FieldInvalid,
            "/if_match",
            "only a change of an existing order takes a precondition",
        );
    }
    let condition = submission.if_match.clone().map(String::from);
    if condition.is_some_and(|text| text.len() > MAX_IF_MATCH) {
        refuse(
            FieldCode::FieldInvalid,
            "/if_match",
            "must be at most 2048 characters long",
        );
    }
    if submission
        .idempotency_key
        .as_ref()
        .is_some_and(|key| !(1..=255).contains(&key.chars().count()))
    {
        refuse(
            FieldCode::FieldInvalid,
            "/idempotency_key",
            "must be 1 to 255 characters long",
        );
    }
    errors
}

/// The lane of a new job: those of one order run one after another, and so do creates of one source id.
///
/// Lanes are kept and logged in plain text. A source id is the client's own text and may be anybody's e-mail address,
/// so it counts by its keyed hash.
pub(crate) fn lane(keyring: &Keyring, mutation: &Mutation, order: Option<&OrderId>, job: JobId) -> String {
    let kind = mutation.kind();
    match (order, mutation.source_id()) {
        (Some(id), _) if kind.is_order() => format!("order:{id}"),
        (Some(id), _) => format!("item:{id}"),
        (None, Some(source)) => {
            let content = [b"lane of source id ", source.as_bytes()].concat();
            format!("source:{}", hex::encode(keyring.fingerprint(&content)))
        }
        (None, None) => format!("create:{job}"),
    }
}

/// The order that a command's records belong to; items of the inventory have no personal data to erase by order.
pub(crate) fn subject(kind: CommandKind, order: Option<&OrderId>) -> Option<&OrderId> {
    order.filter(|_| kind.is_order())
}

impl App {
    pub(super) async fn draft(
        &self,
        call: &Call<'_>,
        planned: &[Planned],
        known: &HashMap<usize, JobId>,
    ) -> Result<Draft, SubmitError> {
        let Call {
            caller,
            store,
            submissions,
            ..
        } = *call;
        let mut append = Append::new(call.now, caller.meta(caller.key_id))
            .guard(Guard::TenantOpen(store.tenant_id))
            .guard(Guard::StoreOpen(store.id));
        let mut draft_jobs = Vec::with_capacity(submissions.len());
        let mut ids = Vec::with_capacity(submissions.len());
        let mut sealers: HashMap<&OrderId, Sealer> = HashMap::new();
        let mut data_keys = Vec::new();
        let mut keys: HashMap<&str, (usize, JobId)> = HashMap::new();
        let mut clashes = Vec::new();
        for (index, (submission, planned)) in submissions.iter().zip(planned).enumerate() {
            if let Some(id) = known.get(&index) {
                ids.push(*id);
                continue;
            }
            if let Some(key) = submission.idempotency_key.as_deref() {
                if call.key.is_some_and(|whole| whole.key == key) {
                    clashes.push(index);
                    continue;
                }
                if let Some((first, id)) = keys.get(key) {
                    if submissions[*first].fingerprint == submission.fingerprint {
                        ids.push(*id);
                    } else {
                        clashes.push(index);
                    }
                    continue;
                }
            }
            let id: JobId = self.id();
            ids.push(id);
            if let Some(key) = submission.idempotency_key.as_deref() {
                keys.insert(key, (index, id));
            }
            let order = subject(submission.kind, submission.order_id.as_ref());
            let sealer = match order.and_then(|order| sealers.get(order)) {
                Some(sealer) => sealer.clone(),
                None => self.0.seals.for_order(store.tenant_id, store.id, order).await?,
            };
            sealer.attach(&mut append);
            if !sealer.is_new() {
                data_keys.push(sealer.key_id());
            }
            let sealed = sealer.seal_json(Purpose::JobBody, id.0, &planned.body);
            if let Some(order) = order {
                sealers.insert(order, sealer);
            }
            let job = self.job_submitted(call, submission, planned, id);
            draft_jobs.push((append.events.len(), Job::submitted(&job, Some(sealed.clone()))));
            append.submit_job(&job, Some(sealed));
            if let Some(key) = submission.own_key() {
                let record = self.record(&append, store.tenant_id, &key, IdempotencyAnswer::Job(id));
                append.idempotency.push(record);
            }
        }
        if !clashes.is_empty() {
            return Err(SubmitError::ItemKeyReused(clashes));
        }
        Ok(Draft {
            append,
            ids,
            jobs: draft_jobs,
            data_keys,
        })
    }

    fn job_submitted(
        &self,
        call: &Call<'_>,
        submission: &Submission,
        planned: &Planned,
        id: JobId,
    ) -> JobSubmitted {
        let Call {
            caller, store, now, ..
        } = *call;
        let mutation = &planned.body.mutation;
        let due_at = planned.run_at.unwrap_or(now);
        JobSubmitted {
            at: now,
            job_id: id,
            tenant_id: store.tenant_id,
            store_id: store.id,
            upstream_store_id: store.store_id.clone(),
            partition: store.partition,
            kind: submission.kind,
            class: mutation.class(),
            order_id: submission.order_id.clone(),
            lane: lane(&self.0.keyring, mutation, submission.order_id.as_ref(), id),
            priority: submission.priority,
            run_at: planned.run_at,
            due_at,
            deadline_at: due_at.plus(self.0.config.job_deadline),
            store_paused_ms: store.paused_ms_at(now),
            max_attempts: self.0.config.max_attempts,
            if_match: submission.if_match.clone().map(String::from),
            strict: submission.strict,
            has_callback: submission.callback_url.is_some(),
            key_id: caller.key_id,
            request_id: caller.request_id.clone(),
            retry_of: None,
            revert_of: submission.revert_of,
        }
    }
}
