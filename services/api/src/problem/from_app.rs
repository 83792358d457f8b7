//! From the refusals of `app` to problems, by exhaustive matches.

use std::time::Duration;

use app::{
    AddKeyError, CancelError, ChangeStoreError, DeleteTenantError, Denied, DryRunError, EraseError,
    FindStoreError, ItemError, OrderAtError, ProofError, ReadError, RebuildError, RegisterError, RetryError,
    RevertError, RevokeKeyError, SubmitError,
};
use domain::order::FieldCode;
use thiserror::Error;

use super::{Code, Field, Problem};
use crate::extract::caller::key_revoked;

/// A cause that is only known boxed.
#[derive(Debug, Error)]
#[error("{context}")]
struct Boxed {
    context: &'static str,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl From<Denied> for Problem {
    fn from(error: Denied) -> Self {
        match error {
            Denied::KeyRevoked => key_revoked(),
            Denied::Busy => Self::new(Code::Busy, "Too many keys are being verified at this moment.")
                .retry_after(Duration::from_secs(1)),
            Denied::KeyReused => key_reused(),
            Denied::InProgress => Self::new(
                Code::IdempotencyInProgress,
                "A request with this Idempotency-Key is being answered.",
            )
            .retry_after(Duration::from_secs(1)),
            Denied::Unavailable(source) => Self::unavailable(Boxed {
                context: "temporarily unavailable",
                source,
            }),
            Denied::Internal(source) => Self::internal(Boxed {
                context: "internal error",
                source,
            }),
        }
    }
}

fn key_reused() -> Problem {
    Problem::new(
        Code::IdempotencyKeyReused,
        "This Idempotency-Key was used for another request.",
    )
}

/// Nothing could sign what a `callback_url` is told.
fn callback_secret_missing() -> Problem {
    Problem::new(
        Code::CallbackSecretMissing,
        "callback_url needs a callback secret, and the tenant has none: POST /tenant/callback-secret makes one.",
    )
}

/// No store of the caller is meant.
pub(crate) fn store_not_found() -> Problem {
    Problem::new(
        Code::StoreNotFound,
        "None of your stores has this store id, id or label.",
    )
}

/// Order Desk has no such inventory item.
pub(crate) fn item_not_found() -> Problem {
    Problem::new(
        Code::ItemNotFound,
        "Order Desk has no such inventory item in this store.",
    )
}

/// No job of the caller has the id.
pub(crate) fn job_not_found() -> Problem {
    Problem::new(Code::JobNotFound, "There is no job with this id.")
}

impl From<ProofError> for Problem {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::NotFound => Self::new(
                Code::PositionNotFound,
                "None of your events stands at this position.",
            ),
            ProofError::NotSealed { retry_after } => {
                Self::new(Code::NotSealed, "The log is not signed so far yet.").retry_after(retry_after)
            }
            ProofError::Denied(error) => error.into(),
        }
    }
}

impl From<AddKeyError> for Problem {
    fn from(error: AddKeyError) -> Self {
        match error {
            AddKeyError::TooMany => Self::new(
                Code::TooManyKeys,
                "Your tenant has 100 keys that are not revoked.",
            ),
            AddKeyError::Denied(denied) => denied.into(),
        }
    }
}

impl From<RevokeKeyError> for Problem {
    fn from(error: RevokeKeyError) -> Self {
        match error {
            RevokeKeyError::NotFound => key_not_found(),
            RevokeKeyError::LastLive => Self::new(
                Code::LastKey,
                "Your tenant has no other live key; make one before you revoke this one.",
            ),
            RevokeKeyError::Denied(denied) => denied.into(),
        }
    }
}

impl From<DeleteTenantError> for Problem {
    fn from(error: DeleteTenantError) -> Self {
        match error {
            DeleteTenantError::NotFound => Self::new(Code::TenantNotFound, "There is no such tenant."),
            DeleteTenantError::Denied(denied) => denied.into(),
        }
    }
}

impl From<RebuildError> for Problem {
    fn from(error: RebuildError) -> Self {
        match error {
            RebuildError::UnderWay => Self::new(
                Code::RebuildUnderWay,
                "The projections are being made anew already.",
            ),
            RebuildError::Denied(denied) => denied.into(),
        }
    }
}

