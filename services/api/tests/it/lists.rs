//! Lists of orders and inventory items, settings, customers.

use serde_json::{Value, json};
use simulator::{RequestKind, sample_order};

use crate::place::{KEY, OTHER_KEY, Place};

async fn shop(count: u64) -> (Place, Vec<String>) {
    let place = Place::new().await;
    place.register(KEY, "101").await;
    let orders = place.desk.seed_orders("101", count).unwrap();
    (place, orders)
}

/// What the last request to Order Desk asked for, decoded.
fn asked(place: &Place) -> Vec<(String, String)> {
    let log = place.desk.request_log();
    let query = log.last().unwrap().query.clone();
    url::form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect()
}

fn ids(rows: &Value) -> Vec<&str> {
    let rows = rows.as_array().unwrap();
    rows.iter().map(|row| row["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn orders_are_listed_as_order_desk_has_them() {
    let (place, orders) = shop(3).await;
    let reply = place
        .get("/stores/101/orders?limit=2&order=asc&order_by=id")
        .send()
        .await;
    assert_eq!(
        (reply.header("x-cache"), reply.header("age")),
        (Some("miss"), Some("0"))
    );
    assert!(reply.header("etag").is_some());
    let page = reply.ok(200);
    let members: Vec<&String> = page.as_object().unwrap().keys().collect();
    assert_eq!(
        members,
        [
            "orders",
            "total_records",
            "records_returned",
            "offset",
            "limit",
            "has_more"
        ]
    );
    assert_eq!(ids(&page["orders"]), [&orders[0], &orders[1]]);
    assert_eq!(
        page["orders"][0]["warehouse_zone"], "Z1",
        "unknown members are shown"
    );
    assert_eq!(
        page["orders"][0],
        place.desk.get_order("101", &orders[0]).unwrap()
    );
    let rest = json!({
        "total_records": 3, "records_returned": 2, "offset": 0, "limit": 2, "has_more": true
    });
    for (name, value) in rest.as_object().unwrap() {
        assert_eq!(&page[name], value, "{name}");
    }
    let last = place
        .get("/stores/101/orders?limit=2&offset=2")
        .send()
        .await
        .ok(200);
    assert_eq!(
        (&last["records_returned"], &last["has_more"]),
        (&json!(1), &json!(false))
    );
    let plain = place.get("/stores/101/orders").send().await.ok(200);
    assert_eq!((&plain["limit"], &plain["offset"]), (&json!(50), &json!(0)));
}

#[tokio::test]
async fn every_documented_filter_reaches_order_desk() {
    let (place, _) = shop(1).await;
    let mut bucket = place.desk.bucket();
    bucket.enforced = false;
    place.desk.set_bucket(bucket);
    let filters = [
        ("limit", "7"),
        ("offset", "3"),
        ("order_by", "date_updated"),
        ("order", "asc"),
        ("folder_id", "1,2"),
        ("folder_name", "New & old"),
        ("source_id", "S-1"),
        ("source_name", "Shopify"),
        ("email", "a+b@example.com"),
        ("customer_id", "c/1"),
        ("customer_first_name", "Ada"),
        ("customer_last_name", "Löve"),
        ("customer_company", "A Co"),
        ("customer_phone", "+1 555"),
        ("shipping_first_name", "Bob"),
        ("shipping_last_name", "Builder"),
        ("shipping_company", "B=Co"),
        ("shipping_phone", "555-010"),
        ("search_start_date", "2026-01-01 00:00:00"),
        ("search_end_date", "2026-01-31"),
        ("search_start_date_local", "2026-01-02 00:00:00"),
        ("search_end_date_local", "2026-01-30"),
        ("modified_start_date", "2026-01-03 00:00:00"),
        ("modified_end_date", "2026-01-29"),
    ];
    let all = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(filters)
        .finish();
    place
        .get(&format!("/stores/101/orders?{all}"))
        .send()
        .await
        .ok(200);
    let expected: Vec<(String, String)> = filters
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
    assert_eq!(asked(&place), expected);
    for (name, value) in filters {
        let one = url::form_urlencoded::Serializer::new(String::new())
            .append_pair(name, value)
            .finish();
        place
            .get(&format!("/stores/101/orders?{one}"))
            .send()
            .await
            .ok(200);
        assert!(
            asked(&place).contains(&(name.to_owned(), value.to_owned())),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_search_finds_what_it_says() {
    let (place, orders) = shop(4).await;
    let found = place
        .get("/stores/101/orders?email=BUYER2@example.com")
        .send()
        .await
        .ok(200);
    assert_eq!(ids(&found["orders"]), [&orders[1]]);
    let none = place
        .get("/stores/101/orders?email=buyer2@example.com&source_id=S-1")
        .send()
        .await
        .ok(200);
    assert_eq!((&none["orders"], &none["total_records"]), (&json!([]), &json!(0)));
}

#[tokio::test]
async fn what_order_desk_would_ignore_is_refused() {
    let (place, _) = shop(1).await;
    for (query, pointer) in [
        ("limit=0", "/query/limit"),
        ("limit=501", "/query/limit"),
        ("limit=ten", "/query/limit"),
        ("offset=-1", "/query/offset"),
        ("order=up", "/query/order"),
        ("order_by=Date%20Added", "/query/order_by"),
        ("folder_id=New", "/query/folder_id"),
        ("email=", "/query/email"),
        ("search_start_date=soon", "/query/search_start_date"),
        (
            "search_start_date_local=2026-01-31T12:00:00Z",
            "/query/search_start_date_local",
        ),
        ("modified_end_date=2026-02-30", "/query/modified_end_date"),
        ("emial=a@example.com", "/query/emial"),
        ("history=1", "/query/history"),
        ("search=x", "/query/search"),
        ("email=a&email=b", "/query/email"),
    ] {
        let reply = place
            .get(&format!("/stores/101/orders?{query}"))
            .send()
            .await
            .refused(422, "validation_failed");
        assert_eq!(reply.pointers(), [pointer], "{query}");
    }
    place
        .get("/stores/999/orders")
        .send()
        .await
        .refused(404, "store_not_found");
    place
        .get("/stores/101/orders")
        .key(OTHER_KEY)
        .send()
        .await
        .refused(404, "store_not_found");
    assert_eq!(place.desk.counters().total().requests, 0);
}

#[tokio::test]
async fn inventory_is_listed_and_its_items_are_shown() {
    let (place, _) = shop(0).await;
    let item = |n: u32| {
        let item =
            json!({"name": format!("Mug {n}"), "code": format!("MUG-{n}"), "stock": n, "odd": {"kept": [n]}});
        place.desk.put_inventory_item("101", item).unwrap()
    };
    let (first, second) = (item(1), item(2));
    let page = place
        .get("/stores/101/inventory?search=mug&limit=1")
        .send()
        .await
        .ok(200);
    assert_eq!(ids(&page["inventory_items"]), [&first]);
    assert_eq!(
        (&page["total_records"], &page["has_more"]),
        (&json!(2), &json!(true))
    );
    let found = place
        .get("/stores/101/inventory?code=MUG-2&offset=0")
        .send()
        .await
        .ok(200);
    assert_eq!(ids(&found["inventory_items"]), [&second]);
    assert!(asked(&place).contains(&("code".to_owned(), "MUG-2".to_owned())));
    let reply = place
        .get("/stores/101/inventory?email=a")
        .send()
        .await
        .refused(422, "validation_failed");
    assert_eq!(reply.pointers(), ["/query/email"]);

    let uri = format!("/stores/101/inventory/{second}");
    let reply = place.get(&uri).send().await;
    let tag = reply.header("etag").unwrap().to_owned();
    let shown = reply.ok(200);
    assert_eq!(
        (&shown["code"], &shown["odd"]),
        (&json!("MUG-2"), &json!({"kept": [2]}))
    );
    let known = place.get(&uri).header("if-none-match", &tag).send().await;
    assert_eq!((known.status.as_u16(), known.text.as_str()), (304, ""));
    place
        .get("/stores/101/inventory/999999")
        .send()
        .await
        .refused(404, "item_not_found");
    place
        .get("/stores/101/inventory/x")
        .send()
        .await
        .refused(422, "validation_failed");
}

#[tokio::test]
async fn settings_show_folders_and_no_credentials() {
    let (place, _) = shop(0).await;
    for as_list in [false, true] {
        let mut quirks = place.desk.quirks();
        quirks.folders_as_list = as_list;
        place.desk.set_quirks(quirks);
        let uri = "/stores/101/settings";
        let reply = place.get(uri).header("cache-control", "no-cache").send().await;
        assert!(
            !reply.text.contains("smtp") && !reply.text.contains("secret"),
            "{}",
            reply.text
        );
        let shown = reply.ok(200);
        assert_eq!(shown.as_object().unwrap().len(), 2);
        assert_eq!(shown["store"]["id"], "101");
        assert_eq!(shown["store"]["time_zone"], "UTC");
        let folder = &shown["folders"][0];
        assert_eq!(folder.as_object().unwrap().len(), 2);
        assert!(folder["id"].is_string() && folder["name"].is_string(), "{folder}");
    }
}

#[tokio::test]
async fn customers_are_derived_from_orders() {
    let (place, _) = shop(0).await;
    let put = |n: u64, change: Value| {
        let mut order = sample_order(n);
        order
            .as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        place.desk.put_order("101", order).unwrap()
    };
    let old = put(
        1,
        json!({"email": "Ada@example.com", "date_added": "2026-01-01 10:00:00"}),
    );
    let new = put(
        2,
        json!({"email": "ada@example.com", "date_added": "2026-01-02 10:00:00",
        "shipping": {"first_name": "A", "last_name": "Gift", "phone": "777"}}),
    );
    put(3, json!({"email": "bob@example.com"}));
    let found = place
        .get("/stores/101/customers?email=ADA@example.com")
        .send()
        .await
        .ok(200);
    assert_eq!(
        (found["data"].as_array().unwrap().len(), &found["next_cursor"]),
        (1, &Value::Null)
    );
    let ada = &found["data"][0];
    assert_eq!(ada["order_ids"], json!([new, old]));
    assert_eq!(ada["last_order_at"], "2026-01-02T10:00:00.000Z");
    assert_eq!(ada["email"], "ada@example.com");
    assert_eq!(ada["name"], "Alan Sample2");
    let before = place.desk.counters().total().requests;
    let shipped = place
        .get("/stores/101/customers?last_name=gift&phone=777")
        .send()
        .await
        .ok(200);
    assert_eq!(shipped["data"][0]["order_ids"], json!([new]));
    assert_eq!(
        place.desk.counters().total().requests - before,
        2,
        "both addresses are searched"
    );
    for (query, pointer) in [
        ("", "/query/email"),
        ("?limit=5", "/query/email"),
        ("?phone=", "/query/phone"),
        ("?name=x", "/query/email"),
    ] {
        let reply = place.get(&format!("/stores/101/customers{query}")).send().await;
        let reply = reply.refused(422, "validation_failed");
        assert_eq!(reply.pointers()[0], pointer, "{query}");
    }
}

#[tokio::test]
async fn customers_come_in_pages_of_a_bounded_search() {
    let (place, _) = shop(0).await;
    let address = |phone: u32| json!({"first_name": "N", "last_name": "Same", "phone": phone.to_string()});
    for phone in 0..1_203 {
        place
            .desk
            .put_order(
                "101",
                json!({"customer": address(phone), "shipping": address(phone)}),
            )
            .unwrap();
    }
    let mut uri = "/stores/101/customers?last_name=same&limit=400".to_owned();
    let mut seen = Vec::new();
    for _ in 0..4 {
        let reply = place.get(&uri).send().await;
        let link = reply.header("link").map(str::to_owned);
        let page = reply.ok(200);
        seen.extend(
            page["data"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one["phone"].to_string()),
        );
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        assert!(link.unwrap().contains(cursor));
        uri = format!("/stores/101/customers?last_name=same&limit=400&cursor={cursor}");
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 1_000, "the newest thousand for each of two addresses");
    assert!(
        place
            .desk
            .counters()
            .kind(RequestKind::GetOrders)
            .requests
            .is_multiple_of(4)
    );
}
