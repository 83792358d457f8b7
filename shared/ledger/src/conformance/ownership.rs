//! Who runs which partition: one at a time, and never again after having been replaced.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::IncarnationId;

use super::{Fixture, audit, sample};
use crate::{Backend, Claimed, Guard, Membership, Refusal};

const LONG: Duration = Duration::from_mins(1);
const SHORT: Duration = Duration::from_millis(300);
const DEADLINE: Duration = Duration::from_secs(20);

async fn worker(backend: &dyn Backend, ttl: Duration) -> (IncarnationId, Membership) {
    let incarnation = sample::id();
    let membership = backend.heartbeat(incarnation, ttl, false).await.unwrap();
    (incarnation, membership)
}

fn owner(membership: &Membership, partition: u16) -> (Option<IncarnationId>, u64, bool) {
    let found = membership
        .partitions
        .iter()
        .find(|owner| owner.partition == partition)
        .unwrap();
    (found.owner, found.epoch, found.live)
}

/// Claims until something was taken.
async fn claim_in_time(
    backend: &dyn Backend,
    incarnation: IncarnationId,
    partitions: &[u16],
) -> Vec<Claimed> {
    let started = Instant::now();
    loop {
        let claimed = backend.claim(incarnation, partitions, false).await.unwrap();
        if !claimed.is_empty() {
            return claimed;
        }
        assert!(started.elapsed() < DEADLINE, "the lease never ran out");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn guarded(
    backend: &dyn Backend,
    place: &sample::Place,
    partition: u16,
    incarnation: IncarnationId,
    epoch: u64,
) -> Result<(), Refusal> {
    let (append, _) = sample::submit(&place.store, Some("1"), sample::at(1));
    let guard = Guard::Owner {
        partition,
        incarnation,
        epoch,
    };
    sample::attempt(backend, append.guard(guard)).await.map(drop)
}

pub async fn partitions_that_nobody_owns_are_taken_once(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    backend.init_partitions(3).await.unwrap();
    let (one, membership) = worker(&*backend, LONG).await;
    assert_eq!(membership.live, [one]);
    let listed: Vec<_> = membership
        .partitions
        .iter()
        .map(|owner| owner.partition)
        .collect();
    assert_eq!(listed, [0, 1, 2]);
    assert_eq!(owner(&membership, 0), (None, 0, false));

    let (two, _) = worker(&*backend, LONG).await;
    let mut claimed = backend.claim(one, &[2, 0, 77], false).await.unwrap();
    claimed.sort_by_key(|claim| claim.partition);
    let first = |partition| Claimed {
        partition,
        epoch: 1,
        idle_since: None,
    };
    assert_eq!(claimed, [first(0), first(2)]);
    assert_eq!(backend.claim(two, &[0, 1, 2], false).await.unwrap(), [first(1)]);
    assert!(
        backend.claim(one, &[0, 1, 2], false).await.unwrap().is_empty(),
        "what is one's own is not taken again"
    );

    backend.init_partitions(5).await.unwrap();
    let membership = backend.heartbeat(two, LONG, false).await.unwrap();
    assert_eq!(membership.partitions.len(), 5);
    assert_eq!(owner(&membership, 0), (Some(one), 1, true));
    assert_eq!(owner(&membership, 1), (Some(two), 1, true));
    let mut both = vec![one, two];
    both.sort_unstable();
    assert_eq!(membership.live, both);
}

pub async fn racing_claims_take_each_partition_once(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    backend.init_partitions(16).await.unwrap();
    let all: Arc<Vec<u16>> = Arc::new((0..16).collect());
    let mut racers = Vec::new();
    for _ in 0..4 {
        let handle = fixture.open().await;
        let (incarnation, _) = worker(&*handle, LONG).await;
        let all = Arc::clone(&all);
        racers.push(tokio::spawn(async move {
            let mut taken = Vec::new();
            for partitions in all.chunks(3) {
                taken.extend(handle.claim(incarnation, partitions, false).await.unwrap());
            }
            taken
        }));
    }
    let mut taken = Vec::new();
    for racer in racers {
        for claim in racer.await.unwrap() {
            assert_eq!(claim.epoch, 1);
            taken.push(claim.partition);
        }
    }
    taken.sort_unstable();
    assert_eq!(taken, *all);
}

pub async fn a_claim_needs_a_valid_heartbeat(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    backend.init_partitions(2).await.unwrap();
    assert!(
        backend
            .claim(sample::id(), &[0, 1], false)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        backend
            .claim(sample::id(), &[0, 1], true)
            .await
            .unwrap()
            .is_empty()
    );
    let (brief, _) = worker(&*backend, Duration::from_millis(1)).await;
    let (witness, _) = worker(&*backend, LONG).await;
    let started = Instant::now();
    while backend
        .heartbeat(witness, LONG, false)
        .await
        .unwrap()
        .live
        .contains(&brief)
    {
        assert!(started.elapsed() < DEADLINE);
    }
    assert!(backend.claim(brief, &[0], false).await.unwrap().is_empty());
    assert!(backend.claim(brief, &[0], true).await.unwrap().is_empty());
}

pub async fn a_deposed_owner_cannot_append(fixture: &dyn Fixture) {
    let (old_handle, new_handle) = (fixture.open().await, fixture.open().await);
    let place = sample::place(&*old_handle).await;
    old_handle.init_partitions(4).await.unwrap();
    let (old, before) = worker(&*old_handle, SHORT).await;
    let claimed = old_handle.claim(old, &[3], false).await.unwrap();
    assert_eq!(claimed[0].epoch, 1);
    guarded(&*old_handle, &place, 3, old, 1).await.unwrap();

    let (new, _) = worker(&*new_handle, LONG).await;
    let claimed = claim_in_time(&*new_handle, new, &[3]).await;
    assert_eq!((claimed[0].partition, claimed[0].epoch), (3, 2));
    let after = new_handle.heartbeat(new, LONG, false).await.unwrap();
    let idle_since = claimed[0].idle_since.unwrap();
    let tolerance = Duration::from_millis(50);
    assert!(
        idle_since >= before.now.plus(SHORT).minus(tolerance),
        "the lease was given for {SHORT:?}"
    );
    assert!(idle_since <= after.now, "it has run out");

    let refused = Err(Refusal::NotOwner { partition: 3 });
    assert_eq!(guarded(&*old_handle, &place, 3, old, 1).await, refused);
    assert_eq!(guarded(&*old_handle, &place, 3, old, 2).await, refused);
    let membership = old_handle.heartbeat(old, LONG, false).await.unwrap();
    assert_eq!(
        owner(&membership, 3),
        (Some(new), 2, true),
        "a late heartbeat brings nothing back"
    );
    assert_eq!(guarded(&*old_handle, &place, 3, old, 1).await, refused);
    guarded(&*new_handle, &place, 3, new, 2).await.unwrap();

    let (mine, _) = sample::submit(&place.store, Some("1"), sample::at(1));
    let (free, _) = sample::submit(&place.store, Some("1"), sample::at(1));
    let mine = mine.guard(Guard::Owner {
        partition: 3,
        incarnation: old,
        epoch: 1,
    });
    let results = old_handle.append_batch(&[mine, free]).await.unwrap();
    assert!(
        results[0].is_err() && results[1].is_ok(),
        "only what needs the partition is refused"
    );
    audit::whole(&*new_handle).await;
}

pub async fn no_append_follows_the_claim_that_deposes_its_owner(fixture: &dyn Fixture) {
    let (old_handle, new_handle) = (fixture.open().await, fixture.open().await);
    let place = sample::place(&*old_handle).await;
    old_handle.init_partitions(1).await.unwrap();
    let (old, _) = worker(&*old_handle, LONG).await;
    old_handle.claim(old, &[0], false).await.unwrap();
    let writer = tokio::spawn(async move {
        let mut last = 0;
        for _ in 0..5_000 {
            let (append, _) = sample::submit(&place.store, Some("1"), sample::at(1));
            let guard = Guard::Owner {
                partition: 0,
                incarnation: old,
                epoch: 1,
            };
            match sample::attempt(&*old_handle, append.guard(guard)).await {
                Ok(appended) => last = appended.last,
                Err(refusal) => {
                    assert_eq!(refusal, Refusal::NotOwner { partition: 0 });
                    return last;
                }
            }
        }
        panic!("never deposed");
    });
    let started = Instant::now();
    while new_handle.head().await.unwrap().position < 20 {
        assert!(started.elapsed() < DEADLINE);
    }
    let (new, _) = worker(&*new_handle, LONG).await;
    let claimed = new_handle.claim(new, &[0], true).await.unwrap();
    assert_eq!(claimed[0].epoch, 2);
    let head = new_handle.head().await.unwrap().position;
    let last = writer.await.unwrap();
    assert!(last <= head, "appended at {last} after the claim at {head}");
    assert_eq!(new_handle.head().await.unwrap().position, head);
}

pub async fn only_a_forced_claim_takes_from_the_living(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    backend.init_partitions(2).await.unwrap();
    let (one, _) = worker(&*backend, LONG).await;
    let (two, _) = worker(&*backend, LONG).await;
    backend.claim(one, &[0], false).await.unwrap();
    assert!(backend.claim(two, &[0], false).await.unwrap().is_empty());
    let claimed = backend.claim(two, &[0], true).await.unwrap();
    assert_eq!((claimed[0].partition, claimed[0].epoch), (0, 2));
    assert!(claimed[0].idle_since.is_some(), "somebody had it");
    assert!(
        backend.claim(two, &[0], true).await.unwrap().is_empty(),
        "one's own epoch does not rise"
    );
    let membership = backend.heartbeat(one, LONG, false).await.unwrap();
    assert_eq!(owner(&membership, 0), (Some(two), 2, true));
}

pub async fn a_released_partition_is_idle_since_its_release(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let place = sample::place(&*backend).await;
    backend.init_partitions(2).await.unwrap();
    let (one, _) = worker(&*backend, LONG).await;
    let (two, _) = worker(&*backend, LONG).await;
    backend.claim(one, &[0, 1], false).await.unwrap();
    backend.release(two, &[0, 1]).await.unwrap();
    let before = backend.heartbeat(two, LONG, false).await.unwrap();
    assert_eq!(
        owner(&before, 0),
        (Some(one), 1, true),
        "nobody gives back what is another's"
    );
    backend.release(one, &[0]).await.unwrap();
    let after = backend.heartbeat(two, LONG, false).await.unwrap();
    assert_eq!(owner(&after, 0), (None, 1, false));
    assert_eq!(owner(&after, 1), (Some(one), 1, true));
    assert_eq!(
        guarded(&*backend, &place, 0, one, 1).await,
        Err(Refusal::NotOwner { partition: 0 })
    );

    let claimed = backend.claim(two, &[0], false).await.unwrap();
    assert_eq!(claimed[0].epoch, 2);
    let idle_since = claimed[0].idle_since.unwrap();
    assert!(
        before.now <= idle_since && idle_since <= after.now,
        "{idle_since}"
    );
}

pub async fn who_says_goodbye_leaves_nothing_behind(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    backend.init_partitions(3).await.unwrap();
    let (one, _) = worker(&*backend, LONG).await;
    let (two, _) = worker(&*backend, LONG).await;
    backend.claim(one, &[0, 2], false).await.unwrap();
    backend.claim(two, &[1], false).await.unwrap();
    backend.goodbye(one).await.unwrap();
    let membership = backend.heartbeat(two, LONG, false).await.unwrap();
    assert_eq!(membership.live, [two]);
    assert_eq!(owner(&membership, 0), (None, 1, false));
    assert_eq!(owner(&membership, 1), (Some(two), 1, true));
    assert_eq!(owner(&membership, 2), (None, 1, false));
    let claimed = backend.claim(two, &[0, 2], false).await.unwrap();
    assert!(
        claimed.len() == 2
            && claimed
                .iter()
                .all(|claim| claim.epoch == 2 && claim.idle_since.is_some())
    );
    assert!(
        backend.claim(one, &[0], true).await.unwrap().is_empty(),
        "its heartbeat is gone"
    );
}

pub async fn who_is_draining_keeps_its_partitions_and_counts_no_more(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let place = sample::place(&*backend).await;
    backend.init_partitions(1).await.unwrap();
    let (one, _) = worker(&*backend, LONG).await;
    backend.claim(one, &[0], false).await.unwrap();
    let (two, _) = worker(&*backend, LONG).await;
    let membership = backend.heartbeat(one, LONG, true).await.unwrap();
    assert_eq!(membership.live, [two]);
    assert_eq!(owner(&membership, 0), (Some(one), 1, true));
    assert!(backend.claim(two, &[0], false).await.unwrap().is_empty());
    guarded(&*backend, &place, 0, one, 1).await.unwrap();
}
