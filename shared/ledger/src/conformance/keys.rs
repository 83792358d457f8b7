//! Data keys, idempotency records and settings: what is kept beside the log.

use super::{Fixture, sample};
use crate::{DestroyKeys, IdempotencyAnswer, IdempotencyRecord};

pub async fn data_keys_are_kept_and_found_by_their_order(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let place = sample::place(&*backend).await;
    let order = "9".parse().unwrap();
    let older = sample::data_key(place.tenant.id, &place.store, Some("9"), sample::at(1));
    let newer = sample::data_key(place.tenant.id, &place.store, Some("9"), sample::at(2));
    let mut loose = sample::data_key(place.tenant.id, &place.store, None, sample::at(0));
    let mut append = sample::append(sample::at(3));
    append
        .data_keys
        .extend([newer.clone(), older.clone(), loose.clone()]);
    sample::land(&*backend, append).await;
    for key in [&older, &newer, &loose] {
        assert_eq!(backend.data_key(key.id).await.unwrap().as_ref(), Some(key));
    }
    let asked = [newer.id, sample::id(), loose.id];
    let mut found = backend.data_keys(&asked).await.unwrap();
    found.sort_by_key(|key| std::cmp::Reverse(key.created_at));
    assert_eq!(found, [newer, loose.clone()]);
    assert_eq!(
        backend.data_key_of_order(place.store.id, &order).await.unwrap(),
        Some(older)
    );
    assert_eq!(
        backend.data_key_of_order(sample::id(), &order).await.unwrap(),
        None
    );

    let mut bind = sample::append(sample::at(4));
    bind.bind_keys.push((loose.id, order.clone()));
    sample::land(&*backend, bind).await;
    loose.order_id = Some(order.clone());
    assert_eq!(
        backend.data_key_of_order(place.store.id, &order).await.unwrap(),
        Some(loose)
    );
}

pub async fn a_data_key_may_be_bound_in_the_append_that_makes_it(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let place = sample::place(&*backend).await;
    let key = sample::data_key(place.tenant.id, &place.store, None, sample::at(1));
    let mut append = sample::append(sample::at(1));
    append.data_keys.push(key.clone());
    append.bind_keys.push((key.id, "9".parse().unwrap()));
    sample::land(&*backend, append).await;
    let stored = backend.data_key(key.id).await.unwrap().unwrap();
    assert_eq!(stored.order_id, Some("9".parse().unwrap()));
}

pub async fn destroying_an_orders_keys_spares_all_others(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let place = sample::place(&*backend).await;
    let stranger = sample::place(&*backend).await;
    let of = |place: &sample::Place, order| {
        sample::data_key(place.tenant.id, &place.store, Some(order), sample::at(1))
    };
    let gone = [of(&place, "9"), of(&place, "9")];
    let kept = [of(&place, "8"), of(&stranger, "9")];
    let mut append = sample::append(sample::at(1));
    append.data_keys.extend(gone.iter().chain(&kept).cloned());
    sample::land(&*backend, append).await;
    let mut destroy = sample::append(sample::at(2));
    destroy
        .destroy_keys
        .push(DestroyKeys::Order(place.store.id, "9".parse().unwrap()));
    sample::land(&*backend, destroy).await;
    for key in &gone {
        assert_eq!(backend.data_key(key.id).await.unwrap(), None);
    }
    for key in &kept {
        assert_eq!(backend.data_key(key.id).await.unwrap().as_ref(), Some(key));
    }
    assert!(backend.data_key(place.credentials).await.unwrap().is_some());
}

pub async fn new_credentials_outlive_the_destruction_of_the_old_ones(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let place = sample::place(&*backend).await;
    let stranger = sample::place(&*backend).await;
    let subject = sample::data_key(place.tenant.id, &place.store, None, sample::at(1));
    let mut new = sample::data_key(place.tenant.id, &place.store, None, sample::at(1));
    new.credentials = true;
    let mut replace = sample::append(sample::at(1));
    replace.data_keys.extend([subject.clone(), new.clone()]);
    replace
        .destroy_keys
        .push(DestroyKeys::Credentials(place.store.id));
    sample::land(&*backend, replace).await;
    assert_eq!(backend.data_key(place.credentials).await.unwrap(), None);
    assert_eq!(backend.data_key(new.id).await.unwrap(), Some(new));
    assert_eq!(backend.data_key(subject.id).await.unwrap(), Some(subject));
    assert!(backend.data_key(stranger.credentials).await.unwrap().is_some());
}

