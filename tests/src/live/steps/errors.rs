//! How Order Desk refuses.

use reqwest::Method;
use serde_json::json;

use super::super::trial::Trial;
use super::create;

pub(super) async fn all(trial: &mut Trial<'_>) -> Result<(), String> {
    let (desk, path) = (trial.desk, trial.path(""));
    let broken = Some("{\"email\": ".to_owned());
    let seen = desk.call(Method::PUT, &path, broken, &[]).await?;
    trial.judge("error.bad_json_400", seen.status == 400, seen.told());

    let body =
        json!({"source_id": trial.source_id, "source_name": "Etsy", "shipping": {"last_name": "Check"}});
    let seen = desk.post("/orders", &body).await?;
    create::remember(trial, &seen.body);
    trial.judge("error.missing_field_400", seen.status == 400, seen.told());

    let seen = desk
        .call(Method::PATCH, &path, Some("{}".to_owned()), &[])
        .await?;
    trial.judge("error.wrong_method_405", seen.status == 405, seen.told());
    let seen = desk.get("/live-check-of-an-unknown-path").await?;
    trial.judge("error.unknown_path_404", seen.status == 404, seen.told());
    let seen = desk.get("/customers?limit=1").await?;
    trial.judge("error.no_customers", seen.status == 404, seen.status.to_string());
    Ok(())
}

/// Deletes the order and asks for it once more.
pub(super) async fn gone(trial: &mut Trial<'_>) -> Result<(), String> {
    let (desk, path) = (trial.desk, trial.path(""));
    desk.call(Method::DELETE, &path, None, &[])
        .await?
        .success("deleting the order")?;
    let seen = desk.get(&path).await?;
    let as_assumed = seen.status == 404 && seen.body["status"] == "error";
    trial.judge("error.unknown_order_404", as_assumed, seen.told());
    Ok(())
}
