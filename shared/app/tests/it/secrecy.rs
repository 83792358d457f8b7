//! Nothing secret or personal is kept in plain text.

use std::sync::Arc;

use app::{Once, StoredAnswer};
use domain::order::CommandKind;
use serde_json::json;

use crate::place::{KEY, Place, command, key, registration};

#[tokio::test]
async fn the_database_files_hold_no_key_no_address_and_no_answer() {
    let place = Place::new().await;
    let caller = place.caller(KEY).await;
    let once = Once {
        key: key("k", 1),
        render: Arc::new(|_| StoredAnswer {
            status: 201,
            body: b"an answer in plain text".to_vec(),
        }),
    };
    let made = place
        .app
        .register_store(&caller, registration("101", None), false, Some(once))
        .await;
    let store = made.unwrap().done().unwrap();
    let caller = place.caller(KEY).await;
    let secret = place.app.create_callback_secret(&caller, None).await;
    let secret = secret.unwrap().done().unwrap().secret;
    let new = app::NewEndpoint {
        url: "https://example.com/endpoint-with-a-token".to_owned(),
        events: Vec::new(),
        stores: Vec::new(),
    };
    let made = place.app.create_endpoint(&caller, &new, None).await;
    let made = made.unwrap().done().unwrap();
    let rotated = place
        .app
        .rotate_endpoint_secret(&caller, made.endpoint.id, None)
        .await;
    let rotated = rotated.unwrap().done().unwrap();
    let secrets = [secret, made.secret.unwrap(), rotated.secret.unwrap()];
    let body =
        json!({"address_type": "shipping", "address": {"address1": "12 Elm Street", "city": "Springfield"}});
    let mut submission = command(CommandKind::OrderUpdateAddress, Some("1"), body);
    submission.callback_url = Some("https://example.com/hook-with-a-token".into());
    place.submit(&caller, &store, submission).await;
    let body = json!({"source_id": "jane@example.com", "email": "jane@example.com"});
    place
        .submit(&caller, &store, command(CommandKind::OrderCreate, None, body))
        .await;

    let mut searched = 0;
    for entry in std::fs::read_dir(place.folder.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        searched += bytes.len();
        for text in [
            KEY,
            "key-101",
            "Elm Street",
            "Springfield",
            "hook-with",
            "jane@example",
            "an answer in plain",
            "endpoint-with",
            &secrets[0],
            &secrets[1],
            &secrets[2],
        ] {
            let found = bytes.windows(text.len()).any(|window| window == text.as_bytes());
            assert!(!found, "{text} is in plain text");
        }
    }
    assert!(searched > 10_000, "the files were looked at");
}
