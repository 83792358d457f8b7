//! "Database": the queries of the specification, as they stand there, on both ledgers.

use system_tests::{Client, Node, Spec, fast_environment, kms_key, sqlite};
use testkit::{Nats, Postgres};

use super::{API_KEY, PATIENCE, STORE, Shop};

const TENANTS: &str = "SELECT id, created_at FROM tenants;";
const STORES: &str = "SELECT id, store_id, label FROM stores;";

/// Registers the store as the specification does; the tenant's and the store's ids.
async fn registered(client: &Client) -> (String, String) {
    let body = serde_json::json!({"store_id": STORE, "api_key": API_KEY, "label": "My Store"});
    let store = client.post("/stores", &body).await.expect(201).id();
    let tenant = client.get("/tenant").await.expect(200).body;
    (tenant["tenant_id"].as_str().expect("an id").to_owned(), store)
}

fn check(tenants: &[Vec<Option<String>>], stores: &[Vec<Option<String>>], tenant: &str, store: &str) {
    let [row] = tenants else {
        panic!("one tenant: {tenants:?}")
    };
    assert_eq!(row[0].as_deref(), Some(tenant));
    assert!(
        row[1].as_deref().is_some_and(|at| at.starts_with("20")),
        "a time: {row:?}"
    );
    let expected = [store, STORE, "My Store"].map(|text| Some(text.to_owned()));
    assert_eq!(stores, [expected.to_vec()]);
}

#[tokio::test]
async fn check_tenants_and_check_stores_on_sqlite() {
    let shop = Shop::unregistered().await;
    let (tenant, store) = registered(&shop.client).await;
    let file = shop.gateway.data().join("app.db");
    check(&sqlite(&file, TENANTS), &sqlite(&file, STORES), &tenant, &store);
}

#[tokio::test]
async fn check_tenants_and_check_stores_on_postgres() {
    let (postgres, nats) = tokio::join!(Postgres::start_new(), Nats::start_new());
    let database = postgres.database().await;
    let settings = fast_environment(&kms_key(), "http://127.0.0.1:9/api/v2");
    let spec = |program| {
        Spec::of(program)
            .envs(settings.clone())
            .env("DATABASE_URL", &database)
            .env("NATS_URL", nats.url())
    };
    let migrated = spec("orderdesk-gateway").arg("migrate").run(PATIENCE).await;
    assert_eq!(migrated.code(), Some(0), "{:?}", migrated.lines);
    let api = Node::start(spec("orderdesk-api")).await;
    let (tenant, store) = registered(&Client::new(api.url())).await;
    let (tenants, stores) = (
        postgres.sql(&database, TENANTS).await,
        postgres.sql(&database, STORES).await,
    );
    check(&tenants, &stores, &tenant, &store);
}
