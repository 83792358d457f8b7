//! Bodies on their way: how much memory they may take together.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Guards;
use crate::problem::{Code, Problem};

/// The memory that bodies may take, in KiB.
pub(super) struct Bodies(Arc<Semaphore>);

impl Bodies {
    pub(super) fn new(kib: u32) -> Self {
        Self(Arc::new(Semaphore::new(kib as usize)))
    }
}

/// What one body takes of it, until it is dropped.
#[derive(Debug)]
pub(crate) struct BodyShare {
    all: Arc<Semaphore>,
    bytes: usize,
    held: Option<OwnedSemaphorePermit>,
}

impl BodyShare {
    /// Takes room for more.
    ///
    /// # Errors
    /// 503 if there is none: whoever held on to what it has until there is more could wait for others that do the same.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), Problem> {
        let held = self.bytes.div_ceil(1024);
        self.bytes += bytes;
        let missing = self.bytes.div_ceil(1024) - held;
        let Ok(more) = Arc::clone(&self.all).try_acquire_many_owned(missing as u32) else {
            metrics::counter!("rate_limited_total", "limit" => "bodies").increment(1);
            let detail = "Too many request bodies are being read at this moment.";
            return Err(Problem::new(Code::Unavailable, detail).retry_after(Duration::from_secs(1)));
        };
        match &mut self.held {
            Some(held) => held.merge(more),
            None => self.held = Some(more),
        }
        Ok(())
    }
}

impl Guards {
    /// The share of a body that is about to be read.
    pub(crate) fn body(&self) -> BodyShare {
        BodyShare {
            all: Arc::clone(&self.bodies.0),
            bytes: 0,
            held: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_share_what_there_is_and_give_it_back() {
        let bodies = Bodies::new(4);
        let share = || BodyShare {
            all: Arc::clone(&bodies.0),
            bytes: 0,
            held: None,
        };
        let (mut one, mut other) = (share(), share());
        for _ in 0..30 {
            one.grow(100).unwrap();
        }
        assert!(
            other.grow(1_000).is_ok() && other.grow(1_000).is_err(),
            "3 and 1 of 4 KiB"
        );
        drop(one);
        assert!(other.grow(1_000).is_ok());
    }
}
