//! Grants: asking the owner of a partition for a token.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use uuid::Uuid;

use super::Fixture;
use super::deadline::{eventually, quickly};
use crate::{Grant, GrantAnswer, GrantHandler, GrantRequest, ReadScope};

const PARTITION: u16 = 11;
const PATIENCE: Duration = Duration::from_secs(5);
/// Well below [`PATIENCE`]: what "at once" may take on a busy machine.
const AT_ONCE: Duration = Duration::from_secs(2);

/// Answers as it is told to, and remembers.
struct Owner {
    answer: GrantAnswer,
    requests: Mutex<Vec<GrantRequest>>,
    releases: Mutex<Vec<(u16, Uuid)>>,
}

impl Owner {
    fn answering(answer: GrantAnswer) -> Arc<Self> {
        Arc::new(Self {
            answer,
            requests: Mutex::default(),
            releases: Mutex::default(),
        })
    }
}

#[async_trait]
impl GrantHandler for Owner {
    async fn grant(&self, request: GrantRequest) -> GrantAnswer {
        if request.upstream_key == "slow" {
            std::future::pending::<()>().await;
        }
        self.requests.lock().unwrap().push(request);
        self.answer
    }

    async fn released(&self, partition: u16, grant_id: Uuid) {
        self.releases.lock().unwrap().push((partition, grant_id));
    }
}

fn granted(number: u128) -> GrantAnswer {
    GrantAnswer::Granted {
        grant: Grant {
            id: Uuid::from_u128(number),
            valid_ms: 2_000,
            show_within_ms: 10_000,
        },
    }
}

fn request(partition: u16, upstream_key: &str) -> GrantRequest {
    GrantRequest {
        partition,
        upstream_key: upstream_key.to_owned(),
        read: ReadScope::Order {
            order_id: "4312".parse().unwrap(),
        },
        interactive: true,
        patience_ms: 5_000,
    }
}

pub async fn the_owner_grants_and_gets_the_whole_request(fixture: &dyn Fixture) {
    let (owner, asker) = (fixture.open().await, fixture.open().await);
    let handler = Owner::answering(granted(1));
    let _serving = owner.serve_grants(PARTITION, handler.clone()).await;
    let whole = request(PARTITION, "ab12");
    assert_eq!(asker.request_grant(&whole, PATIENCE).await, Some(granted(1)));
    // The owner may itself read.
    assert_eq!(owner.request_grant(&whole, PATIENCE).await, Some(granted(1)));
    assert_eq!(*handler.requests.lock().unwrap(), [whole.clone(), whole]);
}

pub async fn the_owner_may_refuse(fixture: &dyn Fixture) {
    let (owner, asker) = (fixture.open().await, fixture.open().await);
    let refusal = GrantAnswer::refused(1_250);
    let _serving = owner.serve_grants(PARTITION, Owner::answering(refusal)).await;
    assert_eq!(
        asker.request_grant(&request(PARTITION, "ab12"), PATIENCE).await,
        Some(refusal)
    );
}

pub async fn without_an_owner_the_answer_comes_at_once(fixture: &dyn Fixture) {
    let asker = fixture.open().await;
    let answer = quickly(
        AT_ONCE,
        asker.request_grant(&request(PARTITION, "ab12"), PATIENCE),
    )
    .await;
    assert_eq!(answer, None);
}

pub async fn an_owner_that_is_too_slow_costs_no_more_than_the_patience(fixture: &dyn Fixture) {
    let (owner, asker) = (fixture.open().await, fixture.open().await);
    let _serving = owner.serve_grants(PARTITION, Owner::answering(granted(1))).await;
    let patience = Duration::from_millis(200);
    let slow = GrantRequest {
        patience_ms: 200,
        ..request(PARTITION, "slow")
    };
    assert_eq!(quickly(AT_ONCE, asker.request_grant(&slow, patience)).await, None);
}

pub async fn a_slow_answer_does_not_hold_up_others(fixture: &dyn Fixture) {
    let (owner, asker) = (fixture.open().await, fixture.open().await);
    let _serving = owner.serve_grants(PARTITION, Owner::answering(granted(1))).await;
    let slow = request(PARTITION, "slow");
    let waiting = asker.request_grant(&slow, PATIENCE);
    let others = async {
        for _ in 0..20 {
            let quick = request(PARTITION, "ab12");
            assert_eq!(
                quickly(AT_ONCE, asker.request_grant(&quick, PATIENCE)).await,
                Some(granted(1))
            );
        }
    };
    tokio::select! {
        biased;
        _ = waiting => panic!("the slow request was answered, or nobody was asked"),
        () = others => {}
    }
}

pub async fn owners_answer_for_their_own_partition(fixture: &dyn Fixture) {
    let (one, two) = (fixture.open().await, fixture.open().await);
    let _first = one.serve_grants(PARTITION, Owner::answering(granted(1))).await;
    let _second = two
        .serve_grants(PARTITION + 1, Owner::answering(granted(2)))
        .await;
    for (partition, number) in [(PARTITION, 1), (PARTITION + 1, 2)] {
        let answer = two.request_grant(&request(partition, "ab12"), PATIENCE).await;
        assert_eq!(answer, Some(granted(number)));
    }
}

pub async fn an_owner_that_has_left_answers_no_more(fixture: &dyn Fixture) {
    let (owner, asker) = (fixture.open().await, fixture.open().await);
    let serving = owner.serve_grants(PARTITION, Owner::answering(granted(1))).await;
    let asked = request(PARTITION, "ab12");
    assert!(asker.request_grant(&asked, PATIENCE).await.is_some());
    drop(serving);
    // A request that meets the owner while it leaves may get lost, and then costs its patience.
    eventually("no answer, at once, after the guard was dropped", async || {
        let started = Instant::now();
        let answer = asker.request_grant(&asked, AT_ONCE).await;
        answer.is_none() && started.elapsed() < AT_ONCE / 2
    })
    .await;
}

pub async fn a_successor_answers_after_a_hand_over(fixture: &dyn Fixture) {
    let (old, new, asker) = (fixture.open().await, fixture.open().await, fixture.open().await);
    let before = old.serve_grants(PARTITION, Owner::answering(granted(1))).await;
    let after = new.serve_grants(PARTITION, Owner::answering(granted(2))).await;
    drop(before);
    let asked = request(PARTITION, "ab12");
    eventually("the successor's answer", async || {
        asker.request_grant(&asked, PATIENCE).await == Some(granted(2))
    })
    .await;
    drop(after);
}

pub async fn a_release_arrives(fixture: &dyn Fixture) {
    let (owner, asker) = (fixture.open().await, fixture.open().await);
    let (handler, other) = (Owner::answering(granted(1)), Owner::answering(granted(2)));
    let _serving = owner.serve_grants(PARTITION, handler.clone()).await;
    let _another = owner.serve_grants(PARTITION + 1, other.clone()).await;
    asker.release_grant(PARTITION, Uuid::from_u128(1)).await;
    asker.release_grant(PARTITION + 1, Uuid::from_u128(2)).await;
    eventually("both releases", async || {
        *handler.releases.lock().unwrap() == [(PARTITION, Uuid::from_u128(1))]
            && *other.releases.lock().unwrap() == [(PARTITION + 1, Uuid::from_u128(2))]
    })
    .await;
}
