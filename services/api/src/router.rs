//! Which path is served by whom.

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

use crate::extract::{DELIVERY_VERBS, ENDPOINT_VERBS, JOB_VERBS, ORDER_VERBS, PROJECTION_VERBS};
use crate::observe::observe;
use crate::routes;
use crate::state::ApiState;
use crate::table::Table;

/// All routes, below the layer that observes every request.
pub fn router(state: ApiState) -> Router {
    table()
        .into_router()
        .fallback(routes::not_found)
        .method_not_allowed_fallback(routes::method_not_allowed)
        .layer(from_fn_with_state(state.clone(), observe))
        .with_state(state)
}

/// The paths of [`router`], as templates.
pub fn paths() -> Vec<&'static str> {
    table().paths().to_vec()
}

fn table() -> Table {
    Table::new()
        .route("/health", get(routes::health))
        .route("/health/live", get(routes::live))
        .route("/ready", get(routes::ready))
        .route("/health/ready", get(routes::health_ready))
        .route("/metrics", get(routes::metrics))
        .route("/openapi.json", get(routes::openapi))
        .route("/docs", get(routes::docs))
        .route("/problems/{code}", get(routes::problem))
        .route("/tenants", post(routes::admin::create))
        .route("/admin/tenants", get(routes::admin::list))
        .route(
            "/admin/tenants/{tenant_id}",
            axum::routing::delete(routes::admin::delete),
        )
        .route("/admin/queue", get(routes::admin::queue))
        .only_verbs("/admin/projections/{name}", post(routes::admin::rebuild))
        .route(
            "/tenant",
            get(routes::tenant::find).delete(routes::tenant::delete),
        )
        .route(
            "/tenant/keys",
            get(routes::tenant::keys::list).post(routes::tenant::keys::create),
        )
        .route(
            "/tenant/keys/{key_id}",
            axum::routing::delete(routes::tenant::keys::revoke),
        )
        .route("/tenant/callback-secret", post(routes::tenant::callback_secret))
        .route("/stores", get(routes::stores::list).post(routes::stores::create))
        .route(
            "/stores/{store_id}",
            get(routes::stores::find)
                .patch(routes::stores::patch)
                .delete(routes::stores::delete),
        )
        .route(
            "/stores/{store_id}/orders",
            get(routes::orders::list).post(routes::orders::create),
        )
        .route(
            "/stores/{store_id}/orders/{order_id}",
            get(routes::orders::read)
                .put(routes::orders::replace)
                .delete(routes::orders::delete)
                .post(routes::orders::verb),
        )
        .route(
            "/stores/{store_id}/orders/{order_id}/history",
            get(routes::orders::history),
        )
        .route(
            "/stores/{store_id}/orders/{order_id}/move-folder",
            post(routes::orders::move_folder),
        )
        .route(
            "/stores/{store_id}/orders/{order_id}/add-items",
            post(routes::orders::add_items),
        )
        .route(
            "/stores/{store_id}/orders/{order_id}/update-address",
            post(routes::orders::update_address),
        )
        .route(
            "/stores/{store_id}/orders/{order_id}/add-note",
            post(routes::orders::add_note),
        )
        .route(
            "/stores/{store_id}/orders/{order_id}/personal-data",
            axum::routing::delete(routes::personal_data::order),
        )
        .route(
            "/stores/{store_id}/personal-data",
            axum::routing::delete(routes::personal_data::customer),
        )
        .route("/stores/{store_id}/settings", get(routes::stores::settings))
        .route("/stores/{store_id}/customers", get(routes::stores::customers))
        .route(
            "/stores/{store_id}/inventory",
            get(routes::inventory::list).post(routes::inventory::create),
        )
        .route(
            "/stores/{store_id}/inventory/{item_id}",
            get(routes::inventory::read)
                .put(routes::inventory::update)
                .delete(routes::inventory::delete),
        )
        .route(
            "/webhook-endpoints",
            get(routes::webhooks::list).post(routes::webhooks::create),
        )
        .route(
            "/webhook-endpoints/{endpoint_id}",
            get(routes::webhooks::find)
                .patch(routes::webhooks::patch)
                .delete(routes::webhooks::delete)
                .post(routes::webhooks::replay),
        )
        .route(
            "/webhook-endpoints/{endpoint_id}/rotate-secret",
            post(routes::webhooks::rotate),
        )
        .route(
            "/webhook-endpoints/{endpoint_id}/test",
            post(routes::webhooks::test),
        )
        .route(
            "/webhook-endpoints/{endpoint_id}/deliveries",
            get(routes::webhooks::deliveries),
        )
        .only_verbs(
            "/webhook-deliveries/{delivery_id}",
            post(routes::webhooks::redeliver),
        )
        .verbs(&ENDPOINT_VERBS.map(|(_, path)| path))
        .verbs(&DELIVERY_VERBS.map(|(_, path)| path))
        .route("/audit", get(routes::audit::list))
        .route("/audit/export", get(routes::audit::export))
        .route("/audit/checkpoint", get(routes::audit::checkpoint))
        .route("/audit/proof/inclusion", get(routes::audit::inclusion))
        .route("/audit/proof/consistency", get(routes::audit::consistency))
        .route("/audit/keys", get(routes::audit::keys))
        .route("/webhooks/orderdesk", post(routes::incoming::orderdesk))
        .route("/jobs", get(routes::jobs::list))
        .route("/jobs/events", get(routes::jobs::events_of_all))
        .route("/jobs/{job_id}/events", get(routes::jobs::events_of_one))
        .route("/jobs/{job_id}", get(routes::jobs::find).post(routes::jobs::verb))
        .verbs(&ORDER_VERBS.map(|(_, path)| path))
        .verbs(&JOB_VERBS.map(|(_, path)| path))
        .verbs(&PROJECTION_VERBS.map(|(_, path)| path))
        .colon("/stores/{store_id}/jobs:batch", &post(routes::jobs::batch))
        .colon("/jobs:retry", &post(routes::jobs::retry_many))
        .colon("/jobs:cancel", &post(routes::jobs::cancel_many))
}

/// The routes of a process that serves no tenants: health, readiness and metrics.
pub fn service_router(state: ApiState) -> Router {
    Router::new()
        .route("/health", get(routes::health))
        .route("/health/live", get(routes::live))
        .route("/ready", get(routes::ready))
        .route("/health/ready", get(routes::health_ready))
        .route("/metrics", get(routes::metrics))
        .fallback(routes::not_found)
        .method_not_allowed_fallback(routes::method_not_allowed)
        .layer(from_fn_with_state(state.clone(), observe))
        .with_state(state)
}
