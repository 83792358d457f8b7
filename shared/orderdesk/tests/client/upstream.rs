//! A server on 127.0.0.1 that reads whole requests, remembers them and does as it is told.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use orderdesk::{Client, Config, Credentials, Document};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

pub const API_KEY: &str = "key-8Zq3-never-to-be-seen";

/// A request as it arrived, complete.
#[derive(Clone, Debug)]
pub struct Seen {
    pub connection: usize,
    pub method: String,
    pub target: String,
    /// The head, in lower case.
    pub head: String,
    pub body: Vec<u8>,
}

/// What happens to a connection after a request was read from it.
pub enum Act {
    /// These bytes, and the next request.
    Answer(Vec<u8>),
    /// These bytes, then the end of the connection.
    Last(Vec<u8>),
    /// These bytes, then more of them without end.
    Flood(Vec<u8>),
    Close,
    Reset,
    /// Nothing, until the client hangs up.
    Hang,
}

type Handler = dyn Fn(&Seen) -> Act + Send + Sync;

/// The server; it ends with the test.
pub struct Upstream {
    port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Upstream {
    pub async fn start(handler: impl Fn(&Seen) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(AtomicUsize::new(0));
        let handler: Arc<Handler> = Arc::new(handler);
        let (log, count) = (Arc::clone(&seen), Arc::clone(&connections));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(converse(stream, number, Arc::clone(&log), Arc::clone(&handler)));
            }
        });
        Self {
            port,
            seen,
            connections,
            task,
        }
    }

    /// A server that answers everything with these bytes.
    pub async fn answering(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self::start(move |_| Act::Answer(bytes.clone())).await
    }

    pub fn config(&self) -> Config {
        config(self.port)
    }

    pub fn client(&self) -> Client {
        Client::new(self.config()).expect("a client")
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no panic inside").clone()
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Settings for a server on `port`, with times short enough for tests.
pub fn config(port: u16) -> Config {
    let url = format!("http://127.0.0.1:{port}/api/v2").parse().expect("a URL");
    Config {
        timeout: Duration::from_secs(5),
        ..Config::new(url)
    }
}

pub fn credentials() -> Credentials {
    Credentials::new("101", SecretString::from(API_KEY))
}

pub fn order() -> Document {
    let Value::Object(order) =
        json!({"id": "4312", "email": "jane@example.com", "unknown": {"a": [1, 2.50]}})
    else {
        unreachable!()
    };
    order
}

/// An answer with a length.
pub fn answer(status: u16, headers: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status} X\r\ncontent-length: {}\r\n{headers}\r\n{body}",
        body.len()
    )
    .into_bytes()
}

pub fn success() -> Vec<u8> {
    answer(
        200,
        "X-Tokens-Remaining: 18\r\n",
        r#"{"status":"success","order":{"id":"4312"}}"#,
    )
}

async fn converse(
    mut stream: TcpStream,
    connection: usize,
    log: Arc<Mutex<Vec<Seen>>>,
    handler: Arc<Handler>,
) {
    while let Some(seen) = read(&mut stream, connection).await {
        let act = handler(&seen);
        log.lock().expect("no panic inside").push(seen);
        match act {
            Act::Answer(bytes) => {
                if stream.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            Act::Last(bytes) => {
                let _ = stream.write_all(&bytes).await;
                return;
            }
            Act::Flood(bytes) => {
                let _ = stream.write_all(&bytes).await;
                while stream.write_all(&bytes).await.is_ok() {}
                return;
            }
            Act::Close => return,
            Act::Reset => {
                let _ = stream.set_zero_linger();
                return;
            }
            Act::Hang => {
                let _ = stream.read(&mut [0]).await;
                return;
            }
        }
    }
}

/// The next complete request, or `None` if the client is done.
pub async fn read<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, connection: usize) -> Option<Seen> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let original = String::from_utf8(bytes[..end].to_vec()).ok()?;
    let mut words = original.split_ascii_whitespace().map(str::to_owned);
    let (method, target) = (words.next()?, words.next()?);
    let head = original.to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
        .unwrap_or(0);
    while bytes.len() < end + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    Some(Seen {
        connection,
        method,
        target,
        head,
        body: bytes[end..].to_vec(),
    })
}
