//! Erasing over several processes: whoever has opened a key before forgets it, and no table, cache or log keeps one.

use serde_json::{Value, json};
use system_tests::Forbidden;
use testkit::{Receiver, Redis, Reply, eventually};

use super::secrecy::{dump, hex};
use super::support::{Call, Client, Cluster, PATIENCE, Setup, Shop};

const NAME: &str = "Zyxwvut Erasmus";
const STREET: &str = "17 Quagmire Terrace";
const EMAIL: &str = "zyxwvut@erasmus.example";

/// What makes an order one of the person; a repeat is answered from what was kept.
fn change(client: &Client, shop: &Shop, index: usize) -> Call {
    let path = shop.order(index);
    let mutation = json!({"operations": [
        {"op": "add", "path": "/email", "value": EMAIL},
        {"op": "add", "path": "/shipping/address1", "value": STREET},
        {"op": "add", "path": "/shipping/first_name", "value": NAME},
    ]});
    client
        .post(format!("{path}:mutate"), mutation)
        .header("Prefer", "wait=30")
        .header("Idempotency-Key", format!("order {index}"))
}

/// Makes an order one of the person, and lets every process read it and what was known of it; when that was.
async fn record(client: &Client, shop: &Shop, index: usize) -> String {
    let path = shop.order(index);
    let job = change(client, shop, index).expect(200).await;
    assert_eq!(job["status"], "succeeded", "{job}");
    let history = client.get(format!("{path}/history")).expect(200).await;
    let at = history["data"][0]["at"].as_str().expect("a change").to_owned();
    for api in 0..client.apis() {
        client.get(&path).to(api).expect(200).await;
        let customers = format!("/stores/{}/customers?email={EMAIL}", shop.id);
        client.get(customers).to(api).expect(200).await;
        let then = client.get(format!("{path}?at={at}")).to(api).expect(200).await;
        assert_eq!(then["email"], EMAIL);
    }
    at
}

/// The data keys of an order as they are kept, in hexadecimal.
async fn keys_of(cluster: &Cluster, order: &str) -> Vec<String> {
    let sql = format!("select encode(wrapped, 'hex') from data_keys where order_id = '{order}'");
    let rows = cluster.sql(&sql).await;
    rows.into_iter().filter_map(|mut row| row.remove(0)).collect()
}

/// What is on record of deliveries about an order that have ended.
async fn told(cluster: &Cluster, order: &str) -> i64 {
    let sql = format!(
        "select count(*) from webhook_deliveries where order_id = '{order}' and ended_at is not null"
    );
    cluster.number(&sql).await
}

/// How many entries of a page name the person.
fn naming(page: &Value) -> usize {
    let entries = page["data"].as_array().expect("a page").iter();
    entries.filter(|entry| entry.to_string().contains(EMAIL)).count()
}

#[tokio::test]
async fn an_order_is_erased_in_every_process_and_every_store_of_data() {
    let redis = Redis::start_new().await;
    let cluster = Setup::of(2, 2)
        .set("CACHE_BACKEND", "redis")
        .set("REDIS_URL", &redis.url())
        .set("WEBHOOK_ALLOW_NETS", "127.0.0.0/8")
        .start()
        .await;
    let client = cluster.client();
    // One that repeats what it is told: the log of deliveries keeps the beginning.
    let receiver = Receiver::start(|received, _| Reply::status(200).body(received.body.clone())).await;
    let endpoint = json!({"url": receiver.url(), "events": ["job.succeeded"]});
    let endpoint = client.post("/webhook-endpoints", endpoint).expect(201).await;
    let deliveries = format!(
        "/webhook-endpoints/{}/deliveries",
        endpoint["id"].as_str().expect("an id")
    );
    let shop = cluster.shop(&client, "501", 2).await;
    let (order, other) = (shop.orders[0].as_str(), shop.orders[1].as_str());
    let (at, others) = (record(&client, &shop, 0).await, record(&client, &shop, 1).await);
    for order in [order, other] {
        eventually("the endpoint to be told", PATIENCE, async || {
            match told(&cluster, order).await {
                1 => Ok(()),
                other => Err(other.to_string()),
            }
        })
        .await;
    }
    let shown = client.get(&deliveries).expect(200).await;
    assert_eq!(naming(&shown), 2, "{shown}");
    let (keys, kept) = (keys_of(&cluster, order).await, keys_of(&cluster, other).await);
    let rows = dump(&cluster).await;
    assert!(!keys.is_empty() && keys.iter().chain(&kept).all(|key| rows.contains(key)));

    let erased = client.delete(format!("{}/personal-data", shop.order(0)));
    erased.expect(202).await;
    for api in 0..client.apis() {
        eventually("each process to have forgotten", PATIENCE, async || {
            let then = client
                .get(format!("{}?at={at}", shop.order(0)))
                .to(api)
                .send()
                .await;
            match then.map_err(|error| error.to_string())? {
                answer if answer.status == 410 => Ok(()),
                answer => Err(format!("{}: {}", answer.status, answer.body)),
            }
        })
        .await;
        let then = client.get(format!("{}?at={others}", shop.order(1))).to(api);
        assert_eq!(then.expect(200).await["email"], EMAIL, "another order stays");
        let history = client.get(format!("{}/history", shop.order(0))).to(api);
        let history = history.expect(200).await.to_string();
        assert!(!history.contains(EMAIL), "{history}");
        let shown = client.get(&deliveries).to(api).expect(200).await;
        assert_eq!(naming(&shown), 1, "that of the other order: {shown}");
    }
    assert_eq!((told(&cluster, order).await, told(&cluster, other).await), (0, 1));
    let repeat = change(&client, &shop, 0).send().await.expect("an answer");
    assert_eq!(
        (repeat.status, repeat.header("Idempotency-Replayed")),
        (200, "true")
    );
    assert_eq!(repeat.body["status"], "succeeded");
    assert!(!repeat.body.to_string().contains(EMAIL), "{}", repeat.body);

    let rows = dump(&cluster).await;
    assert!(keys.iter().all(|key| !rows.contains(key)), "a key is still there");
    assert!(kept.iter().all(|key| rows.contains(key)), "others stay");
    let personal = [("a name", NAME), ("a street", STREET), ("an address", EMAIL)];
    let of = |encode: fn(&str) -> String| {
        personal.iter().fold(Forbidden::new(), |all, (name, text)| {
            all.text(name, &encode(text))
        })
    };
    of(str::to_owned).absent_in("a row", rows.as_bytes());
    of(hex).absent_in("a row's bytes", rows.as_bytes());
    for command in ["CONFIG SET rdbcompression no", "SAVE"] {
        assert_eq!(redis.command(command).await.expect("an answer"), "+OK");
    }
    assert!(of(str::to_owned).absent_below(redis.folder()) > 0);
    of(str::to_owned).absent_in("a log", cluster.logs().join("\n").as_bytes());
    let done = cluster
        .number("select max(position) from events where type = 'erasure.done.v1'")
        .await;
    eventually("the erasure to be sealed", PATIENCE, async || {
        let proof = client.get(format!("/audit/proof/inclusion?position={done}"));
        match proof.send().await.map_err(|error| error.to_string())? {
            answer if answer.status == 200 => Ok(()),
            answer => Err(format!("{}: {}", answer.status, answer.body)),
        }
    })
    .await;
    let verified = cluster
        .spec("orderdesk-gateway")
        .arg("verify-log")
        .run(PATIENCE)
        .await;
    assert_eq!(verified.code(), Some(0), "{:?}", verified.lines);
}
