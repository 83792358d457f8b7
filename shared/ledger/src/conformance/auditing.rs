//! One tenant's events: any filter, any page, whatever is appended meanwhile.

use std::net::IpAddr;
use std::sync::Arc;

use domain::event::JobCancelled;
use domain::job::{CancelReason, Job};
use domain::{KeyId, Timestamp};

use super::walk::Walk;
use super::{Fixture, audit, sample};
use crate::audit::{Actor, AuditFilter, MOST_SCANNED, Place};
use crate::{Backend, Meta, Recorded};

const ADDRESSES: [&str; 3] = ["192.0.2.1", "2001:db8::1", "192.0.2.11"];

/// All of a tenant's events, a few at a time.
fn everything(tenant: domain::TenantId) -> AuditFilter {
    AuditFilter {
        tenant_id: tenant,
        store_id: None,
        order_id: None,
        job_id: None,
        actor: None,
        type_name: None,
        after: 0,
        before: u64::MAX,
        limit: 7,
    }
}

fn caused_by(row: &Recorded, actor: Actor) -> bool {
    let meta = row.meta();
    match actor {
        Actor::Key(key) => meta.key_id == Some(key),
        Actor::Address(address) => meta.client_ip == Some(address.to_string()),
    }
}

fn passes(row: &Recorded, filter: &AuditFilter) -> bool {
    row.tenant_id == filter.tenant_id
        && filter.store_id.is_none_or(|store| row.store_id == Some(store))
        && filter
            .order_id
            .as_ref()
            .is_none_or(|order| row.order_id.as_ref() == Some(order))
        && filter.job_id.is_none_or(|job| row.job_id == Some(job))
        && filter.actor.is_none_or(|actor| caused_by(row, actor))
        && filter.type_name.is_none_or(|name| row.type_name == name)
        && row.tenant_seq > filter.after
        && row.tenant_seq < filter.before
}

/// As a page shows it.
fn shown(row: &Recorded) -> Recorded {
    let hidden = row.type_name.starts_with("store.") || row.type_name.starts_with("batch.");
    Recorded {
        sealed: row.sealed.clone().filter(|_| !hidden),
        ..row.clone()
    }
}

/// Every page of a filter, one after another.
async fn pages(backend: &dyn Backend, filter: &AuditFilter) -> Vec<Recorded> {
    let (mut all, mut filter) = (Vec::new(), filter.clone());
    for _ in 0..10_000 {
        let page = backend.audit_page(&filter).await.unwrap();
        assert!(page.events.len() <= filter.limit as usize);
        all.extend(page.events);
        match page.next {
            Some(next) => {
                assert!(next < filter.before, "a page gets on");
                filter.before = next;
            }
            None => return all,
        }
    }
    panic!("never the last page");
}

/// Two tenants whose events take turns, some of them asked for by this one and that one.
async fn history(backend: &Arc<dyn Backend>) -> (Vec<Recorded>, [sample::Place; 2], [KeyId; 2]) {
    let places = [sample::place(&**backend).await, sample::place(&**backend).await];
    let keys = [sample::id(), sample::id()];
    for n in 0..90_usize {
        let place = &places[usize::from(n % 3 == 0)];
        let order = ["5", "6"][n % 2];
        let (mut append, job) = sample::submit(
            &place.store,
            (n % 7 > 0).then_some(order),
            sample::at(n as i64 / 4),
        );
        if n % 4 > 0 {
            append.meta = Meta {
                key_id: Some(keys[n % 2]),
                client_ip: Some(ADDRESSES[n % 3].to_owned()),
                request_id: Some("key_id.client_ip".parse().unwrap()),
                ..Meta::default()
            };
        }
        if n % 5 == 0 {
            cancel(&mut append, &job);
        }
        sample::land(&**backend, append).await;
    }
    Walk::start(Arc::clone(backend), 7).await.steps(60).await;
    (audit::log(&**backend).await, places, keys)
}

fn cancel(append: &mut crate::Append, job: &Job) {
    let event = JobCancelled {
        at: append.now,
        job_id: job.id,
        reason: CancelReason::User,
    };
    append.job(job, event, None);
}

pub async fn every_filter_shows_what_the_log_says_newest_first(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let (log, places, keys) = history(&backend).await;
    let jobs: Vec<_> = log
        .iter()
        .filter_map(|row| row.job_id)
        .step_by(40)
        .take(3)
        .collect();
    let address = |n: usize| ADDRESSES[n].parse::<IpAddr>().unwrap();
    for place in &places {
        let all = everything(place.tenant.id);
        for store in [None, Some(place.store.id)] {
            for order in [None, Some("5"), Some("77")] {
                for job in [None, Some(jobs[0]), Some(jobs[1])] {
                    for actor in [None, Some(Actor::Key(keys[1])), Some(Actor::Address(address(1)))] {
                        for type_name in [None, Some("job.submitted.v1"), Some("job.cancelled.v1")] {
                            let filter = AuditFilter {
                                store_id: store,
                                order_id: order.map(|id| id.parse().unwrap()),
                                job_id: job,
                                actor,
                                type_name,
                                ..all.clone()
                            };
                            let expected: Vec<_> = log
                                .iter()
                                .rev()
                                .filter(|row| passes(row, &filter))
                                .map(shown)
                                .collect();
                            assert_eq!(pages(&*backend, &filter).await, expected, "{filter:?}");
                        }
                    }
                }
            }
        }
        let between = AuditFilter {
            after: 5,
            before: 40,
            ..all.clone()
        };
        assert_eq!(pages(&*backend, &between).await.len(), 34);
        let foreign = AuditFilter {
            tenant_id: sample::id(),
            store_id: Some(place.store.id),
            ..all
        };
        assert!(pages(&*backend, &foreign).await.is_empty());
    }
}

