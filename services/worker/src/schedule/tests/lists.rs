//! Lists of orders beside changes of orders.

use std::collections::{HashMap, HashSet};

use domain::job::JobStatus;
use proptest::prelude::*;
use uuid::Uuid;

use super::desk::*;
use crate::schedule::{Action, Doubt, Finish, Limits, Plan, Read, Shows};

fn ask(desk: &mut Desk, number: u128) -> Uuid {
    let read = Read {
        grant: Uuid::from_u128(number),
        shows: Shows::Orders,
        interactive: true,
        patient_until: desk.now.boot + ms(200),
    };
    let grant = read.grant;
    assert!(desk.schedule.ask_read("k", PARTITION, read, desk.now));
    grant
}

fn grant(number: u128) -> Action {
    Action::Grant {
        grant: Uuid::from_u128(number),
    }
}

#[test]
fn a_list_waits_for_the_end_of_every_running_change_of_an_order() {
    let mut desk = Desk::new();
    let store = desk.store(1, "k");
    desk.submit(store, "order:1");
    desk.submit(store, "order:2");
    let plans = desk.plans();
    ask(&mut desk, 1);
    assert_eq!(desk.actions(), []);
    desk.succeed(&plans[0]);
    assert_eq!(desk.actions(), []);
    desk.succeed(&plans[1]);
    assert_eq!(desk.actions(), [grant(1)]);
}

#[test]
fn a_change_of_any_order_waits_for_the_lists_under_way() {
    let mut desk = Desk::new();
    let store = desk.store(1, "k");
    let (one, other) = (ask(&mut desk, 1), ask(&mut desk, 2));
    assert_eq!(desk.actions(), [grant(1), grant(2)]);
    desk.submit(store, "order:1");
    assert_eq!(desk.actions(), []);
    desk.schedule.end_read(one, desk.now);
    assert_eq!(desk.actions(), []);
    desk.schedule.end_read(other, desk.now);
    assert_eq!(desk.plan().lane, "order:1");
}

#[test]
fn a_judgement_of_an_order_may_write_too_and_keeps_lists_waiting() {
    let mut desk = Desk::new();
    let store = desk.store(1, "k");
    let job = desk.submit(store, "order:1");
    let plan = desk.plan();
    let row = desk.row(job, intend(batch(1)));
    let doubt = Some(Doubt {
        batch: batch(1),
        not_before: desk.now.at,
    });
    desk.finish(
        &plan,
        &Finish {
            jobs: vec![row],
            doubt,
            ..Finish::default()
        },
    );
    let judgement = desk.plan();
    ask(&mut desk, 1);
    assert_eq!(desk.actions(), []);
    desk.succeed(&judgement);
    assert!(desk.actions().contains(&grant(1)));
}

#[test]
fn a_list_that_is_never_released_stops_changes_only_while_it_may_be_shown() {
    let mut desk = Desk::new();
    let store = desk.store(1, "k");
    ask(&mut desk, 1);
    assert_eq!(desk.actions(), [grant(1)]);
    desk.submit(store, "order:1");
    assert_eq!(desk.actions(), []);
    desk.advance(ms(4_999));
    assert_eq!(desk.actions(), []);
    desk.advance(ms(1));
    assert_eq!(desk.plans().len(), 1);
}

#[test]
fn what_changes_no_order_passes_lists_and_lists_pass_it() {
    let mut desk = Desk::new();
    let store = desk.store(1, "k");
    desk.submit(store, "item:1");
    assert_eq!(desk.plans().len(), 1);
    ask(&mut desk, 1);
    assert_eq!(desk.actions(), [grant(1)]);
    desk.submit(store, "create:2");
    assert_eq!(desk.plans().len(), 1);
}

#[test]
fn a_list_of_one_store_does_not_hold_up_another() {
    let mut desk = Desk::new();
    let other = {
        desk.store(1, "k");
        desk.store(2, "other")
    };
    ask(&mut desk, 1);
    assert_eq!(desk.actions(), [grant(1)]);
    desk.submit(other, "order:1");
    assert_eq!(desk.plans().len(), 1);
}

#[test]
fn a_list_that_gives_up_does_not_keep_the_store_clear_for_ever() {
    let mut desk = Desk::new();
    let store = desk.store(1, "k");
    desk.submit(store, "order:1");
    let plan = desk.plan();
    desk.advance(secs(1));
    ask(&mut desk, 1);
    desk.submit(store, "order:2");
    assert_eq!(desk.actions(), []);
    desk.advance(ms(200));
    assert!(matches!(desk.actions()[..], [Action::Refuse { .. }]));
    desk.succeed(&plan);
    // It is given some time to ask again, and then no more.
    assert_eq!(desk.actions(), []);
    assert!(desk.sleep() <= ms(500));
    desk.advance(ms(500));
    assert_eq!(desk.plan().lane, "order:2");
}

