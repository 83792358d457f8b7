//! `POST /tenants`: makes a tenant with its first key.

use std::sync::Arc;

use app::{MadeTenant, Once, Outcome};
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde_json::json;

use crate::answer::{self, Stored};
use crate::extract::{Admin, Change, JsonBody, Params, Shape};
use crate::observe::Context;
use crate::openapi::schema;
use crate::problem::Problem;
use crate::state::ApiState;

/// Makes the tenant and shows its key, this once.
#[utoipa::path(
    post, path = "/tenants", operation_id = "createTenant", tag = "admin",
    request_body = schema::CreateTenant,
    responses((status = 201, description = "The tenant and its key, which is shown this once.", body = schema::MadeTenant)),
    extensions(("x-problems" = json!(["not_found", "busy"]))),
    security(("admin_token" = [])),
)]
pub(crate) async fn create(
    State(state): State<ApiState>,
    Admin(admin): Admin,
    context: Context,
    change: Change,
    params: Params,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    params.finish()?;
    change.without_condition()?;
    let key = change.key(state.app.keyring(), Some(&body));
    let mut shape = Shape::of(body)?;
    let label = shape.label();
    shape.finish()?;
    let once = key.map(|key| Once {
        key,
        render: Arc::new(|made: &MadeTenant| created(made).keep()),
    });
    let label = label.unwrap_or_default();
    match state.app.create_tenant(&admin, &label, once).await? {
        Outcome::Done(made) => {
            context.log(|fields| fields.tenant_id = Some(made.tenant.id.to_string()));
            Ok(created(&made).response())
        }
        Outcome::Replayed(stored) => answer::replayed(&stored),
    }
}

fn created(made: &MadeTenant) -> Stored {
    let tenant = &made.tenant;
    let json = json!({
        "tenant_id": tenant.id,
        "label": tenant.label,
        "created_at": tenant.created_at,
        "master_key": made.key.expose(),
    });
    Stored::json(StatusCode::CREATED, json)
}
