//! `/jobs`: looking at jobs, waiting for them, cancelling, repeating and reverting them.

pub(crate) mod batch;
pub(crate) mod cancel;
pub(crate) mod events;
mod filter;
pub(crate) mod find;
pub(crate) mod list;
pub(crate) mod many;
pub(crate) mod retry;
pub(crate) mod revert;
pub(crate) mod verb;

pub(crate) use batch::batch;
pub(crate) use events::{events_of_all, events_of_one};
pub(crate) use filter::store_meant;
pub(crate) use find::find;
pub(crate) use list::list;
pub(crate) use many::{cancel_many, retry_many};
pub(crate) use verb::verb;

use app::JobView;

use crate::observe::Context;

/// From here on the log names the job.
fn note(context: &Context, view: &JobView) {
    context.log(|fields| {
        fields.job_id = Some(view.job.id.to_string());
        fields.store_id = Some(view.job.upstream_store_id.to_string());
    });
}
