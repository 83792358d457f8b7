//! Who goes first: priorities, tenants, stores; and what pauses and deletions keep from going.

use domain::JobId;
use domain::job::Priority;

use super::desk::*;
use crate::schedule::{Finish, Limits};

/// One cycle at a time.
fn single_file() -> Desk {
    Desk::with(Limits {
        cycles_per_upstream: 1,
        bucket_size: 10_000,
        refill_per_second: 1e4,
        ..Limits::default()
    })
}

#[test]
fn an_urgent_job_passes_a_backlog() {
    let mut desk = single_file();
    let store = desk.store(1, "k");
    for lane in 0..50 {
        desk.submit(store, &format!("order:{lane}"));
    }
    desk.advance(secs(120));
    let urgent = desk.job(store, "order:urgent").priority(Priority::High).submit();
    let low = desk.job(store, "order:low").priority(Priority::Low).submit();
    let order = desk.drain().concat();
    assert_eq!(order.first(), Some(&urgent));
    assert_eq!(order.last(), Some(&low));
}

#[test]
fn a_low_job_does_not_starve_under_a_stream_of_urgent_ones() {
    let mut desk = single_file();
    let store = desk.store(1, "k");
    let low = desk.job(store, "order:low").priority(Priority::Low).submit();
    for second in 0..1_200 {
        desk.job(store, &format!("order:{second}"))
            .priority(Priority::High)
            .submit();
        let plan = desk.plan();
        desk.succeed(&plan);
        if jobs_of(&plan) == [low] {
            return;
        }
        desk.advance(secs(1));
    }
    panic!("it starved");
}

#[test]
fn an_urgent_job_lifts_those_before_it_in_its_lane() {
    let mut desk = single_file();
    let store = desk.store(1, "k");
    desk.submit(store, "order:1");
    let before = desk.submit(store, "order:2");
    let urgent = desk.job(store, "order:2").priority(Priority::High).submit();
    assert_eq!(desk.drain().first(), Some(&vec![before, urgent]));
}

#[test]
fn tenants_of_one_upstream_store_take_turns_whatever_their_backlog_and_priority() {
    let mut desk = single_file();
    let (busy, quiet) = (desk.store(1, "k"), desk.store(2, "k"));
    for lane in 0..30 {
        desk.job(busy, &format!("order:{lane}"))
            .priority(Priority::High)
            .submit();
    }
    desk.advance(secs(3_600));
    let theirs: Vec<JobId> = (100..103)
        .map(|lane| desk.submit(quiet, &format!("order:{lane}")))
        .collect();
    let order = desk.drain().concat();
    let last = order.iter().position(|job| *job == theirs[2]).unwrap();
    assert!(last <= 6, "the third of the quiet tenant came as number {last}");
}

#[test]
fn a_tenant_that_always_has_just_one_job_does_not_close_out_another() {
    let mut desk = single_file();
    let (busy, trickle) = (desk.store(1, "k"), desk.store(2, "k"));
    for lane in 0..10 {
        desk.submit(busy, &format!("order:{lane}"));
    }
    let mut served = 0;
    for lane in 100..120 {
        desk.submit(trickle, &format!("order:{lane}"));
        let plan = desk.plan();
        served += usize::from(plan.store_id == busy);
        desk.succeed(&plan);
    }
    assert_eq!(served, 10);
}

#[test]
fn a_quiet_store_never_waits_behind_a_busy_one() {
    // given a worker that can do one thing at a time, and a store with much to do
    let mut desk = Desk::with(Limits {
        cycles: 1,
        bucket_size: 10_000,
        refill_per_second: 1e4,
        ..Limits::default()
    });
    let (busy, quiet) = (desk.store(1, "busy"), desk.store(2, "quiet"));
    for lane in 0..100 {
        desk.submit(busy, &format!("order:{lane}"));
    }
    for _ in 0..5 {
        let plan = desk.plan();
        // when the other gets something to do meanwhile
        let job = desk.submit(quiet, &format!("order:{}", plan.lane));
        desk.succeed(&plan);
        // then it is next
        let plan = desk.plan();
        assert_eq!(jobs_of(&plan), [job]);
        desk.succeed(&plan);
    }
}

