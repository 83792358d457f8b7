//! Appending: all or nothing, numbered without gaps, in batches whose members do not disturb each other.

use std::time::Duration;

use domain::event::{JobCancelled, JobIntentRecorded, JobRetriedAs};
use domain::job::CancelReason;

use super::{Fixture, audit, sample};
use crate::{Expected, Meta, Refusal, Stream};

pub async fn an_empty_ledger_has_its_head_at_zero(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    backend.ping().await.unwrap();
    assert_eq!(backend.head().await.unwrap().position, 0);
    assert!(backend.events_after(0, 10).await.unwrap().is_empty());
    assert!(backend.append_batch(&[]).await.unwrap().is_empty());
}

pub async fn an_append_lands_with_all_its_parts(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let place = sample::place(&*backend).await;
    let (mut append, job) = sample::submit(&place.store, Some("77"), sample::at(5));
    append.meta = Meta {
        key_id: Some(place.key.id),
        client_ip: Some("192.0.2.1".to_owned()),
        request_id: Some("req-9".parse().unwrap()),
        actor: None,
        traceparent: Some("00-ab-cd-01".to_owned()),
    };
    let meta = append.meta.clone();
    let event = append.events[0].event.clone();
    let appended = sample::land(&*backend, append).await;
    assert_eq!((appended.first, appended.last), (4, 4));
    assert_eq!(appended.recorded_at, sample::at(5));

    let other = fixture.open().await;
    let rows = other.events_after(3, 10).await.unwrap();
    assert_eq!(rows.len(), 1);
    let row = &rows[0];
    assert_eq!((row.position, row.tenant_seq, row.version), (4, 4, 1));
    assert_eq!(row.stream, format!("job-{}", job.id));
    assert_eq!(row.type_name, "job.submitted.v1");
    assert_eq!(row.tenant_id, place.tenant.id);
    assert_eq!(row.store_id, Some(place.store.id));
    assert_eq!(row.order_id, job.order_id);
    assert_eq!(row.job_id, Some(job.id));
    assert_eq!(row.data, event.to_data(), "the data are kept byte for byte");
    assert_eq!(row.event().unwrap(), event);
    assert_eq!(row.sealed, Some(sample::sealed("body")));
    assert_eq!(row.meta(), meta);
    assert_eq!(row.recorded_at, sample::at(5));

    let stored = other.job(job.id).await.unwrap().unwrap();
    assert_eq!((stored.position, stored.last_position), (4, 4));
    audit::whole(&*other).await;
}

pub async fn positions_and_tenant_numbers_have_no_gaps(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let one = sample::place(&*backend).await;
    let two = sample::place(&*backend).await;
    for n in 0..20 {
        let store = if n % 3 == 0 { &one.store } else { &two.store };
        let (append, _) = sample::submit(store, Some("5"), sample::at(n));
        sample::land(&*backend, append).await;
    }
    let rows = audit::log(&*backend).await;
    assert_eq!(rows.len(), 26);
    audit::sound(&rows);
    assert_eq!(backend.events_after(20, 3).await.unwrap(), rows[20..23]);
}

pub async fn a_stream_at_another_version_refuses_the_append(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let place = sample::place(&*backend).await;
    let (append, job) = sample::submit(&place.store, Some("5"), sample::at(1));
    let again = append.clone();
    sample::land(&*backend, append).await;
    let before = backend.head().await.unwrap();
    let conflict = Refusal::Conflict {
        stream: format!("job-{}", job.id),
    };
    assert_eq!(
        sample::attempt(&*backend, again.clone()).await,
        Err(conflict.clone()),
        "it exists already"
    );

    let mut ahead = again;
    ahead.events[0].expected = Expected::Version(2);
    assert_eq!(
        sample::attempt(&*backend, ahead.clone()).await,
        Err(conflict.clone()),
        "it is not that far"
    );

    ahead.events[0].expected = Expected::Version(1);
    ahead.events[0].stream = Stream::Job(sample::id());
    ahead.views.clear();
    assert!(
        matches!(
            sample::attempt(&*backend, ahead).await,
            Err(Refusal::Conflict { .. })
        ),
        "it is new"
    );

    assert_eq!(backend.head().await.unwrap(), before);
    audit::whole(&*backend).await;
}

pub async fn two_events_of_one_stream_follow_each_other_in_one_append(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let place = sample::place(&*backend).await;
    let mut append = sample::append(sample::at(1));
    let submitted = sample::submission(&place.store, Some("5"), sample::at(1));
    append.submit_job(&submitted, Some(sample::sealed("body")));
    let job = domain::job::Job::submitted(&submitted, Some(sample::sealed("body")));
    let intent = JobIntentRecorded {
        at: sample::at(2),
        job_id: job.id,
        batch_id: sample::id(),
        attempt: 1,
    };
    let running = append.job(&job, intent, None);
    let cancel = JobCancelled {
        at: sample::at(3),
        job_id: job.id,
        reason: CancelReason::User,
    };
    append.job(&running, cancel, None);
    let appended = sample::land(&*backend, append).await;
    assert_eq!(appended.last, appended.first + 2);

    let rows = backend.stream_after(&Stream::Job(job.id), 1, 10).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.version).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(
        backend
            .stream_after(&Stream::Job(job.id), 0, 2)
            .await
            .unwrap()
            .len(),
        2
    );
    let stored = backend.job(job.id).await.unwrap().unwrap();
    assert_eq!(
        (stored.position, stored.last_position, stored.version),
        (appended.first, appended.last, 3)
    );
    audit::whole(&*backend).await;

    let mut gap = sample::append(sample::at(4));
    let next = gap.job(
        &stored,
        JobRetriedAs {
            at: sample::at(4),
            job_id: job.id,
            new_job_id: sample::id(),
        },
        None,
    );
    gap.job(
        &next,
        JobRetriedAs {
            at: sample::at(4),
            job_id: job.id,
            new_job_id: sample::id(),
        },
        None,
    );
    gap.events[1].expected = Expected::Version(3);
    assert!(matches!(
        sample::attempt(&*backend, gap).await,
        Err(Refusal::Conflict { .. })
    ));
    audit::whole(&*backend).await;
}

