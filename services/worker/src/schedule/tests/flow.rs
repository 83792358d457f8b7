//! Tokens and the circuit: what may start, and how fast.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use domain::job::JobStatus;
use orderdesk::bucket::Ticket;
use proptest::prelude::*;

use super::desk::*;
use crate::schedule::{Finish, Limits, Plan};

/// Order Desk's bucket: takes its token when a request arrives.
struct Server {
    level: f64,
    at: Duration,
    refused: u32,
    requests: u32,
}

impl Server {
    fn request(&mut self, now: Duration) -> u32 {
        self.level = 20f64.min(self.level + now.saturating_sub(self.at).as_secs_f64() * 3.0);
        self.at = now;
        self.requests += 1;
        if self.level < 1.0 - 1e-9 {
            self.refused += 1;
            return 0;
        }
        self.level -= 1.0;
        self.level as u32
    }
}

/// A cycle with a request under way: further requests, ticket, whether it has arrived, what its header says.
type Flying = (Plan, u32, Option<Ticket>, bool, u32);

struct Drained {
    refused: u32,
    requests: u32,
    took: Duration,
}

/// Carries out everything, a request taking `transit` milliseconds there and as much back; jobs come in over time.
fn drain(jobs: usize, orders: usize, transit: &[u64], every: u64, reads: bool) -> Drained {
    let mut desk = Desk::with(Limits::default());
    let store = desk.store(1, "k");
    let mut server = Server {
        level: 20.0,
        at: desk.now.boot,
        refused: 0,
        requests: 0,
    };
    let began = desk.now.boot;
    let (mut submitted, mut ended, mut count) = (0, 0, 0usize);
    let mut sent: BinaryHeap<Reverse<(Duration, usize)>> = BinaryHeap::new();
    let mut flying: Vec<Option<Flying>> = Vec::new();
    let mut last = desk.now.boot;
    while ended < jobs {
        assert!(desk.now.boot < began + secs(3_600), "it does not end");
        while submitted < jobs && began + ms(every * submitted as u64) <= desk.now.boot {
            desk.submit(store, &format!("order:{}", submitted % orders));
            submitted += 1;
            if reads {
                desk.schedule.ask_read(
                    "k",
                    PARTITION,
                    super::reads::read(count as u128 + 1_000_000, None, desk.now),
                    desk.now,
                );
                count += 1;
            }
        }
        while let Some(Reverse((at, index))) = sent
            .peek()
            .copied()
            .filter(|Reverse((at, _))| *at <= desk.now.boot)
        {
            sent.pop();
            let (plan, left, ticket, arrived, remaining) = flying[index].take().unwrap();
            count += 1;
            let way = ms(transit[count % transit.len()]);
            if !arrived {
                let remaining = server.request(at);
                flying[index] = Some((plan, left, ticket, true, remaining));
                sent.push(Reverse((at + way, index)));
                continue;
            }
            if let Some(ticket) = ticket {
                let now = desk.now.boot;
                desk.schedule.report("k", |bucket, circuit| {
                    bucket.observed(ticket, Some(remaining), now);
                    circuit.answered();
                });
            }
            last = at;
            if left > 0 {
                let ticket = desk.schedule.sent("k", desk.now);
                flying[index] = Some((plan, left - 1, ticket, false, 0));
                sent.push(Reverse((at + way, index)));
            } else {
                let rows = jobs_of(&plan)
                    .iter()
                    .map(|job| desk.row(*job, |row| end(row, JobStatus::Succeeded)))
                    .collect();
                ended += jobs_of(&plan).len();
                desk.schedule.finish(
                    &plan,
                    &Finish {
                        jobs: rows,
                        ..Finish::default()
                    },
                    desk.now,
                );
            }
        }
        for action in desk.actions() {
            match action {
                crate::schedule::Action::Run(plan) => {
                    let ticket = desk.schedule.sent("k", desk.now);
                    count += 1;
                    sent.push(Reverse((
                        desk.now.boot + ms(transit[count % transit.len()]),
                        flying.len(),
                    )));
                    flying.push(Some((plan.clone(), plan.tokens - 1, ticket, false, 0)));
                }
                crate::schedule::Action::Grant { grant } => {
                    // Arrives at once, ends a little later.
                    server.request(desk.now.boot);
                    desk.schedule.end_read(grant, desk.now);
                }
                crate::schedule::Action::Refuse { .. } => {}
                other @ crate::schedule::Action::Expire { .. } => panic!("{other:?}"),
            }
        }
        let mut nap = desk.sleep();
        if let Some(Reverse((at, _))) = sent.peek() {
            nap = nap.min(at.saturating_sub(desk.now.boot));
        }
        if submitted < jobs {
            nap = nap.min((began + ms(every * submitted as u64)).saturating_sub(desk.now.boot));
        }
        desk.advance(ms((nap.as_millis() as u64).max(1)));
    }
    Drained {
        refused: server.refused,
        requests: server.requests,
        took: last.saturating_sub(began),
    }
}

