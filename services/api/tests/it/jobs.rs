//! Looking at jobs, cancelling and repeating them.

use std::time::Duration;

use domain::job::ErrorCode;
use serde_json::json;

use crate::place::Place;

#[tokio::test]
async fn jobs_are_listed_by_filter_in_pages_newest_first() {
    let (place, order) = Place::with_order().await;
    let mut ids = Vec::new();
    for text in ["a", "b", "c"] {
        ids.push(place.note(&order, text).await["id"].clone());
    }
    place.call("DELETE", "/stores/101/orders/77").send().await.ok(202);
    let list = |query: &str| {
        let call = place.get(&format!("/jobs?{query}"));
        async move { call.send().await }
    };
    let page = list(&format!("order_id={order}&limit=2")).await;
    let link = page.header("link").unwrap().to_owned();
    let page = page.ok(200);
    assert_eq!(
        [&page["data"][0]["id"], &page["data"][1]["id"]],
        [&ids[2], &ids[1]]
    );
    let rest = place
        .get(link[1..].split('>').next().unwrap())
        .send()
        .await
        .ok(200);
    assert_eq!(
        (&rest["data"][0]["id"], &rest["next_cursor"]),
        (&ids[0], &json!(null))
    );
    let count = |page: serde_json::Value| page["data"].as_array().unwrap().len();
    assert_eq!(count(list("kind=order.delete").await.ok(200)), 1);
    assert_eq!(
        count(list("store_id=101&status=queued,retrying").await.ok(200)),
        4
    );
    assert_eq!(count(list("status=failed").await.ok(200)), 0);
    assert_eq!(
        count(
            list("from=2001-01-01T00:00:00Z&to=2002-01-01T00:00:00Z")
                .await
                .ok(200)
        ),
        0
    );
    list("store_id=999").await.refused(404, "store_not_found");
    list("cursor=x").await.refused(400, "invalid_cursor");
    let bad = list("status=fine&kind=order.fly&limit=0&order_id=x&from=now&sort=up").await;
    let bad = bad.refused(422, "validation_failed");
    for pointer in ["status", "kind", "limit", "order_id", "from", "sort"] {
        assert!(
            bad.pointers().contains(&format!("/query/{pointer}").as_str()),
            "{}",
            bad.text
        );
    }
}

#[tokio::test]
async fn a_job_is_waited_for() {
    let (place, order) = Place::with_order().await;
    let shown = place.note(&order, "a").await;
    let uri = format!("/jobs/{}", shown["id"].as_str().unwrap());
    let job = place.job(&shown).await;
    let waiting = place.get(&format!("{uri}?wait=60"));
    let (waited, ()) = tokio::join!(waiting.send(), place.succeed(&job));
    assert_eq!(waited.ok(200)["status"], "succeeded");
    let other = place.note(&order, "b").await;
    let short = place
        .get(&format!("/jobs/{}?wait=1", other["id"].as_str().unwrap()))
        .send();
    let short = tokio::time::timeout(Duration::from_secs(20), short)
        .await
        .expect("a second passes");
    assert_eq!(short.ok(200)["status"], "queued");
    for bad in ["wait=x", "wait=-1", "wait=", "weight=1"] {
        place
            .get(&format!("{uri}?{bad}"))
            .send()
            .await
            .refused(422, "validation_failed");
    }
    for unknown in ["/jobs/01920000-0000-7000-8000-000000000000", "/jobs/not-an-id"] {
        place.get(unknown).send().await.refused(404, "job_not_found");
    }
}

#[tokio::test]
async fn a_job_is_cancelled_unless_it_runs_or_has_ended() {
    let (place, order) = Place::with_order().await;
    let shown = place.note(&order, "a").await;
    let cancel = format!("/jobs/{}:cancel", shown["id"].as_str().unwrap());
    let cancelled = place.post(&cancel).send().await.ok(200);
    assert_eq!(
        (&cancelled["status"], &cancelled["error"]),
        (&json!("cancelled"), &json!(null))
    );
    place.post(&cancel).send().await.refused(409, "job_finished");
    let running = place.note(&order, "b").await;
    place.begin(&place.job(&running).await).await;
    let cancel = format!("/jobs/{}%3Acancel", running["id"].as_str().unwrap());
    place.post(&cancel).send().await.refused(409, "job_running");
    place
        .post(&cancel)
        .json(&json!({"why": "x"}))
        .await
        .refused(422, "validation_failed");
}