#[test]
fn an_empty_bucket_of_one_store_does_not_delay_another() {
    let mut desk = Desk::with(Limits::default());
    let (busy, quiet) = (desk.store(1, "busy"), desk.store(2, "quiet"));
    for lane in 0..50 {
        desk.submit(busy, &format!("order:{lane}"));
    }
    assert_eq!(desk.plans().len(), 8);
    desk.submit(quiet, "order:1");
    assert_eq!(desk.plan().upstream, "quiet");
}

#[test]
fn registrations_with_one_upstream_key_share_a_bucket_and_others_do_not() {
    let mut desk = Desk::with(Limits {
        bucket_size: 4,
        refill_per_second: 1.0,
        ..Limits::default()
    });
    let (one, two, three) = (
        desk.store(1, "same"),
        desk.store(2, "same"),
        desk.store(3, "other"),
    );
    for (lane, store) in [one, two, one, two, three].into_iter().enumerate() {
        desk.submit(store, &format!("order:{lane}"));
    }
    let mut stores: Vec<_> = desk.plans().into_iter().map(|plan| plan.store_id).collect();
    stores.sort_unstable();
    // four tokens at one, two of the other's: a change takes two
    assert_eq!(stores, [one, two, three]);
}

#[test]
fn a_paused_store_neither_starts_nor_blocks_another_tenants_jobs_in_its_lane() {
    let mut desk = Desk::new();
    let (paused, other) = (desk.store(1, "k"), desk.store(2, "k"));
    let waiting = desk.submit(paused, "order:1");
    let going = [desk.submit(other, "order:1"), desk.submit(other, "order:1")];
    desk.pause(paused);
    assert_eq!(desk.drain(), [going.to_vec()]);
    desk.advance(secs(60));
    assert_eq!(desk.drain(), Vec::<Vec<JobId>>::new());
    desk.resume(paused);
    assert_eq!(desk.drain(), [[waiting]]);
}

#[test]
fn a_paused_store_between_two_jobs_does_not_part_them() {
    let mut desk = Desk::new();
    let (paused, other) = (desk.store(1, "k"), desk.store(2, "k"));
    let one = desk.submit(other, "order:1");
    desk.submit(paused, "order:1");
    let two = desk.submit(other, "order:1");
    desk.pause(paused);
    assert_eq!(desk.drain(), [[one, two]]);
}

#[test]
fn a_deleted_store_starts_nothing_and_does_not_block_another() {
    let mut desk = Desk::new();
    let (gone, other) = (desk.store(1, "k"), desk.store(2, "k"));
    desk.submit(gone, "order:1");
    let going = desk.submit(other, "order:1");
    desk.change_store(gone, |store, now| store.deleted_at = Some(now));
    assert_eq!(desk.drain(), [[going]]);
}

#[test]
fn a_doubt_of_a_deleted_or_paused_store_is_judged_all_the_same() {
    for paused in [true, false] {
        let mut desk = Desk::new();
        let store = desk.store(1, "k");
        let job = desk.submit(store, "order:1");
        let plan = desk.plan();
        let doubt = crate::schedule::Doubt {
            batch: batch(1),
            not_before: desk.now.at,
        };
        let row = desk.row(job, intend(batch(1)));
        desk.finish(
            &plan,
            &Finish {
                jobs: vec![row],
                doubt: Some(doubt),
                ..Finish::default()
            },
        );
        if paused {
            desk.pause(store);
        } else {
            desk.change_store(store, |store, now| store.deleted_at = Some(now));
        }
        assert_eq!(desk.plan().work, crate::schedule::Work::Judge(batch(1)));
    }
}

#[test]
fn stale_news_of_a_store_changes_nothing() {
    let mut desk = Desk::new();
    let store = desk.store(1, "k");
    let old = desk.stores[&store].clone();
    desk.pause(store);
    desk.tell_store(old);
    desk.submit(store, "order:1");
    assert_eq!(desk.plans(), []);
}

#[test]
fn turns_of_tenants_who_do_not_matter_any_more_are_forgotten() {
    let mut desk = Desk::new();
    for tenant in 1..2_000 {
        let store = desk.store(tenant, "k");
        desk.submit(store, &format!("order:{tenant}"));
        desk.drain();
    }
    let turns = desk.schedule.upstreams["k"].lanes.turns();
    assert!(turns <= 65, "{turns}");
}
