//! What keeps one client from taking the service away from the others.

use std::sync::Arc;
use std::time::Duration;

use api::{GuardConfig, Guards};
use runtime::{Clock, ManualClock};
use serde_json::json;

use crate::place::{ADMIN, KEY, OTHER_KEY, Place, Reply};

/// A place with limits whose clock stands still until it is moved.
async fn place(config: GuardConfig) -> (Place, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(0));
    let guards = Guards::new(&config, &(Arc::clone(&clock) as Arc<dyn Clock>));
    let place = Place::new().await;
    (place.changed(|state| state.guards = Arc::new(guards)), clock)
}

fn rates(rate_limit_rpm: u32) -> GuardConfig {
    GuardConfig {
        rate_limit_rpm,
        ..GuardConfig::default()
    }
}

fn told(reply: &Reply) -> (Option<&str>, Option<&str>) {
    (reply.header("ratelimit-policy"), reply.header("ratelimit"))
}

#[tokio::test]
async fn beyond_the_rate_a_tenant_is_told_when_to_come_back_and_others_are_not() {
    let (place, clock) = place(rates(6)).await;
    place.register(KEY, "101").await;
    let policy = Some("\"default\";q=6;w=60");
    for left in (0..6).rev() {
        let reply = place.get("/tenant").send().await;
        let state = format!("\"default\";r={left};t={}", 10 * (6 - left));
        assert_eq!(told(&reply), (policy, Some(state.as_str())), "{}", reply.text);
        assert_eq!(reply.status, 200);
    }
    for uri in ["/tenant", "/jobs/1", "/stores?limit=x"] {
        let reply = place.get(uri).send().await.refused(429, "too_many_requests");
        assert_eq!(told(&reply), (policy, Some("\"default\";r=0;t=60")));
        assert_eq!(reply.header("retry-after"), Some("10"));
    }
    place.get("/tenant").key(OTHER_KEY).send().await.ok(200);
    clock.advance(Duration::from_secs(10));
    place.get("/tenant").send().await.ok(200);
    place
        .get("/tenant")
        .send()
        .await
        .refused(429, "too_many_requests");
}

#[tokio::test]
async fn a_refusal_counts_and_says_how_the_caller_stands_and_a_stranger_is_told_nothing() {
    let (place, _) = place(rates(10)).await;
    let reply = place.get("/jobs/x").send().await.refused(404, "job_not_found");
    assert_eq!(told(&reply).1, Some("\"default\";r=9;t=6"));
    let reply = place
        .post("/stores")
        .json(&json!({}))
        .await
        .refused(422, "validation_failed");
    assert_eq!(told(&reply).1, Some("\"default\";r=8;t=12"));
    for reply in [
        place.get("/health").send().await,
        place.get("/tenant").anonymous().send().await,
        place.get("/tenant").key("wrong").send().await,
    ] {
        assert_eq!(told(&reply), (None, None));
    }
}

#[tokio::test]
async fn without_a_rate_nothing_is_limited_and_nothing_said() {
    let (place, _) = place(rates(0)).await;
    for _ in 0..50 {
        let reply = place.get("/tenant").send().await;
        assert_eq!((reply.status.as_u16(), told(&reply)), (200, (None, None)));
    }
}

#[tokio::test]
async fn who_invents_a_new_key_for_each_request_is_limited_by_address() {
    let (place, _) = place(rates(2)).await;
    place.register(KEY, "101").await;
    let mut statuses = Vec::new();
    for n in 0..25 {
        let key = format!("an-invented-key-that-is-long-enough-{n}");
        let call = place.get("/tenant").key(&key).peer("198.51.100.1");
        statuses.push(call.send().await.status.as_u16());
    }
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 20);
    assert_eq!(statuses[20..], [429; 5]);
    place.get("/tenant").peer("198.51.100.1").send().await.ok(200);
    let elsewhere = place.get("/tenant").key(OTHER_KEY).peer("198.51.100.2");
    elsewhere.send().await.ok(200);
}

#[tokio::test]
async fn too_many_failed_log_ins_close_an_address_to_unproven_keys_alone() {
    let (place, clock) = place(GuardConfig {
        auth_failures_per_minute: 3,
        ..GuardConfig::default()
    })
    .await;
    place.register(KEY, "101").await;
    let call = |key: &str, ip: &str| place.get("/tenant").key(key).peer(ip).send();
    let (bad, other) = ("2001:db8:1:2::1", "2001:db8:1:3::1");
    call(KEY, bad).await.ok(200);
    for key in ["wrong", "with space", "wronger"] {
        call(key, bad).await.refused(401, "unauthorized");
    }
    for ip in [bad, "2001:db8:1:2:3:4:5:6"] {
        let reply = call("wrong", ip).await.refused(429, "too_many_requests");
        assert_eq!(reply.header("retry-after"), Some("20"));
        call("with space", ip).await.refused(429, "too_many_requests");
        // Nobody looks whether this one exists.
        call(OTHER_KEY, ip).await.refused(429, "too_many_requests");
    }
    // Proven before, so it passes.
    call(KEY, bad).await.ok(200);
    call(OTHER_KEY, other).await.ok(200);
    place
        .get("/tenant")
        .anonymous()
        .peer(bad)
        .send()
        .await
        .refused(401, "unauthorized");
    clock.advance(Duration::from_secs(20));
    call("wrong", bad).await.refused(401, "unauthorized");
    call("wrong", bad).await.refused(429, "too_many_requests");
}

