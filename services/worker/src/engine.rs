//! Starts what the schedule says, until the worker drains.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::context::Context;
use crate::schedule::{Action, Finish, Plan, ReadOutcome};
use crate::{cycle, deletion, feed, partitions};

type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

/// Runs one incarnation: all its tasks, until it has handed everything over.
pub(crate) async fn run(context: Arc<Context>, draining: CancellationToken) -> Outcome {
    let stopped = CancellationToken::new();
    let feed = tokio::spawn(feed::run(Arc::clone(&context), stopped.clone()));
    let deletion = tokio::spawn(deletion::run(Arc::clone(&context), stopped.clone()));
    let starter = tokio::spawn(start(Arc::clone(&context), stopped.clone()));
    let gauges = tokio::spawn(gauge(Arc::clone(&context), stopped.clone()));
    // The heartbeat is the last to end: what runs needs the lease until it is done.
    partitions::run(&context, &draining).await;
    stopped.cancel();
    for (name, task) in [("feed", feed), ("deletion", deletion), ("starter", starter), ("gauges", gauges)] {
        if let Err(error) = task.await {
            return Err(format!("{name}: {error}").into());
        }
    }
    Ok(())
}

async fn start(context: Arc<Context>, stopped: CancellationToken) {
    let cycles = TaskTracker::new();
    loop {
        while let Some(action) = context.look(super::schedule::Schedule::next) {
            perform(&context, action, &cycles);
        }
        let sleep = context.look(|schedule, now| schedule.sleep(now));
        tokio::select! {
            () = context.wake.notified() => {}
            () = tokio::time::sleep(sleep) => {}
            () = stopped.cancelled() => break,
        }
    }
    cycles.close();
    cycles.wait().await;
}

fn perform(context: &Arc<Context>, action: Action, cycles: &TaskTracker) {
    match action {
        Action::Run(plan) => {
            cycles.spawn(run_cycle(Arc::clone(context), plan));
        }
        Action::Expire { job, store_id } => {
            let context = Arc::clone(context);
            cycles.spawn(async move { cycle::expire(&context, job, store_id).await });
        }
        Action::Grant { grant, upstream } => {
            if !tell(context, grant, ReadOutcome::Granted) {
                // Nobody waits any more: the token goes back, the order is free.
                context.schedule(|schedule, now| {
                    schedule.refund(&upstream, 1, now);
                    schedule.end_read(grant);
                });
            } else if let Some(ticket) = context.look(|schedule, now| schedule.sent(&upstream, now)) {
                // The reader's answer does not come back to us: count it as answered without a header.
                context.look(|schedule, now| {
                    schedule.report(&upstream, |bucket, _| bucket.observed(ticket, None, now.boot));
                });
            }
        }
        Action::Refuse { grant, retry_after_ms } => {
            tell(context, grant, ReadOutcome::Refused(retry_after_ms));
        }
    }
}

fn tell(context: &Context, grant: uuid::Uuid, outcome: ReadOutcome) -> bool {
    let reader = context.readers.lock().unwrap_or_else(std::sync::PoisonError::into_inner).remove(&grant);
    reader.is_some_and(|reader| reader.send(outcome).is_ok())
}

async fn run_cycle(context: Arc<Context>, plan: Plan) {
    let inner = tokio::spawn({
        let (context, plan) = (Arc::clone(&context), plan.clone());
        async move { cycle::run(&context, &plan).await }
    });
    let finish = match inner.await {
        Ok(finish) => finish,
        Err(error) => {
            tracing::error!(error = %error, lane = %plan.lane, "a cycle panicked");
            let hold_until = context.now().at.plus(Duration::from_secs(5));
            let doubt = match plan.work {
                crate::schedule::Work::Judge(batch) => {
                    Some(crate::schedule::Doubt { batch, not_before: hold_until })
                }
                crate::schedule::Work::Change(_) => None,
            };
            Finish { hold_until: Some(hold_until), doubt, ..Finish::default() }
        }
    };
    context.schedule(|schedule, now| schedule.finish(&plan, &finish, now));
}

async fn gauge(context: Arc<Context>, stopped: CancellationToken) {
    loop {
        let (jobs, cycles, oldest) = context.look(|schedule, now| {
            let (jobs, cycles) = schedule.sizes();
            (jobs, cycles, schedule.oldest_eligible(now).map_or(Duration::ZERO, |at| now.at.since(at)))
        });
        metrics::gauge!("worker_jobs_open").set(jobs as f64);
        metrics::gauge!("worker_cycles_running").set(cycles as f64);
        metrics::gauge!("worker_oldest_wait_seconds").set(oldest.as_secs_f64());
        metrics::gauge!("worker_partitions").set(context.lease.owned().len() as f64);
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(5)) => {}
            () = stopped.cancelled() => return,
        }
    }
}
