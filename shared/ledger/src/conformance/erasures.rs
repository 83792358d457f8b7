//! What an erasure of personal data needs of the log and the keys.

use domain::event::{ErasureDone, ErasureRequested, Event};
use domain::{ErasureId, OrderId};

use super::{Fixture, audit, sample};
use crate::view::ViewRow;
use crate::{Append, DestroyKeys, Expected, NewEvent, Stream};

fn event(
    place: &sample::Place,
    id: ErasureId,
    version: u64,
    order: Option<&OrderId>,
    event: Event,
) -> NewEvent {
    NewEvent {
        stream: Stream::Erasure(id),
        expected: Expected::Version(version),
        tenant_id: place.tenant.id,
        store_id: Some(place.store.id),
        order_id: order.cloned(),
        job_id: None,
        event,
        sealed: order.is_none().then(|| sample::sealed("whose")),
    }
}

fn ask(append: &mut Append, place: &sample::Place, order: Option<&OrderId>) -> ErasureId {
    let id = sample::id();
    let request = ErasureRequested {
        at: append.now,
        erasure_id: id,
        tenant_id: place.tenant.id,
        store_id: place.store.id,
        partition: place.store.partition,
        order_id: order.cloned(),
        part_of: None,
    };
    append.event(event(place, id, 0, order, request.into()));
    id
}

fn end(append: &mut Append, place: &sample::Place, id: ErasureId, order: &OrderId) {
    let done = ErasureDone {
        at: append.now,
        erasure_id: id,
        tenant_id: place.tenant.id,
        store_id: place.store.id,
        order_id: Some(order.clone()),
        records: 1,
    };
    let index = append.event(event(place, id, 1, Some(order), done.into()));
    append.view(ViewRow::NoImage(place.store.id, order.clone()), index);
    append
        .destroy_keys
        .push(DestroyKeys::Order(place.store.id, order.clone()));
}

pub async fn erasures_are_read_from_any_position_on(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let (place, other) = (sample::place(&*backend).await, sample::place(&*backend).await);
    assert!(backend.erasure_events_after(0, 10).await.unwrap().is_empty());
    let order: OrderId = "7".parse().unwrap();
    let mut append = sample::append(sample::at(1));
    let first = ask(&mut append, &place, Some(&order));
    ask(&mut append, &other, None);
    let asked = sample::land(&*backend, append).await;
    let mut append = sample::append(sample::at(2));
    end(&mut append, &place, first, &order);
    let done = sample::land(&*backend, append).await;
    let all = backend.erasure_events_after(0, 10).await.unwrap();
    let positions: Vec<u64> = all.iter().map(|row| row.position).collect();
    assert_eq!(positions, [asked.first, asked.last, done.last]);
    assert_eq!(all, backend.events_after(asked.first - 1, 10).await.unwrap());
    let later = backend.erasure_events_after(asked.first, 1).await.unwrap();
    assert_eq!(later, all[1..2]);
    assert!(backend.scrub().await.unwrap());
}

pub async fn the_sealed_events_of_a_store_are_its_own(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let (place, other) = (sample::place(&*backend).await, sample::place(&*backend).await);
    let mut append = sample::append(sample::at(1));
    sample::add_store(&mut append, &place.tenant, "102", 4);
    sample::add_image(&mut append, &place.store, "7", "a");
    sample::add_image(&mut append, &other.store, "7", "b");
    sample::land(&*backend, append).await;
    let (append, _) = sample::submit(&place.store, Some("8"), sample::at(2));
    sample::land(&*backend, append).await;
    let read = async |after, limit| {
        let (tenant, store) = (place.tenant.id, place.store.id);
        backend
            .sealed_events_of_store(tenant, store, after, limit)
            .await
            .unwrap()
    };
    let all = read(0, 10).await;
    let types: Vec<&str> = all.iter().map(|row| row.type_name.as_str()).collect();
    assert_eq!(
        types,
        ["store.registered.v1", "order.written.v1", "job.submitted.v1"]
    );
    assert!(all.iter().all(|row| row.sealed.is_some()));
    assert_eq!(read(all[0].tenant_seq, 1).await, all[1..2]);
    assert!(read(all[2].tenant_seq, 10).await.is_empty());
    let strangers = backend
        .sealed_events_of_store(other.tenant.id, place.store.id, 0, 10)
        .await;
    assert!(strangers.unwrap().is_empty());
}

pub async fn an_erased_order_has_neither_key_nor_image_however_often_views_are_rebuilt(
    fixture: &dyn Fixture,
) {
    let backend = fixture.open().await;
    let place = sample::place(&*backend).await;
    let orders: [OrderId; 2] = ["7".parse().unwrap(), "8".parse().unwrap()];
    let mut append = sample::append(sample::at(1));
    for order in ["7", "8"] {
        sample::add_image(&mut append, &place.store, order, "a");
        let key = sample::data_key(place.tenant.id, &place.store, Some(order), sample::at(1));
        append.data_keys.push(key);
    }
    let id = ask(&mut append, &place, Some(&orders[0]));
    sample::land(&*backend, append).await;
    let mut append = sample::append(sample::at(2));
    end(&mut append, &place, id, &orders[0]);
    sample::land(&*backend, append).await;
    for rebuilt in [false, true] {
        if rebuilt {
            backend.rebuild().await.unwrap();
        }
        let image = async |order| backend.order_image(place.store.id, order).await.unwrap();
        assert!(image(&orders[0]).await.is_none(), "rebuilt: {rebuilt}");
        assert!(image(&orders[1]).await.is_some());
        assert!(
            !audit::whole(&*backend)
                .await
                .images
                .contains_key(&(place.store.id, orders[0].clone()))
        );
        let key = async |order| backend.data_key_of_order(place.store.id, order).await.unwrap();
        assert!(key(&orders[0]).await.is_none());
        assert!(key(&orders[1]).await.is_some());
    }
}
