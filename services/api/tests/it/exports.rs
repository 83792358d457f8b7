//! Exports of the audit log: whole, provable offline, resumable, and harmless in spreadsheets.

use http_body_util::BodyExt as _;
use merkle::export::{Line, Summary, Verifier};
use serde_json::{Value, json};

use crate::place::{KEY, OTHER_KEY, Place, Reply};
use crate::proofs::seal;

fn lines(reply: &Reply) -> Vec<Line> {
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(reply.header("content-type"), Some("application/x-ndjson"));
    reply
        .text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// As somebody does who has nothing but the file.
fn verified(reply: &Reply) -> Summary {
    let mut verifier = Verifier::new(None);
    for line in reply.text.lines() {
        verifier.line(line).unwrap();
    }
    verifier.finish().unwrap()
}

fn entries(lines: &[Line]) -> Vec<merkle::export::Entry> {
    let entry = |line: &Line| match line {
        Line::Entry(entry) => Some((**entry).clone()),
        Line::Header(_) | Line::Checkpoint(_) | Line::End(_) => None,
    };
    lines.iter().filter_map(entry).collect()
}

/// Two tenants whose events take turns.
async fn history(notes: usize) -> (Place, String) {
    let (place, order) = Place::with_order().await;
    place.register(OTHER_KEY, "101").await;
    for n in 0..notes {
        place.note(&order, &format!("note {n}")).await;
        let uri = format!("/stores/101/orders/{order}/add-note");
        place
            .post(&uri)
            .key(OTHER_KEY)
            .json(&json!({"note": "theirs"}))
            .await
            .ok(202);
    }
    (place, order)
}

#[tokio::test]
async fn an_export_proves_itself_and_shows_what_the_audit_log_shows() {
    let (place, _) = history(5).await;
    seal(&place).await;
    let reply = place.get("/audit/export").send().await;
    let summary = verified(&reply);
    assert_eq!((summary.entries, summary.tenant_positions), (8, Some((1, 8))));
    assert!(summary.complete);
    assert_eq!(reply.header("x-first-tenant-position"), Some("1"));
    assert_eq!(reply.header("x-last-tenant-position"), Some("8"));
    assert!(!reply.text.contains("theirs"));
    let mut shown: Vec<Value> = entries(&lines(&reply))
        .into_iter()
        .map(|entry| entry.entry.unwrap())
        .collect();
    shown.reverse();
    let log = place.get("/audit").send().await.ok(200);
    assert_eq!(json!(shown), log["data"]);
}

#[tokio::test]
async fn an_export_goes_on_behind_any_entry() {
    let (place, _) = history(4).await;
    seal(&place).await;
    let whole = entries(&lines(&place.get("/audit/export?format=ndjson").send().await));
    for (n, last) in whole.iter().enumerate() {
        let uri = format!("/audit/export?from_position={}", last.position + 1);
        let reply = place.get(&uri).send().await;
        let summary = verified(&reply);
        assert_eq!(summary.entries, (whole.len() - n - 1) as u64);
        let rest: Vec<_> = entries(&lines(&reply))
            .into_iter()
            .map(|entry| entry.entry)
            .collect();
        let expected: Vec<_> = whole[n + 1..].iter().map(|entry| entry.entry.clone()).collect();
        assert_eq!(rest, expected);
        // A position of somebody else's event, or none at all, is as good a beginning.
        let from = format!("/audit/export?from_position={}", last.position);
        assert_eq!(
            verified(&place.get(&from).send().await).entries,
            (whole.len() - n) as u64
        );
    }
}

#[tokio::test]
async fn an_export_has_the_events_of_the_time_that_is_asked_for() {
    let (place, _) = history(6).await;
    seal(&place).await;
    let whole = entries(&lines(&place.get("/audit/export").send().await));
    let (from, to) = (&whole[3].at, &whole[6].at);
    let reply = place
        .get(&format!("/audit/export?from={from}&to={to}"))
        .send()
        .await;
    verified(&reply);
    let expected: Vec<_> = whole
        .iter()
        .filter(|entry| entry.at >= *from && entry.at < *to)
        .map(|entry| entry.position)
        .collect();
    let got: Vec<_> = entries(&lines(&reply))
        .iter()
        .map(|entry| entry.position)
        .collect();
    assert_eq!(got, expected);
    let nothing = place.get("/audit/export?to=2020-01-01T00:00:00Z").send().await;
    assert_eq!(verified(&nothing).tenant_positions, None);
    assert_eq!(nothing.header("x-first-tenant-position"), None);
}

#[tokio::test]
async fn an_export_of_many_bites_is_whole_although_others_append_meanwhile() {
    let (place, order) = Place::with_order().await;
    let note = json!({"kind": "order.add_note", "order_id": order, "body": {"note": "n"}});
    let jobs = json!({"jobs": vec![note; 700]});
    place.post("/stores/101/jobs:batch").json(&jobs).await.ok(202);
    seal(&place).await;
    for format in ["ndjson", "csv"] {
        let response = place
            .get(&format!("/audit/export?format={format}"))
            .response("")
            .await;
        let last = response.headers()["x-last-tenant-position"]
            .to_str()
            .unwrap()
            .to_owned();
        let (mut bytes, mut body) = (Vec::new(), response.into_body());
        let mut bites = 0;
        while let Some(frame) = body.frame().await {
            bytes.extend_from_slice(&frame.unwrap().into_data().unwrap());
            bites += 1;
            place.note(&order, &format!("during {format}")).await;
        }
        let text = String::from_utf8(bytes).unwrap();
        assert!(bites > 3 && !text.contains(&format!("during {format}")));
        let count = if format == "ndjson" {
            assert!(text.lines().last().unwrap().contains("\"kind\":\"end\""));
            text.lines()
                .filter(|line| line.contains("\"kind\":\"entry\""))
                .count()
        } else {
            text.lines().count() - 1
        };
        assert_eq!(count.to_string(), last);
        assert!(count >= 703);
    }
}

#[tokio::test]
async fn an_export_of_large_entries_is_written_in_bites_of_bounded_size() {
    let (place, order) = Place::with_order().await;
    let large = "x".repeat(120_000);
    let note = json!({"kind": "order.add_note", "order_id": order, "body": {"note": large}});
    let jobs = json!({"jobs": vec![note; 60]});
    place.post("/stores/101/jobs:batch").json(&jobs).await.ok(202);
    seal(&place).await;
    for format in ["ndjson", "csv"] {
        let uri = format!("/audit/export?format={format}");
        let mut body = place.get(&uri).response("").await.into_body();
        let (mut all, mut largest) = (0, 0);
        while let Some(frame) = body.frame().await {
            let bytes = frame.unwrap().into_data().unwrap().len();
            all += bytes;
            largest = largest.max(bytes);
        }
        assert!(all > 60 * large.len());
        // What is shown of an event is a little more than what is stored of it.
        assert!(largest < 4 << 20, "{largest} of {all} bytes at once");
    }
}

#[tokio::test]
async fn an_export_that_breaks_off_has_no_end() {
    for format in ["ndjson", "csv"] {
        let (place, _) = history(3).await;
        seal(&place).await;
        let response = place
            .get(&format!("/audit/export?format={format}"))
            .response("")
            .await;
        let mut body = response.into_body();
        let head = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert!(!head.is_empty());
        place.state.draining.cancel();
        assert!(body.frame().await.unwrap().is_err(), "the connection is cut");
        assert!(body.frame().await.is_none());
    }
}

#[tokio::test]
async fn a_spreadsheet_finds_one_row_for_each_entry_and_no_formula() {
    let (place, order) = Place::with_order().await;
    let uri = format!("/stores/101/orders/{order}/add-note");
    let note = json!({"note": "=HYPERLINK(\"http://evil\", \"a\")\r\nsecond, line"});
    place
        .post(&uri)
        .header("x-request-id", "-1-1")
        .json(&note)
        .await
        .ok(202);
    let reply = place.get("/audit/export?format=csv").send().await;
    assert_eq!(reply.status, 200);
    assert_eq!(
        reply.header("content-type"),
        Some("text/csv; charset=utf-8; header=present")
    );
    assert_eq!(reply.header("x-last-tenant-position"), Some("4"));
    let mut reader = csv::Reader::from_reader(reply.text.as_bytes());
    let names = reader.headers().unwrap().clone();
    let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 4);
    let cell = |name: &str| &rows[3][names.iter().position(|other| other == name).unwrap()];
    assert_eq!((cell("tenant_position"), cell("type")), ("4", "job.submitted.v1"));
    assert_eq!(cell("request_id"), "'-1-1");
    assert_eq!((cell("store_id"), cell("order_id")), ("101", order.as_str()));
    let data: Value = serde_json::from_str(cell("data")).unwrap();
    assert_eq!(data["body"]["content"], note["note"]);
    assert!(reply.text.ends_with("\r\n"));
}

#[tokio::test]
async fn what_cannot_be_exported_is_refused() {
    let place = Place::new().await;
    place.register(KEY, "101").await;
    place.get("/audit/export").send().await.refused(409, "not_sealed");
    seal(&place).await;
    for (query, pointer) in [
        ("format=xml", "/query/format"),
        ("from_position=-1", "/query/from_position"),
        ("from=now", "/query/from"),
        ("store_id=101", "/query/store_id"),
    ] {
        let reply = place.get(&format!("/audit/export?{query}")).send().await;
        assert_eq!(
            reply.refused(422, "validation_failed").pointers(),
            [pointer],
            "{query}"
        );
    }
    place
        .get("/audit/export")
        .anonymous()
        .send()
        .await
        .refused(401, "unauthorized");
    // Who is no tenant yet has nothing, and that is proven as well.
    let reply = place.get("/audit/export").key(OTHER_KEY).send().await;
    assert_eq!(verified(&reply).entries, 0);
}
