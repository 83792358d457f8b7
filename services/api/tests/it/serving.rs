//! Connections over a real socket.

use std::time::Duration;

use api::ServeConfig;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::place::{KEY, Place};

const SOON: Duration = Duration::from_secs(10);

async fn serve(place: &Place, config: ServeConfig) -> (std::net::SocketAddr, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (router, draining) = (place.router.clone(), place.draining.clone());
    let task = tokio::spawn(async move { api::serve(listener, router, config, draining).await.unwrap() });
    (address, task)
}

async fn read_all(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    tokio::time::timeout(SOON, stream.read_to_end(&mut bytes))
        .await
        .expect("the server closes")
        .unwrap();
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn requests_in_flight_end_while_the_process_drains() {
    let (place, order) = Place::with_order().await;
    let (address, task) = serve(&place, ServeConfig::default()).await;
    let shown = place.note(&order, "a").await;
    let id = shown["id"].as_str().unwrap();
    let mut waiting = TcpStream::connect(address).await.unwrap();
    let request =
        format!("GET /jobs/{id}?wait=60 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n\r\n");
    waiting.write_all(request.as_bytes()).await.unwrap();
    // A second connection proves that the server runs; by then the first request has been taken in.
    let mut other = TcpStream::connect(address).await.unwrap();
    other
        .write_all(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    assert!(read_all(&mut other).await.starts_with("HTTP/1.1 200"));
    place.draining.cancel();
    let answer = read_all(&mut waiting).await;
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains(id),
        "{answer}"
    );
    tokio::time::timeout(SOON, task)
        .await
        .expect("serving ends")
        .unwrap();
    assert!(
        TcpStream::connect(address).await.is_err(),
        "nothing listens any more"
    );
}

#[tokio::test]
async fn a_client_that_says_nothing_or_never_ends_its_head_is_let_go() {
    let place = Place::new().await;
    let short = Duration::from_millis(200);
    let config = ServeConfig {
        header_timeout: short,
        first_request_timeout: short,
        ..ServeConfig::default()
    };
    let (address, _task) = serve(&place, config).await;
    for beginning in ["", "P", "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(beginning.as_bytes()).await.unwrap();
        let answer = read_all(&mut stream).await;
        assert!(!answer.contains("200 OK"), "{beginning:?}: {answer}");
    }
}

#[tokio::test]
async fn a_large_body_is_refused_before_it_is_sent() {
    let place = Place::new().await;
    let (address, _task) = serve(&place, ServeConfig::default()).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /stores HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Type: application/json\r\n\
         Content-Length: 9000000\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let answer = read_all(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(answer.contains(&json!("body_too_large").to_string()), "{answer}");
}

#[tokio::test]
async fn a_client_that_sends_all_of_a_large_body_before_it_reads_gets_its_answer() {
    let place = Place::new().await;
    let (address, _task) = serve(&place, ServeConfig::default()).await;
    let length = 12 << 20;
    let announced = format!("Content-Length: {length}\r\n\r\n");
    let chunked = format!("Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n");
    for how in [announced, chunked] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!(
            "POST /stores HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n\
             Content-Type: application/json\r\nConnection: close\r\n{how}"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream
            .write_all(&vec![b' '; length])
            .await
            .expect("not reset while sending");
        stream.write_all(b"\r\n0\r\n\r\n").await.ok();
        let answer = read_all(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    }
}

#[tokio::test]
async fn http_2_is_spoken_without_tls() {
    let place = Place::new().await;
    let (address, _task) = serve(&place, ServeConfig::default()).await;
    let client = reqwest::Client::builder()
        .no_proxy()
        .http2_prior_knowledge()
        .build()
        .unwrap();
    let reply = client
        .get(format!("http://{address}/health"))
        .send()
        .await
        .unwrap();
    assert_eq!(
        (reply.status().as_u16(), reply.version()),
        (200, http::Version::HTTP_2)
    );
}

#[tokio::test]
async fn the_peer_of_a_connection_is_the_client() {
    let place = Place::new().await;
    let (address, _task) = serve(&place, ServeConfig::default()).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let call = |ip: &'static str| {
        let store = json!({"store_id": ip.replace('.', "-"), "api_key": "x"});
        let request = client.post(format!("http://{address}/stores")).bearer_auth(KEY);
        request.header("x-forwarded-for", ip).json(&store).send()
    };
    assert_eq!(call("203.0.113.7").await.unwrap().status(), 201);
    let events = place.app.ledger().events_after(0, 100).await.unwrap();
    let meta: serde_json::Value = serde_json::from_str(&events.last().unwrap().meta).unwrap();
    assert_eq!(
        meta["client_ip"], "203.0.113.7",
        "the loopback peer is a trusted proxy"
    );
}
