//! Reads of others beside changes.

use domain::job::{JobStatus, Priority};
use uuid::Uuid;

use super::desk::*;
use crate::schedule::{Action, Finish, Limits, Now, Read, Shows};

pub(super) fn read(number: u128, lane: Option<&str>, now: Now) -> Read {
    Read {
        grant: Uuid::from_u128(number),
        shows: lane.map_or(Shows::Other, |lane| Shows::Order(lane.to_owned())),
        interactive: false,
        patient_until: now.boot + secs(1),
    }
}

fn ask(desk: &mut Desk, number: u128, lane: Option<&str>) -> Uuid {
    let read = read(number, lane, desk.now);
    let grant = read.grant;
    assert!(desk.schedule.ask_read("k", PARTITION, read, desk.now));
    grant
}

fn grant(number: u128) -> Action {
    Action::Grant {
        grant: Uuid::from_u128(number),
    }
}

fn is_run(action: &Action) -> bool {
    matches!(action, Action::Run(_))
}

#[test]
fn a_change_waits_for_a_read_granted_before_until_it_ends() {
    let mut desk = Desk::new();
    let store = desk.store(1, "k");
    let read = ask(&mut desk, 1, Some("order:1"));
    assert_eq!(desk.actions(), [grant(1)]);
    desk.submit(store, "order:1");
    desk.submit(store, "order:2");
    assert_eq!(desk.plan().lane, "order:2");
    desk.schedule.end_read(read, desk.now);
    assert_eq!(desk.plan().lane, "order:1");
}

#[test]
fn a_read_that_is_never_released_stops_a_change_only_while_it_may_be_shown() {
    let mut desk = Desk::new();
    let store = desk.store(1, "k");
    ask(&mut desk, 1, Some("order:1"));
    assert_eq!(desk.actions(), [grant(1)]);
    desk.submit(store, "order:1");
    assert_eq!(desk.actions(), []);
    desk.advance(ms(4_999));
    assert_eq!(desk.actions(), []);
    assert!(desk.sleep() <= ms(1));
    desk.advance(ms(1));
    assert_eq!(desk.plans().len(), 1);
    assert!(desk.schedule.grants.is_empty());
}

#[test]
fn new_reads_wait_while_a_change_wants_or_has_their_order_and_others_do_not() {
    // given a change that waits for tokens
    let mut desk = Desk::with(Limits {
        bucket_size: 3,
        refill_per_second: 1.0,
        ..Limits::default()
    });
    let store = desk.store(1, "k");
    desk.job(store, "order:1")
        .strict()
        .priority(Priority::High)
        .submit();
    desk.job(store, "order:2").priority(Priority::Low).submit();
    let plan = desk.plan();
    desk.spend(&plan);
    desk.advance(secs(1));
    for (number, lane) in [(1, "order:1"), (2, "order:2"), (3, "order:3")] {
        ask(&mut desk, number, Some(lane));
    }
    assert_eq!(desk.actions(), [grant(3)]);
    // when they have waited for as long as they can
    desk.advance(secs(1));
    let refused = desk
        .actions()
        .into_iter()
        .filter(|action| matches!(action, Action::Refuse { .. }))
        .count();
    assert_eq!(refused, 2);
}

#[test]
fn a_read_waits_for_the_end_of_a_running_change_and_then_goes() {
    let mut desk = Desk::new();
    let store = desk.store(1, "k");
    desk.submit(store, "order:1");
    let plan = desk.plan();
    ask(&mut desk, 1, Some("order:1"));
    assert_eq!(desk.actions(), []);
    desk.succeed(&plan);
    assert_eq!(desk.actions(), [grant(1)]);
}

#[test]
fn a_read_of_an_order_whose_change_is_due_later_goes_now() {
    let mut desk = Desk::new();
    let store = desk.store(1, "k");
    desk.job(store, "order:1").due_in(secs(60)).submit();
    ask(&mut desk, 1, Some("order:1"));
    assert_eq!(desk.actions(), [grant(1)]);
}

#[test]
fn reads_go_before_changes_and_interactive_ones_first() {
    let mut desk = Desk::with(Limits {
        bucket_size: 2,
        refill_per_second: 0.001,
        ..Limits::default()
    });
    let store = desk.store(1, "k");
    desk.submit(store, "order:1");
    ask(&mut desk, 1, None);
    ask(&mut desk, 2, None);
    let urgent = Read {
        interactive: true,
        ..read(3, None, desk.now)
    };
    desk.schedule.ask_read("k", PARTITION, urgent, desk.now);
    assert_eq!(desk.actions(), [grant(3), grant(1)]);
}

