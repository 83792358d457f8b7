//! Which metrics a process has: those of the crates that its role uses.

use metrics::{Unit, describe_gauge, gauge};

use crate::node::Role;

/// Tells the recorder of every metric that a process of this role has.
pub(crate) fn describe(role: Role) {
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
