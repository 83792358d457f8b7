//! Failed jobs anew, and many jobs at once.

use std::sync::Arc;
use std::time::Duration;

use app::{Assume, JobQuery, Many, Once, Outcome, Purpose, RetryError, StoredAnswer};
use domain::job::{ErrorCode, Job, JobStatus};
use domain::order::CommandKind;
use serde_json::json;

use crate::place::{KEY, OTHER_KEY, Place, command, key, note};

#[tokio::test]
async fn a_failed_job_is_retried_as_a_new_one_with_the_same_content() {
    let place = Place::new().await;
    let (caller, store) = place.store(KEY).await;
    let submission = command(
        CommandKind::OrderCreate,
        None,
        json!({"order_items": [{"name": "Mug", "quantity": 1}]}),
    );
    let job = place.submit(&caller, &store, submission).await;
    assert!(matches!(
        place.app.retry(&caller, job.id, None, None).await,
        Err(RetryError::NotFailed)
    ));
    place.fail(&job, ErrorCode::UpstreamRejected).await;
    place.clock.advance(Duration::from_mins(1));
    let retried = place
        .app
        .retry(&caller, job.id, None, Some(key("r", 1)))
        .await
        .unwrap();
    let new = &retried.jobs[0];
    assert_eq!(place.app.ledger().job(new.id).await.unwrap().unwrap(), *new);
    assert_eq!(
        (new.retry_of, new.status, new.due_at),
        (Some(job.id), JobStatus::Queued, place.app.now())
    );
    assert_eq!(new.lane, format!("create:{}", new.id), "a lane of its own");
    let old = place.app.ledger().job(job.id).await.unwrap().unwrap();
    assert_eq!((old.status, old.retried_as), (JobStatus::Failed, Some(new.id)));
    let body = async |job: &Job| -> app::payload::JobBody {
        let sealed = job.body.clone().unwrap();
        place
            .app
            .seals()
            .open_json(job.tenant_id, Purpose::JobBody, job.id.0, &sealed)
            .await
            .unwrap()
    };
    assert_eq!(body(new).await, body(&old).await);

    let repeat = place
        .app
        .retry(&caller, job.id, None, Some(key("r", 1)))
        .await
        .unwrap();
    assert!(repeat.replayed && repeat.jobs[0].id == new.id);
    let again = place.app.retry(&caller, job.id, None, None).await;
    assert!(
        matches!(again, Err(RetryError::AlreadyRetried(id)) if id == new.id),
        "{again:?}"
    );
}

#[tokio::test]
async fn a_job_that_needs_review_is_retried_only_as_not_applied() {
    let place = Place::new().await;
    let (caller, store) = place.store(KEY).await;
    let job = place.submit(&caller, &store, note("1", "a")).await;
    place.fail(&job, ErrorCode::NeedsReview).await;
    let retry = async |assume| place.app.retry(&caller, job.id, assume, None).await;
    assert!(matches!(retry(None).await, Err(RetryError::NeedsAssumption)));
    assert!(matches!(
        retry(Some(Assume::Applied)).await,
        Err(RetryError::NothingToRetry)
    ));
    assert_eq!(place.count("job.submitted.v1").await, 1);
    assert!(retry(Some(Assume::NotApplied)).await.is_ok());
}

#[tokio::test]
async fn many_jobs_are_retried_in_their_order_without_those_that_need_review() {
    let place = Place::new().await;
    let (caller, store) = place.store(KEY).await;
    let mut failed = Vec::new();
    for n in 0..3 {
        let job = place.submit(&caller, &store, note("1", &n.to_string())).await;
        let code = if n == 1 {
            ErrorCode::NeedsReview
        } else {
            ErrorCode::UpstreamRejected
        };
        failed.push(place.fail(&job, code).await);
    }
    place.submit(&caller, &store, note("1", "waits")).await;
    let query = JobQuery {
        store_id: Some(store.id),
        ..JobQuery::default()
    };
    let once = Once {
        key: key("m", 1),
        render: Arc::new(|many: &Many| StoredAnswer {
            status: 202,
            body: vec![many.jobs.len() as u8],
        }),
    };
    let many = place
        .app
        .retry_many(&caller, &query, Some(once.clone()))
        .await
        .unwrap()
        .done()
        .unwrap();
    assert_eq!((many.jobs.len(), many.skipped, many.more), (2, 1, false));
    let mut origins = Vec::new();
    for id in &many.jobs {
        origins.push(
            place
                .app
                .ledger()
                .job(*id)
                .await
                .unwrap()
                .unwrap()
                .retry_of
                .unwrap(),
        );
    }
    assert_eq!(origins, [failed[0].id, failed[2].id]);
    let repeat = place.app.retry_many(&caller, &query, Some(once)).await.unwrap();
    assert!(matches!(repeat, Outcome::Replayed(StoredAnswer { status: 202, ref body }) if *body == [2]));
}

#[tokio::test]
async fn many_jobs_are_cancelled_but_not_those_that_run_nor_those_of_others() {
    let place = Place::new().await;
    let (caller, store) = place.store(KEY).await;
    let (stranger, theirs) = place.store(OTHER_KEY).await;
    let other = place.submit(&stranger, &theirs, note("1", "theirs")).await;
    let batch = (0..250).map(|n| note("1", &n.to_string())).collect();
    let submitted = place.app.submit(&caller, &store, batch, None).await.unwrap();
    place.begin(&submitted.jobs[0]).await;
    let many = place
        .app
        .cancel_many(&caller, &JobQuery::default(), None)
        .await
        .unwrap()
        .done()
        .unwrap();
    assert_eq!((many.jobs.len(), many.skipped, many.more), (249, 0, false));
    assert_eq!(place.app.store_status(&caller, &store).await.unwrap().queued, 0);
    assert_eq!(place.app.store_status(&caller, &store).await.unwrap().running, 1);
    assert_eq!(
        place.app.ledger().job(other.id).await.unwrap().unwrap().status,
        JobStatus::Queued
    );
    let none = JobQuery {
        status: vec![JobStatus::Failed],
        ..JobQuery::default()
    };
    assert_eq!(
        place
            .app
            .cancel_many(&caller, &none, None)
            .await
            .unwrap()
            .done()
            .unwrap(),
        Many::default()
    );
}

#[tokio::test]
async fn a_key_without_jobs_founds_no_tenant_by_changing_none() {
    let place = Place::new().await;
    let caller = place.caller(KEY).await;
    let once = Once {
        key: key("m", 1),
        render: Arc::new(|_: &Many| StoredAnswer {
            status: 200,
            body: Vec::new(),
        }),
    };
    let many = place
        .app
        .cancel_many(&caller, &JobQuery::default(), Some(once))
        .await;
    assert_eq!(many.unwrap().done(), Some(Many::default()));
    assert!(place.log().await.is_empty());
    assert_eq!(place.caller(KEY).await.tenant_id(), None);
}