/// A minute of constant load: changes that take a while are always waiting, and so are lists.
fn under_load(limits: Limits, change_takes: u64, list_takes: u64) -> (usize, usize) {
    let mut desk = Desk::with(limits);
    let store = desk.store(1, "k");
    let (mut changes, mut lists) = (0, 0);
    let mut running: Vec<(u64, Plan)> = Vec::new();
    let mut reading: Vec<(u64, Uuid)> = Vec::new();
    let (mut order, mut number, mut waiting) = (0_u64, 0_u128, 0_usize);
    for at in (0..60_000).step_by(50) {
        while waiting < 12 {
            order += 1;
            waiting += 1;
            desk.submit(store, &format!("order:{order}"));
        }
        // A client in a loop: refused, it asks again a little later.
        if at % 100 == 0 {
            number += 1;
            ask(&mut desk, number);
        }
        let (over, still): (Vec<_>, Vec<_>) = running.into_iter().partition(|(end, _)| *end <= at);
        running = still;
        for (_, plan) in over {
            desk.spend(&plan);
            let rows = jobs_of(&plan)
                .iter()
                .map(|job| desk.row(*job, |row| end(row, JobStatus::Succeeded)))
                .collect();
            let finish = Finish {
                jobs: rows,
                ..Finish::default()
            };
            desk.schedule.finish(&plan, &finish, desk.now);
            changes += 1;
        }
        reading.retain(|(end, grant)| {
            let over = *end <= at;
            if over {
                desk.schedule.end_read(*grant, desk.now);
                lists += 1;
            }
            !over
        });
        for action in desk.actions() {
            match action {
                Action::Run(plan) => {
                    waiting -= 1;
                    // Of different lengths, so that they never all end by themselves.
                    let takes = change_takes + plan.cycle % 7 * 50;
                    running.push((at + takes, plan));
                }
                Action::Grant { grant } => reading.push((at + list_takes, grant)),
                Action::Refuse { .. } | Action::Expire { .. } => {}
            }
            assert!(running.is_empty() || reading.is_empty(), "both at once");
        }
        desk.advance(ms(50));
    }
    (changes, lists)
}

#[test]
fn neither_lists_nor_changes_starve_under_constant_load_of_both() {
    let plenty = Limits {
        bucket_size: 10_000,
        refill_per_second: 10_000.0,
        ..Limits::default()
    };
    for (limits, change_takes, list_takes) in [
        (plenty, 600, 300),
        (plenty, 3_000, 300),
        (plenty, 300, 3_000),
        (Limits::default(), 600, 300),
    ] {
        let (changes, lists) = under_load(limits, change_takes, list_takes);
        assert!(changes >= 20, "{changes} changes, {lists} lists");
        assert!(lists >= 10, "{changes} changes, {lists} lists");
    }
}

#[derive(Clone, Debug)]
enum Step {
    Submit(u8),
    Ask,
    EndChange(prop::sample::Index),
    BreakOff(prop::sample::Index),
    EndList(prop::sample::Index),
    Advance(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let index = any::<prop::sample::Index>;
    let step = prop_oneof![
        3 => (0_u8..5).prop_map(Step::Submit),
        3 => Just(Step::Ask),
        3 => index().prop_map(Step::EndChange),
        1 => index().prop_map(Step::BreakOff),
        2 => index().prop_map(Step::EndList),
        3 => (1_u64..2_000).prop_map(Step::Advance),
    ];
    prop::collection::vec(step, 1..80)
}

proptest! {
    #[test]
    fn no_change_runs_while_a_list_may_be_shown_and_everything_goes_in_the_end(steps in steps()) {
        let mut desk = Desk::with(Limits::default());
        let store = desk.store(1, "k");
        let mut running: Vec<Plan> = Vec::new();
        let mut lists: HashMap<Uuid, std::time::Duration> = HashMap::new();
        let mut number = 0;
        for step in steps {
            match step {
                Step::Submit(order) => drop(desk.submit(store, &format!("order:{order}"))),
                Step::Ask => {
                    number += 1;
                    ask(&mut desk, number);
                }
                Step::EndChange(index) if !running.is_empty() => {
                    let plan = running.swap_remove(index.index(running.len()));
                    desk.succeed(&plan);
                }
                Step::BreakOff(index) if !running.is_empty() => {
                    let plan = running.swap_remove(index.index(running.len()));
                    desk.finish(&plan, &Finish::default());
                }
                Step::EndList(index) if !lists.is_empty() => {
                    let grants: Vec<Uuid> = lists.keys().copied().collect();
                    let grant = grants[index.index(grants.len())];
                    lists.remove(&grant);
                    desk.schedule.end_read(grant, desk.now);
                }
                Step::Advance(by) => desk.advance(ms(by)),
                Step::EndChange(_) | Step::BreakOff(_) | Step::EndList(_) => {}
            }
            let now = desk.now.boot;
            lists.retain(|_, until| *until > now);
            for action in desk.actions() {
                match action {
                    Action::Run(plan) => running.push(plan),
                    Action::Grant { grant } => drop(lists.insert(grant, now + secs(5))),
                    Action::Refuse { .. } | Action::Expire { .. } => {}
                }
                prop_assert!(running.is_empty() || lists.is_empty());
            }
        }
        // Once nobody asks any more, everything that was submitted is done.
        let mut open: HashSet<_> = desk.jobs.values().filter(|job| !job.status.is_final()).map(|job| job.id).collect();
        for _ in 0..2_000 {
            for plan in std::mem::take(&mut running) {
                desk.succeed(&plan);
            }
            for action in desk.actions() {
                if let Action::Run(plan) = action {
                    running.push(plan);
                }
            }
            open.retain(|job| !desk.jobs[job].status.is_final());
            if open.is_empty() {
                break;
            }
            desk.advance(ms(100));
        }
        prop_assert!(open.is_empty(), "{open:?} never ended");
    }
}
