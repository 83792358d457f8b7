//! `GET /openapi.json`: the description of this interface.

use axum::response::{IntoResponse as _, Response};
use http::HeaderValue;
use http::header::CONTENT_TYPE;

use crate::openapi;

/// The OpenAPI 3.1 document.
#[utoipa::path(
    get, path = "/openapi.json", operation_id = "getOpenApi", tag = "service", security(()),
    responses((status = 200, description = "OpenAPI 3.1.", body = Object)),
)]
pub(crate) async fn openapi() -> Response {
    (
        [(CONTENT_TYPE, HeaderValue::from_static("application/json"))],
        openapi::text(),
    )
        .into_response()
}
