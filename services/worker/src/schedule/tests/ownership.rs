//! Partitions that come and go, stores that change their key.

use domain::JobId;
use domain::job::JobStatus;

use super::desk::*;
use crate::schedule::{Doubt, Finish, Limits, Work};

#[test]
fn nothing_starts_before_a_partition_is_loaded() {
    let mut desk = Desk::new();
    desk.schedule.add_partition(8, None, desk.now);
    let store = desk.store_in(8, 1, "k");
    // given news of a newcomer, before the pages bring the job before it
    let newcomer = desk.submit(store, "order:1");
    let earlier = desk.job(store, "order:1").due_ago(secs(60)).submit();
    let blocked = desk.submit(store, "order:2");
    assert_eq!(desk.plans(), []);
    assert_eq!(desk.sleep(), secs(5));
    let doubt = open_batch(&desk, store, "order:2", batch(1), &[]);
    desk.schedule
        .set_doubt(&doubt, desk.now.at.plus(SETTLE), desk.now);
    desk.schedule.open_partition(8);
    assert_eq!(desk.drain(), [vec![earlier, newcomer]]);
    desk.advance(SETTLE);
    let judge = desk.plan();
    assert_eq!(judge.work, Work::Judge(batch(1)));
    desk.finish(&judge, &Finish::default());
    assert_eq!(desk.drain(), [[blocked]]);
}

#[test]
fn a_draining_partition_ends_what_runs_and_starts_nothing() {
    let mut desk = Desk::new();
    let store = desk.store(1, "k");
    desk.submit(store, "order:1");
    let waiting = desk.submit(store, "order:2");
    let other = desk.store(2, "other");
    let plan = desk.plans().remove(0);
    desk.submit(other, "order:1");
    desk.schedule.drain_partition(PARTITION);
    assert_eq!(desk.plans(), []);
    assert!(!desk.schedule.may_hand_over(PARTITION));
    desk.succeed(&plan);
    assert_eq!(desk.plans(), []);
    // when it is not handed over after all
    desk.schedule.resume_partition(PARTITION);
    let lanes: Vec<JobId> = desk
        .plans()
        .iter()
        .flat_map(|plan| jobs_of(plan).to_vec())
        .collect();
    assert!(
        !lanes.contains(&waiting) && lanes.len() == 1,
        "the second ran already, the third goes now"
    );
}

#[test]
fn a_partition_is_handed_over_once_nothing_runs_and_nobody_reads() {
    let mut desk = Desk::new();
    let store = desk.store(1, "k");
    desk.submit(store, "order:1");
    let plan = desk.plan();
    let read = super::reads::read(1, None, desk.now);
    let grant = read.grant;
    desk.schedule.ask_read("k", PARTITION, read, desk.now);
    desk.actions();
    assert!(!desk.schedule.may_hand_over(PARTITION));
    desk.schedule.drain_partition(PARTITION);
    let late = super::reads::read(2, None, desk.now);
    assert!(!desk.schedule.ask_read("k", PARTITION, late, desk.now));
    desk.succeed(&plan);
    assert!(!desk.schedule.may_hand_over(PARTITION));
    desk.schedule.end_read(grant, desk.now);
    assert!(desk.schedule.may_hand_over(PARTITION));
}

#[test]
fn dropping_a_partition_forgets_it_and_no_other() {
    let mut desk = Desk::new();
    desk.schedule.add_partition(8, None, desk.now);
    desk.schedule.open_partition(8);
    let (gone, kept) = (desk.store_in(8, 1, "gone"), desk.store(1, "kept"));
    desk.submit(gone, "order:1");
    let job = desk.submit(kept, "order:1");
    desk.schedule.drop_partition(8);
    assert_eq!(desk.drain(), [[job]]);
    assert!(desk.schedule.store(gone).is_none());
    assert_eq!(desk.schedule.sizes(), (0, 0));
    // and late news of it change nothing
    desk.submit(gone, "order:2");
    assert_eq!(desk.schedule.sizes(), (0, 0));
}

#[test]
fn a_cycle_of_a_lost_partition_counts_until_it_ends_and_brings_nothing_back() {
    let mut desk = Desk::new();
    let store = desk.store(1, "k");
    let job = desk.submit(store, "order:1");
    let plan = desk.plan();
    desk.schedule.drop_partition(PARTITION);
    assert_eq!(desk.schedule.sizes(), (0, 1));
    // then it is not to be taken again yet
    assert!(!desk.schedule.is_idle(PARTITION));
    let row = desk.row(job, retry_at(desk.now.at));
    let doubt = Some(Doubt {
        batch: batch(1),
        not_before: desk.now.at,
    });
    desk.schedule.finish(
        &plan,
        &Finish {
            jobs: vec![row],
            doubt,
            ..Finish::default()
        },
        desk.now,
    );
    assert_eq!(desk.schedule.sizes(), (0, 0));
    assert!(desk.schedule.is_idle(PARTITION));
    assert_eq!(desk.plans(), []);
    assert!(desk.schedule.upstreams.is_empty());
}

