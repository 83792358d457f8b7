//! Waiting for a condition, with a deadline.

use std::fmt::Display;
use std::panic::Location;
use std::time::{Duration, Instant};

/// What a condition may answer: settled with a value, or not yet, with the reason.
pub trait Outcome {
    /// What [`eventually`] returns once the condition is settled.
    type Value;

    /// The value, or what is still missing.
    fn settle(self) -> Result<Self::Value, String>;
}

impl Outcome for bool {
    type Value = ();

    fn settle(self) -> Result<(), String> {
        if self { Ok(()) } else { Err("false".to_owned()) }
    }
}

impl<T> Outcome for Option<T> {
    type Value = T;

    fn settle(self) -> Result<T, String> {
        self.ok_or_else(|| "nothing".to_owned())
    }
}

impl<T, E: Display> Outcome for Result<T, E> {
    type Value = T;

    fn settle(self) -> Result<T, String> {
        self.map_err(|error| error.to_string())
    }
}

/// Asks `condition` again and again until it is settled, and returns its value.
///
/// A condition answers with a `bool`, an `Option` or a `Result`. The pauses grow from 2 to 50 ms; an answer that does
/// not come counts as not settled.
///
/// # Panics
/// At the caller's line, when `deadline` has passed: with `what` was awaited and the last answer.
#[track_caller]
pub fn eventually<O, C, F>(what: &str, deadline: Duration, mut condition: C) -> impl Future<Output = O::Value>
where
    O: Outcome,
    C: FnMut() -> F,
    F: Future<Output = O>,
{
    let caller = Location::caller();
    async move {
        let started = Instant::now();
        let mut pause = Duration::from_millis(2);
        let mut last = "no answer yet".to_owned();
        loop {
            let left = deadline.saturating_sub(started.elapsed());
            match tokio::time::timeout(left, condition()).await.map(Outcome::settle) {
                Ok(Ok(value)) => return value,
                Ok(Err(answer)) => last = answer,
                Err(_) => {}
            }
            assert!(
                started.elapsed() < deadline,
                "{caller}: not within {deadline:?}: {what}; last answer: {last}"
            );
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn a_condition_is_asked_until_it_holds() {
        let asked = Cell::new(0);
        let value = eventually("three questions", Duration::from_secs(5), async || {
            asked.set(asked.get() + 1);
            (asked.get() == 3).then(|| asked.get())
        })
        .await;
        assert_eq!(value, 3);
    }

    #[tokio::test]
    #[should_panic(expected = "eventually.rs")]
    async fn a_missed_deadline_names_the_line_that_waited() {
        eventually("never", Duration::from_millis(20), async || false).await;
    }

    #[tokio::test]
    #[should_panic(expected = "never; last answer: still 7")]
    async fn a_missed_deadline_tells_the_last_answer() {
        eventually("never", Duration::from_millis(20), async || {
            Err::<(), _>("still 7")
        })
        .await;
    }

    #[tokio::test]
    #[should_panic(expected = "no answer yet")]
    async fn a_condition_that_hangs_meets_the_deadline_too() {
        eventually("never", Duration::from_millis(20), std::future::pending::<bool>).await;
    }
}
