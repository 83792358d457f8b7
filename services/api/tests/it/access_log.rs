//! What is logged of a request, and what never is.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tracing_subscriber::fmt::MakeWriter;

use crate::place::{KEY, Place};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Lines {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// The access line of one request.
    fn of(&self, request_id: &str) -> Vec<Value> {
        let text = self.text();
        let lines = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines
            .filter(|line| line["request_id"] == request_id && line["route"].is_string())
            .collect()
    }
}

#[tokio::test]
async fn each_request_has_one_line_and_no_line_has_a_secret() {
    let lines = Lines::default();
    let log = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_max_level(tracing::Level::DEBUG)
        .with_writer(lines.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(log);
    let (place, order) = Place::with_order().await;

    let note = place.post(&format!("/stores/101/orders/{order}/add-note?priority=high"));
    let note = note
        .header("x-request-id", "r-note")
        .header("cf-ray", "abc-FRA")
        .peer("10.0.0.1");
    let note = note.header("cf-connecting-ip", "203.0.113.9");
    let job = note
        .json(&json!({"note": "call +49 170 1234567", "note_type": "private"}))
        .await
        .ok(202);
    let line = lines.of("r-note");
    assert_eq!(line.len(), 1, "{}", lines.text());
    let line = &line[0];
    assert_eq!(line["level"], "INFO");
    assert_eq!((&line["method"], &line["status"]), (&json!("POST"), &json!(202)));
    assert_eq!(line["route"], "/stores/{store_id}/orders/{order_id}/add-note");
    assert_eq!((&line["store_id"], &line["job_id"]), (&json!("101"), &job["id"]));
    assert_eq!(
        (&line["client_ip"], &line["cf_ray"]),
        (&json!("203.0.113.9"), &json!("abc-FRA"))
    );
    assert!(line["tenant_id"].is_string() && line["duration_ms"].is_f64());
    assert!(line["timestamp"].is_string() && line["message"].is_string());

    let refused = place
        .get("/stores?token=s3cret")
        .header("x-request-id", "r-401")
        .key("s3cret-key");
    refused.send().await.refused(401, "unauthorized");
    assert_eq!(lines.of("r-401")[0]["status"], 401);
    place
        .get("/no/such/path?email=a@b")
        .header("x-request-id", "r-404")
        .send()
        .await
        .refused(404, "not_found");
    assert_eq!(lines.of("r-404")[0]["route"], "unmatched");
    let verb = place
        .post(&format!("/stores/101/orders/{order}:mutate"))
        .header("x-request-id", "r-verb");
    verb.json(&json!({"operations": "nonsense-street"}))
        .await
        .refused(422, "validation_failed");
    assert_eq!(
        lines.of("r-verb")[0]["route"],
        "/stores/{store_id}/orders/{order_id}:mutate"
    );

    place
        .get(&format!("/stores/101/orders/{order}"))
        .send()
        .await
        .ok(200);
    let text = lines.text();
    let secrets = [
        "key-101",
        KEY,
        "s3cret",
        "priority=high",
        "1234567",
        "Main Street",
        "a@b",
        "@example.com",
    ];
    for secret in secrets {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_a_line_too() {
    let lines = Lines::default();
    let log = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_writer(lines.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(log);
    let (place, order) = Place::with_order().await;
    let job = place.note(&order, "x").await;
    let waiting = place.get(&format!("/jobs/{}?wait=60", job["id"].as_str().unwrap()));
    let waiting = waiting.header("x-request-id", "r-gone").send();
    assert!(
        tokio::time::timeout(Duration::from_millis(50), waiting)
            .await
            .is_err()
    );
    assert_eq!(lines.of("r-gone")[0]["status"], 499);
}
