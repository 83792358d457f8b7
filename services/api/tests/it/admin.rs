//! The administrator's routes.

use std::time::Duration;

use serde_json::{Value, json};

use crate::place::{ADMIN, KEY, Place};

const NOBODYS: &str = "01920000-0000-7000-8000-000000000000";

const ROUTES: [(&str, &str); 5] = [
    ("POST", "/tenants"),
    ("GET", "/admin/tenants"),
    ("DELETE", "/admin/tenants/01920000-0000-7000-8000-000000000000"),
    ("GET", "/admin/queue"),
    ("POST", "/admin/projections/jobs:rebuild"),
];

async fn make(place: &Place, label: &str) -> Value {
    let post = place.post("/tenants").key(ADMIN);
    post.json(&json!({"label": label})).await.ok(201)
}

#[tokio::test]
async fn only_the_administrator_is_let_in() {
    let place = Place::new().await;
    place.register(KEY, "101").await;
    for (method, uri) in ROUTES {
        for key in [KEY, "nobody", "the-administrators-token-which-is-long-toO"] {
            let refused = place.call(method, uri).key(key).send().await;
            let refused = refused.refused(401, "unauthorized");
            assert_eq!(
                refused.header("www-authenticate"),
                Some("Bearer"),
                "{method} {uri}"
            );
        }
        let query = place.call(method, &format!("{uri}?token={ADMIN}")).key(ADMIN);
        let refused = query.send().await.refused(401, "unauthorized");
        assert!(!refused.text.contains(ADMIN));
    }
}

#[tokio::test]
async fn without_a_token_there_are_no_such_routes() {
    let place = Place::with(|config| config.admin_token = None).await;
    for (method, uri) in ROUTES {
        for key in [KEY, ADMIN] {
            place
                .call(method, uri)
                .key(key)
                .send()
                .await
                .refused(404, "not_found");
        }
        let stranger = place.call(method, uri).anonymous().send().await;
        stranger.refused(404, "not_found");
    }
}

#[tokio::test]
async fn a_tenant_is_made_with_a_key_that_is_shown_once() {
    let place = Place::new().await;
    let made = make(&place, "Shop").await;
    let key = made["master_key"].as_str().unwrap();
    assert!(key.starts_with("odgk_"));
    let tenant = place.get("/tenant").key(key).send().await.ok(200);
    assert_eq!(
        (&tenant["tenant_id"], &tenant["label"]),
        (&made["tenant_id"], &json!("Shop"))
    );
    place.register(key, "101").await;

    let keyed = || place.post("/tenants").key(ADMIN).header("idempotency-key", "t-1");
    let first = keyed().json(&json!({"label": "A"})).await.ok(201);
    let again = keyed().json(&json!({"label": "A"})).await;
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(again.ok(201), first);
    keyed()
        .json(&json!({"label": "B"}))
        .await
        .refused(422, "idempotency_key_reused");
    for body in [json!({}), json!({"label": 1}), json!({"label": "a", "id": 1})] {
        let post = place.post("/tenants").key(ADMIN);
        post.json(&body).await.refused(422, "validation_failed");
    }
}

#[tokio::test]
async fn tenants_are_listed_in_pages_newest_first() {
    let place = Place::new().await;
    let mut ids = Vec::new();
    for label in ["a", "b", "c"] {
        ids.push(make(&place, label).await["tenant_id"].clone());
    }
    let get = |uri: &str| place.get(uri).key(ADMIN);
    let page = get("/admin/tenants?limit=2").send().await;
    let link = page.header("link").unwrap().to_owned();
    let page = page.ok(200);
    let shown = |page: &Value| -> Vec<Value> {
        let data = page["data"].as_array().unwrap();
        data.iter().map(|tenant| tenant["tenant_id"].clone()).collect()
    };
    assert_eq!(shown(&page), [ids[2].clone(), ids[1].clone()]);
    let next = get(link[1..].split('>').next().unwrap()).send().await.ok(200);
    assert_eq!(
        (shown(&next), &next["next_cursor"]),
        (vec![ids[0].clone()], &json!(null))
    );
    assert!(!next.to_string().contains("odgk_"));
    for cursor in ["x", "MTo3"] {
        let page = get(&format!("/admin/tenants?cursor={cursor}")).send().await;
        page.refused(400, "invalid_cursor");
    }
}

