//! Waiting with a deadline, never for a time.

use std::time::{Duration, Instant};

use futures::{Stream, StreamExt};

/// Longer than any adapter may need for anything here, on a busy machine too.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// The value of a future that must come.
#[track_caller]
pub fn soon<F: Future>(what: &str, future: F) -> impl Future<Output = F::Output> {
    let caller = std::panic::Location::caller();
    async move {
        let value = tokio::time::timeout(DEADLINE, future).await.ok();
        value.unwrap_or_else(|| panic!("{caller}: not within {DEADLINE:?}: {what}"))
    }
}

/// The next item of a stream that must go on.
#[track_caller]
pub fn next<S: Stream + Unpin>(what: &str, stream: &mut S) -> impl Future<Output = S::Item> {
    let item = soon(what, stream.next());
    async move { item.await.expect("the stream goes on") }
}

/// Reads on until an item passes; the items on the way, that one last.
#[track_caller]
pub fn until<S: Stream + Unpin>(
    what: &str,
    stream: &mut S,
    mut passes: impl FnMut(&S::Item) -> bool,
) -> impl Future<Output = Vec<S::Item>> {
    soon(what, async move {
        let mut items = Vec::new();
        loop {
            let item = stream.next().await.expect("the stream goes on");
            let last = passes(&item);
            items.push(item);
            if last {
                return items;
            }
        }
    })
}

/// Asks again and again until the answer is yes.
#[track_caller]
pub fn eventually<F: AsyncFnMut() -> bool>(what: &str, mut condition: F) -> impl Future<Output = ()> {
    soon(what, async move {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
}

/// Fails if `future` takes longer than `limit`.
#[track_caller]
pub fn quickly<F: Future>(limit: Duration, future: F) -> impl Future<Output = F::Output> {
    let caller = std::panic::Location::caller();
    async move {
        let started = Instant::now();
        let value = future.await;
        let took = started.elapsed();
        assert!(took < limit, "{caller}: took {took:?}, not less than {limit:?}");
        value
    }
}