/// No key of the caller has the id.
pub(crate) fn key_not_found() -> Problem {
    Problem::new(Code::KeyNotFound, "None of your keys has this id.")
}

impl From<FindStoreError> for Problem {
    fn from(error: FindStoreError) -> Self {
        match error {
            FindStoreError::NotFound => store_not_found(),
            FindStoreError::Ambiguous => Self::new(
                Code::StoreAmbiguous,
                "Several of your stores carry this label; use the store id or the id.",
            ),
            FindStoreError::Denied(denied) => denied.into(),
        }
    }
}

impl From<RegisterError> for Problem {
    fn from(error: RegisterError) -> Self {
        match error {
            RegisterError::Exists => Self::new(Code::StoreExists, "You have registered this store already."),
            RegisterError::CredentialsRejected => Self::new(
                Code::CredentialsRejectedAtRegistration,
                "Order Desk refuses this store id with this API key.",
            ),
            RegisterError::Unverified { retry_after } => Self::new(
                Code::UpstreamUnavailable,
                "Order Desk could not be asked about the credentials; nothing was registered.",
            )
            .retry_after(retry_after),
            RegisterError::Denied(denied) => denied.into(),
        }
    }
}

impl From<ChangeStoreError> for Problem {
    fn from(error: ChangeStoreError) -> Self {
        match error {
            ChangeStoreError::NotFound => store_not_found(),
            ChangeStoreError::Denied(denied) => denied.into(),
        }
    }
}

impl From<EraseError> for Problem {
    fn from(error: EraseError) -> Self {
        match error {
            EraseError::StoreGone => store_not_found(),
            EraseError::Denied(denied) => denied.into(),
        }
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::NotFound => {
                Self::new(Code::OrderNotFound, "Order Desk has no such order in this store.")
            }
            ReadError::StoreGone => store_not_found(),
            ReadError::CredentialsRejected => Self::new(
                Code::CredentialsRejected,
                "Order Desk refuses the API key of this store; give a new one with PATCH.",
            ),
            ReadError::Rejected { status, message } => {
                let problem = Self::new(Code::UpstreamFailed, "Order Desk refused the request.");
                let message = message.map(|message| message.reveal().to_owned());
                problem
                    .with("upstream_status", status)
                    .with("upstream_message", message)
            }
            ReadError::Unavailable { retry_after } => Self::new(
                Code::UpstreamUnavailable,
                "Order Desk cannot be asked at present.",
            )
            .retry_after(retry_after),
            ReadError::Denied(denied) => denied.into(),
        }
    }
}

impl From<OrderAtError> for Problem {
    fn from(error: OrderAtError) -> Self {
        match error {
            OrderAtError::Unknown => Self::new(
                Code::OrderNotFound,
                "The order was not known at that time, or it was deleted.",
            ),
            OrderAtError::Erased => Self::new(Code::Erased, "What was known of the order was erased."),
            OrderAtError::Denied(denied) => denied.into(),
        }
    }
}

/// The problem of a command that was to be tried; `is_order` tells an order's from an inventory item's.
pub(crate) fn dry_run_problem(error: DryRunError, is_order: bool) -> Problem {
    match error {
        DryRunError::Invalid(errors) => {
            let item = |(in_body, error)| ItemError {
                index: 0,
                in_body,
                error,
            };
            Place::Alone.problem(SubmitError::Invalid(errors.into_iter().map(item).collect()))
        }
        DryRunError::OrderNotFound if is_order => {
            Problem::new(Code::OrderNotFound, "Order Desk has no such order in this store.")
        }
        DryRunError::OrderNotFound => item_not_found(),
        DryRunError::PreconditionFailed => Problem::new(
            Code::PreconditionFailed,
            "The order does not carry the tag given by If-Match.",
        ),
        DryRunError::NotApplicable(error) => {
            let problem = Problem::new(error.code.into(), sentence(&error.detail));
            match error.pointer {
                Some(pointer) => {
                    let field = Field::member(FieldCode::FieldInvalid, pointer, error.detail);
                    problem.with_fields(vec![field])
                }
                None => problem,
            }
        }
        DryRunError::CallbackSecretMissing => callback_secret_missing(),
        DryRunError::Read(error) => error.into(),
        DryRunError::Denied(denied) => denied.into(),
    }
}

