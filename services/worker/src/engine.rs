//! Starts what the schedule says, until the worker drains.

use std::error::Error;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use runtime::telemetry::log_context;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use crate::context::Context;
use crate::lease::WRITE_NEEDS;
use crate::logs::Subject;
use crate::schedule::{Action, Doubt, Finish, Plan, ReadOutcome, Work};
use crate::trace::Spans;
use crate::upstream::ABANDONED;
use crate::{cycle, deletion, erasure, feed, metric, partitions, seals};

type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

/// How soon to look again while there is no lease; a heartbeat that arrives wakes us sooner.
const NO_LEASE: Duration = Duration::from_millis(500);

/// Runs one incarnation: all its tasks, until it has handed everything over.
pub(crate) async fn run(context: Arc<Context>, draining: CancellationToken) -> Outcome {
    let stopped = CancellationToken::new();
    let feed = tokio::spawn(feed::run(Arc::clone(&context), stopped.clone()));
    let deletion = tokio::spawn(deletion::run(Arc::clone(&context), stopped.clone()));
    let erasure = tokio::spawn(erasure::run(Arc::clone(&context), stopped.clone()));
    let starter = tokio::spawn(start(Arc::clone(&context), stopped.clone()));
    let seals = tokio::spawn(seals::run(Arc::clone(&context), stopped.clone()));
    let gauges = tokio::spawn(gauge(Arc::clone(&context), stopped.clone()));
    // The heartbeat is the last to end: what runs needs the lease until it is done.
    partitions::run(&context, &draining).await;
    stopped.cancel();
    for (name, task) in [
        ("feed", feed),
        ("deletion", deletion),
        ("erasure", erasure),
        ("starter", starter),
        ("seals", seals),
        ("gauges", gauges),
    ] {
        if let Err(error) = task.await {
            return Err(format!("{name}: {error}").into());
        }
    }
    Ok(())
}

async fn start(context: Arc<Context>, stopped: CancellationToken) {
    let cycles = TaskTracker::new();
    loop {
        // Without a lease nothing can be sent or written: what is due waits for the next heartbeat.
        let mut sleep = NO_LEASE;
        if context.lease.left(context.clock.boot()) >= WRITE_NEEDS {
            while let Some(action) = context.look(super::schedule::Schedule::next) {
                perform(&context, action, &cycles);
            }
            sleep = context.look(|schedule, now| schedule.sleep(now));
        }
        tokio::select! {
            () = context.wake.notified() => {}
            () = tokio::time::sleep(sleep) => {}
            () = stopped.cancelled() => break,
        }
    }
    cycles.close();
    cycles.wait().await;
}

pub(crate) fn perform(context: &Arc<Context>, action: Action, cycles: &TaskTracker) {
    match action {
        Action::Run(plan) => {
            cycles.spawn(run_cycle(Arc::clone(context), plan));
        }
        Action::Expire { job, .. } => {
            let context = Arc::clone(context);
            cycles.spawn(async move { cycle::expire(&context, job).await });
        }
        Action::Grant { grant } => {
            if !tell(context, grant, ReadOutcome::Granted) {
                // Nobody waits any more: the token goes back, the order is free.
                context.schedule(|schedule, now| schedule.cancel_read(grant, now));
            }
        }
        Action::Refuse {
            grant,
            retry_after_ms,
        } => {
            tell(context, grant, ReadOutcome::Refused(retry_after_ms));
        }
    }
}

fn tell(context: &Context, grant: uuid::Uuid, outcome: ReadOutcome) -> bool {
    let reader = context
        .readers
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .remove(&grant);
    reader.is_some_and(|reader| reader.send(outcome).is_ok())
}

async fn run_cycle(context: Arc<Context>, plan: Plan) {
    let subject = Arc::new(Subject::of(&context, &plan));
    log_context(Arc::clone(&subject) as _, carry_out(context, plan, subject)).await;
}

async fn carry_out(context: Arc<Context>, plan: Plan, subject: Arc<Subject>) {
    let abandoned = CancellationToken::new();
    let mut inner = tokio::spawn(ABANDONED.scope(abandoned.clone(), {
        let (context, plan) = (Arc::clone(&context), plan.clone());
        log_context(Arc::clone(&subject) as _, async move {
            let spans = Spans::begin(&context, &plan).await;
            let cycle = cycle::run(&context, &plan, &subject);
            let finish = cycle.instrument(spans.batch.clone()).await;
            spans.end(&finish);
            finish
        })
    }));
    let ended = tokio::select! {
        ended = &mut inner => ended,
        () = abandoned.cancelled() => {
            // It waits before a request that it must not send.
            tracing::info!(lane = %plan.lane, partition = plan.partition, "a cycle without a lease is abandoned");
            inner.abort();
            inner.await
        }
    };
    let finish = match ended {
        Ok(finish) => finish,
        Err(error) => broken_off(&context, &plan, &error),
    };
    context.schedule(|schedule, now| schedule.finish(&plan, &finish, now));
}

/// What a cycle leaves that did not come to its end. A request of it shows in its jobs' rows, and the schedule takes it
/// as in doubt.
fn broken_off(context: &Context, plan: &Plan, error: &tokio::task::JoinError) -> Finish {
    if error.is_panic() {
        tracing::error!(error = %error, lane = %plan.lane, "a cycle panicked");
    }
    context.news.notify_one();
    let hold_until = context.now().at.plus(Duration::from_secs(5));
    let doubt = match plan.work {
        Work::Judge(batch) => Some(Doubt {
            batch,
            not_before: hold_until,
        }),
        Work::Change(_) => None,
    };
    Finish {
        hold_until: Some(hold_until),
        doubt,
        ..Finish::default()
    }
}

async fn gauge(context: Arc<Context>, stopped: CancellationToken) {
    loop {
        let census = context.look(|schedule, now| schedule.census(now));
        let readers = context
            .readers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len();
        metric::stand(
            &census,
            context.lease.owned().len(),
            context.lease.left(context.clock.boot()),
            readers,
        );
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(5)) => {}
            () = stopped.cancelled() => return,
        }
    }
}
