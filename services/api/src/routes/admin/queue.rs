//! `GET /admin/queue`: what waits in which partition, and who owns it.

use axum::Json;
use axum::extract::State;
use domain::Timestamp;
use ledger::PartitionQueue;
use serde_json::{Value, json};

use crate::extract::{Admin, Params};
use crate::openapi::schema;
use crate::problem::Problem;
use crate::state::ApiState;

/// Shows every partition, and the sum of all.
#[utoipa::path(
    get, path = "/admin/queue", operation_id = "showQueue", tag = "admin",
    responses((status = 200, description = "Every partition, and the sum of all.", body = schema::QueueOverview)),
    extensions(("x-problems" = json!(["not_found"]))),
    security(("admin_token" = [])),
)]
pub(crate) async fn queue(
    State(state): State<ApiState>,
    Admin(_): Admin,
    params: Params,
) -> Result<Json<Value>, Problem> {
    params.finish()?;
    let partitions = state.app.queue_overview().await?;
    let now = state.app.now();
    let sum = |of: fn(&PartitionQueue) -> u64| partitions.iter().map(of).sum::<u64>();
    let oldest = partitions.iter().filter_map(|one| one.oldest_due_at).min();
    let data: Vec<Value> = partitions.iter().map(|one| shown(one, now)).collect();
    Ok(Json(json!({
        "queued": sum(|one| one.queued),
        "running": sum(|one| one.running),
        "lag": sum(|one| one.due),
        "oldest_wait_ms": wait(oldest, now),
        "unowned": partitions.iter().filter(|one| !one.live).count(),
        "partitions": data,
    })))
}

/// `lag` counts the jobs whose time has come and that are not on their way.
fn shown(one: &PartitionQueue, now: Timestamp) -> Value {
    json!({
        "partition": one.partition,
        "owner": one.owner,
        "owner_live": one.live,
        "epoch": one.epoch,
        "queued": one.queued,
        "running": one.running,
        "lag": one.due,
        "oldest_wait_ms": wait(one.oldest_due_at, now),
    })
}

fn wait(oldest: Option<Timestamp>, now: Timestamp) -> Option<u64> {
    oldest.map(|at| u64::try_from(now.since(at).as_millis()).unwrap_or(u64::MAX))
}
