//! The sender against receivers on this machine, and names that a test resolves as it likes.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use url::Url;
use webhook::{Answer, KEPT_BODY, Lookup, Secret, SendError, Sender, SenderConfig, Signed, UrlRefused, sign};

/// Resolves names as told, one answer after another; the last one stays.
#[derive(Clone, Default)]
struct Names(Arc<Mutex<HashMap<String, VecDeque<Vec<IpAddr>>>>>);

impl Names {
    fn set(&self, name: &str, answers: &[&[&str]]) {
        let parse = |text: &&str| text.parse().expect("an address");
        let answers = answers
            .iter()
            .map(|addresses| addresses.iter().map(parse).collect());
        self.0
            .lock()
            .expect("the test's own receiver")
            .insert(name.to_owned(), answers.collect());
    }
}

#[async_trait]
impl Lookup for Names {
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let mut names = self.0.lock().expect("the test's own receiver");
        let answers = names
            .get_mut(name)
            .ok_or_else(|| io::Error::other("no such name"))?;
        let answer = if answers.len() > 1 {
            answers.pop_front()
        } else {
            answers.front().cloned()
        };
        Ok(answer.unwrap_or_default())
    }
}

/// Answers every connection with the same bytes and keeps what it was sent.
struct Receiver {
    address: SocketAddr,
    received: Arc<Mutex<Vec<String>>>,
}

impl Receiver {
    async fn start(answer: impl Into<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("the test's own receiver");
        let address = listener.local_addr().expect("the test's own receiver");
        let received = Arc::new(Mutex::new(Vec::new()));
        let (kept, answer) = (Arc::clone(&received), answer.into());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&kept), answer.clone()));
            }
        });
        Self { address, received }
    }

    fn url(&self) -> Url {
        Url::parse(&format!("http://{}/hooks?a=b", self.address)).expect("the test's own receiver")
    }

    fn count(&self) -> usize {
        self.received.lock().expect("the test's own receiver").len()
    }
}

/// Reads one request (or the beginning of what is none), keeps it, writes the answer and holds the connection open while the peer does.
async fn serve(mut stream: TcpStream, kept: Arc<Mutex<Vec<String>>>, answer: Vec<u8>) {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4_096];
    while let Ok(count) = stream.read(&mut buffer).await {
        bytes.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if count == 0 || text.ends_with("\"end\"}") || !text.starts_with('P') {
            kept.lock().expect("the test's own receiver").push(text);
            break;
        }
    }
    let _ = stream.write_all(&answer).await;
    let _ = stream.read(&mut buffer).await;
}

const BODY: &str = r#"{"type":"test","data":"end"}"#;

fn signed() -> Signed {
    sign("0192", 1_700_000_000, BODY, [&Secret::new([7; 32])])
}

fn sender(allow: &[&str], names: &Names) -> Sender {
    let mut config = SenderConfig::new(
        allow
            .iter()
            .map(|net| net.parse().expect("usable settings"))
            .collect(),
    );
    config.lookup = Arc::new(names.clone());
    Sender::new(config).expect("usable settings")
}

async fn send(sender: &Sender, url: &Url) -> Result<Answer, SendError> {
    sender.send(url, BODY.to_owned(), &signed()).await
}

/// Gives the connection up, so that the next message resolves the name anew.
const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi";

#[tokio::test]
async fn a_message_arrives_with_its_headers_and_its_exact_body() {
    let receiver = Receiver::start(OK).await;
    let answer = send(&sender(&["127.0.0.0/8"], &Names::default()), &receiver.url())
        .await
        .unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (200, "hi"));
    let received = receiver.received.lock().unwrap()[0].clone();
    let (head, body) = received.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, BODY);
    assert!(head.starts_with("POST /hooks?a=b HTTP/1.1\r\n"), "{head}");
    for header in [
        "content-type: application/json",
        "webhook-id: 0192",
        "webhook-timestamp: 1700000000",
        &format!("webhook-signature: {}", signed().signature),
    ] {
        assert!(head.contains(header), "{header} in {head}");
    }
}

#[tokio::test]
async fn an_address_of_the_machine_is_not_connected_to_unless_it_was_opened() {
    let receiver = Receiver::start(OK).await;
    let port = receiver.address.port();
    let closed = sender(&[], &Names::default());
    let elsewhere = sender(&["10.0.0.0/8"], &Names::default());
    for host in [
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "localhost",
    ] {
        for scheme in ["http", "https"] {
            let url = Url::parse(&format!("{scheme}://{host}:{port}/")).unwrap();
            for sender in [&closed, &elsewhere] {
                let refused = send(sender, &url).await.expect_err(host);
                assert!(
                    matches!(refused, SendError::Url(UrlRefused::Address(_))),
                    "{url}: {refused}"
                );
            }
        }
    }
    assert_eq!(receiver.count(), 0);
}

