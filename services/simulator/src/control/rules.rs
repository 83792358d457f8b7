//! Control calls on faults, quirks, holds and the network.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Call, CallError, done};
use crate::{
    hold::{HoldId, HoldPhase},
    kind::Matcher,
    quirk::Quirks,
};

/// The longest a control call makes its caller wait, and the longest that connections are refused.
const LONGEST: Duration = Duration::from_mins(1);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Latency {
    latency_ms: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewHold {
    #[serde(default, rename = "match")]
    matcher: Matcher,
    #[serde(default)]
    phase: HoldPhase,
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Wait {
    count: u64,
    timeout_ms: u64,
}

impl Default for Wait {
    fn default() -> Self {
        Self {
            count: 1,
            timeout_ms: 5_000,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Release {
    count: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Refuse {
    for_ms: u64,
}

fn hold_id(text: &str) -> Result<HoldId, CallError> {
    text.parse().map(HoldId).map_err(|_| CallError::NoSuchCall)
}

fn bounded(ms: u64) -> Duration {
    Duration::from_millis(ms).min(LONGEST)
}

pub(super) async fn answer(call: &Call<'_>) -> Result<Value, CallError> {
    let handle = call.handle;
    match (call.method, call.path) {
        ("GET", ["faults"]) => return Ok(json!({"faults": handle.faults()})),
        ("PUT", ["faults"]) => handle.set_faults(call.body()?),
        ("POST", ["faults"]) => handle.add_fault(call.body()?),
        ("DELETE", ["faults"]) => handle.clear_faults(),
        ("GET", ["poison"]) => return Ok(json!(handle.poison())),
        ("PUT", ["poison"]) => handle.set_poison(call.body()?),
        ("GET", ["quirks"]) => return Ok(json!(handle.quirks())),
        ("PUT", ["quirks"]) => handle.set_quirks(call.body()?),
        ("PATCH", ["quirks"]) => {
            let mut quirks = json!(handle.quirks());
            json_patch::merge(&mut quirks, &call.body::<Value>()?);
            handle.set_quirks(serde_json::from_value::<Quirks>(quirks).map_err(CallError::Body)?);
        }
        ("GET", ["bucket"]) => return Ok(json!(handle.bucket())),
        ("PUT", ["bucket"]) => handle.set_bucket(call.body()?),
        ("PUT", ["latency"]) => {
            handle.set_latency(Duration::from_millis(call.body::<Latency>()?.latency_ms));
        }
        ("GET", ["holds"]) => return Ok(json!({"holds": handle.holds()})),
        ("POST", ["holds"]) => {
            let NewHold { matcher, phase } = call.body()?;
            return Ok(json!({"id": handle.hold(matcher, phase)}));
        }
        ("POST", ["holds", hold, "wait"]) => {
            let (hold, Wait { count, timeout_ms }) = (hold_id(hold)?, call.body()?);
            let arrived = handle.wait_held(hold, count, bounded(timeout_ms)).await;
            return Ok(json!({"arrived": arrived}));
        }
        ("POST", ["holds", hold, "release"]) => {
            let hold = hold_id(hold)?;
            match call.body::<Release>()?.count {
                Some(count) => handle.release_some(hold, count)?,
                None => handle.release(hold)?,
            }
        }
        ("POST", ["refuse"]) => {
            let duration = bounded(call.body::<Refuse>()?.for_ms);
            let (tasks, handle) = (handle.shared().tasks.clone(), handle.clone());
            tasks.spawn(async move {
                let stop = handle.shared().stop.clone();
                // Time for the answer to this call, whose connection is dropped with the others.
                tokio::time::sleep(Duration::from_millis(20)).await;
                handle.refuse_connections().await;
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(duration) => handle.accept_connections().await,
                }
            });
        }
        _ => return Err(CallError::NoSuchCall),
    }
    Ok(done())
}
