//! `PATCH /stores/{store_id}`: renames a store, replaces its key, stops it or lets it go on.

use std::sync::Arc;

use app::{Earlier, Once, Outcome, PatchStore};
use axum::extract::State;
use axum::response::Response;
use domain::order::FieldCode;
use domain::store::Store;
use http::StatusCode;
use serde_json::Value;
use vault::ApiKey;

use super::resolve;
use crate::answer::{self, Stored};
use crate::extract::{Caller, Change, JsonBody, LABEL_RULE, Params, Shape, StorePath, is_label};
use crate::observe::Context;
use crate::openapi::schema;
use crate::problem::Problem;
use crate::replay;
use crate::state::ApiState;
use crate::view;

/// Changes the members that are given.
#[utoipa::path(
    patch, path = "/stores/{store_id}", operation_id = "changeStore", tag = "stores",
    request_body = schema::PatchStore,
    responses((status = 200, description = "The store as it is now.", body = schema::Store)),
)]
pub(crate) async fn patch(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    context: Context,
    StorePath(name): StorePath,
    change: Change,
    params: Params,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    params.finish()?;
    change.without_condition()?;
    let key = change.key(state.app.keyring(), Some(&body));
    let patch = parse(body)?;
    let store = match resolve(&state.app, &caller, &context, &name).await {
        Ok(store) => store,
        // A repeat may find no store, because its first or another call did away with it.
        Err(problem) => {
            return match replay::of_gone_store(&state, &caller, key.as_ref(), problem).await? {
                Earlier::Answer(stored) => answer::replayed(&stored),
                Earlier::Jobs(_) => Err(app::Denied::KeyReused.into()),
            };
        }
    };
    let render = |store: &Store| changed(store).keep();
    let once = key.map(|key| Once {
        key,
        render: Arc::new(render),
    });
    match state.app.patch_store(&caller, &store, patch, once).await? {
        Outcome::Done(store) => Ok(changed(&store).response()),
        Outcome::Replayed(stored) => answer::replayed(&stored),
    }
}

fn changed(store: &Store) -> Stored {
    Stored::json(StatusCode::OK, view::store(store))
}

fn parse(body: Value) -> Result<PatchStore, Problem> {
    let mut shape = Shape::of(body)?;
    let label = match shape.take("label") {
        None => None,
        Some(Value::Null) => Some(None),
        Some(Value::String(text)) if is_label(&text) => Some(Some(text)),
        Some(_) => {
            shape.refuse(FieldCode::FieldInvalid, "label", LABEL_RULE);
            None
        }
    };
    let api_key = shape.text("api_key").and_then(|text| match ApiKey::parse(&text) {
        Ok(key) => Some(key),
        Err(error) => {
            shape.refuse(FieldCode::FieldInvalid, "api_key", error.to_string());
            None
        }
    });
    let paused = shape.flag("paused");
    shape.finish()?;
    Ok(PatchStore {
        label,
        api_key,
        paused,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_label_can_be_given_taken_away_or_left_alone() {
        assert_eq!(parse(json!({})).unwrap().label, None);
        assert_eq!(parse(json!({"label": null})).unwrap().label, Some(None));
        assert_eq!(
            parse(json!({"label": "x"})).unwrap().label,
            Some(Some("x".to_owned()))
        );
        assert!(parse(json!({"label": ""})).is_err());
    }

    #[test]
    fn what_cannot_be_changed_is_refused() {
        for body in [
            json!({"store_id": "2"}),
            json!({"paused": "yes"}),
            json!({"api_key": 1}),
        ] {
            assert!(parse(body).is_err());
        }
    }
}
