//! Keys and tenants that end, in every API process, whether these hear of each other or not.

use serde_json::{Value, json};
use testkit::eventually;

use super::support::{Client, Cluster, PATIENCE, Setup};

/// What an API process says to a key.
async fn status(cluster: &Cluster, api: usize, key: &str) -> u16 {
    let client = system_tests::Client::with_key(cluster.apis[api].url(), key);
    client.get("/stores").await.status
}

/// Sends with a key and expects a status; the body.
async fn call(cluster: &Cluster, api: usize, key: &str, method: &str, path: &str, body: Value) -> Value {
    let client = system_tests::Client::with_key(cluster.apis[api].url(), key);
    let method = method.parse().expect("a method");
    let request = client.request(method, path).json(&body);
    let answer = client.send(request).await.expect("an answer");
    assert!(answer.status < 300, "{}: {}", answer.status, answer.body);
    answer.body
}

/// Adds a key at one process and revokes the one before it at the other, with requests under both at all times.
async fn rotate(cluster: &Cluster, old: &str) -> String {
    let made = call(cluster, 0, old, "POST", "/tenant/keys", json!({"label": "next"})).await;
    let new = made["master_key"].as_str().expect("a key").to_owned();
    for api in [1, 0, 1] {
        assert_eq!(
            (status(cluster, api, old).await, status(cluster, api, &new).await),
            (200, 200)
        );
    }
    let keys = call(cluster, 1, &new, "GET", "/tenant/keys", Value::Null).await;
    let keys = keys["data"].as_array().expect("a list");
    let former = keys
        .iter()
        .find(|key| key["revoked_at"].is_null() && key["current"] == false);
    let former = former.and_then(|key| key["id"].as_str()).expect("the one before");
    call(
        cluster,
        0,
        &new,
        "DELETE",
        &format!("/tenant/keys/{former}"),
        Value::Null,
    )
    .await;
    assert_eq!(status(cluster, 0, old).await, 401, "where it was revoked");
    eventually("the other process to refuse the key", PATIENCE, async || {
        assert_eq!(
            status(cluster, 1, &new).await,
            200,
            "the new one works throughout"
        );
        match status(cluster, 1, old).await {
            401 => Ok(()),
            other => Err(format!("{other}")),
        }
    })
    .await;
    new
}

#[tokio::test]
async fn a_key_is_replaced_without_an_outage_and_refused_everywhere_with_the_broker_and_without() {
    let cluster = Setup::of(2, 1).start().await;
    let client = cluster.client();
    cluster.shop(&client, "501", 1).await;
    let second = rotate(&cluster, client.key()).await;
    cluster.nats.stop().await;
    let third = rotate(&cluster, &second).await;
    for api in [0, 1] {
        for gone in [client.key(), &second] {
            assert_eq!(status(&cluster, api, gone).await, 401);
        }
        assert_eq!(status(&cluster, api, &third).await, 200);
    }
}

