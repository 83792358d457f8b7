//! The history of an order, and the order as it was.

use app::payload::ImageBody;
use app::seals::image_row;
use app::{Purpose, Sealer};
use domain::event::{Event, OrderChangedExternally, OrderWritten};
use domain::store::Store;
use domain::{BatchId, OrderId, StoreId};
use ledger::{Append, DestroyKeys, Expected, Meta, NewEvent, Stream};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::place::{OTHER_KEY, Place};

/// One order of store 101, about which a worker records.
struct Subject<'p> {
    place: &'p Place,
    store: Store,
    order: OrderId,
}

impl<'p> Subject<'p> {
    async fn of(place: &'p Place, order: &str) -> Self {
        let shown = place.get("/stores/101").send().await.ok(200);
        let id: StoreId = shown["id"].as_str().unwrap().parse().unwrap();
        let store = place.app.ledger().store(id).await.unwrap().unwrap();
        let order = order.parse().unwrap();
        Self { place, store, order }
    }

    async fn sealer(&self) -> Sealer {
        let seals = self.place.app.seals();
        seals
            .for_order(self.store.tenant_id, self.store.id, Some(&self.order))
            .await
            .unwrap()
    }

    /// Appends an event of the order with its image, and returns the time at which it was recorded.
    async fn record(&self, event: impl Into<Event>, body: ImageBody) -> String {
        let app = &self.place.app;
        let sealer = self.sealer().await;
        let mut append = Append::new(app.now(), Meta::default());
        sealer.attach(&mut append);
        let row = image_row(self.store.id, &self.order);
        append.event(NewEvent {
            stream: Stream::Order(self.store.id, self.order.clone()),
            expected: Expected::Any,
            tenant_id: self.store.tenant_id,
            store_id: Some(self.store.id),
            order_id: Some(self.order.clone()),
            job_id: None,
            event: event.into(),
            sealed: Some(sealer.seal_json(Purpose::OrderImage, row, &body)),
        });
        let appended = app.ledger().append(append).await.unwrap();
        appended.recorded_at.to_string()
    }

    async fn written(&self, image: Value) -> String {
        let event = OrderWritten {
            at: self.place.app.now(),
            tenant_id: self.store.tenant_id,
            store_id: self.store.id,
            order_id: self.order.clone(),
            batch_id: BatchId(Uuid::now_v7()),
            digest: "\"b\"".to_owned(),
        };
        self.record(event, ImageBody { image, diff: None }).await
    }

    async fn changed_externally(&self, image: Value, diff: Value) -> String {
        let event = OrderChangedExternally {
            at: self.place.app.now(),
            tenant_id: self.store.tenant_id,
            store_id: self.store.id,
            order_id: self.order.clone(),
            digest_before: "\"b\"".to_owned(),
            digest_after: "\"c\"".to_owned(),
        };
        let diff = Some(diff);
        self.record(event, ImageBody { image, diff }).await
    }

    /// Destroys what was sealed of the order.
    async fn erase(&self) {
        let app = &self.place.app;
        let key = self.sealer().await.key_id();
        let mut append = Append::new(app.now(), Meta::default());
        append
            .destroy_keys
            .push(DestroyKeys::Order(self.store.id, self.order.clone()));
        app.ledger().append(append).await.unwrap();
        app.seals().forget_key(key).await;
    }
}

fn image(email: &str) -> Value {
    json!({"id": "4312", "email": email})
}

#[tokio::test]
async fn the_history_says_who_changed_what_and_when() {
    let (place, order) = Place::with_order().await;
    let subject = Subject::of(&place, &order).await;
    let shown = place.note(&order, "one").await;
    place.begin(&place.job(&shown).await).await;
    place.succeed(&place.job(&shown).await).await;
    let diff = json!([{"op": "replace", "path": "/email", "value": "c@example.com"}]);
    let at = subject
        .changed_externally(image("c@example.com"), diff.clone())
        .await;
    let uri = format!("/stores/101/orders/{order}/history");
    let page = place.get(&uri).send().await.ok(200);
    assert_eq!(page["next_cursor"], Value::Null);
    let [theirs, ours] = page["data"].as_array().unwrap().as_slice() else {
        panic!("{page}")
    };
    let job = place.job(&shown).await;
    assert_eq!(
        (
            &ours["source"],
            &ours["job_id"],
            &ours["request_id"],
            &ours["kind"]
        ),
        (
            &json!("gateway"),
            &shown["id"],
            &shown["request_id"],
            &json!("order.add_note")
        )
    );
    assert_eq!(ours["actor"], json!({"key_id": job.key_id.unwrap()}));
    assert_eq!(
        (
            &theirs["source"],
            &theirs["at"],
            &theirs["diff"],
            &theirs["actor"]
        ),
        (&json!("external"), &json!(at), &diff, &Value::Null)
    );
    assert_eq!(
        (&theirs["etag_before"], &theirs["etag_after"]),
        (&json!("\"b\""), &json!("\"c\""))
    );
    // In pages of one it is the same.
    let first = place.get(&format!("{uri}?limit=1")).send().await;
    let link = first.header("link").unwrap().to_owned();
    assert_eq!(first.ok(200)["data"], json!([theirs]));
    let second = place
        .get(link[1..].split('>').next().unwrap())
        .send()
        .await
        .ok(200);
    assert_eq!(
        (&second["data"], &second["next_cursor"]),
        (&json!([ours]), &Value::Null)
    );
    place.register(OTHER_KEY, "101").await;
    let strangers = place.get(&uri).key(OTHER_KEY).send().await.ok(200);
    assert_eq!(strangers["data"], json!([]), "what other tenants did is theirs");
    place
        .get(&uri.replace("101", "103"))
        .send()
        .await
        .refused(404, "store_not_found");
    place
        .get(&format!("{uri}?limit=0"))
        .send()
        .await
        .refused(422, "validation_failed");
    place
        .get(&format!("{uri}?cursor=x"))
        .send()
        .await
        .refused(400, "invalid_cursor");
}

