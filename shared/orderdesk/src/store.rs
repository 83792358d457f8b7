//! The calls about the store itself.

use serde_json::Value;

use crate::Document;
use crate::client::{Answer, Call, Client};
use crate::credentials::Credentials;
use crate::error::CallError;
use crate::order::payload;

/// The settings that are passed on. A list of what is safe rather than of what is not: the answer may hold mail
/// credentials under names that nobody has written down.
const SETTINGS: &[&str] = &[
    "id",
    "store_id",
    "name",
    "store_name",
    "company",
    "company_name",
    "website",
    "store_url",
    "url",
    "plan",
    "status",
    "locked",
    "timezone",
    "time_zone",
    "locale",
    "language",
    "country",
    "currency",
    "currency_code",
    "currency_symbol",
    "date_format",
    "time_format",
    "phone_format",
    "country_format",
    "weight_unit",
    "dimension_unit",
    "units",
    "date_added",
    "date_updated",
];

/// The answer to a check of the key.
#[derive(Clone, Debug, PartialEq)]
pub struct Connection {
    /// Order Desk's clock, as text without zone.
    pub current_date_time: Option<String>,
}

/// A store's harmless settings and its folders.
#[derive(Clone, Debug, PartialEq)]
pub struct StoreInfo {
    /// Settings known to hold no credentials; the rest is dropped.
    pub settings: Document,
    /// The folders, in the order of the answer.
    pub folders: Vec<Folder>,
}

/// One folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Its id, digits although a text.
    pub id: String,
    /// Its name, such as `New`.
    pub name: String,
}

impl Client {
    /// Checks that the credentials work.
    pub async fn test(&self, credentials: &Credentials) -> Result<Answer<Connection>, CallError> {
        let call = Call {
            operation: "store.test",
            path: &["test"],
            payload: None,
        };
        let answer = self
            .read(credentials, call, &[], self.config().max_document_bytes)
            .await?;
        answer.try_map(call.operation, |envelope| {
            let time = envelope
                .get("current_date_time")
                .and_then(Value::as_str)
                .map(str::to_owned);
            Ok(Connection {
                current_date_time: time,
            })
        })
    }

    /// Reads the store's settings and folders, without credentials of any kind.
    pub async fn store(&self, credentials: &Credentials) -> Result<Answer<StoreInfo>, CallError> {
        let call = Call {
            operation: "store.get",
            path: &["store"],
            payload: Some("store"),
        };
        let answer = self
            .read(credentials, call, &[], self.config().max_document_bytes)
            .await?;
        answer.try_map(call.operation, |envelope| Ok(info(payload(envelope, "store")?)))
    }
}

fn info(mut store: Document) -> StoreInfo {
    let folders = match store.remove("folders") {
        Some(Value::Object(map)) => map
            .into_iter()
            .filter_map(|(id, value)| folder(Some(id), &value))
            .collect(),
        Some(Value::Array(list)) => list.iter().filter_map(|value| folder(None, value)).collect(),
        _ => Vec::new(),
    };
    store.retain(|key, value| SETTINGS.contains(&key.as_str()) && !value.is_object() && !value.is_array());
    StoreInfo {
        settings: store,
        folders,
    }
}

/// A folder from `"id": "name"`, `"id": {"name": …}` or `{"id": …, "name": …}`.
fn folder(key: Option<String>, value: &Value) -> Option<Folder> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    if let Value::Object(fields) = value {
        let id = key.or_else(|| fields.get("id").and_then(text))?;
        let name = fields
            .get("name")
            .or_else(|| fields.get("folder_name"))
            .and_then(text)?;
        return Some(Folder { id, name });
    }
    Some(Folder {
        id: key?,
        name: text(value)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(store: Value) -> StoreInfo {
        let Value::Object(store) = store else {
            panic!("not an object")
        };
        info(store)
    }

    #[test]
    fn folders_come_as_a_map_or_as_a_list() {
        let expected = vec![
            Folder {
                id: "101".into(),
                name: "New".into(),
            },
            Folder {
                id: "7".into(),
                name: "Closed".into(),
            },
        ];
        for folders in [
            json!({"101": "New", "7": "Closed"}),
            json!({"101": {"name": "New"}, "7": {"name": "Closed"}}),
            json!([{"id": 101, "name": "New"}, {"id": "7", "name": "Closed"}]),
        ] {
            assert_eq!(read(json!({"folders": folders})).folders, expected);
        }
        assert_eq!(read(json!({"folders": []})).folders, vec![]);
        assert_eq!(read(json!({"folders": [1, null, {"id": 3}]})).folders, vec![]);
    }

    #[test]
    fn only_settings_known_to_be_harmless_pass() {
        let info = read(json!({
            "id": "101", "name": "Shop", "timezone": "UTC", "smtp_password": "p", "smtp_host": "h", "email": "a@b",
            "mail": {"password": "p"}, "currency": {"api_key": "k"}, "folders": {}
        }));
        assert_eq!(
            Value::Object(info.settings),
            json!({"id": "101", "name": "Shop", "timezone": "UTC"})
        );
    }
}