#[tokio::test]
async fn a_failed_job_is_retried_once() {
    let (place, order) = Place::with_order().await;
    let shown = place.note(&order, "a").await;
    let retry = format!("/jobs/{}:retry", shown["id"].as_str().unwrap());
    place.post(&retry).send().await.refused(409, "job_not_failed");
    place
        .fail(&place.job(&shown).await, ErrorCode::UpstreamRejected)
        .await;
    let failed = place
        .get(&format!("/jobs/{}", shown["id"].as_str().unwrap()))
        .send()
        .await
        .ok(200);
    assert_eq!(failed["error"]["type"], "/problems/upstream_rejected");
    let keyed = || place.post(&retry).header("idempotency-key", "r-1");
    let reply = keyed().send().await;
    let location = reply.header("location").unwrap().to_owned();
    let new = reply.ok(202);
    assert_eq!(
        (&new["retry_of"], &new["status"]),
        (&shown["id"], &json!("queued"))
    );
    assert_eq!(location, format!("/jobs/{}", new["id"].as_str().unwrap()));
    let again = keyed().send().await;
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(again.ok(202)["id"], new["id"]);
    let other = place.post(&retry).send().await.refused(409, "job_retried");
    assert_eq!(other.body["retried_as"], new["id"]);
}

#[tokio::test]
async fn a_job_that_needs_review_needs_an_assumption() {
    let (place, order) = Place::with_order().await;
    let shown = place.note(&order, "a").await;
    place.fail(&place.job(&shown).await, ErrorCode::NeedsReview).await;
    let retry = || place.post(&format!("/jobs/{}:retry", shown["id"].as_str().unwrap()));
    assert_eq!(
        retry().send().await.refused(422, "assumption_needed").pointers(),
        ["/assume"]
    );
    let reply = retry()
        .json(&json!({"assume": "perhaps"}))
        .await
        .refused(422, "validation_failed");
    assert_eq!(reply.pointers(), ["/assume"]);
    let same = retry().json(&json!({"assume": "applied"})).await.ok(200);
    assert_eq!((&same["id"], &same["status"]), (&shown["id"], &json!("failed")));
    let new = retry().json(&json!({"assume": "not_applied"})).await.ok(202);
    assert_eq!(new["retry_of"], shown["id"]);
}

#[tokio::test]
async fn many_jobs_are_cancelled_and_retried_by_a_filter() {
    let (place, order) = Place::with_order().await;
    for text in ["a", "b", "c"] {
        place.note(&order, text).await;
    }
    let failed = place.note(&order, "d").await;
    place
        .fail(&place.job(&failed).await, ErrorCode::UpstreamRejected)
        .await;
    let unclear = place.note(&order, "e").await;
    place
        .fail(&place.job(&unclear).await, ErrorCode::NeedsReview)
        .await;

    let reply = place
        .post("/jobs:cancel")
        .json(&json!({"stauts": "queued"}))
        .await;
    assert_eq!(reply.refused(422, "validation_failed").pointers(), ["/stauts"]);
    place
        .post("/jobs:cancel")
        .send()
        .await
        .refused(415, "unsupported_media_type");
    let cancelled = place
        .post("/jobs:cancel")
        .json(&json!({"order_id": order, "store_id": "101"}))
        .await
        .ok(200);
    assert_eq!(
        (&cancelled["count"], &cancelled["more"]),
        (&json!(3), &json!(false))
    );
    let retried = place
        .post("/jobs:retry")
        .json(&json!({"status": ["failed"]}))
        .await
        .ok(202);
    assert_eq!((&retried["count"], &retried["skipped"]), (&json!(1), &json!(1)));
    let new = place
        .get(&format!("/jobs/{}", retried["jobs"][0].as_str().unwrap()))
        .send()
        .await
        .ok(200);
    assert_eq!(new["retry_of"], failed["id"]);
}
