//! Heartbeat, take-over and hand-over.
//!
//! Shares follow the live membership: each incarnation takes what nobody owns up to its share and gives back what
//! is beyond it. A stopping one counts no longer as live, lets its cycles end and gives back partition by
//! partition; a dead one's partitions are free once its heartbeat has run out by the ledger's clock.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use domain::{IncarnationId, Timestamp};
use ledger::{Claimed, Membership};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::context::Context;
use crate::feed;
use crate::grants;

/// The tasks of the partitions that we own; each ends when its guard is dropped.
pub(crate) type Served = HashMap<u16, DropGuard>;

/// How often a stopping worker looks whether something can be handed over.
const HAND_OVER: Duration = Duration::from_millis(20);

/// The heartbeat's pause while we have less than our share, since others are about to give it back. Each hand-over would
/// otherwise cost a whole pause, and one that comes in parts several.
const SHORT_OF_SHARE: Duration = Duration::from_millis(100);

/// Keeps the heartbeat until everything is handed over after `draining`.
pub(crate) async fn run(context: &Arc<Context>, draining: &CancellationToken) {
    let ttl = context.config.lease_ttl;
    let every = (ttl / 5).min(Duration::from_secs(1));
    let mut served = Served::new();
    loop {
        let stopping = draining.is_cancelled();
        if stopping {
            for (partition, _) in context.lease.owned() {
                context.schedule(|schedule, _| schedule.drain_partition(partition));
            }
        }
        let sent = context.clock.boot();
        let mut pause_for = every;
        // One that hangs must not keep the next one from succeeding.
        let beat = context
            .ledger
            .heartbeat(context.lease.incarnation(), ttl, stopping);
        match tokio::time::timeout(ttl, beat).await {
            Ok(Ok(membership)) => {
                // What is lost goes first: with the lease renewed it would pass as ours for a moment.
                drop_lost(context, &membership, &mut served);
                context.lease.renewed(sent, ttl);
                context.wake.notify_one();
                settle(context, &membership, &mut served, stopping).await;
                if !stopping && context.lease.owned().len() < share(&membership, context.lease.incarnation())
                {
                    pause_for = every.min(SHORT_OF_SHARE);
                }
            }
            Ok(Err(error)) => tracing::warn!(error = %error, "heartbeat failed"),
            Err(_) => tracing::warn!("heartbeat not answered"),
        }
        if stopping && context.lease.owned().is_empty() {
            break;
        }
        pause(context, draining, pause_for, stopping).await;
    }
    if let Err(error) = context.ledger.goodbye(context.lease.incarnation()).await {
        tracing::warn!(error = %error, "goodbye failed; the lease will run out");
    }
}

/// Waits until the next heartbeat is due, or something is to be done at once.
async fn pause(context: &Context, draining: &CancellationToken, every: Duration, stopping: bool) {
    if !stopping {
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            () = draining.cancelled() => {}
        }
        return;
    }
    let until = tokio::time::Instant::now() + every;
    while tokio::time::Instant::now() < until {
        tokio::time::sleep(HAND_OVER).await;
        if !at_rest(context).is_empty() {
            return;
        }
    }
}

/// Partitions by epoch that the ledger says are ours.
fn mine(membership: &Membership, me: IncarnationId) -> HashMap<u16, u64> {
    let mine = membership
        .partitions
        .iter()
        .filter(|partition| partition.owner == Some(me));
    mine.map(|partition| (partition.partition, partition.epoch))
        .collect()
}

pub(crate) fn drop_lost(context: &Context, membership: &Membership, served: &mut Served) {
    let mine = mine(membership, context.lease.incarnation());
    for (partition, epoch) in context.lease.owned() {
        if mine.get(&partition) != Some(&epoch) {
            tracing::warn!(partition, "partition lost to another worker");
            metrics::counter!("worker_partitions_lost_total").increment(1);
            drop_partition(context, served, partition);
        }
    }
}

pub(crate) async fn settle(
    context: &Arc<Context>,
    membership: &Membership,
    served: &mut Served,
    stopping: bool,
) {
    if stopping {
        give_back(context, served).await;
        return;
    }
    let me = context.lease.incarnation();
    let mine = mine(membership, me);
    // Former owners are dead, whatever their heartbeats say: all is ours at once.
    let sole = context.config.sole;
    let share = if sole {
        membership.partitions.len()
    } else {
        share(membership, me)
    };
    // Before anything is given back, which the answer to this heartbeat still shows as ours.
    adopt(context, served, &mine, membership.now);
    drain_excess(context, mine.len().saturating_sub(share));
    give_back(context, served).await;
    let free: Vec<u16> = membership
        .partitions
        .iter()
        .filter(|partition| {
            partition.owner != Some(me) && (sole || !partition.live || partition.owner.is_none())
        })
        .map(|partition| partition.partition)
        // What still runs from before we lost it would act under the new epoch.
        .filter(|partition| context.look(|schedule, _| schedule.is_idle(*partition)))
        .take(share.saturating_sub(mine.len()))
        .collect();
    if free.is_empty() {
        return;
    }
    match context.ledger.claim(me, &free, sole).await {
        Ok(claimed) => take_over(context, served, &claimed, membership.now),
        Err(error) => tracing::warn!(error = %error, "claim failed"),
    }
}