#[tokio::test]
async fn an_address_makes_so_many_tenants_and_a_refused_registration_costs_none() {
    let (place, clock) = place(GuardConfig {
        provision_per_hour: 2,
        ..GuardConfig::default()
    })
    .await;
    let register = async |n: u32, body: serde_json::Value, ip: &str| {
        let key = format!("the-key-of-a-new-tenant-number-{n:04}");
        place.post("/stores").key(&key).peer(ip).json(&body).await
    };
    let good = json!({"store_id": "101", "api_key": "k"});
    for _ in 0..5 {
        register(0, json!({"store_id": 7}), "192.0.2.1")
            .await
            .refused(422, "validation_failed");
    }
    register(1, good.clone(), "192.0.2.1").await.ok(201);
    register(2, good.clone(), "192.0.2.1").await.ok(201);
    let reply = register(3, good.clone(), "192.0.2.1")
        .await
        .refused(429, "too_many_requests");
    assert_eq!(reply.header("retry-after"), Some("1800"));
    let second = json!({"store_id": "102", "api_key": "k"});
    register(1, second, "192.0.2.1").await.ok(201);
    register(3, good.clone(), "192.0.2.2").await.ok(201);
    clock.advance(Duration::from_mins(30));
    register(4, good.clone(), "192.0.2.1").await.ok(201);
    register(5, good, "192.0.2.1")
        .await
        .refused(429, "too_many_requests");
}

#[tokio::test]
async fn reads_of_an_unknown_key_make_no_tenant_and_cost_none() {
    let (place, _) = place(GuardConfig {
        provision_per_hour: 1,
        ..GuardConfig::default()
    })
    .await;
    for _ in 0..3 {
        place.get("/stores").peer("192.0.2.1").send().await.ok(200);
    }
    let store = json!({"store_id": "101", "api_key": "k"});
    place.post("/stores").peer("192.0.2.1").json(&store).await.ok(201);
}

#[tokio::test]
async fn where_too_many_wait_a_poll_is_refused_and_a_command_is_answered_at_once() {
    let (place, _) = place(GuardConfig {
        waits_per_tenant: 0,
        ..GuardConfig::default()
    })
    .await;
    place.register(KEY, "101").await;
    let order = place.desk.seed_orders("101", 1).unwrap().remove(0);
    let note = place
        .post(&format!("/stores/101/orders/{order}/add-note"))
        .header("prefer", "wait=60");
    let reply = note.json(&json!({"note": "x"})).await;
    assert_eq!(
        (reply.status.as_u16(), reply.header("preference-applied")),
        (202, None)
    );
    let uri = format!("/jobs/{}?wait=60", reply.body["id"].as_str().unwrap());
    let reply = place.get(&uri).send().await.refused(429, "too_many_requests");
    assert_eq!(reply.header("retry-after"), Some("1"));
}

#[tokio::test]
async fn who_tries_tokens_at_the_administrators_paths_has_failed_to_log_in() {
    let (place, clock) = place(GuardConfig {
        auth_failures_per_minute: 3,
        ..GuardConfig::default()
    })
    .await;
    let call = |key: &str, ip: &str| place.get("/admin/tenants").key(key).peer(ip).send();
    let bad = "2001:db8:1:2::1";
    for key in ["wrong", "with space", OTHER_KEY] {
        call(key, bad).await.refused(401, "unauthorized");
    }
    for key in ["wrong", ADMIN] {
        let reply = call(key, bad).await.refused(429, "too_many_requests");
        assert_eq!(reply.header("retry-after"), Some("20"));
    }
    let tenant = place.get("/tenant").key("wrong").peer(bad);
    tenant.send().await.refused(429, "too_many_requests");
    call(ADMIN, "2001:db8:1:3::1").await.ok(200);
    let nothing = place.get("/admin/tenants").anonymous().peer("2001:db8:1:4::1");
    nothing.send().await.refused(401, "unauthorized");
    clock.advance(Duration::from_secs(20));
    call(ADMIN, bad).await.ok(200);
}
