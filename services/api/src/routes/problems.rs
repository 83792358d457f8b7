//! `GET /problems/{code}`: what a problem's `type` means.

use axum::Json;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use serde_json::{Value, json};

use crate::openapi::schema;
use crate::problem::{Code, Problem};

/// Explains one code.
#[utoipa::path(
    get, path = "/problems/{code}", operation_id = "explainProblem", tag = "service", security(()),
    responses((status = 200, description = "The explanation.", body = schema::ProblemType)),
)]
pub(crate) async fn problem(code: Result<Path<String>, PathRejection>) -> Result<Json<Value>, Problem> {
    // What does not decode to text names no problem either.
    let code = code.ok().and_then(|Path(code)| Code::parse(&code));
    let code = code.ok_or_else(|| Problem::new(Code::NotFound, "There is no such problem."))?;
    Ok(Json(json!({
        "type": format!("/problems/{}", code.as_str()),
        "code": code.as_str(),
        "title": code.title(),
        "status": code.status().as_u16(),
        "description": code.about(),
    })))
}
