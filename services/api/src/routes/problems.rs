//! `GET /problems/{code}`: what a problem's `type` means.

use axum::Json;
use axum::extract::Path;
use serde_json::{Value, json};

use crate::problem::{Code, Problem};

/// Explains one code.
pub(crate) async fn problem(Path(code): Path<String>) -> Result<Json<Value>, Problem> {
    let code = Code::parse(&code).ok_or_else(|| Problem::new(Code::NotFound, "There is no such problem."))?;
    Ok(Json(json!({
        "type": format!("/problems/{}", code.as_str()),
        "code": code.as_str(),
        "title": code.title(),
        "status": code.status().as_u16(),
        "description": code.about(),
    })))
}
