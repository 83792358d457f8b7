//! The model against a bucket of the other kind: one that takes its token when the request arrives.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::*;
use proptest::prelude::*;

const SIZE: u32 = 20;
const REFILL: f64 = 3.0;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Order Desk's side.
struct Server {
    level: f64,
    at: Duration,
    /// Refill comes once per second, three at a time, instead of continuously.
    stepped: bool,
}

impl Server {
    fn advance(&mut self, now: Duration) {
        let elapsed = if self.stepped {
            (now.as_secs() - self.at.as_secs()) as f64
        } else {
            now.saturating_sub(self.at).as_secs_f64()
        };
        self.level = f64::from(SIZE).min(self.level + elapsed * REFILL);
        self.at = now;
    }

    /// The header, or a refusal.
    fn request(&mut self, now: Duration) -> Result<u32, ()> {
        self.advance(now);
        if self.level < 1.0 {
            return Err(());
        }
        self.level -= 1.0;
        Ok(self.level.floor() as u32)
    }

    fn steal(&mut self, tokens: f64, now: Duration) {
        self.advance(now);
        self.level = (self.level - tokens).max(0.0);
    }
}

#[derive(Clone, Debug)]
struct Load {
    seed: u64,
    requests: u32,
    /// Batches at once; each takes its one to three tokens first and then sends one request after the other.
    lanes: u32,
    max_transit: Duration,
    /// Another integration: so many tokens each so often.
    foreign: Option<(f64, Duration)>,
    stepped: bool,
}

#[derive(Debug, Default)]
struct Outcome {
    refused: u32,
    last_sent: Duration,
    stolen: f64,
    thefts: u32,
}

enum Event {
    Wake,
    Arrive {
        ticket: Ticket,
        left: u32,
    },
    Answer {
        ticket: Ticket,
        answer: Result<u32, ()>,
        left: u32,
    },
    Foreign,
}

struct Run {
    load: Load,
    bucket: Bucket,
    server: Server,
    random: u64,
    queue: BinaryHeap<Reverse<(Duration, u64)>>,
    events: Vec<Option<Event>>,
    to_take: u32,
    idle: u32,
    open: u32,
    wake: Option<Duration>,
    outcome: Outcome,
}

impl Run {
    fn random(&mut self, below: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % below.max(1)
    }

    fn schedule(&mut self, at: Duration, event: Event) {
        self.queue.push(Reverse((at, self.events.len() as u64)));
        self.events.push(Some(event));
    }

    fn transit(&mut self) -> Duration {
        let most = self.load.max_transit.as_micros() as u64;
        Duration::from_micros(self.random(most) + 1)
    }

    /// Sends the next of `left` requests whose tokens are taken, later if a 429 forbids it now.
    fn send(&mut self, left: u32, now: Duration) {
        let ticket = self.bucket.sent(now);
        self.outcome.last_sent = now;
        let at = now + self.transit();
        self.schedule(
            at,
            Event::Arrive {
                ticket,
                left: left - 1,
            },
        );
    }

    fn pump(&mut self, now: Duration) {
        while self.idle > 0 && self.to_take > 0 {
            let plan = (1 + self.random(3) as u32).min(self.to_take);
            if !self.bucket.try_take(plan, now) {
                let wait = self.bucket.ready_in(plan, now);
                assert!(wait > Duration::ZERO, "a refused taker would spin");
                let at = now + wait;
                if self.wake.is_none_or(|earlier| at < earlier) {
                    self.wake = Some(at);
                    self.schedule(at, Event::Wake);
                }
                return;
            }
            self.idle -= 1;
            self.to_take -= plan;
            self.send(plan, now);
        }
    }

    fn handle(&mut self, event: Event, now: Duration) {
        match event {
            Event::Wake => self.wake = None,
            Event::Foreign => {
                let (tokens, every) = self.load.foreign.expect("only scheduled with one");
                self.server.steal(tokens, now);
                self.outcome.stolen += tokens;
                self.outcome.thefts += 1;
                self.schedule(now + every, Event::Foreign);
            }
            Event::Arrive { ticket, left } => {
                let answer = self.server.request(now);
                let at = now + self.transit();
                self.schedule(at, Event::Answer { ticket, answer, left });
            }
            Event::Answer { ticket, answer, left } => {
                if let Ok(remaining) = answer {
                    self.open -= 1;
                    self.bucket.observed(ticket, Some(remaining), now);
                    if left > 0 && self.bucket.blocked_for(now).is_zero() {
                        return self.send(left, now);
                    }
                } else {
                    self.outcome.refused += 1;
                    self.to_take += 1;
                    self.bucket.rate_limited(ticket, secs(1), now);
                }
                self.bucket.refund(left, now);
                self.to_take += left;
                self.idle += 1;
            }
        }
        self.pump(now);
    }
}