#[tokio::test]
async fn a_tenant_is_erased_and_a_repeat_shows_how_far_that_is() {
    let place = Place::new().await;
    let made = make(&place, "gone").await;
    let uri = format!("/admin/tenants/{}", made["tenant_id"].as_str().unwrap());
    let delete = || place.call("DELETE", &uri).key(ADMIN);
    let begun = delete().send().await.ok(202);
    assert!(begun["deleted_at"].is_string() && begun["erased_at"].is_null());
    let key = made["master_key"].as_str().unwrap();
    place
        .get("/tenant")
        .key(key)
        .send()
        .await
        .refused(401, "key_revoked");
    assert_eq!(place.app.advance_erasures().await.unwrap(), 0);
    assert!(delete().send().await.ok(202)["erased_at"].is_string());
    place
        .get("/tenant")
        .key(key)
        .send()
        .await
        .refused(401, "key_revoked");
    for unknown in [NOBODYS, "x"] {
        let delete = place.call("DELETE", &format!("/admin/tenants/{unknown}"));
        delete.key(ADMIN).send().await.refused(404, "tenant_not_found");
    }
}

#[tokio::test]
async fn the_queue_shows_what_waits_where() {
    let (place, order) = Place::with_order().await;
    place.app.ledger().init_partitions(3).await.unwrap();
    place.note(&order, "a").await;
    let running = place.note(&order, "b").await;
    place.begin(&place.job(&running).await).await;
    let later = place.app.now().plus(Duration::from_hours(1));
    let uri = format!("/stores/101/orders/{order}/add-note?run_at={later}");
    place.post(&uri).json(&json!({"note": "later"})).await.ok(202);
    let queue = place.get("/admin/queue").key(ADMIN).send().await.ok(200);
    let counts = ["queued", "running", "lag", "unowned"].map(|name| queue[name].as_u64().unwrap());
    assert_eq!(counts, [2, 1, 1, 3]);
    assert!(queue["oldest_wait_ms"].is_u64());
    let partitions = queue["partitions"].as_array().unwrap();
    assert_eq!(partitions.len(), 3);
    let of = |at: usize, name: &str| partitions[at][name].clone();
    assert_eq!((of(0, "lag"), of(0, "owner")), (json!(1), json!(null)));
    assert_eq!(
        (of(1, "queued"), of(1, "oldest_wait_ms")),
        (json!(0), json!(null))
    );
}

#[tokio::test]
async fn projections_are_made_anew_while_others_work() {
    let (place, order) = Place::with_order().await;
    let shown = place.note(&order, "a").await;
    let post = |uri: &str| place.post(uri).key(ADMIN);
    for name in ["jobs", "all"] {
        let rebuild = post(&format!("/admin/projections/{name}:rebuild"));
        let (done, _) = tokio::join!(rebuild.send(), place.note(&order, "meanwhile"));
        let done = done.ok(200);
        assert_eq!(done["status"], "rebuilt");
        assert!(done["events"].as_u64().unwrap() >= 4, "{done}");
    }
    let found = place.get(&format!("/jobs/{}", shown["id"].as_str().unwrap()));
    assert_eq!(found.send().await.ok(200)["status"], "queued");
    let jobs = place.get("/jobs").send().await.ok(200);
    assert_eq!(jobs["data"].as_array().unwrap().len(), 3, "nothing is lost");
    let twice = || post("/admin/projections/all%3Arebuild");
    let (one, two) = tokio::join!(twice().send(), twice().send());
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert!(matches!(statuses, [200, 200 | 409]), "{statuses:?}");
    let none = post("/admin/projections/none:rebuild").send().await;
    none.refused(404, "projection_not_found");
    post("/admin/projections/jobs:drop")
        .send()
        .await
        .refused(404, "not_found");
    post("/admin/projections/jobs")
        .send()
        .await
        .refused(404, "not_found");
}
