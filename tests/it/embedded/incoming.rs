//! Order Desk posts an order: what others did to it is on record and told, without a read of ours.

use serde_json::{Value, json};
use simulator::{Edit, HoldPhase, RequestKind, SimulatorConfig};
use system_tests::{Answer, Client, Gateway, Post, desk};
use testkit::{Receiver, eventually};

use super::PATIENCE;

const THEIRS: &str = "theirs@example.com";

/// A gateway, its tenant with the default store, and who is told what happens.
struct Shop {
    gateway: Gateway,
    client: Client,
    receiver: Receiver,
    order: String,
}

impl Shop {
    async fn open() -> Self {
        let gateway = Gateway::builder()
            .env("WEBHOOK_ALLOW_NETS", "127.0.0.0/8")
            .env("ORDERDESK_TIMEOUT", "20s")
            .start()
            .await;
        let client = gateway.client_with_store().await;
        let receiver = Receiver::taking_all().await;
        let events = ["order.changed_externally", "order.edit_overwritten"];
        let endpoint = json!({"url": receiver.url(), "events": events});
        client.post("/webhook-endpoints", &endpoint).await.expect(201);
        let order = desk::orders(&gateway.desk, 1).remove(0);
        Self {
            gateway,
            client,
            receiver,
            order,
        }
    }

    fn path(&self) -> String {
        format!("/stores/{}/orders/{}", desk::STORE, self.order)
    }

    /// Somebody else changes the order; its image then.
    fn edit(&self, patch: Value) -> Value {
        let edit = Edit::merge(patch);
        let edited = self.gateway.desk.foreign_edit(desk::STORE, &self.order, edit);
        edited.expect("the order exists");
        desk::order(&self.gateway.desk, &self.order)
    }

    /// Order Desk posts it.
    async fn post(&self, order: &Value) -> Answer {
        let post = Post {
            store: desk::STORE,
            api_key: SimulatorConfig::API_KEY,
            order,
        };
        post.send(&self.client).await
    }

    /// The newest first.
    async fn history(&self) -> Vec<Value> {
        let path = format!("{}/history", self.path());
        let page = self.client.get(&path).await.expect(200).body;
        page["data"].as_array().expect("a page").clone()
    }

    /// What the endpoint has been told.
    fn told(&self) -> Vec<Value> {
        let bodies = self.receiver.received().into_iter();
        bodies
            .map(|received| serde_json::from_str(&received.body).expect("JSON"))
            .collect()
    }

    /// Waits for the only thing that the endpoint is told.
    async fn told_once(&self) -> Value {
        eventually("it is told", PATIENCE, async || !self.told().is_empty()).await;
        let mut told = self.told();
        assert_eq!(told.len(), 1, "{told:?}");
        told.remove(0)
    }

    fn reads(&self) -> u64 {
        let counters = self.gateway.desk.counters();
        counters.kind(RequestKind::GetOrder).requests
    }
}

#[tokio::test]
async fn a_posted_edit_is_recorded_with_its_difference_and_told_once() {
    let shop = Shop::open().await;
    let ours = shop.client.submit_note(desk::STORE, &shop.order, "ours").await;
    let ours = shop.client.wait_succeeded(&ours, PATIENCE).await;
    let image = shop.edit(json!({"email": THEIRS}));
    let reads = shop.reads();
    for _ in 0..2 {
        let taken = shop.post(&image).await.expect(200);
        assert_eq!(taken.body, json!({"status": "ok"}));
    }
    let history = shop.history().await;
    let sources: Vec<&Value> = history.iter().map(|change| &change["source"]).collect();
    assert_eq!(sources, ["external", "gateway"], "a repeat does nothing");
    let diff = json!([{"op": "replace", "path": "/email", "value": THEIRS}]);
    assert_eq!(
        (&history[0]["diff"], &history[0]["etag_before"]),
        (&diff, &ours["result"]["etag_after"])
    );
    let at = history[0]["at"].as_str().expect("a time");
    let then = shop.client.get(&format!("{}?at={at}", shop.path())).await;
    assert_eq!(then.expect(200).body, image);
    assert_eq!(shop.reads(), reads, "nothing was asked of Order Desk");

    let told = shop.told_once().await;
    assert_eq!(told["type"], "order.changed_externally");
    assert_eq!(
        (&told["data"]["order_id"], &told["data"]["diff"]),
        (&json!(shop.order), &diff)
    );
    assert_eq!(told["data"]["etag_after"], history[0]["etag_after"]);
    // The owner of the next job knows the image: it is not recorded a second time.
    let next = shop.client.submit_note(desk::STORE, &shop.order, "next").await;
    shop.client.wait_succeeded(&next, PATIENCE).await;
    assert_eq!(shop.history().await.len(), 3);
}

#[tokio::test]
async fn a_posted_edit_that_our_update_has_overwritten_is_told_with_what_is_lost() {
    let shop = Shop::open().await;
    // Order Desk's times have one second's resolution: the edit is surely later than our read.
    shop.edit(json!({"date_updated": "2020-01-01 00:00:00"}));
    let before = desk::order(&shop.gateway.desk, &shop.order)["email"].clone();
    let hold = shop
        .gateway
        .desk
        .hold(RequestKind::PutOrder, HoldPhase::BeforeApply);
    let job = shop.client.submit_note(desk::STORE, &shop.order, "ours").await;
    assert!(shop.gateway.desk.wait_held(hold, 1, PATIENCE).await);
    let image = shop.edit(json!({"email": THEIRS, "date_updated": "2020-01-01 00:00:01"}));
    shop.gateway.desk.release(hold).expect("it is held");
    shop.client.wait_succeeded(&job, PATIENCE).await;
    assert_eq!(desk::order(&shop.gateway.desk, &shop.order)["email"], before);

    shop.post(&image).await.expect(200);
    let lost = json!([{"pointer": "/email", "sent": before, "returned": THEIRS}]);
    let history = shop.history().await;
    assert_eq!(history.len(), 2, "{history:?}");
    assert_eq!(
        (
            &history[0]["type"],
            &history[0]["source"],
            &history[0]["differences"]
        ),
        (&json!("order.edit_overwritten.v1"), &json!("external"), &lost)
    );
    let told = shop.told_once().await;
    assert_eq!(
        (
            &told["type"],
            &told["data"]["order_id"],
            &told["data"]["differences"]
        ),
        (&json!("order.edit_overwritten"), &json!(shop.order), &lost)
    );
    let shown = shop.client.get(&shop.path()).await.expect(200).body;
    assert_eq!(
        shown["email"], before,
        "what is lost is not shown as if it were there"
    );
}

#[tokio::test]
async fn a_cached_order_is_read_anew_after_a_call_about_it() {
    let shop = Shop::open().await;
    let read = async || shop.client.get(&shop.path()).await.expect(200);
    read().await;
    let image = shop.edit(json!({"email": THEIRS}));
    assert_eq!(read().await.header("X-Cache"), "hit", "nobody has told yet");
    shop.post(&image).await.expect(200);
    let anew = read().await;
    assert_eq!((anew.header("X-Cache"), &anew.body), ("miss", &image));
}
