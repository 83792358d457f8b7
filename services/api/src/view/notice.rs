//! What a webhook shows, as JSON: in the same words as the routes.

use app::{ForeignEdit, Notice, OrderNotice};
use serde_json::{Value, json};

/// The `data` of a webhook.
pub fn notice(notice: &Notice) -> Value {
    match notice {
        Notice::Job(view) => super::job(view),
        Notice::Order(order) => order_notice(order),
        Notice::Store(store) => super::store(store),
        Notice::EndpointDisabled {
            endpoint_id,
            reason,
            at,
        } => json!({
            "id": endpoint_id,
            "disabled_reason": reason.as_str(),
            "disabled_at": at,
        }),
        Notice::Test { endpoint_id } => json!({"endpoint_id": endpoint_id}),
    }
}

fn order_notice(notice: &OrderNotice) -> Value {
    let mut json = json!({
        "store_id": notice.store_id,
        "order_id": notice.order_id,
        "at": notice.at,
        "source": "external",
        "diff": null,
        "differences": [],
        "etag_before": null,
        "etag_after": null,
    });
    match &notice.edit {
        ForeignEdit::Noticed {
            etag_before,
            etag_after,
            diff,
        } => {
            json["diff"] = json!(diff);
            json["etag_before"] = json!(etag_before);
            json["etag_after"] = json!(etag_after);
        }
        ForeignEdit::Overwritten { differences } => {
            if let Some(differences) = differences {
                json["differences"] = differences.clone();
            }
        }
    }
    json
}

#[cfg(test)]
mod tests {
    use domain::EndpointId;
    use domain::Timestamp;
    use domain::webhook::DisableReason;
    use uuid::Uuid;

    use super::*;

    fn external(edit: ForeignEdit) -> Value {
        notice(&Notice::Order(Box::new(OrderNotice {
            store_id: "101".parse().unwrap(),
            order_id: "4312".parse().unwrap(),
            at: Timestamp::from_millis(1_700_000_000_000),
            edit,
        })))
    }

    #[test]
    fn an_edit_of_somebody_else_is_shown_with_its_difference() {
        let diff = json!([{"op": "replace", "path": "/email", "value": "a@example.com"}]);
        let json = external(ForeignEdit::Noticed {
            etag_before: Some("\"a\"".to_owned()),
            etag_after: "\"b\"".to_owned(),
            diff: Some(diff.clone()),
        });
        assert_eq!(
            json,
            json!({
                "store_id": "101", "order_id": "4312", "at": "2023-11-14T22:13:20.000Z", "source": "external",
                "diff": diff, "differences": [], "etag_before": "\"a\"", "etag_after": "\"b\"",
            })
        );
        let json = external(ForeignEdit::Overwritten {
            differences: Some(json!([{"pointer": "/folder_id"}])),
        });
        assert_eq!(
            (&json["diff"], &json["differences"][0]["pointer"]),
            (&Value::Null, &json!("/folder_id"))
        );
    }

    #[test]
    fn endpoints_are_named_by_their_id() {
        let endpoint_id = EndpointId(Uuid::from_u128(7));
        let json = notice(&Notice::EndpointDisabled {
            endpoint_id,
            reason: DisableReason::Gone,
            at: Timestamp::from_millis(1_700_000_000_000),
        });
        assert_eq!(
            json,
            json!({"id": endpoint_id, "disabled_reason": "gone", "disabled_at": "2023-11-14T22:13:20.000Z"})
        );
        assert_eq!(
            notice(&Notice::Test { endpoint_id }),
            json!({"endpoint_id": endpoint_id})
        );
    }
}
