//! What a command would do, shown and not done.

use domain::JobId;
use domain::event::OrderView;
use domain::job::ErrorCode;
use domain::order::batch::fold;
use domain::order::diff::diff;
use domain::order::{BatchJob, ETag, FieldError, FoldError, FolderId, Mutation, OrderDoc, inventory};
use domain::store::Store;
use queue::ReadScope;
use serde_json::{Value, json};

use crate::denied::may_be_denied;
use crate::reads::document_of;
use crate::submit::{check_options, read};
use crate::{App, Caller, Denied, ReadError, Submission};

/// What a command would do.
#[derive(Clone)]
pub struct DryRun {
    /// The order or item as it stands; null for creates.
    pub before: Value,
    /// As it would be; null for deletions.
    pub after: Value,
    /// The RFC 6902 patch between them.
    pub patch: Value,
    /// The order's tag as it stands.
    pub etag_before: Option<ETag>,
    /// The order's tag as it would be.
    pub etag_after: Option<ETag>,
    /// Jobs of the order that have not ended, which this does not foresee.
    pub pending: Vec<JobId>,
}

impl std::fmt::Debug for DryRun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DryRun(***)")
    }
}

/// Why it cannot be shown what a command would do.
#[derive(Debug, thiserror::Error)]
pub enum DryRunError {
    /// Something is wrong with the command; as [`crate::ItemError`], whether it is in the body.
    #[error("the command is not valid")]
    Invalid(Vec<(bool, FieldError)>),
    /// Order Desk has no such order or item.
    #[error("there is no such order")]
    OrderNotFound,
    /// The order does not carry the given tag.
    #[error("the order does not carry the given tag")]
    PreconditionFailed,
    /// The command does not fit the order as it stands.
    #[error(transparent)]
    NotApplicable(FoldError),
    /// There is a `callback_url`, and no secret that could sign what it is told.
    #[error("there is no callback secret")]
    CallbackSecretMissing,
    /// The order could not be read.
    #[error(transparent)]
    Read(ReadError),
    /// See [`Denied`].
    #[error(transparent)]
    Denied(#[from] Denied),
}

may_be_denied!(DryRunError);

impl From<ReadError> for DryRunError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::NotFound => Self::OrderNotFound,
            ReadError::Denied(denied) => Self::Denied(denied),
            other => Self::Read(other),
        }
    }
}

/// How many waiting jobs are named.
const MAX_PENDING: u32 = 500;

impl App {
    /// Shows what a command would do to the order as it stands; nothing is queued.
    pub async fn dry_run(
        &self,
        caller: &Caller,
        store: &Store,
        submission: &Submission,
    ) -> Result<DryRun, DryRunError> {
        if caller.tenant_id() != Some(store.tenant_id) {
            return Err(DryRunError::Read(ReadError::StoreGone));
        }
        let now = self.now();
        let mut errors: Vec<_> = check_options(submission, now, &self.0.config.webhook_allow_nets)
            .into_iter()
            .map(|error| (false, error))
            .collect();
        let mutation = match read(submission, now) {
            Ok(mutation) if errors.is_empty() => mutation,
            Ok(_) => return Err(DryRunError::Invalid(errors)),
            Err(found) => {
                errors.extend(found.into_iter().map(|error| (true, error)));
                return Err(DryRunError::Invalid(errors));
            }
        };
        if submission.callback_url.is_some() && !self.signs_callbacks(store.tenant_id).await? {
            return Err(DryRunError::CallbackSecretMissing);
        }
        let pending = self.pending(store, submission).await?;
        let run = match (mutation, &submission.order_id) {
            (Mutation::Create { order: created } | Mutation::InventoryCreate { item: created }, _) => {
                let after = Value::Object(created);
                let patch = json!([{"op": "add", "path": "", "value": &after}]);
                DryRun {
                    before: Value::Null,
                    after,
                    patch,
                    etag_before: None,
                    etag_after: None,
                    pending,
                }
            }
            (Mutation::InventoryUpdate { item }, Some(id)) => {
                let before = self.fetch_item(store, id).await?;
                let after = document_of(inventory::merge(before.as_object(), &item))?;
                DryRun {
                    pending,
                    ..changed(&before, after)
                }
            }
            (Mutation::InventoryDelete, Some(id)) => DryRun {
                pending,
                ..removed(self.fetch_item(store, id).await?)
            },
            (Mutation::Delete, Some(id)) => {
                let before = self.fetch_order(store, id).await?;
                let tag = self.etag(&before);
                if submission
                    .if_match
                    .as_ref()
                    .is_some_and(|condition| !condition.allows(&tag))
                {
                    return Err(DryRunError::PreconditionFailed);
                }
                DryRun {
                    etag_before: Some(tag),
                    pending,
                    ..removed(before)
                }
            }
            (mutation, Some(id)) => {
                let mutation = self.with_folder(store, mutation).await?;
                let before = self.fetch_order(store, id).await?;
                let after = self.folded(&before, mutation, submission)?;
                let (etag_before, etag_after) = (Some(self.etag(&before)), Some(self.etag(&after)));
                DryRun {
                    etag_before,
                    etag_after,
                    pending,
                    ..changed(&before, after)
                }
            }
            (_, None) => return Err(Denied::internal("a change without a target passed the checks").into()),
        };
        if let Some(order) = submission
            .order_id
            .as_ref()
            .filter(|_| submission.kind.is_order())
        {
            self.note_order(caller, store, order, OrderView::DryRun);
        }
        Ok(run)
    }

