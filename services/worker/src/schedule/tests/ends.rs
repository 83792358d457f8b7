//! Deadlines, sleep and wake.

use domain::job::{JobStatus, Priority};
use proptest::prelude::*;

use super::desk::*;
use crate::schedule::{Action, Doubt, Finish, Limits};

#[test]
fn a_job_whose_time_is_over_is_ended_and_not_started() {
    let mut desk = Desk::new();
    let store = desk.store(1, "k");
    let job = desk
        .job(store, "order:1")
        .due_in(secs(10))
        .deadline(secs(0))
        .submit();
    let behind = desk.job(store, "order:1").due_in(secs(10)).submit();
    desk.advance(secs(10));
    assert_eq!(desk.actions(), [Action::Expire { job, store_id: store }]);
    // then its end comes before the next one of its lane
    desk.tell(job, |row| end(row, JobStatus::Failed));
    assert_eq!(desk.drain(), [[behind]]);
}

#[test]
fn an_end_that_nothing_is_heard_of_is_tried_again_but_not_at_once() {
    let mut desk = Desk::new();
    let store = desk.store(1, "k");
    let job = desk
        .job(store, "order:1")
        .due_in(secs(60))
        .deadline(secs(0))
        .submit();
    let row = desk.jobs[&job].clone();
    desk.advance(secs(60));
    assert_eq!(desk.actions().len(), 1);
    // when the append was refused and the row is told again unchanged
    desk.schedule.upsert(&row, desk.now);
    assert_eq!(desk.actions(), []);
    desk.advance(secs(5));
    assert_eq!(desk.actions(), [Action::Expire { job, store_id: store }]);
}

#[test]
fn paused_time_extends_the_deadline() {
    let mut desk = Desk::new();
    let store = desk.store(1, "k");
    let job = desk.job(store, "order:1").deadline(secs(100)).submit();
    let again = desk.now.at.plus(DEADLINE);
    desk.tell(job, retry_at(again));
    desk.advance(secs(90));
    desk.pause(store);
    for _ in 0..1_000 {
        desk.advance(secs(1));
        assert_eq!(desk.actions(), []);
        assert!(desk.sleep() >= secs(1), "it wakes for nothing");
    }
    desk.resume(store);
    assert_eq!(desk.actions(), []);
    desk.advance(ms(9_999));
    assert_eq!(desk.actions(), []);
    assert!(desk.sleep() <= ms(1));
    desk.advance(ms(1));
    assert_eq!(desk.actions(), [Action::Expire { job, store_id: store }]);
}

#[test]
fn a_job_in_a_cycle_or_in_doubt_does_not_expire() {
    let mut desk = Desk::new();
    let store = desk.store(1, "k");
    let job = desk.job(store, "order:1").deadline(secs(10)).submit();
    let plan = desk.plan();
    desk.advance(secs(20));
    assert_eq!(desk.actions(), []);
    let doubt = Doubt {
        batch: batch(1),
        not_before: desk.now.at.plus(secs(30)),
    };
    // its intent is not told yet: the doubt of its cycle is enough
    desk.finish(
        &plan,
        &Finish {
            doubt: Some(doubt),
            ..Finish::default()
        },
    );
    desk.advance(secs(20));
    assert_eq!(desk.actions(), []);
    // but one behind it does
    let behind = desk.job(store, "order:1").deadline(secs(0)).submit();
    assert_eq!(
        desk.actions(),
        [Action::Expire {
            job: behind,
            store_id: store
        }]
    );
    // and when the request was not applied, its time is over
    desk.advance(secs(30));
    let actions = desk.actions();
    let Some(Action::Run(judge)) = actions.iter().find(|action| matches!(action, Action::Run(_))) else {
        panic!("{actions:?}")
    };
    let row = desk.row(job, |row| end(row, JobStatus::Queued));
    desk.finish(
        judge,
        &Finish {
            jobs: vec![row],
            ..Finish::default()
        },
    );
    assert!(desk.actions().contains(&Action::Expire { job, store_id: store }));
}

