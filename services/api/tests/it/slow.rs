//! Slow, greedy and malformed clients, over real sockets.

use std::net::SocketAddr;
use std::time::Duration;

use api::ServeConfig;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::place::{KEY, Place};

/// Longer than anything here takes; a test that waits for it has failed.
const SOON: Duration = Duration::from_secs(20);

async fn serve(place: &Place, config: ServeConfig) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (router, draining) = (place.router.clone(), place.draining.clone());
    tokio::spawn(async move { api::serve(listener, router, config, draining).await.unwrap() });
    address
}

/// What is answered until the server closes, and whether it was still open when `send` had been sent.
async fn ask(address: SocketAddr, send: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(send.as_bytes()).await.unwrap();
    read(&mut stream).await
}

async fn read(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let reading = tokio::time::timeout(SOON, stream.read_to_end(&mut bytes));
    // A reset after the answer is as good as an end.
    let _ = reading.await.expect("the server closes");
    String::from_utf8_lossy(&bytes).into_owned()
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

fn code(answer: &str) -> String {
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let document: Value = serde_json::from_str(body).unwrap_or_default();
    document["code"].as_str().unwrap_or_default().to_owned()
}

fn get(path: &str, more: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nConnection: close\r\n{more}\r\n"
    )
}

#[tokio::test]
async fn a_stranger_is_answered_before_the_first_byte_of_its_body() {
    let place = Place::new().await;
    let address = serve(&place, ServeConfig::default()).await;
    for more in [
        "Content-Length: 100\r\n",
        "Content-Length: 100\r\nExpect: 100-continue\r\n",
        "Transfer-Encoding: chunked\r\n",
    ] {
        let head = format!(
            "POST /stores HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer short\r\nContent-Type: application/json\r\n{more}\r\n"
        );
        let answer = ask(address, &head).await;
        assert!(!answer.contains("100 Continue"), "{answer}");
        assert_eq!(
            (status(&answer), code(&answer).as_str()),
            ("401", "unauthorized"),
            "{more}"
        );
    }
}