#[test]
fn a_flood_of_reads_does_not_starve_even_the_most_expensive_change() {
    for strict in [false, true] {
        let mut desk = Desk::with(Limits::default());
        let store = desk.store(1, "k");
        let mut waiting = 0;
        let mut number = 0;
        let (mut changes, mut granted) = (0, 0);
        for step in 0..600u32 {
            if step % 20 == 0 && waiting < 3 {
                let lane = format!("order:{step}");
                let mut job = desk.job(store, &lane).class(domain::job::JobClass::Shared);
                if strict {
                    job = job.strict();
                }
                job.submit();
                waiting += 1;
            }
            for _ in 0..3 {
                number += 1;
                ask(&mut desk, number, None);
            }
            for action in desk.actions() {
                match action {
                    Action::Run(plan) => {
                        changes += 1;
                        waiting -= 1;
                        desk.spend(&plan);
                        let rows = jobs_of(&plan)
                            .iter()
                            .map(|job| desk.row(*job, |row| end(row, JobStatus::Succeeded)))
                            .collect();
                        desk.schedule.finish(
                            &plan,
                            &Finish {
                                jobs: rows,
                                ..Finish::default()
                            },
                            desk.now,
                        );
                    }
                    Action::Grant { grant } => {
                        granted += 1;
                        desk.schedule.end_read(grant, desk.now);
                    }
                    _ => {}
                }
            }
            desk.advance(ms(100));
        }
        assert!(changes >= 15, "{changes} changes in a minute");
        assert!(granted >= 60, "{granted} reads in a minute");
    }
}

#[test]
fn a_read_is_refused_when_its_patience_is_over_and_told_when_to_ask_again() {
    let mut desk = Desk::with(Limits {
        bucket_size: 2,
        refill_per_second: 0.1,
        ..Limits::default()
    });
    let store = desk.store(1, "k");
    desk.submit(store, "order:1");
    assert_eq!(desk.plans().len(), 1);
    let read = ask(&mut desk, 1, None);
    assert_eq!(desk.actions(), []);
    assert!(desk.sleep() <= secs(1));
    desk.advance(secs(1));
    let actions = desk.actions();
    assert!(
        matches!(&actions[..], [Action::Refuse { grant, retry_after_ms: 1_000..=60_000 }] if *grant == read),
        "{actions:?}"
    );
}

#[test]
fn reads_are_refused_while_the_circuit_is_open() {
    let mut desk = Desk::new();
    desk.store(1, "k");
    let at = desk.now.boot;
    (0..5).for_each(|_| desk.schedule.report("k", |_, circuit| circuit.outage(at)));
    ask(&mut desk, 1, None);
    assert!(matches!(desk.actions()[..], [Action::Refuse { .. }]));
}

#[test]
fn a_granted_read_that_nobody_waits_for_gives_its_token_and_its_order_back() {
    let mut desk = Desk::with(Limits {
        bucket_size: 3,
        refill_per_second: 0.001,
        ..Limits::default()
    });
    let store = desk.store(1, "k");
    let read = ask(&mut desk, 1, Some("order:1"));
    assert_eq!(desk.actions().len(), 1);
    assert_eq!(desk.schedule.tokens("k", desk.now), Some(2));
    desk.schedule.cancel_read(read, desk.now);
    assert_eq!(desk.schedule.tokens("k", desk.now), Some(3));
    desk.submit(store, "order:1");
    assert!(desk.actions().iter().all(is_run));
}

#[test]
fn a_read_under_way_keeps_its_token_outstanding() {
    // given a full bucket and a read whose request has not arrived
    let mut desk = Desk::with(Limits::default());
    desk.store(1, "k");
    let read = ask(&mut desk, 1, None);
    assert_eq!(desk.actions().len(), 1);
    // when time passes, Order Desk's full bucket spills
    desk.advance(secs(3));
    // then what it takes when it arrives at last is not ours to spend
    assert_eq!(desk.schedule.tokens("k", desk.now), Some(19));
    desk.schedule.end_read(read, desk.now);
    desk.advance(ms(400));
    assert_eq!(desk.schedule.tokens("k", desk.now), Some(20));
}

#[test]
fn too_many_reads_are_refused_at_once() {
    let mut desk = Desk::with(Limits {
        bucket_size: 1,
        refill_per_second: 0.001,
        ..Limits::default()
    });
    desk.store(1, "k");
    for number in 0..1_500 {
        ask(&mut desk, number, None);
    }
    let refused = desk
        .actions()
        .iter()
        .filter(|action| matches!(action, Action::Refuse { .. }))
        .count();
    assert_eq!(refused, 500);
}
