//! `POST /stores`: registers a store.

use std::sync::Arc;

use app::{Once, Outcome, RegisterStore};
use axum::extract::State;
use axum::response::Response;
use domain::UpstreamStoreId;
use domain::order::FieldCode;
use domain::store::Store;
use http::StatusCode;
use serde_json::Value;
use vault::ApiKey;

use super::note;
use crate::answer::{self, Stored};
use crate::extract::{Caller, Change, JsonBody, LABEL_RULE, Params, Shape, is_label};
use crate::observe::Context;
use crate::openapi::schema;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::view;

/// Registers a store; with `?verify=true` only after Order Desk has accepted its key.
#[utoipa::path(
    post, path = "/stores", operation_id = "registerStore", tag = "stores",
    params(("verify" = Option<bool>, Query, description = "`true`: only after Order Desk has accepted the key.")),
    request_body = schema::RegisterStore,
    responses((status = 201, description = "Registered.", body = schema::Store, headers(("Location")))),
    extensions(("x-problems" = json!([
        "store_exists", "store_credentials_rejected", "idempotency_in_progress", "upstream_unavailable"
    ]))),
)]
pub(crate) async fn create(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    context: Context,
    change: Change,
    mut params: Params,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let verify = params.flag("verify");
    params.finish()?;
    change.without_condition()?;
    let key = change.key(state.app.keyring(), Some(&body));
    let store = parse(body)?;
    let render = |store: &Store| created(store).keep();
    let once = key.map(|key| Once {
        key,
        render: Arc::new(render),
    });
    match state.app.register_store(&caller, store, verify, once).await? {
        Outcome::Done(store) => {
            note(&context, &store);
            Ok(created(&store).response())
        }
        Outcome::Replayed(stored) => answer::replayed(&stored),
    }
}

fn created(store: &Store) -> Stored {
    Stored::json(StatusCode::CREATED, view::store(store)).located(format!("/stores/{}", view::address(store)))
}

fn parse(body: Value) -> Result<RegisterStore, Problem> {
    let mut shape = Shape::of(body)?;
    let store_id = shape.text("store_id");
    let store_id = shape.require("store_id", store_id);
    let store_id = store_id.and_then(|text| match text.parse::<UpstreamStoreId>() {
        Ok(id) => Some(id),
        Err(error) => {
            shape.refuse(FieldCode::FieldInvalid, "store_id", error.to_string());
            None
        }
    });
    let api_key = shape.text("api_key");
    let api_key = shape.require("api_key", api_key);
    let api_key = api_key.and_then(|text| match ApiKey::parse(&text) {
        Ok(key) => Some(key),
        Err(error) => {
            shape.refuse(FieldCode::FieldInvalid, "api_key", error.to_string());
            None
        }
    });
    let label = shape.read("label", LABEL_RULE, |value| {
        value.as_str().filter(|text| is_label(text)).map(str::to_owned)
    });
    shape.finish()?;
    let (Some(store_id), Some(api_key)) = (store_id, api_key) else {
        unreachable!("what is missing was refused")
    };
    Ok(RegisterStore {
        store_id,
        api_key,
        label,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_body_of_the_specification_is_read() {
        let body = json!({"store_id": "your-store-id", "api_key": "your-api-key", "label": "My Store"});
        let store = parse(body).unwrap();
        assert_eq!(store.store_id.as_str(), "your-store-id");
        assert_eq!(store.label.as_deref(), Some("My Store"));
    }

    #[test]
    fn everything_that_is_wrong_is_told_and_the_key_is_not() {
        let body = json!({"store_id": "a b", "api_key": "sec ret", "label": "", "extra": 1});
        let document = parse(body).unwrap_err().document("r");
        let pointers: Vec<&str> = document["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| e["pointer"].as_str().unwrap())
            .collect();
        assert_eq!(pointers, ["/store_id", "/api_key", "/label", "/extra"]);
        assert!(!document.to_string().contains("sec ret"));
    }
}
