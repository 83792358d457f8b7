//! What a request says, parsed once: beyond here nothing is a raw string.

mod admin;
mod body;
mod bounded;
pub(crate) mod caller;
pub(crate) mod client;
mod command;
mod event_stream;
mod idempotency_key;
mod json;
mod options;
mod page;
mod params;
mod path;
mod precondition;
mod prefer;
#[cfg(test)]
mod properties;
mod search;
mod shape;
mod traceparent;

pub(crate) use admin::Admin;
pub(crate) use body::{BATCH_LIMIT, JsonBody, OptionalJsonBody, RawBody};
pub(crate) use bounded::{MAX_WAIT, handler_limit};
pub(crate) use caller::Caller;
pub(crate) use command::{Change, CommandRequest};
pub(crate) use event_stream::LastEventId;
pub(crate) use idempotency_key::check as key_rule;
pub(crate) use options::Options;
pub(crate) use page::{Page, PageQuery};
pub(crate) use params::Params;
pub(crate) use path::{
    DELIVERY_VERBS, DeliveryVerbPath, ENDPOINT_VERBS, EndpointPath, EndpointVerbPath, ItemPath, JOB_VERBS,
    JobPath, JobVerb, JobVerbPath, KeyPath, ORDER_VERBS, OrderPath, OrderVerb, OrderVerbPath,
    PROJECTION_VERBS, ProjectionVerbPath, StorePath, TenantPath, split_verb,
};
pub(crate) use precondition::IfNoneMatch;
pub(crate) use prefer::Prefer;
pub(crate) use search::search;
pub(crate) use shape::{LABEL_RULE, Shape, is_label};
pub(crate) use traceparent::traceparent;