fn run(load: Load) -> Outcome {
    let mut run = Run {
        bucket: Bucket::new(SIZE, REFILL, Duration::ZERO),
        server: Server {
            level: f64::from(SIZE),
            at: Duration::ZERO,
            stepped: load.stepped,
        },
        random: load.seed | 1,
        queue: BinaryHeap::new(),
        events: Vec::new(),
        to_take: load.requests,
        idle: load.lanes,
        open: load.requests,
        wake: None,
        outcome: Outcome::default(),
        load,
    };
    if run.load.foreign.is_some() {
        run.schedule(secs(3), Event::Foreign);
    }
    run.pump(Duration::ZERO);
    for _ in 0..200_000 {
        let Some(Reverse((now, index))) = run.queue.pop() else {
            break;
        };
        let event = run.events[index as usize].take().expect("each event once");
        run.handle(event, now);
        if run.open == 0 {
            return run.outcome;
        }
    }
    panic!("the load did not drain: {:?}", run.outcome);
}

impl Outcome {
    /// The share of what a full bucket and its refill offered until the last request that was really used.
    fn use_of_refill(&self, requests: u32) -> f64 {
        f64::from(requests) / (f64::from(SIZE) + REFILL * self.last_sent.as_secs_f64() - self.stolen)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn alone_it_is_never_refused_and_wastes_no_refill(
        seed in any::<u64>(), lanes in 4_u32..16, transit in 1_u64..150,
    ) {
        let load = Load {
            seed, requests: 400, lanes, max_transit: ms(transit), foreign: None, stepped: false,
        };
        let outcome = run(load);
        prop_assert_eq!(outcome.refused, 0);
        prop_assert!(outcome.use_of_refill(400) >= 0.95, "{outcome:?}");
    }

    #[test]
    fn alone_it_is_never_refused_even_by_a_slow_or_bursty_service(
        seed in any::<u64>(), lanes in 1_u32..40, transit in 1_u64..8_000,
    ) {
        let load = Load {
            seed, requests: 150, lanes, max_transit: ms(transit), foreign: None, stepped: false,
        };
        prop_assert_eq!(run(load).refused, 0);
    }

    #[test]
    fn foreign_use_is_found_and_costs_few_refusals(
        seed in any::<u64>(), lanes in 1_u32..8, transit in 1_u64..150, tokens in 1_u32..10, every in 700_u64..5_000,
    ) {
        prop_assume!(f64::from(tokens) * 1_000.0 / (every as f64) < 1.5); // somebody who leaves half to us
        let load = Load {
            seed, requests: 300, lanes, max_transit: ms(transit),
            foreign: Some((f64::from(tokens), ms(every))), stepped: false,
        };
        let outcome = run(load);
        // At the bottom of the bucket nothing but a refusal can tell of a theft, unless the margin covers it.
        let allowed = if tokens <= 2 { outcome.thefts / 4 } else { 2 * outcome.thefts };
        prop_assert!(outcome.refused <= 5 + allowed, "{outcome:?}");
    }

    #[test]
    fn a_service_that_refills_in_steps_refuses_seldom(seed in any::<u64>(), lanes in 1_u32..8) {
        let load = Load {
            seed, requests: 300, lanes, max_transit: ms(100), foreign: None, stepped: true,
        };
        let outcome = run(load);
        prop_assert!(outcome.refused <= 12, "{outcome:?}");
    }

    #[test]
    fn waiting_as_long_as_it_says_is_enough(level in 0_u32..20, n in 0_u32..=20, wait in 0_u64..9_000) {
        let mut bucket = Bucket::new(SIZE, REFILL, secs(5));
        prop_assert!(bucket.try_take(level, secs(5)));
        let tickets: Vec<_> = (0..level).map(|_| bucket.sent(secs(5))).collect();
        for ticket in tickets {
    bucket.observed(ticket, None, secs(5));
}
        let now = secs(5) + ms(wait);
        let ready = now + bucket.ready_in(n, now);
        prop_assert!(bucket.available(ready) >= n);
        prop_assert!(bucket.try_take(n, ready));
    }

    #[test]
    fn no_sequence_of_calls_panics_or_overfills(calls in proptest::collection::vec((0_u8..8, 0_u32..30, 0_u64..20_000), 0..80)) {
        let mut bucket = Bucket::new(SIZE, REFILL, secs(10));
        let mut tickets = Vec::new();
        for (kind, n, time) in calls {
            let now = ms(time); // jumps back and forth
            match (kind, tickets.pop()) {
                (0 | 1, last) => {
                    tickets.extend(last);
                    let _ = bucket.try_take(n, now);
                }
                (2, last) => {
                    tickets.extend(last);
                    bucket.refund(n, now);
                }
                (3, Some(ticket)) => bucket.unsent(ticket, now),
                (4, Some(ticket)) => bucket.rate_limited(ticket, ms(u64::from(n)), now),
                (5 | 6, Some(ticket)) => bucket.observed(ticket, (n < 25).then_some(n), now),
                (_, last) => {
                    tickets.extend(last);
                    tickets.push(bucket.sent(now));
                }
            }
            prop_assert!(bucket.available(now) <= SIZE);
            let _ = bucket.ready_in(n, now);
        }
    }
}

#[test]
fn a_full_bucket_gives_twenty_and_then_one_each_third_of_a_second() {
    let mut bucket = Bucket::new(SIZE, REFILL, secs(1));
    assert!(!bucket.try_take(21, secs(1)));
    assert_eq!(bucket.ready_in(21, secs(1)), Duration::MAX);
    assert!(bucket.try_take(20, secs(1)));
    assert!(!bucket.try_take(1, secs(1)));
    for _ in 0..20 {
        let ticket = bucket.sent(secs(1));
        bucket.observed(ticket, None, secs(1));
    }
    assert!(!bucket.try_take(1, secs(1) + ms(333)));
    assert!(bucket.try_take(1, secs(1) + ms(334)));
    assert_eq!(bucket.spent(), 20);
}

#[test]
fn what_others_spent_is_subtracted_at_the_next_answer() {
    let mut bucket = Bucket::new(SIZE, REFILL, secs(0));
    assert!(bucket.try_take(1, secs(0)));
    let ticket = bucket.sent(secs(0));
    bucket.observed(ticket, Some(7), ms(100));
    assert_eq!(bucket.available(ms(100)), 7);
}

#[test]
fn our_own_requests_on_the_way_are_not_mistaken_for_foreign_use() {
    let mut bucket = Bucket::new(SIZE, REFILL, secs(0));
    assert!(bucket.try_take(5, secs(0)));
    let tickets: Vec<_> = (0..5).map(|_| bucket.sent(secs(0))).collect();
    // The last arrived first: each header but that of the first tells of arrivals it overtook or was overtaken by.
    for (ticket, remaining) in tickets.into_iter().zip([15, 16, 17, 18, 19]) {
        bucket.observed(ticket, Some(remaining), ms(1));
    }
    assert_eq!(bucket.available(ms(2)), 15);
}

#[test]
fn the_header_raises_the_level_only_when_nothing_else_was_on_its_way() {
    let full = |bucket: &mut Bucket| {
        assert!(bucket.try_take(2, secs(1)));
        (bucket.sent(secs(1)), bucket.sent(secs(1)))
    };
    let mut bucket = Bucket::after_takeover(SIZE, REFILL, Some(secs(1)), secs(1));
    assert_eq!(bucket.available(secs(1)), 3);
    let (first, second) = full(&mut bucket);
    bucket.observed(first, Some(18), secs(1));
    assert_eq!(bucket.available(secs(1)), 1, "the second is still on its way");
    bucket.observed(second, Some(17), secs(1));
    assert_eq!(
        bucket.available(secs(1)),
        1,
        "the first was, when the second was sent"
    );
    assert!(bucket.try_take(1, secs(1)));
    let third = bucket.sent(secs(1));
    bucket.observed(third, Some(16), secs(1));
    assert_eq!(bucket.available(secs(1)), 16);
}

#[test]
fn tokens_reserved_but_unsent_are_not_given_twice_by_a_raise() {
    let mut bucket = Bucket::after_takeover(SIZE, REFILL, Some(secs(2)), secs(1));
    assert!(bucket.try_take(4, secs(1)));
    let ticket = bucket.sent(secs(1));
    bucket.observed(ticket, Some(10), secs(1));
    assert_eq!(bucket.available(secs(1)), 7, "three of the ten are reserved");
    bucket.refund(3, secs(1));
    assert_eq!(bucket.available(secs(1)), 10);
}

#[test]
fn a_429_empties_the_bucket_and_stops_the_store_for_as_long_as_it_says() {
    let mut bucket = Bucket::new(SIZE, REFILL, secs(0));
    assert!(bucket.try_take(1, secs(0)));
    let ticket = bucket.sent(secs(0));
    bucket.rate_limited(ticket, secs(4), secs(1));
    assert_eq!(bucket.available(secs(4)), 0);
    assert!(!bucket.try_take(1, secs(4)));
    assert_eq!(bucket.ready_in(1, secs(4)), secs(1));
    assert_eq!(bucket.blocked_for(secs(4)), secs(1));
    assert_eq!(
        bucket.available(secs(5)),
        11,
        "refill went on meanwhile, one token is held back"
    );
    assert_eq!(bucket.ready_in(12, secs(5)).as_millis(), 333);
    assert_eq!(bucket.available(secs(100)), 20, "a full bucket gives all it has");
    assert!(bucket.try_take(17, secs(10)) && bucket.available(secs(10)) == 3);
}

#[test]
fn a_request_that_was_not_sent_gives_its_token_back() {
    let mut bucket = Bucket::new(SIZE, REFILL, secs(0));
    assert!(bucket.try_take(20, secs(0)));
    let tickets: Vec<_> = (0..20).map(|_| bucket.sent(secs(0))).collect();
    for ticket in tickets {
        bucket.unsent(ticket, secs(0));
    }
    assert_eq!((bucket.available(secs(0)), bucket.spent()), (20, 0));
}

#[test]
fn after_a_takeover_the_level_is_what_the_time_allows() {
    let level = |since| Bucket::after_takeover(SIZE, REFILL, since, secs(9)).available(secs(9));
    assert_eq!(level(None), 20);
    assert_eq!(level(Some(Duration::ZERO)), 0);
    assert_eq!(level(Some(secs(2))), 6);
    assert_eq!(level(Some(secs(3_600))), 20);
}
