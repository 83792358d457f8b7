//! `GET /test` and `GET /store`.

use serde_json::{Value, json};

use super::Call;
use crate::{
    reply::Reply,
    state::{Store, value::Object},
};

pub(super) fn test(call: &Call<'_>) -> Reply {
    Reply::of("current_date_time", json!(call.stamp())).with("Connection Successful")
}

pub(super) fn show(store: &Store, call: &Call<'_>) -> Reply {
    let config = &store.config;
    let folders = if call.quirks.folders_as_list {
        json!(config.folders)
    } else {
        let map: Object = config
            .folders
            .iter()
            .map(|folder| (folder.id.to_string(), json!(folder.name)))
            .collect();
        Value::Object(map)
    };
    Reply::of(
        "store",
        json!({
            "id": config.id, "name": config.name, "email": "owner@example.com", "folders": folders,
            "time_zone": if config.utc_offset_minutes == 0 { "UTC".to_owned() } else { zone(config.utc_offset_minutes) },
            "locale": "en_US",
            // A real store may show credentials here; a client must not pass them on.
            "smtp_host": "smtp.example.com", "smtp_username": "owner", "smtp_password": "smtp-secret",
        }),
    )
}

fn zone(minutes: i32) -> String {
    let sign = if minutes < 0 { '-' } else { '+' };
    format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
}
