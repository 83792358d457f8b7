//! When a delivery that failed is tried again.

use std::time::Duration;

/// The longest wait that a receiver can ask for.
pub const LONGEST_RETRY_AFTER: Duration = Duration::from_hours(24);
/// How far jitter moves a wait, to either side: receivers that failed together are not asked again together.
const JITTER: f64 = 0.2;

/// The waits between the attempts of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetrySchedule {
    waits: Vec<Duration>,
}

impl RetrySchedule {
    /// The first attempt is made at once; after it `waits` follow one another, and after the last of them no more.
    pub fn new(waits: impl Into<Vec<Duration>>) -> Self {
        Self { waits: waits.into() }
    }

    /// How many attempts a delivery has.
    pub fn attempts(&self) -> u32 {
        u32::try_from(self.waits.len())
            .unwrap_or(u32::MAX)
            .saturating_add(1)
    }

    /// How long to wait after `failed` attempts (from 1), or nothing if those were all.
    ///
    /// `random` is drawn evenly from 0 to 1 and moves the wait by up to a fifth; a receiver that asked for a longer wait
    /// gets it, up to [`LONGEST_RETRY_AFTER`], one that asked for a shorter one does not spend its attempts sooner.
    pub fn wait_after(&self, failed: u32, random: f64, retry_after: Option<Duration>) -> Option<Duration> {
        let index = usize::try_from(failed.max(1) - 1).unwrap_or(usize::MAX);
        let wait = *self.waits.get(index)?;
        let factor = 1.0 + JITTER * (2.0 * random.clamp(0.0, 1.0) - 1.0);
        let wait = Duration::try_from_secs_f64(wait.as_secs_f64() * factor).unwrap_or(wait);
        let asked = retry_after.unwrap_or(Duration::ZERO).min(LONGEST_RETRY_AFTER);
        Some(wait.max(asked))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn schedule() -> RetrySchedule {
        RetrySchedule::new([
            Duration::from_secs(5),
            Duration::from_mins(5),
            Duration::from_mins(30),
        ])
    }

    #[test]
    fn each_failure_is_followed_by_its_wait_and_the_last_by_none() {
        let schedule = schedule();
        assert_eq!(schedule.attempts(), 4);
        let waits: Vec<_> = (1..=4)
            .map(|failed| schedule.wait_after(failed, 0.5, None))
            .collect();
        assert_eq!(
            waits,
            [
                Some(Duration::from_secs(5)),
                Some(Duration::from_mins(5)),
                Some(Duration::from_mins(30)),
                None
            ]
        );
    }

    #[test]
    fn a_receiver_can_ask_for_a_longer_wait_but_not_for_ever_nor_for_another_attempt() {
        let schedule = schedule();
        let asked = |failed, seconds| schedule.wait_after(failed, 0.5, Some(Duration::from_secs(seconds)));
        assert_eq!(asked(1, 60), Some(Duration::from_mins(1)));
        assert_eq!(asked(2, 60), Some(Duration::from_mins(5)));
        assert_eq!(asked(1, u64::MAX), Some(LONGEST_RETRY_AFTER));
        assert_eq!(asked(4, 60), None);
    }

    #[test]
    fn without_waits_there_is_one_attempt() {
        let schedule = RetrySchedule::new([]);
        assert_eq!(schedule.attempts(), 1);
        assert_eq!(schedule.wait_after(1, 0.5, None), None);
    }

    proptest! {
        #[test]
        fn jitter_stays_within_a_fifth(random in 0.0_f64..1.0, failed in 1_u32..4) {
            let schedule = schedule();
            let plain = schedule.waits[failed as usize - 1].as_secs_f64();
            let wait = schedule.wait_after(failed, random, None).unwrap().as_secs_f64();
            prop_assert!((0.799 * plain..=1.201 * plain).contains(&wait));
        }
    }

    #[test]
    fn jitter_differs_with_what_was_drawn() {
        let schedule = schedule();
        assert_eq!(schedule.wait_after(1, 0.0, None), Some(Duration::from_secs(4)));
        assert_eq!(schedule.wait_after(1, 1.0, None), Some(Duration::from_secs(6)));
    }
}