pub async fn any_version_numbers_on(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let place = sample::place(&*backend).await;
    let order: domain::OrderId = "5".parse().unwrap();
    let stream = Stream::Order(place.store.id, order);
    for round in 0..3_u64 {
        let mut append = sample::append(sample::at(1));
        for _ in 0..2 {
            super::sample::add_image(&mut append, &place.store, "5", "digest");
        }
        sample::land(&*backend, append).await;
        let rows = backend.stream_after(&stream, round * 2, 10).await.unwrap();
        let expected = [round * 2 + 1, round * 2 + 2];
        assert_eq!(rows.iter().map(|row| row.version).collect::<Vec<_>>(), expected);
    }
    audit::whole(&*backend).await;
}

pub async fn an_append_that_fails_leaves_its_batch_mates_alone(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let place = sample::place(&*backend).await;
    let (first, _) = sample::submit(&place.store, Some("1"), sample::at(1));
    let (mut poison, lost) = sample::submit(&place.store, Some("2"), sample::at(2));
    poison.events.push(first.events[0].clone());
    poison.data_keys.push(sample::data_key(
        place.tenant.id,
        &place.store,
        Some("2"),
        sample::at(2),
    ));
    let key = poison.data_keys[0].id;
    let (third, _) = sample::submit(&place.store, Some("3"), sample::at(3));
    let results = backend.append_batch(&[first, poison, third]).await.unwrap();
    assert_eq!(results[0].as_ref().unwrap().first, 4);
    assert!(matches!(results[1], Err(Refusal::Conflict { .. })));
    assert_eq!(results[2].as_ref().unwrap().first, 5);
    assert_eq!(backend.job(lost.id).await.unwrap(), None);
    assert_eq!(backend.data_key(key).await.unwrap(), None);
    assert_eq!(audit::whole(&*backend).await.jobs.len(), 2);
}

pub async fn a_batch_mate_sees_what_the_one_before_it_wrote(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let place = sample::place(&*backend).await;
    let (submit, job) = sample::submit(&place.store, Some("1"), sample::at(1));
    let mut cancel = sample::append(sample::at(2));
    cancel.job(
        &job,
        JobCancelled {
            at: sample::at(2),
            job_id: job.id,
            reason: CancelReason::User,
        },
        None,
    );
    let mut late = sample::append(sample::at(2));
    late.job(
        &job,
        JobIntentRecorded {
            at: sample::at(2),
            job_id: job.id,
            batch_id: sample::id(),
            attempt: 1,
        },
        None,
    );
    let results = backend.append_batch(&[submit, cancel, late]).await.unwrap();
    assert!(results[0].is_ok() && results[1].is_ok());
    assert_eq!(
        results[2],
        Err(Refusal::Conflict {
            stream: format!("job-{}", job.id)
        })
    );
    let stored = backend.job(job.id).await.unwrap().unwrap();
    assert_eq!((stored.position, stored.last_position), (4, 5));
    audit::whole(&*backend).await;
}

pub async fn recorded_at_never_runs_backwards(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let place = sample::place(&*backend).await;
    let times = [5_000, 1_000, 9_000, 0];
    let batch: Vec<_> = times
        .iter()
        .map(|&ms| sample::submit(&place.store, Some("1"), sample::at(ms)).0)
        .collect();
    let results = backend.append_batch(&batch).await.unwrap();
    let recorded: Vec<_> = results
        .into_iter()
        .map(|result| result.unwrap().recorded_at)
        .collect();
    assert_eq!(recorded, [5_000, 5_000, 9_000, 9_000].map(sample::at));

    let other = fixture.open().await;
    let (append, _) = sample::submit(
        &place.store,
        Some("1"),
        sample::at(0).minus(Duration::from_hours(1)),
    );
    assert_eq!(sample::land(&*other, append).await.recorded_at, sample::at(9_000));
    assert_eq!(other.head().await.unwrap().recorded_at, sample::at(9_000));
    audit::whole(&*other).await;
}

pub async fn events_can_only_be_inserted(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    sample::place(&*backend).await;
    let before = audit::log(&*backend).await;
    for sql in [
        "UPDATE events SET data = '{}' WHERE position = 1",
        "DELETE FROM events WHERE position = 3",
        "DELETE FROM events",
    ] {
        assert!(fixture.raw(sql).await.is_err(), "{sql}");
    }
    assert_eq!(audit::log(&*backend).await, before);
}

pub async fn an_append_without_events_stands_at_the_head(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let place = sample::place(&*backend).await;
    let mut append = sample::append(sample::at(9));
    append.data_keys.push(sample::data_key(
        place.tenant.id,
        &place.store,
        None,
        sample::at(9),
    ));
    let key = append.data_keys[0].clone();
    let appended = sample::land(&*backend, append).await;
    assert_eq!((appended.first, appended.last), (3, 3));
    assert_eq!(backend.data_key(key.id).await.unwrap(), Some(key));
    assert_eq!(backend.head().await.unwrap().position, 3);
}
