//! Requests in doubt, and news that come in any order.

use domain::JobId;
use domain::job::JobStatus;

use super::desk::*;
use crate::schedule::{Doubt, Finish, Work};

#[test]
fn a_doubt_closes_its_lane_until_it_may_be_judged_and_no_other() {
    let mut desk = Desk::new();
    let store = desk.store(1, "k");
    let job = desk.submit(store, "order:1");
    let plan = desk.plan();
    let doubt = Doubt {
        batch: batch(1),
        not_before: desk.now.at.plus(secs(32)),
    };
    desk.finish(
        &plan,
        &Finish {
            doubt: Some(doubt),
            ..Finish::default()
        },
    );
    let behind = desk.submit(store, "order:1");
    let other = desk.submit(store, "order:2");
    assert_eq!(desk.drain(), [[other]]);
    desk.advance(ms(31_999));
    assert_eq!(desk.plans(), []);
    assert!(desk.sleep() <= ms(1));
    desk.advance(ms(1));
    let judge = desk.plan();
    assert_eq!((&judge.work, judge.tokens), (&Work::Judge(batch(1)), 1));
    // when it was not applied, the same job goes again
    let row = desk.row(job, |row| end(row, JobStatus::Queued));
    desk.finish(
        &judge,
        &Finish {
            jobs: vec![row],
            ..Finish::default()
        },
    );
    assert_eq!(desk.drain(), [[job, behind]]);
}

#[test]
fn a_doubt_that_cannot_be_judged_yet_is_judged_again_later() {
    let mut desk = Desk::new();
    let store = desk.store(1, "k");
    desk.submit(store, "order:1");
    let plan = desk.plan();
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
    let later = Some(Doubt {
        batch: batch(1),
        not_before: desk.now.at.plus(secs(2)),
    });
    desk.finish(
        &judge,
        &Finish {
            doubt: later,
            ..Finish::default()
        },
    );
    assert_eq!(desk.plans(), []);
    desk.advance(secs(2));
    assert_eq!(desk.plan().work, Work::Judge(batch(1)));
}

#[test]
fn a_job_that_has_ended_is_not_brought_back_by_a_row_read_before() {
    let mut desk = Desk::new();
    let store = desk.store(1, "k");
    let job = desk.submit(store, "order:1");
    let queued = desk.jobs[&job].clone();
    let plan = desk.plan();
    let running = desk.row(job, intend(batch(1)));
    desk.succeed(&plan);
    // when rows arrive that were read before the end
    desk.schedule.upsert(&running, desk.now);
    desk.schedule.upsert(&queued, desk.now);
    // then the lane is free for the next job, and the old one does not run again
    assert_eq!(desk.schedule.sizes(), (0, 0));
    let next = desk.submit(store, "order:1");
    assert_eq!(desk.drain(), [[next]]);
}

#[test]
fn a_stale_row_changes_nothing() {
    let mut desk = Desk::new();
    let store = desk.store(1, "k");
    let job = desk.submit(store, "order:1");
    let old = desk.jobs[&job].clone();
    let again = desk.now.at.plus(secs(60));
    desk.tell(job, retry_at(again));
    desk.schedule.upsert(&old, desk.now);
    assert_eq!(desk.plans(), []);
}

#[test]
fn news_of_an_intent_that_arrive_during_its_cycle_do_not_outlive_it() {
    let mut desk = Desk::new();
    let store = desk.store(1, "k");
    let job = desk.submit(store, "order:1");
    let plan = desk.plan();
    desk.tell(job, intend(batch(1)));
    let row = desk.row(job, |row| end(row, JobStatus::Queued));
    desk.finish(
        &plan,
        &Finish {
            jobs: vec![row],
            ..Finish::default()
        },
    );
    assert_eq!(desk.drain(), [[job]]);
}

#[test]
fn the_rows_of_a_cycle_do_not_undo_newer_news_of_the_feed() {
    let mut desk = Desk::new();
    let store = desk.store(1, "k");
    let job = desk.submit(store, "order:1");
    let plan = desk.plan();
    let requeued = desk.row(job, |row| end(row, JobStatus::Queued));
    // given a cancel after the cycle's last append, which the feed brings first
    desk.tell(job, |row| end(row, JobStatus::Cancelled));
    desk.finish(
        &plan,
        &Finish {
            jobs: vec![requeued],
            ..Finish::default()
        },
    );
    assert_eq!(desk.drain(), Vec::<Vec<JobId>>::new());
    assert_eq!(desk.schedule.sizes(), (0, 0));
}

#[test]
fn a_job_cancelled_while_its_lane_is_busy_is_not_started() {
    let mut desk = Desk::new();
    let store = desk.store(1, "k");
    desk.submit(store, "order:1");
    let plan = desk.plan();
    let cancelled = desk.submit(store, "order:1");
    let kept = desk.submit(store, "order:1");
    desk.tell(cancelled, |row| end(row, JobStatus::Cancelled));
    desk.succeed(&plan);
    assert_eq!(desk.drain(), [[kept]]);
}

#[test]
fn a_request_whose_cycle_broke_off_is_taken_as_in_doubt() {
    let mut desk = Desk::new();
    let store = desk.store(1, "k");
    let job = desk.submit(store, "order:1");
    let plan = desk.plan();
    // given a cycle that ends without a word, and an intent that only the feed knows of
    desk.finish(
        &plan,
        &Finish {
            hold_until: Some(desk.now.at.plus(secs(5))),
            ..Finish::default()
        },
    );
    desk.tell(job, intend(batch(9)));
    assert_eq!(desk.plans(), []);
    desk.advance(SETTLE.saturating_sub(ms(1)));
    assert_eq!(desk.plans(), []);
    desk.advance(ms(1));
    assert_eq!(desk.plan().work, Work::Judge(batch(9)));
}

#[test]
fn a_held_lane_waits_and_no_other() {
    let mut desk = Desk::new();
    let store = desk.store(1, "k");
    let held = desk.submit(store, "order:1");
    let plan = desk.plan();
    desk.finish(
        &plan,
        &Finish {
            hold_until: Some(desk.now.at.plus(secs(5))),
            ..Finish::default()
        },
    );
    let other = desk.submit(store, "order:2");
    assert_eq!(desk.drain(), [[other]]);
    desk.advance(secs(5));
    assert_eq!(desk.drain(), [[held]]);
}

#[test]
fn lanes_that_are_done_leave_nothing_behind() {
    let mut desk = Desk::new();
    let store = desk.store(1, "k");
    for round in 0..100u64 {
        let job = desk.submit(store, &format!("order:{round}"));
        let plan = desk.plan();
        let doubt = Some(Doubt {
            batch: batch(u128::from(round)),
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
        let row = desk.row(job, |row| end(row, JobStatus::Succeeded));
        desk.finish(
            &judge,
            &Finish {
                jobs: vec![row],
                ..Finish::default()
            },
        );
    }
    assert_eq!(desk.plans(), []);
    assert!(desk.schedule.upstreams["k"].lanes.is_empty());
    assert!(desk.schedule.jobs.is_empty());
}
