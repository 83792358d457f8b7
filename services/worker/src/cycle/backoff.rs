//! How long a job waits before its next attempt.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use uuid::Uuid;

/// The wait before attempt `attempt + 1`: `min(2^(attempt − 1) s, 5 min)` ± 20 %. `random` decides the jitter.
pub(super) fn delay(attempt: u32, random: Uuid) -> Duration {
    let base = ExponentialBuilder::new()
        .with_factor(2.0)
        .with_min_delay(Duration::from_secs(1))
        .with_max_delay(Duration::from_mins(5))
        .with_max_times(64)
        .build()
        .nth(attempt.clamp(1, 60) as usize - 1)
        .unwrap_or(Duration::from_mins(5));
    let share = (random.as_u128() & 0xffff) as f64 / f64::from(0xffff_u32);
    base.mul_f64(0.8 + 0.4 * share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_five_minutes_and_vary_by_a_fifth() {
        for (attempt, seconds) in [
            (1, 1.0),
            (2, 2.0),
            (5, 16.0),
            (9, 256.0),
            (10, 300.0),
            (400, 300.0),
        ] {
            let low = delay(attempt, Uuid::from_u128(0)).as_secs_f64();
            let high = delay(attempt, Uuid::from_u128(0xffff)).as_secs_f64();
            assert!((low - seconds * 0.8).abs() < 1e-6, "{attempt}: {low}");
            assert!((high - seconds * 1.2).abs() < 1e-6, "{attempt}: {high}");
        }
    }
}
