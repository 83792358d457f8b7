//! A task that ends with its owner.

use tokio::task::JoinHandle;

/// Aborts its task when dropped.
pub(crate) struct Task(JoinHandle<()>);

impl Task {
    pub(crate) fn spawn(future: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(future))
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The pauses between attempts at what must succeed some day: 50 ms, then twice as long up to 5 s, with jitter.
#[derive(Default)]
pub(crate) struct Patience(Option<backon::ExponentialBackoff>);

impl Patience {
    /// Waits for the next attempt.
    pub(crate) async fn pause(&mut self) {
        let pauses = self.0.get_or_insert_with(|| {
            backon::BackoffBuilder::build(
                backon::ExponentialBuilder::default()
                    .with_min_delay(MIN_PAUSE)
                    .with_max_delay(MAX_PAUSE)
                    .with_jitter()
                    .without_max_times(),
            )
        });
        tokio::time::sleep(pauses.next().unwrap_or(MAX_PAUSE)).await;
    }

    /// Begins anew after a success.
    pub(crate) fn restore(&mut self) {
        self.0 = None;
    }
}

const MIN_PAUSE: std::time::Duration = std::time::Duration::from_millis(50);
const MAX_PAUSE: std::time::Duration = std::time::Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_to_a_bound_for_ever_and_begin_anew() {
        let mut patience = Patience::default();
        let started = Instant::now();
        for _ in 0..100 {
            let before = Instant::now();
            patience.pause().await;
            assert!(before.elapsed() <= 2 * MAX_PAUSE);
        }
        assert!(started.elapsed() > 80 * MAX_PAUSE, "{:?}", started.elapsed());
        patience.restore();
        let before = Instant::now();
        patience.pause().await;
        assert!(before.elapsed() <= Duration::from_millis(101));
    }
}