#[test]
fn nothing_to_do_means_the_longest_sleep() {
    let mut desk = Desk::with(Limits::default());
    for tenant in 1..50 {
        desk.store(tenant, &format!("k{tenant}"));
    }
    assert_eq!(desk.actions(), []);
    for _ in 0..100 {
        assert_eq!(desk.sleep(), secs(5));
        desk.advance(secs(5));
        assert_eq!(desk.actions(), []);
    }
}

#[test]
fn room_that_another_store_leaves_is_used_at_once() {
    let mut desk = Desk::with(Limits {
        cycles: 1,
        ..Limits::default()
    });
    let (one, two) = (desk.store(1, "one"), desk.store(2, "two"));
    desk.submit(one, "order:1");
    desk.submit(two, "order:1");
    let plan = desk.plan();
    assert!(desk.sleep() > secs(1), "it wakes although there is no room");
    desk.succeed(&plan);
    assert_eq!(desk.plan().upstream, "two");
}

/// Something that may happen to a schedule.
#[derive(Clone, Debug)]
enum Step {
    Submit {
        lane: u8,
        store: usize,
        due: u64,
        low: bool,
    },
    End {
        cycle: usize,
        how: u8,
    },
    Pause(usize),
    Resume(usize),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0u8..5, 0usize..3, 0u64..20, any::<bool>()).prop_map(|(lane, store, due, low)| Step::Submit { lane, store, due, low }),
        4 => (0usize..8, 0u8..4).prop_map(|(cycle, how)| Step::End { cycle, how }),
        1 => (0usize..3).prop_map(Step::Pause),
        1 => (0usize..3).prop_map(Step::Resume),
        3 => (1u64..8_000).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 1..80)
}

proptest! {
    /// Whatever happens: it never spins; and whoever looks only when told finds what one who looks always finds.
    #[test]
    fn sleep_neither_spins_nor_oversleeps(steps in steps()) {
        let mut desk = Desk::with(Limits { bucket_size: 8, refill_per_second: 2.0, cycles: 5, ..Limits::default() });
        let stores = [desk.store(1, "k"), desk.store(2, "k"), desk.store(3, "other")];
        let mut running = Vec::new();
        for step in steps {
            match step {
                Step::Submit { lane, store, due, low } => {
                    let priority = if low { Priority::Low } else { Priority::Normal };
                    desk.job(stores[store], &format!("order:{lane}")).due_in(secs(due)).priority(priority).submit();
                }
                Step::End { cycle, how } if cycle < running.len() => {
                    let plan: crate::schedule::Plan = running.swap_remove(cycle);
                    match how {
                        0 => {
                            let at = desk.now.at.plus(secs(3));
                            let jobs = jobs_of(&plan).iter().map(|job| desk.row(*job, retry_at(at))).collect();
                            desk.finish(&plan, &Finish { jobs, ..Finish::default() });
                        }
                        1 => {
                            let doubt = Doubt { batch: batch(1), not_before: desk.now.at.plus(secs(4)) };
                            desk.finish(&plan, &Finish { doubt: Some(doubt), ..Finish::default() });
                        }
                        _ => desk.succeed(&plan),
                    }
                }
                Step::Pause(store) => desk.pause(stores[store]),
                Step::Resume(store) if desk.stores[&stores[store]].paused.is_some() => desk.resume(stores[store]),
                Step::End { .. } | Step::Resume(_) => {}
                Step::Wait(wait) => {
                    let mut left = ms(wait);
                    let mut looks = 0;
                    while !left.is_zero() {
                        let nap = desk.sleep();
                        prop_assert!(!nap.is_zero());
                        if nap > left {
                            // Nothing may become possible before the nap is over.
                            desk.advance(left);
                            for upstream in ["k", "other"] {
                                desk.schedule.awake.wake(upstream);
                            }
                            prop_assert_eq!(desk.next(), None, "overslept");
                            break;
                        }
                        desk.advance(nap.checked_sub(ms(1)).unwrap_or_default());
                        for upstream in ["k", "other"] {
                            desk.schedule.awake.wake(upstream);
                        }
                        prop_assert_eq!(desk.next(), None, "overslept");
                        desk.advance(ms(1));
                        left = left.saturating_sub(nap);
                        running.extend(desk.plans());
                        looks += 1;
                        prop_assert!(looks < 200, "it spins");
                    }
                }
            }
            running.extend(desk.plans());
        }
    }
}
