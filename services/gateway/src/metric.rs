//! Which metrics a process has: those of the crates that its role uses.

use std::path::PathBuf;

use metrics::{Unit, describe_gauge, gauge};
use metrics_exporter_prometheus::PrometheusHandle;
use runtime::{Lifecycle, telemetry};

use crate::error::StartError;
use crate::node::Role;

/// Installs the recorder and keeps it, the process' own figures and the room on the disk of `folder` up to date.
pub(crate) fn keep(
    role: Role,
    folder: PathBuf,
    lifecycle: &Lifecycle,
) -> Result<PrometheusHandle, StartError> {
    let metrics = telemetry::init_metrics()
        .map_err(|error| StartError::failed("the metrics cannot be set up", error))?;
    describe(role);
    let (kept, draining) = (metrics.clone(), lifecycle.draining());
    lifecycle.spawn("metrics", async move {
        telemetry::keep_metrics(kept, &folder, draining).await;
        Ok(())
    });
    Ok(metrics)
}

/// Tells the recorder of every metric that a process of this role has.
fn describe(role: Role) {
    describe_gauge!(
        "build_info",
        Unit::Count,
        "Always 1; its labels say which version runs in which role."
    );
    gauge!("build_info", "version" => env!("CARGO_PKG_VERSION"), "role" => role.name()).set(1.0);
    api::metric::describe();
    app::metric::describe();
    cache::metric::describe();
    ledger::metric::describe();
    orderdesk::metric::describe();
    if role.serves() {
        limit_redis::metric::describe();
        vault::metric::describe();
    }
    if role.works() {
        worker::metric::describe();
    }
}
