//! Streams of what becomes of jobs.

use std::time::Duration;

use domain::job::ErrorCode;
use http::Method;
use serde_json::json;

use crate::place::{ADMIN, KEY, OTHER_KEY, Place};
use crate::sse::{Block, Events};

fn path(job: &serde_json::Value) -> String {
    format!("/jobs/{}/events", job["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_jobs_stream_begins_with_its_present_state_and_ends_with_its_end() {
    let (place, order) = Place::with_order().await;
    let shown = place.note(&order, "a").await;
    assert_eq!(shown["links"]["events"], path(&shown));
    let mut events = Events::open(&place, &path(&shown), None).await;
    assert_eq!(events.headers["content-type"], "text/event-stream");
    assert_eq!(events.headers["cache-control"], "private, no-cache");
    let first = events.next().await.unwrap();
    assert_eq!((&*first.name, &first.job["id"]), ("job.queued", &shown["id"]));
    place.begin(&place.job(&shown).await).await;
    let second = events.next().await.unwrap();
    assert_eq!(
        (&*second.name, &second.job["status"]),
        ("job.running", &json!("running"))
    );
    place.succeed(&place.job(&shown).await).await;
    let third = events.next().await.unwrap();
    assert_eq!(third.name, "job.succeeded");
    let found = place.get(&format!("/jobs/{}", shown["id"].as_str().unwrap()));
    assert_eq!(third.job, found.send().await.ok(200), "the event shows the job");
    assert!(first.id < second.id && second.id < third.id);
    assert_eq!(events.block().await, Block::End);

    let mut late = Events::open(&place, &path(&shown), None).await;
    assert_eq!(late.next().await, Some(third));
    assert_eq!(late.block().await, Block::End);
}

#[tokio::test]
async fn whoever_comes_back_to_a_job_hears_what_he_missed_and_nothing_twice() {
    let (place, order) = Place::with_order().await;
    let shown = place.note(&order, "a").await;
    let first = Events::open(&place, &path(&shown), None)
        .await
        .next()
        .await
        .unwrap();
    place.begin(&place.job(&shown).await).await;
    place
        .fail(&place.job(&shown).await, ErrorCode::UpstreamRejected)
        .await;

    let mut events = Events::open(&place, &path(&shown), Some(first.id)).await;
    let running = events.next().await.unwrap();
    assert_eq!(
        (
            &*running.name,
            &running.job["status"],
            &running.job["finished_at"]
        ),
        ("job.running", &json!("running"), &json!(null)),
        "as it was then"
    );
    let failed = events.next().await.unwrap();
    assert_eq!(failed.name, "job.failed");
    assert_eq!(events.block().await, Block::End);

    let over = place
        .get(&path(&shown))
        .header("last-event-id", &failed.id.to_string());
    assert_eq!(over.send().await.status, 204, "no reason to ask again");
    // That it was retried is told by the new job; the old one has ended once.
    let retry = format!("/jobs/{}:retry", shown["id"].as_str().unwrap());
    place.post(&retry).send().await.ok(202);
    let mut events = Events::open(&place, &path(&shown), Some(failed.id)).await;
    assert_eq!(events.block().await, Block::End);
    let mut events = Events::open(&place, &path(&shown), Some(running.id)).await;
    assert_eq!(events.names(1).await, ["job.failed"]);
    assert_eq!(events.block().await, Block::End);
}

#[tokio::test]
async fn a_tenants_stream_tells_of_all_its_jobs_and_of_nobody_elses() {
    let (place, order) = Place::with_order().await;
    place.register(OTHER_KEY, "102").await;
    place.note(&order, "before").await;
    let mut events = Events::open(&place, "/jobs/events", None).await;
    let mut theirs = Events::of(place.get("/jobs/events").key(OTHER_KEY), None).await;
    let Block::Comment { id: Some(begin) } = events.block().await else {
        panic!("an id to come back with")
    };
    let shown = place.note(&order, "a").await;
    place.begin(&place.job(&shown).await).await;
    let other = place.note(&order, "b").await;
    place.succeed(&place.job(&shown).await).await;
    let mut told = Vec::new();
    for _ in 0..4 {
        told.push(events.next().await.unwrap());
    }
    let names: Vec<_> = told
        .iter()
        .map(|event| (&*event.name, &event.job["id"]))
        .collect();
    let (a, b) = (&shown["id"], &other["id"]);
    assert_eq!(
        names,
        [
            ("job.queued", a),
            ("job.running", a),
            ("job.queued", b),
            ("job.succeeded", a)
        ]
    );
    assert_eq!(told[1].job["status"], "running", "the job as the event left it");

    for seen in [None, Some(0), Some(1), Some(3)] {
        let after = seen.map_or(begin, |at: usize| told[at].id);
        let mut again = Events::open(&place, "/jobs/events", Some(after)).await;
        let rest = seen.map_or(0, |at| at + 1);
        for event in &told[rest..] {
            assert_eq!(again.next().await.as_ref(), Some(event));
        }
    }
    place.note(&order, "c").await;
    assert_eq!(events.names(1).await, ["job.queued"]);
    let delete = place.call("DELETE", "/stores/102/orders/7").key(OTHER_KEY);
    let delete = delete.send().await.ok(202);
    assert_eq!(theirs.next().await.unwrap().job["id"], delete["id"]);
}

#[tokio::test]
async fn a_long_history_is_told_whole_and_in_order() {
    let (place, order) = Place::with_order().await;
    let mut expected = Vec::new();
    for number in 0..45 {
        let shown = place.note(&order, &number.to_string()).await;
        expected.push(("job.queued".to_owned(), shown["id"].clone()));
        if number % 3 == 0 {
            place
                .fail(&place.job(&shown).await, ErrorCode::UpstreamRejected)
                .await;
            expected.push(("job.failed".to_owned(), shown["id"].clone()));
        }
    }
    let mut events = Events::open(&place, "/jobs/events", Some(0)).await;
    let mut before = 0;
    for expected in expected {
        let told = events.next().await.unwrap();
        assert!(told.id > before);
        before = told.id;
        assert_eq!((told.name, told.job["id"].clone()), expected);
    }
}

#[tokio::test]
async fn a_filter_chooses_what_is_told() {
    let (place, order) = Place::with_order().await;
    let shown = place.note(&order, "a").await;
    place.call("DELETE", "/stores/101/orders/77").send().await.ok(202);
    place
        .fail(&place.job(&shown).await, ErrorCode::UpstreamRejected)
        .await;
    for (query, names) in [
        ("kind=order.delete", vec!["job.queued"]),
        ("status=failed,cancelled", vec!["job.failed"]),
        ("store_id=101", vec!["job.queued", "job.queued", "job.failed"]),
        (&*format!("order_id={order}"), vec!["job.queued", "job.failed"]),
    ] {
        let mut events = Events::open(&place, &format!("/jobs/events?{query}"), Some(0)).await;
        assert_eq!(events.names(names.len()).await, names, "{query}");
    }
    for (query, status, code) in [
        ("store_id=999", 404, "store_not_found"),
        ("status=fine", 422, "validation_failed"),
        ("limit=5", 422, "validation_failed"),
    ] {
        place
            .get(&format!("/jobs/events?{query}"))
            .send()
            .await
            .refused(status, code);
    }
}

#[tokio::test]
async fn a_silent_stream_says_now_and_then_that_it_is_alive_and_how_far_it_is() {
    let place = Place::with(|config| config.heartbeat = Duration::from_millis(20)).await;
    place.register(KEY, "101").await;
    let shown = place.note("4312", "a").await;
    let mut events = Events::open(&place, "/jobs/events?kind=order.delete", Some(0)).await;
    let head = place.app.ledger().head().await.unwrap().position;
    let mut comments = 0;
    loop {
        let Block::Comment { id } = events.block().await else {
            panic!("nothing is deleted")
        };
        comments += 1;
        if id == Some(head) && comments > 3 {
            break;
        }
    }
    let mut events = Events::open(&place, &path(&shown), None).await;
    assert_eq!(events.names(1).await, ["job.queued"]);
    assert!(matches!(events.block().await, Block::Comment { id: Some(_) }));
}

#[tokio::test]
async fn without_the_bus_news_are_found_by_looking() {
    let (place, order) = Place::with_order().await;
    // The bus of this process is gone; the queue announces to nobody.
    let place = place.without_bus();
    let shown = place.note(&order, "a").await;
    let mut one = Events::open(&place, &path(&shown), None).await;
    let mut all = Events::open(&place, "/jobs/events", None).await;
    assert_eq!(one.names(1).await, ["job.queued"]);
    place.begin(&place.job(&shown).await).await;
    place.succeed(&place.job(&shown).await).await;
    let names = ["job.running", "job.succeeded"];
    assert_eq!(
        (one.names(2).await, all.names(2).await),
        (
            names.map(str::to_owned).to_vec(),
            names.map(str::to_owned).to_vec()
        )
    );
}

#[tokio::test]
async fn streams_end_when_the_process_drains() {
    let (place, order) = Place::with_order().await;
    let shown = place.note(&order, "a").await;
    let mut one = Events::open(&place, &path(&shown), None).await;
    let mut all = Events::open(&place, "/jobs/events", None).await;
    assert_eq!(one.names(1).await, ["job.queued"]);
    assert!(matches!(all.block().await, Block::Comment { .. }));
    place.draining.cancel();
    assert_eq!((one.block().await, all.block().await), (Block::End, Block::End));
}

#[tokio::test]
async fn what_is_no_request_for_a_stream_is_refused() {
    let (place, order) = Place::with_order().await;
    let shown = place.note(&order, "a").await;
    for uri in [&*path(&shown), "/jobs/events"] {
        let get = || place.get(uri);
        get()
            .header("accept", "application/json")
            .send()
            .await
            .refused(406, "not_acceptable");
        get()
            .header("last-event-id", "x")
            .send()
            .await
            .refused(400, "invalid_header");
        get().anonymous().send().await.refused(401, "unauthorized");
        get().key(ADMIN).send().await.refused(401, "unauthorized");
        place
            .get(&format!("{uri}?wait=1"))
            .send()
            .await
            .refused(422, "validation_failed");
        place.post(uri).send().await.refused(405, "method_not_allowed");
        let head = place.call(Method::HEAD.as_str(), uri).send().await;
        assert_eq!((head.status.as_u16(), &*head.text), (200, ""));
        assert_eq!(head.header("content-type"), Some("text/event-stream"));
    }
    let own = place.get(&path(&shown));
    own.key(OTHER_KEY).send().await.refused(404, "job_not_found");
    place
        .get("/jobs/none/events")
        .send()
        .await
        .refused(404, "job_not_found");
}

#[tokio::test]
async fn a_tenant_that_is_yet_to_be_written_hears_of_its_first_job() {
    let place = Place::new().await;
    let mut events = Events::open(&place, "/jobs/events", None).await;
    place.register(KEY, "101").await;
    let shown = place.note("4312", "a").await;
    assert_eq!(events.next().await.unwrap().job["id"], shown["id"]);
}
