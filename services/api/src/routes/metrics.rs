//! `GET /metrics`: Prometheus text.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use metrics_exporter_prometheus::PrometheusHandle;

use crate::state::ApiState;

/// Renders what was counted so far.
#[utoipa::path(
    get, path = "/metrics", operation_id = "getMetrics", tag = "service", security(()),
    responses((status = 200, description = "Prometheus text format 0.0.4.", body = String, content_type = "text/plain")),
)]
pub(crate) async fn metrics(State(state): State<ApiState>) -> Response {
    let text = state
        .metrics
        .as_ref()
        .map(PrometheusHandle::render)
        .unwrap_or_default();
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(CONTENT_TYPE, kind)], text).into_response()
}
