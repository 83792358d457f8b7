//! The outgoing call of a merchant's rule.

use reqwest::Method;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::support::{Desk, STORE};

#[tokio::test]
async fn an_order_is_posted_as_a_signed_form() {
    let desk = Desk::start().await;
    let order = desk.order();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook?x=1", listener.local_addr().unwrap());
    let receiver = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (mut received, mut buffer) = (Vec::new(), [0; 4096]);
        loop {
            let count = stream.read(&mut buffer).await.unwrap();
            received.extend_from_slice(&buffer[..count]);
            let text = String::from_utf8_lossy(&received).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let head = head.to_ascii_lowercase();
                let length = head
                    .split("content-length: ")
                    .nth(1)
                    .unwrap()
                    .lines()
                    .next()
                    .unwrap();
                if body.len() == length.parse::<usize>().unwrap() {
                    stream
                        .write_all(b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n")
                        .await
                        .unwrap();
                    return (head, body.to_owned());
                }
            }
        }
    });
    let call = json!({"store": STORE, "order": order, "url": url, "appointment": "a-1"});
    let (status, answer) = desk.control(Method::POST, "/webhook", &call).await;
    assert_eq!((status, &answer["status"]), (200, &json!(201)), "{answer}");
    let (head, body) = receiver.await.unwrap();
    assert!(head.starts_with("post /hook?x=1 http/1.1"), "{head}");
    assert!(head.contains(&format!("x-order-desk-store-id: {STORE}")));
    assert!(head.contains("x-order-desk-appointment-id: a-1"));
    let hash = head
        .split("x-order-desk-hash: ")
        .nth(1)
        .unwrap()
        .lines()
        .next()
        .unwrap();
    assert_eq!(hash.len(), 64);
    assert!(body.starts_with("order=%7B%22id%22"), "{body}");
    let unknown = json!({"store": STORE, "order": "5", "url": url});
    assert_eq!(desk.control(Method::POST, "/webhook", &unknown).await.0, 404);
}