pub async fn idempotency_records_come_back_as_they_were(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let place = sample::place(&*backend).await;
    let answers = [
        IdempotencyAnswer::Job(sample::id()),
        IdempotencyAnswer::Jobs(vec![sample::id(), sample::id()]),
        IdempotencyAnswer::Jobs(Vec::new()),
        IdempotencyAnswer::Response {
            status: 409,
            body: sample::sealed("{}"),
        },
    ];
    let records: Vec<_> = answers
        .into_iter()
        .enumerate()
        .map(|(n, answer)| record(&place, n as i64, answer))
        .collect();
    let mut append = sample::append(sample::at(0));
    append.idempotency.clone_from(&records);
    sample::land(&*backend, append).await;
    for record in records {
        let alive = record.expires_at.minus(std::time::Duration::from_millis(1));
        let stored = backend
            .idempotency(place.tenant.id, &record.key, alive)
            .await
            .unwrap();
        assert_eq!(stored.as_ref(), Some(&record));
        assert_eq!(
            backend
                .idempotency(place.tenant.id, &record.key, record.expires_at)
                .await
                .unwrap(),
            None
        );
        assert_eq!(
            backend
                .idempotency(sample::id(), &record.key, alive)
                .await
                .unwrap(),
            None
        );
    }
}

pub async fn dead_idempotency_records_are_purged_in_bites(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let place = sample::place(&*backend).await;
    let mut append = sample::append(sample::at(0));
    for n in 0..10 {
        append
            .idempotency
            .push(record(&place, n, IdempotencyAnswer::Jobs(Vec::new())));
    }
    sample::land(&*backend, append).await;
    assert_eq!(backend.purge_idempotency(sample::at(106), 4).await.unwrap(), 4);
    assert_eq!(backend.purge_idempotency(sample::at(106), 4).await.unwrap(), 3);
    assert_eq!(backend.purge_idempotency(sample::at(106), 4).await.unwrap(), 0);
    assert!(
        backend
            .idempotency(place.tenant.id, "key 7", sample::at(106))
            .await
            .unwrap()
            .is_some()
    );
}

fn record(place: &sample::Place, n: i64, answer: IdempotencyAnswer) -> IdempotencyRecord {
    IdempotencyRecord {
        tenant_id: place.tenant.id,
        key: format!("key {n}"),
        fingerprint: [0xfe; 32],
        answer,
        expires_at: sample::at(100 + n),
    }
}

pub async fn the_first_value_of_a_setting_wins(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    assert_eq!(backend.setting("partitions").await.unwrap(), None);
    let mut racers = Vec::new();
    for n in 0..4_u8 {
        let handle = fixture.open().await;
        racers.push(tokio::spawn(async move {
            handle.init_setting("partitions", &[n, 0, 255]).await.unwrap()
        }));
    }
    let mut seen = Vec::new();
    for racer in racers {
        seen.push(racer.await.unwrap());
    }
    let set = backend.setting("partitions").await.unwrap().unwrap();
    assert!(seen.iter().all(|value| *value == set), "{seen:?}");
    assert_eq!(backend.init_setting("partitions", &[9]).await.unwrap(), set);
    assert_eq!(
        backend.init_setting("other", &[]).await.unwrap(),
        Vec::<u8>::new()
    );
}

pub async fn a_setting_is_swapped_only_from_what_it_was(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    assert!(
        !backend.swap_setting("canary", b"a", b"b").await.unwrap(),
        "it is not set"
    );
    backend.init_setting("canary", b"a").await.unwrap();
    assert!(backend.swap_setting("canary", b"a", b"b").await.unwrap());
    assert!(!backend.swap_setting("canary", b"a", b"c").await.unwrap());
    assert_eq!(
        backend.setting("canary").await.unwrap().as_deref(),
        Some(b"b".as_slice())
    );
}
