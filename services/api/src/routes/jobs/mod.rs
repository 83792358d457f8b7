//! `/jobs`: looking at jobs, waiting for them, cancelling and repeating them.

mod batch;
mod cancel;
mod events;
mod filter;
mod find;
mod list;
mod many;
mod retry;
mod verb;

pub(crate) use batch::batch;
pub(crate) use events::{events_of_all, events_of_one};
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