    fn folded(
        &self,
        before: &OrderDoc,
        mutation: Mutation,
        submission: &Submission,
    ) -> Result<OrderDoc, DryRunError> {
        let job = BatchJob {
            id: (),
            mutation,
            if_match: submission.if_match.clone(),
        };
        let folded = fold(before, &[job], |order| self.etag(order));
        for outcome in folded.jobs {
            match outcome.result {
                Ok(_) => {}
                Err(error) if error.code == ErrorCode::PreconditionFailed => {
                    return Err(DryRunError::PreconditionFailed);
                }
                Err(error) => return Err(DryRunError::NotApplicable(error)),
            }
        }
        Ok(folded.after)
    }

    async fn pending(&self, store: &Store, submission: &Submission) -> Result<Vec<JobId>, Denied> {
        let Some(order) = &submission.order_id else {
            return Ok(Vec::new());
        };
        let mut jobs = self
            .0
            .ledger
            .open_jobs_of_order(store.id, order, MAX_PENDING)
            .await?;
        // An inventory item may have the id of an order.
        jobs.retain(|job| job.kind.is_order() == submission.kind.is_order());
        Ok(jobs.into_iter().map(|job| job.id).collect())
    }

    /// The command with its folder's name looked up, if it has one.
    async fn with_folder(&self, store: &Store, mutation: Mutation) -> Result<Mutation, DryRunError> {
        let Some(name) = mutation.folder_name() else {
            return Ok(mutation);
        };
        let info = self
            .read_store(store, ReadScope::Other, |client, credentials| async move {
                client.store(&credentials).await
            })
            .await?;
        let folder = info.folders.iter().find(|folder| folder.name.trim() == name);
        match folder.and_then(|folder| folder.id.parse().ok()) {
            Some(id) => Ok(mutation.with_folder(FolderId(id))),
            None => Err(DryRunError::NotApplicable(FoldError {
                code: ErrorCode::FolderNotFound,
                detail: "the store has no folder of this name".to_owned(),
                pointer: Some("/folder_name".to_owned()),
            })),
        }
    }
}

fn changed(before: &OrderDoc, after: OrderDoc) -> DryRun {
    let patch = diff(before, &after);
    DryRun {
        patch: serde_json::to_value(&patch).expect("a patch is JSON"),
        before: before.to_value(),
        after: after.into_value(),
        etag_before: None,
        etag_after: None,
        pending: Vec::new(),
    }
}

fn removed(before: OrderDoc) -> DryRun {
    DryRun {
        before: before.into_value(),
        after: Value::Null,
        patch: json!([{"op": "remove", "path": ""}]),
        etag_before: None,
        etag_after: None,
        pending: Vec::new(),
    }
}
