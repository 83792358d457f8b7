//! What a log line says about the work during which it was written.

use std::sync::Arc;

tokio::task_local! {
    static CONTEXT: Arc<dyn LogContext>;
}

/// Work that has names by which its log lines are to be found, such as `request_id` and `job_id`.
pub trait LogContext: Send + Sync {
    /// Tells each name with its value, as far as they are known by now.
    fn fields(&self, tell: &mut dyn FnMut(&'static str, &str));
}

/// Runs `work`; every log line that is written during it carries the fields of `context`, unless the line has fields of
/// the same names.
///
/// A task that `work` spawns begins without a context. Nothing is allocated, so that a request may afford it.
pub async fn log_context<F: Future>(context: Arc<dyn LogContext>, work: F) -> F::Output {
    CONTEXT.scope(context, work).await
}

/// Tells the fields of the work under way, if there is any.
pub(super) fn tell(mut to: impl FnMut(&'static str, &str)) {
    let _ = CONTEXT.try_with(|context| context.fields(&mut to));
}
