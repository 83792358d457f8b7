//! The bus: what every process hears.

use std::time::Duration;

use domain::{JobId, KeyId, StoreId, TenantId};
use uuid::Uuid;

use super::Fixture;
use super::deadline::{next, quickly, until};
use crate::{Announcement, Subject};

fn announcement(position: u64) -> Announcement {
    Announcement {
        tenant_id: TenantId(Uuid::from_u128(1)),
        position,
        subject: Subject::Store {
            store_id: StoreId(Uuid::from_u128(2)),
        },
    }
}

pub async fn everybody_hears_an_announcement_the_sender_included(fixture: &dyn Fixture) {
    let (here, there) = (fixture.open().await, fixture.open().await);
    let mut readers = [
        here.announcements().await,
        here.announcements().await,
        there.announcements().await,
        there.announcements().await,
    ];
    for position in 1..=3 {
        assert!(here.announce(&announcement(position)).await);
    }
    for reader in &mut readers {
        for position in 1..=3 {
            // Each once, in order: an echo would come between.
            assert_eq!(next("the announcement", reader).await, announcement(position));
        }
    }
    assert!(there.announce(&announcement(4)).await);
    for reader in &mut readers {
        assert_eq!(next("the other side's", reader).await, announcement(4));
    }
}

pub async fn every_subject_arrives_as_it_was_sent(fixture: &dyn Fixture) {
    let (here, there) = (fixture.open().await, fixture.open().await);
    let mut heard = there.announcements().await;
    let store_id = StoreId(Uuid::from_u128(3));
    let order_id: domain::OrderId = "4312".parse().unwrap();
    let job_id = JobId(Uuid::from_u128(4));
    for subject in [
        Subject::Job {
            job_id,
            store_id,
            order_id: Some(order_id.clone()),
            ended: true,
        },
        Subject::Job {
            job_id,
            store_id,
            order_id: None,
            ended: false,
        },
        Subject::Store { store_id },
        Subject::Erased {
            store_id: Some(store_id),
            order_id: Some(order_id.clone()),
        },
        Subject::Order { store_id, order_id },
        Subject::Key {
            key_id: KeyId(Uuid::from_u128(5)),
            lookup: "00ff".to_owned(),
        },
    ] {
        let sent = Announcement {
            subject,
            ..announcement(u64::MAX)
        };
        assert!(here.announce(&sent).await);
        assert_eq!(next("the announcement", &mut heard).await, sent);
    }
}

pub async fn a_reader_that_lags_holds_up_nobody(fixture: &dyn Fixture) {
    let (here, there) = (fixture.open().await, fixture.open().await);
    let mut reader = there.announcements().await;
    let mut sleepy = there.announcements().await;
    // More than any adapter keeps for a reader; in parts, so that the good reader is not left behind itself.
    let (parts, size) = (60, 200);
    for part in 1..=parts {
        quickly(Duration::from_secs(5), async {
            for number in 1..=size {
                assert!(here.announce(&announcement((part - 1) * size + number)).await);
            }
        })
        .await;
        until("the last of a part", &mut reader, |heard| {
            heard.position == part * size
        })
        .await;
    }
    let late = until("the newest, late", &mut sleepy, |heard| {
        heard.position == parts * size
    })
    .await;
    assert!(
        late.len() < (parts * size) as usize,
        "the backlog of a reader has no bound"
    );
}

pub async fn an_announcement_without_readers_is_sent(fixture: &dyn Fixture) {
    assert!(fixture.open().await.announce(&announcement(1)).await);
}

pub async fn a_live_queue_answers_a_ping(fixture: &dyn Fixture) {
    let queue = fixture.open().await;
    assert!(queue.is_live());
    assert_eq!(queue.ping().await, Ok(()));
}