pub async fn a_page_with_several_conditions_looks_at_no_more_than_its_share(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let place = sample::place(&*backend).await;
    let (first, job) = sample::submit(&place.store, Some("1"), sample::at(1));
    let mut first = first;
    cancel(&mut first, &job);
    sample::land(&*backend, first).await;
    let cancelled = backend.head().await.unwrap().position;
    let many = u64::from(MOST_SCANNED) + 10;
    for _ in 0..=many / 500 {
        let batch: Vec<_> = (0..500)
            .map(|_| sample::submit(&place.store, Some("1"), sample::at(2)).0)
            .collect();
        backend.append_batch(&batch).await.unwrap();
    }
    let filter = AuditFilter {
        order_id: Some("1".parse().unwrap()),
        type_name: Some("job.cancelled.v1"),
        ..everything(place.tenant.id)
    };
    let page = backend.audit_page(&filter).await.unwrap();
    assert!(page.events.is_empty());
    let next = page.next.expect("there is more to look at");
    let head = backend.head().await.unwrap().position;
    assert_eq!(next, head + 1 - u64::from(MOST_SCANNED));
    let found = pages(&*backend, &filter).await;
    assert_eq!(
        found.iter().map(|row| row.position).collect::<Vec<_>>(),
        [cancelled]
    );
}

pub async fn pages_stay_as_they_are_while_others_append(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let place = sample::place(&*backend).await;
    for _ in 0..40 {
        sample::land(
            &*backend,
            sample::submit(&place.store, Some("1"), sample::at(1)).0,
        )
        .await;
    }
    for type_name in [None, Some("job.submitted.v1")] {
        let filter = AuditFilter {
            type_name,
            limit: 6,
            ..everything(place.tenant.id)
        };
        let expected = pages(&*backend, &filter).await;
        let (mut seen, mut next) = (Vec::new(), filter.clone());
        for _ in 0..100 {
            let page = backend.audit_page(&next).await.unwrap();
            seen.extend(page.events);
            sample::land(
                &*backend,
                sample::submit(&place.store, Some("1"), sample::at(2)).0,
            )
            .await;
            match page.next {
                Some(before) => next.before = before,
                None => break,
            }
        }
        assert_eq!(
            seen, expected,
            "nothing twice, nothing left out, nothing new among it"
        );
    }
}

pub async fn places_in_a_tenants_events_are_found(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let (log, places, _) = history(&backend).await;
    for place in &places {
        let own: Vec<_> = log
            .iter()
            .filter(|row| row.tenant_id == place.tenant.id)
            .collect();
        let before = |place: Place| {
            own.iter()
                .filter(|row| match place {
                    Place::Position(position) => row.position < position,
                    Place::Time(time) => row.recorded_at < time,
                })
                .count() as u64
        };
        let positions = (0..=log.len() as u64 + 2).chain([u64::MAX]).map(Place::Position);
        let far = [Timestamp::from_millis(0), Timestamp::from_millis(i64::MAX)];
        let times = (-1..30).map(sample::at).chain(far).map(Place::Time);
        for at in positions.chain(times) {
            let found = backend.tenant_events_before(place.tenant.id, at).await.unwrap();
            assert_eq!(found, before(at), "{at:?}");
        }
    }
    let nobody = backend
        .tenant_events_before(sample::id(), Place::Position(9))
        .await
        .unwrap();
    assert_eq!(nobody, 0);
}

pub async fn a_tenants_events_are_read_on_from_any_number(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let (log, places, _) = history(&backend).await;
    let tenant = places[0].tenant.id;
    let own: Vec<_> = log
        .iter()
        .filter(|row| row.tenant_id == tenant)
        .cloned()
        .collect();
    let read = |after: u64, limit: u32, bytes: u64| {
        let backend = Arc::clone(&backend);
        async move {
            backend
                .tenant_events_after(tenant, after, limit, bytes)
                .await
                .unwrap()
        }
    };
    assert_eq!(read(0, 10_000, u64::MAX).await, own);
    assert_eq!(read(7, 5, u64::MAX).await, own[7..12]);
    assert_eq!(read(own.len() as u64, 5, u64::MAX).await, []);
    assert_eq!(read(7, 5, 0).await, own[7..8], "one is read whatever its size");
    let size =
        |row: &Recorded| row.data.len() + row.sealed.as_ref().map_or(0, |sealed| sealed.as_bytes().len());
    let three = own[7..10].iter().map(size).sum::<usize>() as u64;
    assert_eq!(read(7, 5, three).await, own[7..10]);
    assert_eq!(read(7, 5, three - 1).await, own[7..9]);
}
