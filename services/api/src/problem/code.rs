//! Every problem the service can answer with: its stable code, status, title and what to do about it.

use http::StatusCode;

macro_rules! codes {
    ($($name:ident = $wire:literal, $status:literal, $title:literal, $about:literal;)*) => {
        /// The stable code of a problem.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) enum Code {
            $(#[doc = $title] $name,)*
        }

        impl Code {
            /// Every code.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The wire name, last part of the problem's `type`.
            pub(crate) fn as_str(self) -> &'static str {
                match self { $(Self::$name => $wire,)* }
            }

            /// The HTTP status that goes with it.
            pub(crate) fn status(self) -> StatusCode {
                let status: u16 = match self { $(Self::$name => $status,)* };
                StatusCode::from_u16(status).expect("the table holds HTTP statuses")
            }

            /// What happened, in a few words.
            pub(crate) fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// What it means and what to do, as `GET /problems/<code>` says it.
            pub(crate) fn about(self) -> &'static str {
                match self { $(Self::$name => $about,)* }
            }

            /// Reads a wire name.
            pub(crate) fn parse(text: &str) -> Option<Self> {
                match text { $($wire => Some(Self::$name),)* _ => None }
            }
        }
    };
}

codes! {
    InvalidJson = "invalid_json", 400, "The body is not JSON",
        "The request body could not be parsed. Send one JSON document in UTF-8.";
    InvalidHeader = "invalid_header", 400, "A header cannot be used",
        "A request header has a form or a value that the call does not take; the detail names it.";
    InvalidCursor = "invalid_cursor", 400, "The cursor cannot be used",
        "A cursor is opaque: pass on what `next_cursor` or the `Link` header gave, unchanged.";
    InvalidRequest = "invalid_request", 400, "The request cannot be read",
        "The request is malformed: its path does not decode to text, or its body broke off.";
    Unauthorized = "unauthorized", 401, "A master key is needed",
        "Send `Authorization: Bearer <MASTER_KEY>` with a key that exists. Keys in the query are refused, since they end up in logs.";
    KeyRevoked = "key_revoked", 401, "The master key was withdrawn",
        "The key was revoked, has expired or its tenant was erased. It will never be accepted again.";
    InvalidSignature = "invalid_signature", 401, "The signature does not fit",
        "The call is not signed with the API key of a registered store, or with the gateway's secret.";
    NotFound = "not_found", 404, "There is nothing here",
        "No such path. Paths are listed in the documentation of the service.";
    StoreNotFound = "store_not_found", 404, "There is no such store",
        "None of the tenant's stores has this Order Desk store id, id or label.";
    OrderNotFound = "order_not_found", 404, "There is no such order",
        "Order Desk has no order with this id in this store.";
    ItemNotFound = "item_not_found", 404, "There is no such inventory item",
        "Order Desk has no inventory item with this id in this store.";
    FolderNotFound = "folder_not_found", 422, "There is no such folder",
        "The store has no folder with this id or name.";
    JobNotFound = "job_not_found", 404, "There is no such job",
        "None of the tenant's jobs has this id.";
    PositionNotFound = "position_not_found", 404, "There is no such position",
        "None of the tenant's events stands at this position of the log.";
    KeyNotFound = "key_not_found", 404, "There is no such key",
        "None of the tenant's keys has this id.";
    EndpointNotFound = "endpoint_not_found", 404, "There is no such webhook endpoint",
        "None of the tenant's webhook endpoints has this id.";
    DeliveryNotFound = "delivery_not_found", 404, "There is no such webhook delivery",
        "None of the tenant's webhook deliveries has this id, or it is no longer kept.";
    TenantNotFound = "tenant_not_found", 404, "There is no such tenant",
        "No tenant has this id, or the key's tenant is yet to be written by its first change.";
    ProjectionNotFound = "projection_not_found", 404, "There is no such projection",
        "The detail lists those that there are; `all` means all of them.";
    MethodNotAllowed = "method_not_allowed", 405, "The method is not allowed here",
        "The path exists, the method does not; the `Allow` header lists those that do.";
    NotAcceptable = "not_acceptable", 406, "The answer has another media type",
        "The path answers with a media type that the `Accept` header does not allow; the detail names it.";
    RequestTimeout = "request_timeout", 408, "The body did not arrive in time",
        "A request body has 30 seconds to arrive, and one more for each 64 KiB that have arrived.";
    StoreExists = "store_exists", 409, "The store is registered already",
        "The tenant has this Order Desk store already. Change it with PATCH, or delete it first.";
    StoreAmbiguous = "store_ambiguous", 409, "Several stores have this label",
        "A label addresses a store only while it is unique. Use the Order Desk store id or the id.";
    LastKey = "last_key", 409, "It is the last live key",
        "Without it nobody could open the tenant. Make another key first, or delete the tenant.";
    TooManyKeys = "too_many_keys", 409, "The tenant has too many keys",
        "A tenant may have 100 keys that are not revoked. Revoke those that are not used.";
    TooManyEndpoints = "too_many_endpoints", 409, "The tenant has too many webhook endpoints",
        "A tenant may have 100 webhook endpoints. Delete those that are not used.";
    EndpointDisabled = "endpoint_disabled", 409, "The webhook endpoint is disabled",
        "It is told nothing while it is disabled. Enable it with PATCH.";
    RebuildUnderWay = "rebuild_under_way", 409, "A rebuild is under way",
        "The projections are being made anew already.";
    JobRunning = "job_running", 409, "The job's change is on its way",
        "A request to Order Desk has been announced for the job, so it can no longer be cancelled.";
    JobFinished = "job_finished", 409, "The job has ended",
        "Final states never change.";
    JobNotFinished = "job_not_finished", 409, "The job has not ended",
        "Only what a job has done can be reverted. Wait for its end, or cancel it.";
    NotRevertible = "not_revertible", 409, "The job cannot be reverted",
        "Only a change of an order that Order Desk has taken can be taken back; the detail says what is in the way.";
    JobNotFailed = "job_not_failed", 409, "Only a failed job can be retried",
        "The job has not failed, so there is nothing to repeat.";
    JobRetried = "job_retried", 409, "The job was retried already",
        "The job has a successor, named by `retried_as`. Retry that one if it failed too.";
    IdempotencyInProgress = "idempotency_in_progress", 409, "The same request is under way",
        "A request with this `Idempotency-Key` has not been answered yet. Ask again shortly.";
    OrderExists = "order_exists", 409, "The order exists already",
        "The store has an order with this source id; `existing_order_id` names it.";
    StoreDeleted = "store_deleted", 409, "The store was deleted",
        "The store was deleted before the command could end.";
    NotSealed = "not_sealed", 409, "The log is not signed so far",
        "What was recorded is sealed and signed within ten seconds. Ask again after `Retry-After`.";
    ConflictUnresolved = "conflict_unresolved", 409, "The order kept changing",
        "Others changed the order each time an update was prepared.";
    NeedsReview = "needs_review", 409, "The effect is unclear",
        "A request to Order Desk was not answered, and its effect can neither be proven nor excluded. Look at the order, then retry with `assume`.";
    AssumptionNeeded = "assumption_needed", 422, "Say what to assume",
        "The job ended `needs_review`. Retry it with `{\"assume\": \"applied\"}` or `{\"assume\": \"not_applied\"}`.";
    Erased = "erased", 410, "The data were erased",
        "The personal data that the request needs were erased.";
    PreconditionFailed = "precondition_failed", 412, "The order is another than you knew",
        "The order does not carry the tag given by `If-Match`. Read it again and decide anew.";
    BodyTooLarge = "body_too_large", 413, "The body is too large",
        "A body may have 1 MiB, a batch of jobs 8 MiB.";
    UriTooLong = "uri_too_long", 414, "The URI is too long",
        "Path and query may have 8 KiB together.";
    UnsupportedMediaType = "unsupported_media_type", 415, "The body must be JSON",
        "Send `Content-Type: application/json`.";
    ValidationFailed = "validation_failed", 422, "The request has errors",
        "Members or parameters are missing, unknown or out of range; `errors` points to each.";
    FieldReadOnly = "field_read_only", 422, "The field is managed by Order Desk",
        "Order Desk computes the field; it can be tested and copied from, not written.";
    IdempotencyKeyReused = "idempotency_key_reused", 422, "The idempotency key was used for another request",
        "A key stands for one request: same method, path, query, `If-Match` and body. Take a new one.";
    CallbackSecretMissing = "callback_secret_missing", 422, "There is no callback secret",
        "`callback_url` needs a secret with which the callbacks are signed; `POST /tenant/callback-secret` makes one.";
    CredentialsRejectedAtRegistration = "store_credentials_rejected", 422, "Order Desk refuses these credentials",
        "Store id and API key were tried with Order Desk and refused.";
    TestFailed = "test_failed", 422, "A test operation failed",
        "The order is not as a `test` operation says. Nothing was written.";
    PatchNotApplicable = "patch_not_applicable", 422, "The change does not fit the order",
        "An operation names a place that the order does not have, or a value that does not go there.";
    UpstreamRejected = "upstream_rejected", 422, "Order Desk refused the change",
        "Order Desk answered the change with a refusal; `upstream_status` has its status.";
    NotTaken = "not_taken_by_order_desk", 422, "Order Desk did not take the change",
        "Order Desk accepted the update and the order shows nothing of it.";
    HeadersTooLarge = "headers_too_large", 431, "The headers are too large",
        "All headers of a request may have 32 KiB together.";
    TooManyRequests = "too_many_requests", 429, "Too many requests",
        "Wait for the time that `Retry-After` says.";
    Internal = "internal_error", 500, "Something broke here",
        "A fault of the gateway. Tell its operator the request id.";
    PartiallyApplied = "partially_applied", 500, "Part of the change was made",
        "One of the requests that the change needs was refused after another had been taken; `result.patch` has what was applied.";
    AttemptsExhausted = "attempts_exhausted", 502, "All attempts failed",
        "Each attempt came to nothing; `cause` has the last reason.";
    CredentialsRejected = "credentials_rejected", 502, "Order Desk refuses the store's credentials",
        "Order Desk refuses the API key with which the store is registered. Give a new one with PATCH.";
    UpstreamFailed = "upstream_failed", 502, "Order Desk gave no usable answer",
        "Order Desk answered, but not with what its documentation promises.";
    Unavailable = "unavailable", 503, "The service cannot answer now",
        "Something that the service needs is not there at the moment. Repeat after `Retry-After`.";
    Busy = "busy", 503, "Too many log-ins at once",
        "The key could not be verified in time. Repeat after `Retry-After`.";
    UpstreamUnavailable = "upstream_unavailable", 503, "Order Desk cannot be reached",
        "Order Desk does not answer, or its request limit is used up. Repeat after `Retry-After`.";
    HandlerTimeout = "timeout", 503, "The answer took too long",
        "The request was given up. Whether it had an effect is unclear: repeat it with the same `Idempotency-Key`.";
    DeadlineExceeded = "deadline_exceeded", 504, "The job did not end in time",
        "The job's deadline passed before its change could be made.";
}