#[test]
fn a_late_end_of_an_old_cycle_does_not_touch_the_new_one_of_its_lane() {
    let mut desk = Desk::new();
    let store = desk.store(1, "k");
    let job = desk.submit(store, "order:1");
    let old = desk.plan();
    // given the partition lost, regained against all advice, and the lane at work again
    desk.schedule.drop_partition(PARTITION);
    desk.schedule.add_partition(PARTITION, Some(secs(0)), desk.now);
    let row = desk.stores[&store].clone();
    desk.tell_store(row);
    let row = desk.jobs[&job].clone();
    desk.schedule.upsert(&row, desk.now);
    desk.schedule.open_partition(PARTITION);
    desk.advance(secs(5));
    let new = desk.plan();
    assert_ne!(old.cycle, new.cycle);
    // when the old cycle ends, with a doubt
    let doubt = Some(Doubt {
        batch: batch(1),
        not_before: desk.now.at,
    });
    let groups = vec![vec![job]];
    desk.schedule.finish(
        &old,
        &Finish {
            doubt,
            groups,
            ..Finish::default()
        },
        desk.now,
    );
    // then the lane is still at work, and counts are right
    desk.submit(store, "order:1");
    assert_eq!(desk.plans(), []);
    assert_eq!(desk.schedule.sizes().1, 1);
    desk.succeed(&new);
    assert_eq!(desk.schedule.sizes().1, 0);
    assert_eq!(desk.plans().len(), 1);
}

#[test]
fn a_partition_taken_over_begins_with_what_the_idle_time_allows() {
    let mut desk = Desk::with(Limits::default());
    desk.schedule.drop_partition(PARTITION);
    desk.schedule.add_partition(PARTITION, Some(secs(2)), desk.now);
    desk.schedule.open_partition(PARTITION);
    desk.store(1, "k");
    assert_eq!(desk.schedule.tokens("k", desk.now), Some(6));
}

#[test]
fn waiting_jobs_follow_their_store_to_another_key() {
    let mut desk = Desk::new();
    let store = desk.store(1, "old");
    let jobs = [desk.submit(store, "order:1"), desk.submit(store, "order:1")];
    desk.change_store(store, |store, _| store.upstream_key = "new".to_owned());
    // no tokens yet: they may just have been spent under the old key
    desk.advance(secs(1));
    let plan = desk.plan();
    assert_eq!((plan.upstream.as_str(), jobs_of(&plan)), ("new", &jobs[..]));
}

#[test]
fn a_lane_that_is_at_work_keeps_its_jobs_and_newcomers_until_it_is_free() {
    for in_doubt in [false, true] {
        let mut desk = Desk::new();
        let store = desk.store(1, "old");
        let running = desk.submit(store, "order:1");
        let plan = desk.plan();
        let behind = desk.submit(store, "order:1");
        desk.change_store(store, |store, _| store.upstream_key = "new".to_owned());
        let newcomer = desk.submit(store, "order:1");
        let other = desk.submit(store, "order:2");
        desk.advance(secs(1));
        // then other orders go on under the new key, this one waits
        assert_eq!(desk.drain(), [[other]]);
        let row = desk.row(running, |row| end(row, JobStatus::Queued));
        if in_doubt {
            let doubt = Some(Doubt {
                batch: batch(1),
                not_before: desk.now.at,
            });
            desk.finish(
                &plan,
                &Finish {
                    doubt,
                    ..Finish::default()
                },
            );
            let judge = desk.plan();
            assert_eq!(
                (judge.upstream.as_str(), &judge.work),
                ("old", &Work::Judge(batch(1)))
            );
            desk.submit(store, "order:3");
            assert_eq!(desk.drain().len(), 1);
            desk.finish(
                &judge,
                &Finish {
                    jobs: vec![row],
                    ..Finish::default()
                },
            );
        } else {
            desk.finish(
                &plan,
                &Finish {
                    jobs: vec![row],
                    ..Finish::default()
                },
            );
        }
        let plan = desk.plan();
        assert_eq!(
            (plan.upstream.as_str(), jobs_of(&plan)),
            ("new", &[running, behind, newcomer][..])
        );
        desk.succeed(&plan);
        desk.advance(secs(20));
        desk.actions();
        assert!(desk.schedule.leftovers.is_empty());
        assert!(!desk.schedule.upstreams.contains_key("old"));
    }
}

#[test]
fn a_destroyed_store_takes_its_upstream_with_it_once_the_bucket_is_full() {
    let mut desk = Desk::with(Limits::default());
    let (one, two) = (desk.store(1, "k"), desk.store(2, "k"));
    desk.submit(one, "order:1");
    let plan = desk.plan();
    let ticket = desk.schedule.sent("k", desk.now).unwrap();
    let now = desk.now.boot;
    desk.schedule
        .report("k", |bucket, _| bucket.observed(ticket, None, now));
    let row = desk.row(jobs_of(&plan)[0], |row| end(row, JobStatus::Succeeded));
    desk.schedule.refund("k", 1, desk.now);
    desk.schedule.finish(
        &plan,
        &Finish {
            jobs: vec![row],
            ..Finish::default()
        },
        desk.now,
    );
    let destroy = |desk: &mut Desk, id| {
        desk.change_store(id, |store, now| {
            store.deleted_at = Some(now);
            store.credentials_destroyed_at = Some(now);
        });
        desk.actions();
    };
    destroy(&mut desk, one);
    assert!(desk.schedule.upstreams.contains_key("k"));
    destroy(&mut desk, two);
    // a store registered anew at once must not find a full bucket
    assert!(desk.schedule.upstreams.contains_key("k"));
    desk.advance(secs(7));
    desk.actions();
    assert!(desk.schedule.upstreams.is_empty());
    assert_eq!(desk.schedule.stores().count(), 0);
}

#[test]
fn an_upstream_that_only_a_read_named_goes_away() {
    let mut desk = Desk::new();
    let read = super::reads::read(1, Some("order:1"), desk.now);
    let grant = read.grant;
    desk.schedule.ask_read("unknown", PARTITION, read, desk.now);
    assert_eq!(desk.actions().len(), 1);
    desk.schedule.end_read(grant, desk.now);
    desk.advance(secs(5));
    desk.actions();
    assert!(desk.schedule.upstreams.is_empty());
}