/// A fragment of the domain as a sentence.
fn sentence(fragment: &str) -> String {
    let mut chars = fragment.chars();
    let first = chars
        .next()
        .map(|c| c.to_uppercase().to_string())
        .unwrap_or_default();
    let stop = if fragment.ends_with('.') { "" } else { "." };
    format!("{first}{}{stop}", chars.as_str())
}

impl From<CancelError> for Problem {
    fn from(error: CancelError) -> Self {
        match error {
            CancelError::NotFound => job_not_found(),
            CancelError::Running => {
                Self::new(Code::JobRunning, "The job's change is on its way to Order Desk.")
            }
            CancelError::Finished => Self::new(Code::JobFinished, "The job has ended."),
            CancelError::Denied(denied) => denied.into(),
        }
    }
}

impl From<RetryError> for Problem {
    fn from(error: RetryError) -> Self {
        match error {
            RetryError::NotFound => job_not_found(),
            RetryError::NotFailed => Self::new(Code::JobNotFailed, "The job has not failed."),
            RetryError::AlreadyRetried(id) => {
                Self::new(Code::JobRetried, "The job was retried already.").with("retried_as", id.to_string())
            }
            RetryError::NeedsAssumption => {
                let detail = "must be applied or not_applied, since the job ended needs_review";
                Self::new(Code::AssumptionNeeded, "Say whether Order Desk has the change.")
                    .with_fields(vec![Field::member(FieldCode::FieldMissing, "/assume", detail)])
            }
            RetryError::NothingToRetry => Self::new(
                Code::JobFinished,
                "If Order Desk has the change, there is nothing to retry.",
            ),
            RetryError::Erased => Self::new(Code::Erased, "What the job was to do was erased."),
            RetryError::StoreGone => Self::new(Code::StoreDeleted, "The job's store was deleted."),
            RetryError::Denied(denied) => denied.into(),
        }
    }
}

impl From<RevertError> for Problem {
    fn from(error: RevertError) -> Self {
        let refused = |detail: &str| Self::new(Code::NotRevertible, detail);
        match error {
            RevertError::NotFound => job_not_found(),
            RevertError::NotEnded => Self::new(Code::JobNotFinished, "The job has not ended."),
            RevertError::NotApplied => refused("The job has changed nothing for certain."),
            RevertError::Kind => refused("Creations, deletions and changes of inventory are not reverted."),
            RevertError::Irreversible(error) => refused(&sentence(&error.to_string())),
            RevertError::Erased => Self::new(Code::Erased, "What the job changed was erased."),
            RevertError::StoreGone => Self::new(Code::StoreDeleted, "The job's store was deleted."),
            RevertError::Denied(denied) => denied.into(),
        }
    }
}

/// Where the commands of a call stand in its request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    /// The body is the one command, its options are query parameters.
    Alone,
    /// The body lists them.
    Batch,
}

impl Place {
    fn field(self, item: &ItemError) -> Field {
        let ItemError {
            index,
            in_body,
            error,
        } = item;
        match (self, in_body) {
            (Self::Alone, true) => Field::under("", error),
            (Self::Alone, false) => match error.pointer.as_str() {
                "/if_match" => Field::header("If-Match", error.detail.clone()),
                pointer => Field::query(error.code, pointer.trim_start_matches('/'), error.detail.clone()),
            },
            (Self::Batch, true) => Field::under(&format!("/jobs/{index}/body"), error),
            // Too many or none: that is about the list, not about an item.
            (Self::Batch, false) if error.pointer.is_empty() => Field::under("/jobs", error),
            (Self::Batch, false) => Field::under(&format!("/jobs/{index}"), error),
        }
    }

    /// The problem of a submission that came to nothing.
    pub(crate) fn problem(self, error: SubmitError) -> Problem {
        match error {
            SubmitError::Invalid(items) => {
                Problem::validation(items.iter().map(|item| self.field(item)).collect())
            }
            SubmitError::ItemKeyReused(items) => {
                let at = |index: &usize| {
                    let pointer = format!("/jobs/{index}/idempotency_key");
                    Field::member(FieldCode::FieldInvalid, pointer, "was used for another request")
                };
                key_reused().with_fields(items.iter().map(at).collect())
            }
            SubmitError::CallbackSecretMissing => callback_secret_missing(),
            SubmitError::StoreGone => store_not_found(),
            SubmitError::Denied(denied) => denied.into(),
        }
    }
}