impl From<domain::job::ErrorCode> for Code {
    fn from(code: domain::job::ErrorCode) -> Self {
        use domain::job::ErrorCode as Job;
        match code {
            Job::OrderNotFound => Self::OrderNotFound,
            Job::ItemNotFound => Self::ItemNotFound,
            Job::FolderNotFound => Self::FolderNotFound,
            Job::OrderExists => Self::OrderExists,
            Job::UpstreamRejected => Self::UpstreamRejected,
            Job::UpstreamUnavailable => Self::UpstreamUnavailable,
            Job::CredentialsRejected => Self::CredentialsRejected,
            Job::TestFailed => Self::TestFailed,
            Job::PatchNotApplicable => Self::PatchNotApplicable,
            Job::PreconditionFailed => Self::PreconditionFailed,
            Job::ConflictUnresolved => Self::ConflictUnresolved,
            Job::NotTaken => Self::NotTaken,
            Job::PartiallyApplied => Self::PartiallyApplied,
            Job::Erased => Self::Erased,
            Job::AttemptsExhausted => Self::AttemptsExhausted,
            Job::DeadlineExceeded => Self::DeadlineExceeded,
            Job::StoreDeleted => Self::StoreDeleted,
            Job::NeedsReview => Self::NeedsReview,
            Job::Internal => Self::Internal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_reads_back_and_names_an_error_status() {
        for code in Code::ALL {
            assert_eq!(Code::parse(code.as_str()), Some(*code));
            assert!(code.status().as_u16() >= 400, "{code:?}");
            assert!(
                code.as_str().bytes().all(|b| b.is_ascii_lowercase() || b == b'_'),
                "{code:?}"
            );
        }
        assert_eq!(Code::parse("nonsense"), None);
    }

    #[test]
    fn what_a_job_reports_keeps_its_name() {
        for name in [
            "order_not_found",
            "not_taken_by_order_desk",
            "needs_review",
            "internal_error",
        ] {
            let code: domain::job::ErrorCode = serde_json::from_value(name.into()).unwrap();
            assert_eq!(Code::from(code).as_str(), name);
        }
    }
}