#[tokio::test]
async fn a_body_that_trickles_is_given_up() {
    let place = Place::with(|config| config.body_timeout = Duration::from_millis(300)).await;
    let address = serve(&place, ServeConfig::default()).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /stores HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Type: application/json\r\n\
         Content-Length: 1000000\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let trickle = tokio::spawn(async move {
        while writer.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let mut answer = [0; 12];
    let reading = tokio::time::timeout(SOON, reader.read_exact(&mut answer)).await;
    reading.expect("it is given up").unwrap();
    assert_eq!(&answer, b"HTTP/1.1 408");
    trickle.abort();
}

#[tokio::test]
async fn heads_that_are_too_large_are_refused_and_small_enough_ones_are_told_why() {
    let place = Place::new().await;
    let address = serve(&place, ServeConfig::default()).await;
    let long = "x".repeat(9 << 10);
    let answer = ask(address, &get(&format!("/stores?cursor={long}"), "")).await;
    assert_eq!((status(&answer), code(&answer).as_str()), ("414", "uri_too_long"));
    assert!(answer.contains("x-content-type-options: nosniff"), "{answer}");
    let many = format!("X-Filler: {long}\r\n").repeat(4);
    let answer = ask(address, &get("/stores", &many)).await;
    assert_eq!(
        (status(&answer), code(&answer).as_str()),
        ("431", "headers_too_large")
    );
    // Nobody reads as far as this one's end.
    let endless = format!("X-Filler: {long}\r\n").repeat(20);
    let answer = ask(address, &get("/stores", &endless)).await;
    assert!(["431", ""].contains(&status(&answer)), "{answer}");
    assert_eq!(status(&ask(address, &get("/tenant", "")).await), "200");
}

#[tokio::test]
async fn what_could_be_read_in_two_ways_is_refused() {
    let place = Place::new().await;
    let address = serve(&place, ServeConfig::default()).await;
    let post = |more: &str| {
        format!(
            "POST /stores HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nConnection: close\r\n{more}\r\n"
        )
    };
    for (name, request) in [
        ("two lengths", post("Content-Length: 3\r\nContent-Length: 4\r\n")),
        ("a length that is none", post("Content-Length: -1\r\n")),
        (
            "chunked and not last",
            post("Transfer-Encoding: chunked, gzip\r\n"),
        ),
        ("a space in a name", post("Content-Length : 3\r\n")),
        ("no version", "GET /stores\r\n\r\n".to_owned()),
        ("garbage", "\u{16}\u{3}\u{1}\r\n\r\n".to_owned()),
    ] {
        let answer = ask(address, &request).await;
        assert!(["400", ""].contains(&status(&answer)), "{name}: {answer}");
    }
    assert_eq!(status(&ask(address, &get("/tenant", "")).await), "200");
}

#[tokio::test]
async fn one_connection_too_many_is_told_so_and_a_free_place_is_taken() {
    let place = Place::new().await;
    let config = ServeConfig {
        max_connections: 2,
        ..ServeConfig::default()
    };
    let address = serve(&place, config).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream
            .write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            .await
            .unwrap();
        let mut begin = [0; 12];
        stream.read_exact(&mut begin).await.unwrap();
        assert_eq!(&begin, b"HTTP/1.1 200");
        held.push(stream);
    }
    let answer = ask(address, &get("/tenant", "")).await;
    assert_eq!((status(&answer), code(&answer).as_str()), ("503", "unavailable"));
    assert!(answer.contains("retry-after: 1"), "{answer}");
    held.pop();
    testkit::eventually("there is a place again", SOON, || async {
        status(&ask(address, &get("/tenant", "")).await) == "200"
    })
    .await;
}

#[tokio::test]
async fn one_address_cannot_take_every_connection() {
    let place = Place::new().await;
    let config = ServeConfig {
        max_per_address: 0,
        ..ServeConfig::default()
    };
    let address = serve(&place, config.clone()).await;
    assert_eq!(status(&ask(address, &get("/tenant", "")).await), "503");
    let proxied = ServeConfig {
        proxies: vec!["127.0.0.0/8".parse().unwrap()],
        ..config
    };
    let address = serve(&place, proxied).await;
    assert_eq!(status(&ask(address, &get("/tenant", "")).await), "200");
}

/// A place with an answer that no socket buffer holds.
async fn with_large_answer() -> Place {
    let mut place = Place::new().await;
    let large = axum::routing::get(|| async { vec![b'x'; 64 << 20] });
    place.router = place.router.route("/large", large);
    place
}

fn impatient() -> ServeConfig {
    ServeConfig {
        stall_timeout: Duration::from_millis(300),
        ..ServeConfig::default()
    }
}

#[tokio::test]
async fn an_answer_that_nobody_takes_is_given_up() {
    let place = with_large_answer().await;
    let address = serve(&place, impatient()).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(get("/large", "").as_bytes()).await.unwrap();
    // The end of the connection shows on writing: nothing is read until then.
    testkit::eventually("the connection is cut", SOON, || {
        let gone = stream.try_write(b"x").is_err();
        async move { gone }
    })
    .await;
}

#[tokio::test]
async fn an_http_2_client_that_gives_no_leave_to_send_is_given_up() {
    let place = with_large_answer().await;
    let address = serve(&place, impatient()).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A client that says that it will take 0 bytes of each answer, and asks for one.
    let mut frames = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    frames.extend_from_slice(&[0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0]);
    // GET, http, /health, authority x: HPACK indices 2, 6, a literal on 4 and on 1.
    let block = b"\x82\x86\x04\x07/health\x01\x01x";
    frames.extend_from_slice(&[0, 0, block.len() as u8, 1, 5, 0, 0, 0, 1]);
    frames.extend_from_slice(block);
    stream.write_all(&frames).await.unwrap();
    // It reads everything and answers nothing.
    let answer = read(&mut stream).await;
    assert!(!answer.contains("\"status\""), "no byte of the answer was wanted");
}

#[tokio::test]
async fn a_client_that_reads_slowly_but_does_gets_its_answer() {
    let place = with_large_answer().await;
    let stall_timeout = Duration::from_secs(2);
    let config = ServeConfig {
        stall_timeout,
        ..ServeConfig::default()
    };
    let address = serve(&place, config).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(get("/large", "").as_bytes()).await.unwrap();
    let (mut got, mut buffer) = (0_usize, vec![0; 1 << 20]);
    let begun = std::time::Instant::now();
    loop {
        // So slow at first that the answer takes longer than one may stall.
        if begun.elapsed() < stall_timeout * 3 / 2 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let read = tokio::time::timeout(SOON, stream.read(&mut buffer)).await;
        match read.expect("there is more").unwrap() {
            0 => break,
            read => got += read,
        }
    }
    assert!(got > 64 << 20, "{got}");
}

#[tokio::test]
async fn an_idle_http_2_connection_is_let_go() {
    let place = Place::new().await;
    let config = ServeConfig {
        header_timeout: Duration::from_millis(300),
        ..ServeConfig::default()
    };
    let address = serve(&place, config).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";
    stream.write_all(preface).await.unwrap();
    read(&mut stream).await;
}