#[tokio::test]
async fn a_name_is_judged_by_what_it_resolves_to_when_it_is_connected_to() {
    let receiver = Receiver::start(OK).await;
    let names = Names::default();
    let closed = sender(&[], &names);
    let private: [&[&str]; 14] = [
        &["127.0.0.1"],
        &["::1"],
        &["169.254.169.254"],
        &["::ffff:127.0.0.1"],
        &["10.0.0.1", "192.168.0.1", "fe80::1"],
        &["64:ff9b::7f00:1"],
        &["0.0.0.0"],
        &["::7f00:1"],
        &["64:ff9b::a9fe:a9fe"],
        &["2002:7f00:1::1"],
        &["2001:0:7f00:1::1"],
        &["fd00:ec2::254"],
        &["100.100.100.200"],
        &[],
    ];
    for addresses in private {
        names.set("rebinding.example", &[addresses]);
        let url = Url::parse(&format!("https://rebinding.example:{}/", receiver.address.port())).unwrap();
        assert_eq!(
            send(&closed, &url).await,
            Err(SendError::Address),
            "{addresses:?}"
        );
    }
    assert_eq!(receiver.count(), 0);
}

#[tokio::test]
async fn a_name_that_turns_from_public_to_private_is_refused_once_it_does() {
    let receiver = Receiver::start(OK).await;
    let names = Names::default();
    let port = receiver.address.port();
    // To the test, 127.0.0.0/8 is the public internet and 127.8.0.0/16 would be the inside: nothing of it is opened.
    let opened = sender(&["127.0.0.0/16"], &names);
    names.set("rebinding.example", &[&["127.0.0.1"], &["127.8.0.1"]]);
    let url = Url::parse(&format!("http://rebinding.example:{port}/")).unwrap();
    assert_eq!(
        webhook::check_url(url.as_str(), &["127.0.0.0/16".parse().unwrap()]),
        Ok(url.clone())
    );
    assert_eq!(send(&opened, &url).await.unwrap().status, 200);
    assert_eq!(send(&opened, &url).await, Err(SendError::Address));
    assert_eq!(receiver.count(), 1);
}

#[tokio::test]
async fn of_several_addresses_only_those_that_passed_are_connected_to() {
    let receiver = Receiver::start(OK).await;
    let names = Names::default();
    // Were the refused one tried first, as it stands first, there would be an answer that the other never gives.
    names.set("mixed.example", &[&["127.0.0.1", "127.8.0.1"]]);
    let url = Url::parse(&format!("http://mixed.example:{}/", receiver.address.port())).unwrap();
    assert_eq!(
        send(&sender(&["127.8.0.0/16"], &names), &url).await,
        Err(SendError::Connect)
    );
    assert_eq!(receiver.count(), 0);
    assert_eq!(
        send(&sender(&["127.0.0.1/32"], &names), &url)
            .await
            .unwrap()
            .status,
        200
    );
}

#[tokio::test]
async fn a_public_address_is_not_spoken_to_without_encryption() {
    let names = Names::default();
    names.set("public.example", &[&["8.8.8.8"]]);
    let url = Url::parse("http://public.example/").unwrap();
    assert_eq!(
        send(&sender(&[], &names), &url).await,
        Err(SendError::Url(UrlRefused::Scheme))
    );
    // With opened ranges a name may be meant for one of them; what it resolves to decides.
    assert_eq!(
        send(&sender(&["127.0.0.0/8"], &names), &url).await,
        Err(SendError::Address)
    );
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let target = Receiver::start(OK).await;
    let location = target.url();
    let answer =
        format!("HTTP/1.1 307 Temporary Redirect\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
    let receiver = Receiver::start(answer).await;
    let answer = send(&sender(&["127.0.0.0/8"], &Names::default()), &receiver.url())
        .await
        .unwrap();
    assert_eq!(answer.status, 307);
    assert_eq!((receiver.count(), target.count()), (1, 0));
}

#[tokio::test]
async fn no_more_than_the_beginning_of_an_answer_is_kept() {
    let endless = format!(
        "HTTP/1.1 500 No\r\ncontent-length: 1000000000\r\n\r\n{}",
        "é".repeat(100_000)
    );
    let receiver = Receiver::start(endless).await;
    let answer = send(&sender(&["127.0.0.0/8"], &Names::default()), &receiver.url())
        .await
        .unwrap();
    assert_eq!(answer.status, 500);
    assert_eq!(answer.body, "é".repeat(KEPT_BODY / 2));
}

#[tokio::test]
async fn a_receiver_that_says_nothing_or_never_ends_is_given_up_in_time() {
    let mut config = SenderConfig::new(vec!["127.0.0.0/8".parse().unwrap()]);
    config.timeout = Duration::from_millis(200);
    let sender = Sender::new(config).unwrap();
    let silent = Receiver::start("").await;
    assert_eq!(send(&sender, &silent.url()).await, Err(SendError::Timeout));
    let dribbling = Receiver::start("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nbeg").await;
    let answer = send(&sender, &dribbling.url()).await.unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (200, "beg"));
}

#[tokio::test]
async fn what_went_wrong_is_told_apart() {
    let names = Names::default();
    let sender = sender(&["127.0.0.0/8"], &names);
    let closed = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let url = |text: String| Url::parse(&text).unwrap();
    assert_eq!(
        send(&sender, &url(format!("http://{closed}/"))).await,
        Err(SendError::Connect)
    );
    assert_eq!(
        send(&sender, &url("https://nowhere.example/".to_owned())).await,
        Err(SendError::Name)
    );
    let no_http = Receiver::start("SSH-2.0-OpenSSH_9.6\r\n\r\n").await;
    assert_eq!(send(&sender, &no_http.url()).await, Err(SendError::Broken));
    let no_tls = Receiver::start("HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let address = no_tls.address;
    let refused = send(&sender, &url(format!("https://{address}/"))).await;
    assert_eq!(refused, Err(SendError::Tls));
}