#[tokio::test]
async fn an_erasure_goes_on_after_the_process_that_began_it_died() {
    let mut cluster = Setup::of(2, 1).start().await;
    let client = cluster.client();
    let shop = cluster.shop(&client, "501", 1).await;
    let done = shop.note(&client, 0, "before").expect(202).await;
    client.ended(done["id"].as_str().expect("an id")).await;
    call(
        &cluster,
        0,
        client.key(),
        "PATCH",
        "/stores/501",
        json!({"paused": true}),
    )
    .await;
    let waiting = shop.note(&client, 0, "never").expect(202).await;
    let waiting = waiting["id"].as_str().expect("an id").to_owned();
    // One whose erasure cannot get on: the others' must not wait for it.
    let stuck = cluster.client();
    cluster.shop(&stuck, "503", 1).await;
    let broken = stuck.get("/tenant").to(1).expect(200).await;
    let broken = broken["tenant_id"].as_str().expect("an id").to_owned();
    cluster
        .sql(&format!(
            "update stores set doc = '{{}}' where tenant_id = '{broken}'"
        ))
        .await;
    let doomed = system_tests::Client::with_key(cluster.apis[1].url(), stuck.key());
    let delete = doomed
        .request(reqwest::Method::DELETE, "/tenant")
        .header("Confirm", &broken);
    assert_eq!(doomed.send(delete).await.expect("an answer").status, 202);
    // Somebody else, who must not be touched.
    let other = cluster.client();
    cluster.shop(&other, "502", 1).await;

    let tenant = client.get("/tenant").to(1).expect(200).await;
    let tenant = tenant["tenant_id"].as_str().expect("an id").to_owned();
    let first = system_tests::Client::with_key(cluster.apis[0].url(), client.key());
    let delete = first.request(reqwest::Method::DELETE, "/tenant");
    let begun = first
        .send(delete.header("Confirm", &tenant))
        .await
        .expect("an answer");
    assert_eq!(begun.status, 202, "{}", begun.body);
    cluster.apis[0].kill9();
    cluster.apis[0].restart().await;

    let erased = format!(
        "select count(*) from tenants where id = '{tenant}' and doc::jsonb ->> 'erased_at' is not null"
    );
    eventually("the tenant to be erased", PATIENCE, async || {
        match cluster.number(&erased).await {
            1 => Ok(()),
            _ => Err("not yet"),
        }
    })
    .await;
    let unfinished =
        format!("select count(*) from tenants where id = '{broken}' and doc::jsonb ->> 'erased_at' is null");
    assert_eq!(cluster.number(&unfinished).await, 1);
    let keys = |of: &str| format!("select count(*) from data_keys where tenant_id {of} '{tenant}'");
    assert_eq!(cluster.number(&keys("=")).await, 0, "nothing of it can be opened");
    assert!(cluster.number(&keys("<>")).await > 0);
    let ended = format!("select count(*) from jobs where id = '{waiting}' and status = 'cancelled'");
    assert_eq!(cluster.number(&ended).await, 1);
    for api in [0, 1] {
        assert_eq!(status(&cluster, api, client.key()).await, 401);
        assert_eq!(status(&cluster, api, other.key()).await, 200);
    }
    cluster.assert_ledger_is_whole(2).await;
}

/// The blocks of a job's stream that are events: their ids and names.
async fn told(client: &Client, api: usize, job: &str, after: Option<&str>) -> Vec<(String, String)> {
    let mut call = client.get(format!("/jobs/{job}/events")).to(api);
    if let Some(after) = after {
        call = call.header("Last-Event-ID", after);
    }
    let answer = call.send().await.expect("a stream to its end");
    let text = answer.body.as_str().unwrap_or_default().to_owned();
    let field = |block: &str, name: &str| {
        let mut lines = block.lines();
        let found = lines.find_map(|line| line.strip_prefix(name).map(str::trim));
        found.map(str::to_owned)
    };
    text.split("\n\n")
        .filter_map(|block| Some((field(block, "id:")?, field(block, "event:")?)))
        .collect()
}

#[tokio::test]
async fn a_stream_goes_on_in_another_process_with_the_broker_and_without() {
    let cluster = Setup::of(2, 1).start().await;
    let client = cluster.client();
    let shop = cluster.shop(&client, "501", 1).await;
    for round in 0..4 {
        if round == 2 {
            cluster.nats.stop().await;
        }
        let job = shop
            .note(&client, 0, &format!("round {round}"))
            .to(round)
            .expect(202)
            .await;
        let job = job["id"].as_str().expect("an id");
        let (here, there) = tokio::join!(told(&client, 0, job, None), told(&client, 1, job, None));
        for told in [&here, &there] {
            assert_eq!(told.last().expect("an end").1, "job.succeeded");
        }
        let sql = format!("select position from events where job_id = '{job}' order by position");
        let rows = cluster.sql(&sql).await;
        let all: Vec<String> = rows.into_iter().filter_map(|row| row[0].clone()).collect();
        let ids: Vec<String> = told(&client, 1, job, Some("1"))
            .await
            .into_iter()
            .map(|one| one.0)
            .collect();
        assert_eq!(ids, all, "whole, once and in order");
        for (at, id) in all.iter().enumerate() {
            let api = usize::from(at % 2 == 0);
            let rest = told(&client, api, job, Some(id)).await;
            let rest: Vec<_> = rest.into_iter().map(|one| one.0).collect();
            assert_eq!(rest, all[at + 1..], "after {id}");
        }
        for told in [here, there] {
            let ids: Vec<_> = told.into_iter().map(|one| one.0).collect();
            assert!(all.ends_with(&ids), "{ids:?} of {all:?}");
        }
    }
}
