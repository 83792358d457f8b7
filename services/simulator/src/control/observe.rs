//! Control calls on the log and the counters, and the reset.

use serde_json::{Value, json};

use super::{Call, CallError, done};

/// Entries of one answer unless the caller says otherwise.
const PAGE: usize = 1_000;

pub(super) fn answer(call: &Call<'_>) -> Result<Value, CallError> {
    let handle = call.handle;
    match (call.method, call.path) {
        ("GET", ["log"]) => {
            let number = |name: &str| call.parameter(name).and_then(|text| text.parse::<u64>().ok());
            let store = call.parameter("store");
            let limit = number("limit").map_or(PAGE, |limit| limit as usize);
            let entries = handle.request_log_since(number("since").unwrap_or(0)).into_iter();
            let entries = entries.filter(|entry| store.as_ref().is_none_or(|store| *store == entry.store));
            Ok(json!({"requests": entries.take(limit).collect::<Vec<_>>()}))
        }
        ("DELETE", ["log"]) => {
            handle.clear_log();
            Ok(done())
        }
        ("GET", ["counters"]) => {
            let counters = handle.counters();
            Ok(json!({"total": counters.total(), "stores": counters.stores}))
        }
        ("POST", ["reset"]) => {
            handle.reset();
            Ok(done())
        }
        _ => Err(CallError::NoSuchCall),
    }
}
