//! Erasing personal data: nothing of a person is left anywhere, and what must stay stays.

use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};
use simulator::{Fault, RequestKind, SimulatorConfig};
use system_tests::{Client, Gateway, Post, desk, sqlite};
use testkit::{Receiver, Redis, Reply, eventually};

use super::PATIENCE;

const NAME: &str = "Zyxwvut Erasmus";
const STREET: &str = "17 Quagmire Terrace";
const EMAIL: &str = "zyxwvut@erasmus.example";

/// An order of the person, with a body, a patch and an image on record, and in the caches.
async fn recorded(gateway: &Gateway, client: &Client, email: &str) -> String {
    let order = desk::orders(&gateway.desk, 1).remove(0);
    let path = format!("/stores/{}/orders/{order}", desk::STORE);
    let mutation = json!({"operations": [
        {"op": "add", "path": "/email", "value": email},
        {"op": "add", "path": "/shipping/address1", "value": STREET},
        {"op": "add", "path": "/shipping/first_name", "value": NAME},
    ]});
    let job = client.submit(&format!("{path}:mutate"), &mutation).await;
    client.wait_succeeded(&job, PATIENCE).await;
    client.get(&path).await.expect(200);
    client
        .get(&format!("/stores/{}/customers?email={email}", desk::STORE))
        .await
        .expect(200);
    order
}

/// Keeps jobs of the store waiting.
async fn pause(client: &Client, paused: bool) {
    let path = format!("/stores/{}", desk::STORE);
    client.patch(&path, &json!({"paused": paused})).await.expect(200);
}

async fn erase(client: &Client, path: &str) -> Value {
    client
        .send(client.request(Method::DELETE, path))
        .await
        .expect("an answer")
        .expect(202)
        .body
}

/// Waits until the order as it was is gone.
async fn gone(client: &Client, order: &str, at: &str) {
    let path = format!("/stores/{}/orders/{order}?at={at}", desk::STORE);
    eventually("what was known is gone", PATIENCE, async || {
        match client.get(&path).await {
            answer if answer.status == 410 => Ok(()),
            answer => Err(format!("{}: {}", answer.status, answer.body)),
        }
    })
    .await;
}

async fn now(client: &Client, order: &str) -> String {
    let path = format!("/stores/{}/orders/{order}/history", desk::STORE);
    let history = client.get(&path).await.expect(200).body;
    history["data"][0]["at"].as_str().expect("a change").to_owned()
}

/// The data keys of an order, as they are kept.
fn keys_of(gateway: &Gateway, order: &str) -> Vec<Vec<u8>> {
    let sql = format!("SELECT hex(wrapped) FROM data_keys WHERE order_id = '{order}'");
    let rows = sqlite(&gateway.data().join("app.db"), &sql).into_iter();
    let keys = rows.filter_map(|mut row| row.remove(0));
    keys.map(|key| hex::decode(key).expect("hexadecimal")).collect()
}

/// Waits until destroyed keys are in no file any more: until then, all that they sealed could be read again.
async fn destroyed(gateway: &Gateway, keys: &[Vec<u8>]) {
    assert!(!keys.is_empty());
    eventually("no file has a key", PATIENCE, async || {
        let left: Vec<String> = keys
            .iter()
            .flat_map(|key| files_with(gateway.data(), key))
            .collect();
        if left.is_empty() {
            Ok(())
        } else {
            Err(left.join(", "))
        }
    })
    .await;
}

/// The files of a folder, and below, in which `needle` stands.
fn files_with(folder: &Path, needle: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files_with(&path, needle));
        } else {
            let bytes = std::fs::read(&path).unwrap_or_default();
            if bytes.windows(needle.len()).any(|window| window == needle) {
                found.push(path.display().to_string());
            }
        }
    }
    found
}