fn allowed(requests: u32) -> Duration {
    Duration::from_secs_f64(1.1 * (f64::from(requests) - 20.0).max(0.0) / 3.0 + 1.0)
}

#[test]
fn two_hundred_jobs_over_twenty_orders_take_two_requests_a_batch_and_no_longer_than_the_refill() {
    let drained = drain(200, 20, &[5], 0, false);
    assert_eq!((drained.refused, drained.requests), (0, 40));
    assert!(drained.took <= allowed(drained.requests), "{:?}", drained.took);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn no_429_and_the_refill_is_used(
        jobs in 50usize..400,
        orders in 1usize..40,
        transit in prop::collection::vec(1u64..120, 1..20),
        every in 0u64..60,
        reads in any::<bool>(),
    ) {
        let drained = drain(jobs, orders, &transit, every, reads);
        prop_assert_eq!(drained.refused, 0);
        // One lane at a time cannot use the refill if a round trip is long; many can.
        if orders >= 15 && every == 0 {
            prop_assert!(drained.took <= allowed(drained.requests) + ms(500), "{} in {:?}", drained.requests, drained.took);
        }
    }
}

#[test]
fn a_busy_store_uses_its_refill() {
    // given work for minutes, each job of an order of its own, and slow answers
    let drained = drain(400, 400, &[60, 20, 110], 0, false);
    assert_eq!((drained.refused, drained.requests), (0, 800));
    let ideal = f64::from(drained.requests - 20) / 3.0;
    let share = ideal / drained.took.as_secs_f64();
    assert!(share >= 0.95, "{share}");
}

#[test]
fn all_tokens_of_a_plan_are_taken_before_it_starts_and_come_back_when_unused() {
    let mut desk = Desk::with(Limits {
        bucket_size: 5,
        refill_per_second: 0.001,
        ..Limits::default()
    });
    let store = desk.store(1, "k");
    for lane in 0..4 {
        desk.submit(store, &format!("order:{lane}"));
    }
    let plans = desk.plans();
    assert_eq!(plans.iter().map(|plan| plan.tokens).sum::<u32>(), 4);
    assert_eq!(desk.schedule.tokens("k", desk.now), Some(1));
    let again = desk.now.at.plus(secs(3_600));
    desk.finish(
        &plans[0],
        &Finish {
            hold_until: Some(again),
            ..Finish::default()
        },
    );
    assert_eq!(desk.plans().len(), 1);
    assert_eq!(desk.schedule.tokens("k", desk.now), Some(1));
}

