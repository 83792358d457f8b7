//! What of cached answers leaves the process.

use std::time::Duration;

use app::Seals;
use bytes::Bytes;
use cache::{Area, Content, Entry, Envelope, Generation, Key, Topic};
use domain::TenantId;
use std::sync::Arc;
use uuid::Uuid;

use crate::place::{KEY, OTHER_KEY, Place};

fn envelope(place: &Place) -> Envelope {
    let seals = Seals::new(
        place.app.ledger().clone(),
        Arc::clone(place.app.keyring()),
        Arc::clone(place.app.clock()),
    );
    Envelope::new(Arc::new(seals))
}

#[tokio::test]
async fn a_cached_answer_opens_for_its_tenant_and_place_alone() {
    let place = Place::new().await;
    let (one, store) = place.store(KEY).await;
    let (other, _) = place.store(OTHER_KEY).await;
    let area = |tenant| Area::new(tenant, store.id, Topic::Orders);
    let (mine, theirs) = (area(one.tenant_id().unwrap()), area(other.tenant_id().unwrap()));
    let key = |area| Key {
        area,
        query: "email=ada@example.com",
    };
    let entry = Entry {
        content: Content {
            body: Bytes::from_static(b"{\"name\": \"Ada Lovelace\"}"),
            etag: Some("\"tag\"".to_owned()),
        },
        fetched_at: place.app.now(),
    };
    let generation = Generation(7);
    let sealed = envelope(&place)
        .seal(&key(&mine), generation, &entry)
        .await
        .unwrap();
    assert!(!sealed.windows(3).any(|part| part == b"Ada" || part == b"tag"));
    // Another process, or this one after a restart, opens it.
    let again = envelope(&place);
    let at = entry.fetched_at;
    let open = async |area, generation, at| again.open(&key(area), generation, at, &sealed).await;
    assert_eq!(open(&mine, generation, at).await, Some(entry.clone()));
    assert_eq!(open(&theirs, generation, at).await, None);
    assert_eq!(open(&mine, Generation(8), at).await, None);
    let later = at.plus(Duration::from_millis(1));
    assert_eq!(open(&mine, generation, later).await, None);
    let elsewhere = Key {
        area: &mine,
        query: "email=eve@example.com",
    };
    assert_eq!(again.open(&elsewhere, generation, at, &sealed).await, None);
}

#[tokio::test]
async fn nothing_is_kept_for_a_tenant_without_a_key() {
    let place = Place::new().await;
    let (_, store) = place.store(KEY).await;
    let area = Area::new(TenantId(Uuid::from_u128(9)), store.id, Topic::Orders);
    let key = Key {
        area: &area,
        query: "",
    };
    let entry = Entry {
        content: Content {
            body: Bytes::from_static(b"{}"),
            etag: None,
        },
        fetched_at: place.app.now(),
    };
    assert_eq!(envelope(&place).seal(&key, Generation(7), &entry).await, None);
}
