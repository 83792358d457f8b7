//! An HTTP server that keeps what it is sent and answers as a test wants.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

/// A request that came.
#[derive(Clone, Debug)]
pub struct Received {
    /// Its path and query.
    pub path: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: String,
    /// When it had come.
    pub at: SystemTime,
}

impl Received {
    /// A header's text; empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }
}

/// What a receiver answers.
#[derive(Clone, Debug)]
pub struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
    after: Option<Duration>,
    never: bool,
}

impl Reply {
    /// An answer with this status and no body.
    pub fn status(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: String::new(),
            after: None,
            never: false,
        }
    }

    /// The request is taken, and nothing is ever said.
    pub fn never() -> Self {
        Self {
            never: true,
            ..Self::status(200)
        }
    }

    /// With a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// With a body.
    #[must_use]
    pub fn body(mut self, body: impl Into<String>) -> Self {
        self.body = body.into();
        self
    }

    /// Only after a while.
    #[must_use]
    pub fn after(mut self, wait: Duration) -> Self {
        self.after = Some(wait);
        self
    }
}

/// Listens on 127.0.0.1 until it is dropped.
pub struct Receiver {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    task: AbortHandle,
}

impl Receiver {
    /// Starts a receiver whose `answer` is made of each request and how many came before it.
    pub async fn start(answer: impl Fn(&Received, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let received: Arc<Mutex<Vec<Received>>> = Arc::default();
        let (kept, answer) = (Arc::clone(&received), Arc::new(answer));
        let task = tokio::spawn(async move {
            // The connections end with the task that owns them.
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (kept, answer) = (Arc::clone(&kept), Arc::clone(&answer));
                let service = service_fn(move |request| {
                    let (kept, answer) = (Arc::clone(&kept), Arc::clone(&answer));
                    async move { Ok::<_, Infallible>(serve(request, &kept, &*answer).await) }
                });
                connections.spawn(async move {
                    let connection = hyper::server::conn::http1::Builder::new();
                    let _ = connection.serve_connection(TokioIo::new(stream), service).await;
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Self {
            address,
            received,
            task: task.abort_handle(),
        }
    }

    /// One that takes everything.
    pub async fn taking_all() -> Self {
        Self::start(|_, _| Reply::status(204)).await
    }

    /// A URL of it.
    pub fn url(&self) -> String {
        format!("http://{}/hooks", self.address)
    }

    /// What came so far, in its order.
    pub fn received(&self) -> Vec<Received> {
        self.received
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// How many requests came.
    pub fn count(&self) -> usize {
        self.received.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl std::fmt::Debug for Receiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Receiver({}, {} received)", self.address, self.count())
    }
}

async fn serve(
    request: Request<Incoming>,
    kept: &Mutex<Vec<Received>>,
    answer: &(dyn Fn(&Received, usize) -> Reply + Send + Sync),
) -> Response<Full<Bytes>> {
    let (parts, body) = request.into_parts();
    let body = match body.collect().await {
        Ok(body) => String::from_utf8_lossy(&body.to_bytes()).into_owned(),
        Err(_) => String::new(),
    };
    let received = Received {
        path: parts.uri.to_string(),
        headers: parts.headers,
        body,
        at: SystemTime::now(),
    };
    let before = {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push(received.clone());
        kept.len() - 1
    };
    let reply = answer(&received, before);
    if reply.never {
        std::future::pending::<()>().await;
    }
    if let Some(wait) = reply.after {
        tokio::time::sleep(wait).await;
    }
    let mut response = Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        response = response.header(*name, value);
    }
    response
        .body(Full::new(Bytes::from(reply.body)))
        .unwrap_or_default()
}