#[test]
fn a_cycle_that_needs_more_goes_before_those_not_started() {
    let mut desk = Desk::with(Limits {
        bucket_size: 4,
        refill_per_second: 1.0,
        ..Limits::default()
    });
    let store = desk.store(1, "k");
    for lane in 0..3 {
        desk.submit(store, &format!("order:{lane}"));
    }
    for plan in desk.plans() {
        desk.spend(&plan);
    }
    let wait = desk.schedule.take_more("k", 2, desk.now).unwrap_err();
    desk.advance(wait);
    assert_eq!(desk.plans(), []);
    assert_eq!(desk.schedule.take_more("k", 2, desk.now), Ok(()));
    desk.spend_tokens("k", 2);
    // when one gives up waiting, the others go on
    let wait = desk.schedule.take_more("k", 1, desk.now).unwrap_err();
    desk.advance(wait * 2 + ms(60));
    assert_eq!(desk.plans().len(), 1);
}

#[test]
fn five_outages_leave_one_probe_each_ten_seconds() {
    let mut desk = Desk::new();
    let store = desk.store(1, "k");
    for lane in 0..8 {
        desk.submit(store, &format!("order:{lane}"));
    }
    let plans = desk.plans();
    let at = desk.now.boot;
    for plan in &plans {
        desk.schedule.report("k", |_, circuit| circuit.outage(at));
        desk.finish(plan, &Finish::default());
    }
    assert!(desk.schedule.circuit_is_open("k"));
    let mut probes = 0;
    for _ in 0..60 {
        for plan in desk.plans() {
            probes += 1;
            let at = desk.now.boot;
            desk.schedule.report("k", |_, circuit| circuit.outage(at));
            desk.finish(&plan, &Finish::default());
        }
        desk.advance(secs(1));
    }
    assert_eq!(probes, 5);
    // when somebody answers, everything goes on
    desk.schedule.report("k", |_, circuit| circuit.answered());
    assert_eq!(desk.plans().len(), 8);
}

#[test]
fn an_open_circuit_of_one_store_does_not_stop_another() {
    let mut desk = Desk::new();
    let (down, up) = (desk.store(1, "down"), desk.store(2, "up"));
    let at = desk.now.boot;
    (0..5).for_each(|_| desk.schedule.report("down", |_, circuit| circuit.outage(at)));
    desk.submit(down, "order:1");
    desk.submit(up, "order:1");
    assert_eq!(desk.plan().upstream, "up");
}

#[test]
fn a_429_stops_its_store_for_as_long_as_it_says() {
    let mut desk = Desk::with(Limits::default());
    let store = desk.store(1, "k");
    desk.submit(store, "order:1");
    let ticket = desk.schedule.sent("k", desk.now).unwrap();
    let at = desk.now.boot;
    desk.schedule
        .report("k", |bucket, _| bucket.rate_limited(ticket, secs(7), at));
    assert_eq!(desk.schedule.blocked_for("k", desk.now), secs(7));
    desk.advance(secs(6));
    assert_eq!(desk.plans(), []);
    desk.advance(secs(2));
    assert_eq!(desk.plans().len(), 1);
}

#[test]
fn a_look_stays_cheap_with_many_jobs() {
    // given a hundred thousand jobs in twenty thousand lanes of one store
    let mut desk = Desk::with(Limits {
        cycles_per_upstream: 64,
        bucket_size: 1_000_000,
        ..Limits::default()
    });
    let store = desk.store(1, "k");
    for job in 0..100_000 {
        desk.submit(store, &format!("order:{}", job % 20_000));
    }
    let mut running = desk.plans();
    let began = std::time::Instant::now();
    let rounds = 1_000;
    for lane in 0..rounds {
        // when news come, and one ends and the next one starts
        desk.submit(store, &format!("order:{lane}"));
        assert_eq!(desk.next(), None);
        let ended = running.swap_remove(lane as usize % running.len());
        desk.succeed(&ended);
        running.push(desk.plan());
        desk.sleep();
    }
    let each = began.elapsed() / rounds;
    // then it costs nothing like a look at every lane, of which even a release build takes milliseconds
    assert!(each < ms(1), "{each:?}");
}