#[tokio::test]
async fn an_order_is_shown_as_it_was_known_at_a_time() {
    let (place, order) = Place::with_order().await;
    let subject = Subject::of(&place, &order).await;
    let at = |time: &str| {
        let call = place.get(&format!("/stores/101/orders/{order}?at={time}"));
        async move { call.send().await }
    };
    let before = place.app.now().to_string();
    at(&before).await.refused(404, "order_not_found");
    let (one, two) = (image("one@example.com"), image("two@example.com"));
    testkit::eventually(
        "the clock to move on",
        std::time::Duration::from_secs(10),
        async || (place.app.now().to_string() > before).then_some(()),
    )
    .await;
    let first = subject.written(one.clone()).await;
    testkit::eventually(
        "the clock to move on",
        std::time::Duration::from_secs(10),
        async || (place.app.now().to_string() > first).then_some(()),
    )
    .await;
    let second = subject.changed_externally(two.clone(), json!([])).await;
    at(&before).await.refused(404, "order_not_found");
    let then = at(&first).await;
    let tag = then.header("etag").unwrap().to_owned();
    assert_eq!(then.header("x-cache"), Some("bypass"));
    assert_eq!(then.ok(200), one);
    assert_eq!(at(&second).await.ok(200), two);
    assert_eq!(
        at("2999-01-01T00:00:00Z").await.ok(200),
        two,
        "what lies ahead is now"
    );
    let known = place
        .get(&format!("/stores/101/orders/{order}?at={first}"))
        .header("if-none-match", &tag);
    assert_eq!(known.send().await.status.as_u16(), 304);
    at("yesterday").await.refused(422, "validation_failed");
    let stranger = place.get(&format!("/stores/101/orders/{order}?at={first}"));
    stranger
        .key(OTHER_KEY)
        .send()
        .await
        .refused(404, "store_not_found");
    subject.erase().await;
    at(&first).await.refused(410, "erased");
    let history = place.get(&format!("/stores/101/orders/{order}/history"));
    let history = history.send().await.ok(200);
    assert_eq!(history["data"][0]["diff"], Value::Null);
    assert_eq!(history["data"][0]["etag_after"], "\"c\"");
}

#[tokio::test]
async fn only_what_a_job_has_done_can_be_reverted() {
    let (place, order) = Place::with_order().await;
    let shown = place.note(&order, "one").await;
    let uri = format!("/jobs/{}:revert", shown["id"].as_str().unwrap());
    place.post(&uri).send().await.refused(409, "job_not_finished");
    place.begin(&place.job(&shown).await).await;
    place
        .fail(&place.job(&shown).await, domain::job::ErrorCode::UpstreamRejected)
        .await;
    place.post(&uri).send().await.refused(409, "not_revertible");
    place
        .post(&uri)
        .json(&json!({"assume": "applied"}))
        .await
        .refused(422, "validation_failed");
    place
        .post(&format!("{uri}?guard=lax"))
        .send()
        .await
        .refused(422, "validation_failed");
    let stranger = place.post(&uri).key(OTHER_KEY);
    stranger.send().await.refused(404, "job_not_found");
    let deletion = place.call("DELETE", &format!("/stores/101/orders/{order}"));
    let deletion = deletion.send().await.ok(202);
    place.begin(&place.job(&deletion).await).await;
    place.succeed(&place.job(&deletion).await).await;
    let uri = format!("/jobs/{}:revert", deletion["id"].as_str().unwrap());
    place.post(&uri).send().await.refused(409, "not_revertible");
}