#[tokio::test]
async fn an_order_is_erased_and_the_log_stays_verifiable() {
    let gateway = Gateway::builder().env("CACHE_BACKEND", "sqlite").start().await;
    let client = gateway.client_with_store().await;
    let (order, other) = (
        recorded(&gateway, &client, EMAIL).await,
        recorded(&gateway, &client, "somebody@else.example").await,
    );
    let (at, others) = (now(&client, &order).await, now(&client, &other).await);
    let image = |order: &str, at: &str| format!("/stores/{}/orders/{order}?at={at}", desk::STORE);
    assert_eq!(
        client.get(&image(&order, &at)).await.expect(200).body["email"],
        EMAIL
    );
    pause(&client, true).await;
    let waiting = client.submit_note(desk::STORE, &order, NAME).await;
    let stays = client.submit_note(desk::STORE, &other, "stays").await;

    let (keys, kept) = (keys_of(&gateway, &order), keys_of(&gateway, &other));
    assert!(keys.iter().all(|key| !files_with(gateway.data(), key).is_empty()));
    let late = desk::order(&gateway.desk, &order);

    let path = format!("/stores/{}/orders/{order}/personal-data", desk::STORE);
    let erasure = erase(&client, &path).await;
    assert_eq!(
        (&erasure["order_id"], &erasure["store_id"]),
        (&json!(order), &json!(desk::STORE))
    );
    gone(&client, &order, &at).await;
    let cancelled = client.job(&waiting).await;
    assert_eq!(
        (&cancelled["status"], &cancelled["error"]["code"]),
        (&json!("cancelled"), &json!("erased"))
    );
    assert_eq!(client.job(&stays).await["status"], "queued");
    client.get(&image(&other, &others)).await.expect(200);
    destroyed(&gateway, &keys).await;
    assert_eq!(keys_of(&gateway, &other), kept);
    // What Order Desk posted before and delivers now does not bring it back.
    let post = Post {
        store: desk::STORE,
        api_key: SimulatorConfig::API_KEY,
        order: &late,
    };
    post.send(&client).await.expect(200);
    gone(&client, &order, &at).await;
    for path in [
        format!("/jobs/{waiting}"),
        format!("/stores/{}/orders/{order}/history", desk::STORE),
    ] {
        let text = client.get(&path).await.expect(200).body.to_string();
        for personal in [NAME, STREET, EMAIL] {
            assert!(!text.contains(personal), "{text}");
        }
    }

    // The order goes on as a new one would.
    pause(&client, false).await;
    let job = client.submit_note(desk::STORE, &order, "afterwards").await;
    client.wait_succeeded(&job, PATIENCE).await;
    client.wait_succeeded(&stays, PATIENCE).await;
    assert_eq!(
        desk::count(&desk::notes_of(&gateway.desk, desk::STORE, &order), NAME),
        0
    );
    super::schemathesis::proven(&client, &job).await;
    let verified = gateway.command("verify-log").run(PATIENCE).await;
    assert_eq!(verified.code(), Some(0), "{:?}", verified.lines);
    for personal in [NAME, STREET, EMAIL] {
        assert_eq!(
            files_with(gateway.data(), personal.as_bytes()),
            Vec::<String>::new(),
            "{personal}"
        );
    }
}

#[tokio::test]
async fn a_customer_is_found_in_all_that_speaks_of_them() {
    let gateway = Gateway::start().await;
    let client = gateway.client_with_store().await;
    let (one, two, other) = (
        recorded(&gateway, &client, EMAIL).await,
        recorded(&gateway, &client, &EMAIL.to_uppercase()).await,
        recorded(&gateway, &client, &format!("not-{EMAIL}")).await,
    );
    let times = [
        now(&client, &one).await,
        now(&client, &two).await,
        now(&client, &other).await,
    ];
    pause(&client, true).await;
    // What has no order yet.
    let created = json!({"email": EMAIL, "order_items": [{"name": "Thing", "price": 1, "quantity": 1}]});
    let create = client
        .submit(&format!("/stores/{}/orders", desk::STORE), &created)
        .await;
    let noted = desk::orders(&gateway.desk, 1).remove(0);
    let note = client
        .submit_note(desk::STORE, &noted, &format!("ask <{EMAIL}>"))
        .await;
    let stays = client.submit_note(desk::STORE, &other, "stays").await;

    erase(
        &client,
        &format!("/stores/{}/personal-data?email={EMAIL}", desk::STORE),
    )
    .await;
    gone(&client, &one, &times[0]).await;
    gone(&client, &two, &times[1]).await;
    for job in [&create, &note] {
        let ended = client.wait_ended(job, PATIENCE).await;
        assert_eq!(
            (&ended["status"], &ended["error"]["code"]),
            (&json!("cancelled"), &json!("erased"))
        );
    }
    let unread = |line: &String| line.contains("sealed data are damaged");
    assert!(!gateway.logs().iter().any(unread), "all was searched");
    let theirs = format!("/stores/{}/orders/{other}?at={}", desk::STORE, times[2]);
    client.get(&theirs).await.expect(200);
    assert_eq!(client.job(&stays).await["status"], "queued");
    for personal in [NAME, STREET, EMAIL] {
        assert_eq!(
            files_with(gateway.data(), personal.as_bytes()),
            Vec::<String>::new(),
            "{personal}"
        );
    }
}

