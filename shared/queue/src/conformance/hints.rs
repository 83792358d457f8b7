//! Hints: news for the owner of a partition.

use std::time::Duration;

use futures::future::{Either, select};
use futures::{FutureExt, StreamExt};

use super::Fixture;
use super::deadline::{next, quickly, soon, until};
use crate::Hint;

const PARTITION: u16 = 7;

fn hint(position: u64) -> Hint {
    Hint {
        partition: PARTITION,
        position,
    }
}

pub async fn a_hint_reaches_the_taker_of_its_partition(fixture: &dyn Fixture) {
    let queue = fixture.open().await;
    let mut ours = queue.hints(PARTITION).await;
    let mut others = queue.hints(PARTITION + 1).await;
    assert!(queue.hint(hint(41)).await);
    assert_eq!(next("the hint", &mut ours).await, hint(41));
    // A hint of its own shows that the other taker was listening and got nothing before it.
    let other = Hint {
        partition: PARTITION + 1,
        position: 2,
    };
    assert!(queue.hint(other).await);
    assert_eq!(next("the other hint", &mut others).await, other);
}

pub async fn a_hint_waits_for_its_taker(fixture: &dyn Fixture) {
    let sender = fixture.open().await;
    assert!(sender.hint(hint(5)).await);
    let owner = fixture.open().await;
    let mut hints = owner.hints(PARTITION).await;
    assert_eq!(
        next("the hint sent before there was a taker", &mut hints).await,
        hint(5)
    );
}

pub async fn many_hints_coalesce_to_the_newest(fixture: &dyn Fixture) {
    let queue = fixture.open().await;
    // Not in order, as commits of several processes are not.
    for position in (0..5_000_u64).map(|n| n ^ 1) {
        assert!(queue.hint(hint(position)).await);
    }
    let mut hints = queue.hints(PARTITION).await;
    let taken = until("the newest hint", &mut hints, |taken| *taken == hint(4_999)).await;
    assert!(taken.len() < 500, "{} hints were taken of 5000", taken.len());
}

pub async fn a_repeated_hint_wakes_again(fixture: &dyn Fixture) {
    let queue = fixture.open().await;
    let mut hints = queue.hints(PARTITION).await;
    // The third is older than what was taken already: still a reason to look.
    for position in [9, 9, 3] {
        assert!(queue.hint(hint(position)).await);
        until("the repeated hint", &mut hints, |taken| *taken == hint(position)).await;
    }
}

pub async fn hints_from_several_senders_reach_one_taker(fixture: &dyn Fixture) {
    let owner = fixture.open().await;
    let mut hints = owner.hints(PARTITION).await;
    for round in 0..10 {
        for sender in 0..2 {
            let position = round * 2 + sender + 1;
            assert!(fixture.open().await.hint(hint(position)).await);
            until("each sender's hint", &mut hints, |taken| {
                taken.position == position
            })
            .await;
        }
    }
}

pub async fn a_second_taker_breaks_nothing(fixture: &dyn Fixture) {
    let (one, two) = (fixture.open().await, fixture.open().await);
    let (mut first, mut second) = (one.hints(PARTITION).await, two.hints(PARTITION).await);
    // Both are at work before the first hint.
    assert!(first.next().now_or_never().is_none() && second.next().now_or_never().is_none());
    for position in 1..=20 {
        assert!(one.hint(hint(position)).await);
        soon("one of two takers", async {
            loop {
                let taken = match select(first.next(), second.next()).await {
                    Either::Left((taken, _)) | Either::Right((taken, _)) => taken,
                };
                if taken == Some(hint(position)) {
                    break;
                }
            }
        })
        .await;
    }
    drop(first);
    assert!(one.hint(hint(21)).await);
    until("the taker that is left", &mut second, |taken| *taken == hint(21)).await;
}

pub async fn a_successor_gets_the_hints_after_a_hand_over(fixture: &dyn Fixture) {
    let (sender, old, new) = (fixture.open().await, fixture.open().await, fixture.open().await);
    let mut before = old.hints(PARTITION).await;
    assert!(sender.hint(hint(1)).await);
    next("the hint before", &mut before).await;
    drop((before, old));
    assert!(sender.hint(hint(2)).await);
    let mut after = new.hints(PARTITION).await;
    until("the hint after", &mut after, |taken| *taken == hint(2)).await;
}

pub async fn hints_are_accepted_at_a_high_rate(fixture: &dyn Fixture) {
    let queue = fixture.open().await;
    quickly(Duration::from_secs(3), async {
        for position in 1..=9_000_u64 {
            let partition = (position % 64) as u16;
            assert!(queue.hint(Hint { partition, position }).await);
        }
    })
    .await;
    for position in 8_937..=9_000_u64 {
        let mut hints = queue.hints((position % 64) as u16).await;
        until("the last hint of each partition", &mut hints, |taken| {
            taken.position == position
        })
        .await;
    }
}
