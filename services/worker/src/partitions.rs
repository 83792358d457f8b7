//! Heartbeat, take-over and hand-over.
//!
//! Shares follow the live membership: each incarnation takes what nobody owns up to its share and gives back what
//! is beyond it. A stopping one counts no longer as live, lets its cycles end and gives back partition by
//! partition; a dead one's partitions are free once its heartbeat has run out by the ledger's clock.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use domain::Timestamp;
use ledger::{Claimed, Membership};
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::feed;
use crate::grants;

type Served = HashMap<u16, Box<dyn Send + Sync>>;

/// Keeps the heartbeat until everything is handed over after `draining`.
pub(crate) async fn run(context: &Arc<Context>, draining: &CancellationToken) {
    let every = (context.config.lease_ttl / 5).min(Duration::from_secs(1));
    let mut served = Served::new();
    let mut first = true;
    loop {
        let stopping = draining.is_cancelled();
        if stopping {
            for (partition, _) in context.lease.owned() {
                context.schedule(|schedule, _| schedule.drain_partition(partition));
            }
        }
        let sent = context.clock.boot();
        match context.ledger.heartbeat(context.lease.incarnation(), context.config.lease_ttl, stopping).await {
            Ok(membership) => {
                context.lease.renewed(sent, context.config.lease_ttl);
                settle(context, &membership, &mut served, stopping, std::mem::take(&mut first)).await;
            }
            Err(error) => tracing::warn!(error = %error, "heartbeat failed"),
        }
        if stopping && context.lease.owned().is_empty() {
            break;
        }
        let pause = if stopping { Duration::from_millis(20) } else { every };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = draining.cancelled(), if !stopping => {}
        }
    }
    if let Err(error) = context.ledger.goodbye(context.lease.incarnation()).await {
        tracing::warn!(error = %error, "goodbye failed; the lease will run out");
    }
}

async fn settle(context: &Arc<Context>, membership: &Membership, served: &mut Served, stopping: bool, first: bool) {
    let me = context.lease.incarnation();
    let mine: HashMap<u16, u64> = membership
        .partitions
        .iter()
        .filter(|partition| partition.owner == Some(me))
        .map(|partition| (partition.partition, partition.epoch))
        .collect();
    for (partition, epoch) in context.lease.owned() {
        if mine.get(&partition) != Some(&epoch) {
            tracing::warn!(partition, "partition lost to another worker");
            metrics::counter!("worker_partitions_lost_total").increment(1);
            drop_partition(context, served, partition);
        }
    }
    if stopping {
        give_back(context, served, usize::MAX).await;
        return;
    }
    let share = share(membership, me);
    if mine.len() > share {
        let excess = mine.len() - share;
        let mut owned: Vec<u16> = context.lease.owned().into_iter().map(|(partition, _)| partition).collect();
        owned.sort_unstable();
        for partition in owned.iter().rev().take(excess) {
            context.schedule(|schedule, _| schedule.drain_partition(*partition));
        }
        give_back(context, served, excess).await;
        return;
    }
    let force = context.config.sole && first;
    let free: Vec<u16> = membership
        .partitions
        .iter()
        .filter(|partition| partition.owner != Some(me) && (force || !partition.live || partition.owner.is_none()))
        .map(|partition| partition.partition)
        .take(share.saturating_sub(mine.len()))
        .collect();
    if free.is_empty() {
        return;
    }
    match context.ledger.claim(me, &free, force).await {
        Ok(claimed) => take_over(context, served, claimed, membership.now).await,
        Err(error) => tracing::warn!(error = %error, "claim failed"),
    }
}

/// How many partitions are ours when all live incarnations share evenly.
fn share(membership: &Membership, me: domain::IncarnationId) -> usize {
    let live = membership.live.len().max(1);
    let all = membership.partitions.len();
    let rank = membership.live.iter().position(|other| *other == me).unwrap_or(live);
    all / live + usize::from(rank < all % live)
}

async fn take_over(context: &Arc<Context>, served: &mut Served, claimed: Vec<Claimed>, now: Timestamp) {
    for claim in &claimed {
        let idle = claim.idle_since.map(|since| now.since(since));
        context.lease.gained(claim.partition, claim.epoch);
        context.schedule(|schedule, at| schedule.add_partition(claim.partition, idle, at));
        if claim.idle_since.is_some() {
            metrics::counter!("worker_take_overs_total").increment(1);
        }
    }
    let partitions: Vec<u16> = claimed.iter().map(|claim| claim.partition).collect();
    tracing::info!(partitions = ?partitions, "took over partitions");
    feed::load(context, &partitions).await;
    for partition in partitions {
        let served_here = grants::serve(context, partition).await;
        served.insert(partition, served_here);
    }
}

/// Gives back up to `count` drained partitions that have come to rest.
async fn give_back(context: &Arc<Context>, served: &mut Served, count: usize) {
    let idle: Vec<u16> = context
        .lease
        .owned()
        .into_iter()
        .map(|(partition, _)| partition)
        .filter(|partition| context.look(|schedule, _| schedule.may_hand_over(*partition)))
        .take(count)
        .collect();
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
    use domain::IncarnationId;
    use ledger::PartitionOwner;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn shares_add_up_to_all_partitions() {
        for workers in 1..9u128 {
            let live: Vec<IncarnationId> = (1..=workers).map(|n| IncarnationId(Uuid::from_u128(n))).collect();
            let partitions = (0..64)
                .map(|partition| PartitionOwner { partition, owner: None, epoch: 0, live: false })
                .collect();
            let membership = Membership { live: live.clone(), partitions, now: Timestamp::EPOCH };
            let sum: usize = live.iter().map(|me| share(&membership, *me)).sum();
            assert_eq!(sum, 64, "{workers} workers");
        }
    }
}
