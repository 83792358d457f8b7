//! The audit log of a running gateway, taken away and verified without it.

use reqwest::Method;
use system_tests::{Gateway, Spec, desk};
use testkit::eventually;

use super::PATIENCE;

#[tokio::test]
async fn an_export_is_verified_by_the_program_without_the_gateway() {
    let gateway = Gateway::start().await;
    let client = gateway.client_with_store().await;
    let order = desk::orders(&gateway.desk, 1).remove(0);
    for text in ["one", "two", "three"] {
        let job = client.submit_note(desk::STORE, &order, text).await;
        client.wait_succeeded(&job, PATIENCE).await;
    }
    let log = client.get("/audit?limit=500").await.expect(200).body;
    let newest = log["data"][0]["position"].as_u64().unwrap();
    let position = format!("\"position\":{newest},");
    // Sealed and signed some seconds later.
    let text = eventually("an export with the newest entry", PATIENCE, || async {
        let answer = client.request(Method::GET, "/audit/export").send().await.ok()?;
        answer.text().await.ok().filter(|text| text.contains(&position))
    })
    .await;
    let (good, said) = verify(&gateway, &text).await;
    assert!(good && said.contains("none missing between"), "{said}");
    let lines: Vec<&str> = text.lines().collect();
    let (good, said) = verify(&gateway, &lines[..lines.len() - 1].join("\n")).await;
    assert!(!good && said.contains("broke"), "{said}");
    let (good, said) = verify(&gateway, &text.replacen("order.add_note", "order.add_nota", 1)).await;
    assert!(!good && said.contains("position"), "{said}");
}

/// Whether the program takes the text for an export, and what it says; it has nothing else.
async fn verify(gateway: &Gateway, text: &str) -> (bool, String) {
    let file = gateway.data().join("export.ndjson");
    std::fs::write(&file, text).expect("the data folder can be written to");
    let spec = Spec::of("orderdesk-gateway")
        .arg("verify-log")
        .arg(file.to_str().expect("its path is text"));
    let ended = spec.run(PATIENCE).await;
    (ended.code() == Some(0), ended.lines.join("\n"))
}