#[tokio::test]
async fn nothing_of_a_person_is_in_redis() {
    let redis = Redis::start_new().await;
    let gateway = Gateway::builder()
        .env("CACHE_BACKEND", "redis")
        .env("REDIS_URL", redis.url())
        .start()
        .await;
    let client = gateway.client_with_store().await;
    let order = recorded(&gateway, &client, EMAIL).await;
    let at = now(&client, &order).await;
    erase(
        &client,
        &format!("/stores/{}/orders/{order}/personal-data", desk::STORE),
    )
    .await;
    gone(&client, &order, &at).await;
    let path = format!("/stores/{}/orders/{order}", desk::STORE);
    assert_eq!(
        client.get(&path).await.expect(200).header("x-cache"),
        "miss",
        "what was cached is gone"
    );
    // Its files hold what is there now and, in its log, what ever was.
    assert_eq!(
        redis
            .command("CONFIG SET rdbcompression no")
            .await
            .expect("an answer"),
        "+OK"
    );
    assert_eq!(redis.command("SAVE").await.expect("an answer"), "+OK");
    assert_ne!(
        redis.command("DBSIZE").await.expect("an answer"),
        ":0",
        "something is cached"
    );
    for personal in [NAME, STREET, EMAIL] {
        assert_eq!(
            files_with(redis.folder(), personal.as_bytes()),
            Vec::<String>::new(),
            "{personal}"
        );
    }
}

#[tokio::test]
async fn an_erasure_survives_the_process_and_waits_for_what_is_in_flight() {
    let mut gateway = Gateway::start().await;
    let client = gateway.client_with_store().await;
    let order = recorded(&gateway, &client, EMAIL).await;
    let at = now(&client, &order).await;
    // Its answer never comes: in doubt, until it can be judged.
    gateway.desk.fail_next(RequestKind::PutOrder, Fault::ResetAfter);
    let doubtful = client.submit_note(desk::STORE, &order, "in flight").await;
    erase(
        &client,
        &format!("/stores/{}/orders/{order}/personal-data", desk::STORE),
    )
    .await;
    gateway.restart().await;
    gone(&client, &order, &at).await;
    let ended = client.wait_ended(&doubtful, PATIENCE).await;
    let sent = desk::count(&desk::notes_of(&gateway.desk, desk::STORE, &order), "in flight");
    match ended["status"].as_str() {
        Some("succeeded") => assert_eq!(sent, 1, "{ended}"),
        Some("cancelled") => assert_eq!(sent, 0, "{ended}"),
        other => panic!("{other:?}: {ended}"),
    }
}

#[tokio::test]
async fn what_receivers_answered_about_a_customer_is_gone() {
    let gateway = Gateway::builder()
        .env("WEBHOOK_ALLOW_NETS", "127.0.0.0/8")
        .start()
        .await;
    let client = gateway.client_with_store().await;
    // One that repeats what it is told.
    let receiver = Receiver::start(|received, _| Reply::status(200).body(received.body.clone())).await;
    let endpoint = json!({"url": receiver.url(), "events": ["job.succeeded", "job.failed"]});
    let endpoint = client
        .post("/webhook-endpoints", &endpoint)
        .await
        .expect(201)
        .id();
    let shown = async || {
        let path = format!("/webhook-endpoints/{endpoint}/deliveries");
        client.get(&path).await.expect(200).body["data"].clone()
    };
    let order = recorded(&gateway, &client, EMAIL).await;
    let at = now(&client, &order).await;
    // One that never becomes an order.
    let message = format!("{EMAIL} may not order");
    gateway
        .desk
        .fail_next(RequestKind::CreateOrder, Fault::Reject { status: 400, message });
    let created = json!({"email": EMAIL, "order_items": [{"name": "Thing", "price": 1, "quantity": 1}]});
    let create = client
        .submit(&format!("/stores/{}/orders", desk::STORE), &created)
        .await;
    assert_eq!(client.wait_ended(&create, PATIENCE).await["status"], "failed");
    eventually("both answers are on record", PATIENCE, async || {
        let shown = shown().await;
        let about = shown.as_array().expect("a page").iter();
        if about.filter(|one| one.to_string().contains(EMAIL)).count() == 2 {
            Ok(())
        } else {
            Err(shown.to_string())
        }
    })
    .await;

    erase(
        &client,
        &format!("/stores/{}/personal-data?email={EMAIL}", desk::STORE),
    )
    .await;
    gone(&client, &order, &at).await;
    eventually("the search is over", PATIENCE, async || {
        let job = client.job(&create).await;
        if job.to_string().contains(EMAIL) {
            Err(job.to_string())
        } else {
            Ok(())
        }
    })
    .await;
    let left = shown().await;
    assert!(!left.to_string().contains(EMAIL), "{left}");
    let left: Vec<&Value> = left.as_array().expect("a page").iter().collect();
    assert_eq!(left.len(), 1, "the log has no delivery about the order: {left:?}");
    assert_eq!(left[0]["job_id"], json!(create));
}