/// Drains as many as are beyond our share, and goes on with all others: what was to be given back may be needed again.
fn drain_excess(context: &Context, excess: usize) {
    let owned: BTreeSet<u16> = context
        .lease
        .owned()
        .into_iter()
        .map(|(partition, _)| partition)
        .collect();
    let drained: HashSet<u16> = owned.iter().rev().take(excess).copied().collect();
    if !drained.is_empty() {
        tracing::info!(count = drained.len(), "handing over partitions");
    }
    for partition in owned {
        context.schedule(|schedule, _| {
            if drained.contains(&partition) {
                schedule.drain_partition(partition);
            } else {
                schedule.resume_partition(partition);
            }
        });
    }
}

/// Takes up partitions that the ledger says are ours without our knowing: the answer to a claim was lost.
fn adopt(context: &Arc<Context>, served: &mut Served, mine: &HashMap<u16, u64>, now: Timestamp) {
    let unknown: Vec<Claimed> = mine
        .iter()
        .filter(|(partition, _)| !context.lease.owns(**partition))
        .filter(|(partition, _)| context.look(|schedule, _| schedule.is_idle(**partition)))
        .map(|(partition, epoch)| Claimed {
            partition: *partition,
            epoch: *epoch,
            idle_since: Some(now),
        })
        .collect();
    take_over(context, served, &unknown, now);
}

/// How many partitions are ours when all live incarnations share evenly.
fn share(membership: &Membership, me: domain::IncarnationId) -> usize {
    let live = membership.live.len().max(1);
    let all = membership.partitions.len();
    let rank = membership
        .live
        .iter()
        .position(|other| *other == me)
        .unwrap_or(live);
    all / live + usize::from(rank < all % live)
}

fn take_over(context: &Arc<Context>, served: &mut Served, claimed: &[Claimed], now: Timestamp) {
    for claim in claimed {
        let idle = claim.idle_since.map(|since| now.since(since));
        context.lease.gained(claim.partition, claim.epoch);
        context.schedule(|schedule, at| schedule.add_partition(claim.partition, idle, at));
        if claim.idle_since.is_some() {
            metrics::counter!("worker_take_overs_total").increment(1);
        }
    }
    if claimed.is_empty() {
        return;
    }
    let partitions: Vec<u16> = claimed.iter().map(|claim| claim.partition).collect();
    tracing::info!(partitions = ?partitions, "took over partitions");
    for partition in partitions {
        let lost = CancellationToken::new();
        served.insert(partition, lost.clone().drop_guard());
        // A task of its own: a heartbeat must not wait for a long backlog to be read.
        tokio::spawn(lost.run_until_cancelled_owned(serve(Arc::clone(context), partition)));
    }
}

/// Everything that a partition needs while it is ours.
async fn serve(context: Arc<Context>, partition: u16) {
    feed::load(&context, partition).await;
    let _serving = grants::serve(&context, partition).await;
    if context.config.hints {
        feed::listen(&context, partition).await;
    }
    std::future::pending::<()>().await;
}

/// Drained partitions that have come to rest.
fn at_rest(context: &Context) -> Vec<u16> {
    let owned = context.lease.owned().into_iter().map(|(partition, _)| partition);
    owned
        .filter(|partition| context.look(|schedule, _| schedule.may_hand_over(*partition)))
        .collect()
}

/// Gives back drained partitions that have come to rest.
async fn give_back(context: &Arc<Context>, served: &mut Served) {
    let idle = at_rest(context);
    if idle.is_empty() {
        return;
    }
    match context.ledger.release(context.lease.incarnation(), &idle).await {
        Ok(()) => {
            for partition in idle {
                drop_partition(context, served, partition);
            }
        }
        Err(error) => tracing::warn!(error = %error, "hand-over failed"),
    }
}

fn drop_partition(context: &Context, served: &mut Served, partition: u16) {
    served.remove(&partition);
    context.lease.lost(partition);
    context.schedule(|schedule, _| schedule.drop_partition(partition));
}

#[cfg(test)]
mod tests {
    use ledger::PartitionOwner;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn shares_add_up_to_all_partitions() {
        for workers in 1..9u128 {
            let live: Vec<IncarnationId> = (1..=workers).map(|n| IncarnationId(Uuid::from_u128(n))).collect();
            let partitions = (0..64)
                .map(|partition| PartitionOwner {
                    partition,
                    owner: None,
                    epoch: 0,
                    live: false,
                })
                .collect();
            let membership = Membership {
                live: live.clone(),
                partitions,
                now: Timestamp::EPOCH,
            };
            let sum: usize = live.iter().map(|me| share(&membership, *me)).sum();
            assert_eq!(sum, 64, "{workers} workers");
        }
    }
}
