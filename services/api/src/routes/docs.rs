//! `GET /docs`: the description of this interface, for people.

use axum::response::{IntoResponse as _, Response};
use http::HeaderValue;
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};

use crate::openapi;

/// The OpenAPI document as one page without scripts, which loads nothing from anywhere.
#[utoipa::path(
    get, path = "/docs", operation_id = "getDocs", tag = "service", security(()),
    responses((status = 200, description = "A page.", body = String, content_type = "text/html")),
)]
pub(crate) async fn docs() -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (CONTENT_SECURITY_POLICY, openapi::page_policy()),
    ];
    (headers, openapi::page()).into_response()
}
