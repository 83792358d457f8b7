//! Counting in one process.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use governor::RateLimiter;
use governor::clock::Clock as _;
use governor::middleware::StateInformationMiddleware;
use runtime::Clock;

use crate::store::{Ask, Buckets};
use crate::{Decision, Limiter, Quota, Subject};

/// Counts in this process; a restart forgets everything.
pub struct LocalLimiter {
    quota: Quota,
    buckets: Buckets,
    governor: RateLimiter<Ask, Buckets, Ticks, StateInformationMiddleware>,
}

/// The clock as `governor` wants it.
#[derive(Clone)]
struct Ticks(Arc<dyn Clock>);

impl governor::clock::Clock for Ticks {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.boot()
    }
}

impl LocalLimiter {
    /// How many subjects are counted at a time; beyond it the one that was quiet for longest is forgotten.
    pub const CAPACITY: u64 = 50_000;

    /// Starts with full buckets.
    ///
    /// # Panics
    /// If `quota` has no measurable interval, which its constructors exclude.
    pub fn new(quota: Quota, clock: Arc<dyn Clock>) -> Self {
        let buckets = Buckets::new(Self::CAPACITY, quota);
        let measure = governor::Quota::with_period(quota.interval())
            .expect("a window is longer than its limit in nanoseconds")
            .allow_burst(quota.limit());
        Self {
            quota,
            buckets: buckets.clone(),
            governor: RateLimiter::new(measure, buckets, Ticks(clock)),
        }
    }

    /// Takes one, if there is one.
    pub fn take_now(&self, subject: Subject) -> Decision {
        self.ask(Ask { subject, look: false })
    }

    /// What [`Self::take_now`] would say; nothing is taken.
    pub fn look(&self, subject: Subject) -> Decision {
        self.ask(Ask { subject, look: true })
    }

    /// Puts back one that was taken and not used.
    pub fn give_back(&self, subject: Subject) {
        self.buckets.give_back(subject, self.quota.interval().into());
    }

    /// By which measure it counts.
    pub fn quota(&self) -> Quota {
        self.quota
    }

    fn ask(&self, ask: Ask) -> Decision {
        match self.governor.check_key(&ask) {
            Ok(state) => Decision::passed(self.quota, state.remaining_burst_capacity()),
            Err(until) => {
                let retry_after = until.wait_time_from(self.governor.clock().now());
                Decision::refused(self.quota, retry_after)
            }
        }
    }
}

#[async_trait]
impl Limiter for LocalLimiter {
    async fn take(&self, subject: Subject) -> Decision {
        self.take_now(subject)
    }

    async fn probe(&self) -> bool {
        true
    }
}

impl fmt::Debug for LocalLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalLimiter")
            .field("quota", &self.quota)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use runtime::ManualClock;

    use super::*;
    use crate::Outcome;

    fn place(quota: Option<Quota>) -> (Arc<ManualClock>, LocalLimiter) {
        let clock = Arc::new(ManualClock::at(0));
        let limiter = LocalLimiter::new(quota.unwrap(), Arc::clone(&clock) as Arc<dyn Clock>);
        (clock, limiter)
    }

    fn who(n: u8) -> Subject {
        Subject::id([n; 16])
    }

    #[test]
    fn a_full_bucket_holds_its_limit_and_each_interval_brings_one_back() {
        let (clock, limiter) = place(Quota::per_minute(120));
        for left in (0..120).rev() {
            let decision = limiter.take_now(who(1));
            assert_eq!((decision.is_passed(), decision.remaining), (true, left));
        }
        let refused = limiter.take_now(who(1));
        let retry_after = Duration::from_millis(500);
        assert_eq!(refused.outcome, Outcome::Refused { retry_after });
        assert_eq!((refused.remaining, refused.full_in), (0, Duration::from_mins(1)));
        assert!(
            limiter.take_now(who(2)).is_passed(),
            "another subject has its own"
        );
        clock.advance(retry_after);
        assert!(limiter.take_now(who(1)).is_passed());
        assert!(!limiter.take_now(who(1)).is_passed());
        clock.advance(Duration::from_mins(5));
        assert_eq!(limiter.take_now(who(1)).remaining, 119, "never more than full");
    }

    #[test]
    fn the_first_of_a_full_bucket_is_back_within_a_second() {
        let (_, limiter) = place(Quota::per_minute(120));
        let decision = limiter.take_now(who(1));
        assert_eq!(
            (decision.remaining, decision.full_in),
            (119, Duration::from_millis(500))
        );
    }

    #[test]
    fn looking_takes_nothing() {
        let (_, limiter) = place(Quota::per_hour(2));
        for _ in 0..5 {
            assert_eq!(limiter.look(who(1)).remaining, 1);
        }
        limiter.take_now(who(1));
        for _ in 0..5 {
            assert_eq!(limiter.look(who(1)).remaining, 0);
        }
        limiter.take_now(who(1));
        assert!(!limiter.look(who(1)).is_passed() && !limiter.take_now(who(1)).is_passed());
    }

    #[test]
    fn what_is_given_back_can_be_taken_again_and_never_fills_beyond_the_limit() {
        let (_, limiter) = place(Quota::per_hour(2));
        limiter.take_now(who(1));
        limiter.take_now(who(1));
        limiter.give_back(who(1));
        assert!(limiter.take_now(who(1)).is_passed() && !limiter.look(who(1)).is_passed());
        for _ in 0..9 {
            limiter.give_back(who(1));
        }
        assert_eq!(limiter.take_now(who(1)).remaining, 1);
    }

    #[test]
    fn however_many_subjects_come_memory_is_bounded_and_who_keeps_coming_is_not_forgotten() {
        let (_, limiter) = place(Quota::per_minute(3));
        let mut passed = 0;
        for n in 0..80_000_u128 {
            limiter.take_now(Subject::id((n + 1_000).to_be_bytes()));
            if n % 1_000 == 0 {
                passed += u32::from(limiter.take_now(who(0)).is_passed());
            }
        }
        assert_eq!(passed, 3);
        let kept = limiter.buckets.len();
        assert!(kept <= LocalLimiter::CAPACITY, "{kept}");
    }

    proptest! {
        /// In any time T no more pass than the limit and what T brings back.
        #[test]
        fn never_more_pass_than_the_quota_allows(
            limit in 1_u32..50,
            steps in prop::collection::vec(0_u64..5_000, 1..200),
        ) {
            let (clock, limiter) = place(Quota::per_minute(limit));
            let (mut passed, mut time) = (0_u64, 0_u64);
            for step in steps {
                clock.advance(Duration::from_millis(step));
                time += step;
                let decision = limiter.take_now(who(1));
                passed += u64::from(decision.is_passed());
                prop_assert!(passed * 60_000 <= u64::from(limit) * (60_000 + time + 1));
                prop_assert!(decision.full_in <= Duration::from_mins(1));
            }
        }
    }
}
