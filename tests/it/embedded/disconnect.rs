//! Clients that hang up: the job exists or it does not, and it is carried out soon if it does.

use std::time::Duration;

use futures::future::join_all;
use serde_json::json;
use system_tests::{Gateway, desk};
use testkit::eventually;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::PATIENCE;

#[tokio::test]
async fn a_client_that_hangs_up_leaves_a_whole_job_or_none() {
    let gateway = Gateway::start().await;
    let client = gateway.client_with_store().await;
    let order = desk::orders(&gateway.desk, 1).remove(0);
    let send = |n: usize| {
        let body = json!({"note": format!("note number {n}.")}).to_string();
        let head = format!(
            "POST /stores/{}/orders/{order}/add-note HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            desk::STORE,
            client.key(),
            body.len()
        );
        let address = gateway.address();
        async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            // A third of the clients are cut off in the middle of the body, a third at some moment after it, a third
            // at the first byte of the answer.
            let request = format!("{head}{body}");
            let length = if n.is_multiple_of(3) {
                request.len() - 5
            } else {
                request.len()
            };
            stream.write_all(&request.as_bytes()[..length]).await.unwrap();
            let patience = if n % 3 == 1 {
                PATIENCE
            } else {
                Duration::from_millis(8 * n as u64)
            };
            let mut byte = [0];
            let _ = tokio::time::timeout(patience, stream.read(&mut byte)).await;
            // A reset rather than an end: bytes that the gateway has not read yet are thrown away.
            stream.set_zero_linger().unwrap();
        }
    };
    join_all((0..45).map(send)).await;

    // What was accepted is in the list, whole. Everything that the clients left behind was there before this.
    let last = client.submit_note(desk::STORE, &order, "the last").await;
    client.wait_succeeded(&last, PATIENCE).await;
    let known = std::cell::Cell::new(0);
    let settled = async || {
        let jobs = client.get("/jobs?limit=100").await.expect(200).body["data"]
            .as_array()
            .cloned()
            .unwrap();
        let count = jobs.len();
        let same = known.replace(count) == count;
        let open = jobs.iter().find(|job| job["status"] != "succeeded");
        match open {
            Some(job) => Err(format!("{job}")),
            None if !same => Err(format!("{count} jobs")),
            None => Ok(count),
        }
    };
    let count = eventually("all accepted jobs have succeeded", PATIENCE, settled).await;
    let notes = desk::notes_of(&gateway.desk, desk::STORE, &order);
    assert_eq!(notes.len(), 1 + count, "{notes:?}");
    for n in 0..45 {
        let found = desk::count(&notes, &format!("note number {n}."));
        assert!(
            found <= usize::from(n % 3 != 0),
            "note {n} is there {found} times"
        );
    }
    println!("{} of 30 whole requests were accepted", count - 1);
    assert!(count > 15, "an answer begins only when the job is there");
}

#[tokio::test]
async fn the_worker_hears_of_a_job_whose_client_has_gone() {
    let gateway = Gateway::start().await;
    let client = gateway.client_with_store().await;
    let order = desk::orders(&gateway.desk, 1).remove(0);
    let body = json!({"note": "nobody waits"}).to_string();
    let request = format!(
        "POST /stores/{}/orders/{order}/add-note HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nPrefer: wait=60\r\nContent-Length: {}\r\n\r\n{body}",
        desk::STORE,
        client.key(),
        body.len()
    );
    let hold = gateway.desk.hold(
        simulator::RequestKind::GetOrder,
        simulator::HoldPhase::BeforeApply,
    );
    let mut stream = TcpStream::connect(gateway.address()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    assert!(
        gateway.desk.wait_held(hold, 1, PATIENCE).await,
        "accepted and under way"
    );
    drop(stream);
    gateway.desk.release(hold).unwrap();
    let noted = |desk: &simulator::Handle| {
        desk::count(&desk::notes_of(desk, desk::STORE, &order), "nobody waits") == 1
    };
    assert!(gateway.desk.wait_until(PATIENCE, noted).await);
}
