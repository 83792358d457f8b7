//! Connections: accepted until the process drains, each with limits of time; requests in flight end.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

/// How long connections may take to say something.
#[derive(Clone, Copy, Debug)]
pub struct ServeConfig {
    /// From the first byte of a request's head to its last; also how long a connection may lie idle.
    pub header_timeout: Duration,
    /// From the opening of a connection to its first request.
    pub first_request_timeout: Duration,
}

impl Default for ServeConfig {
    /// 75 s for idle connections and slow heads, 30 s to the first request.
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(75),
            first_request_timeout: Duration::from_secs(30),
        }
    }
}

/// Serves `router` on `listener` until `draining` is cancelled, then lets the requests in flight end and returns.
///
/// Dropping the returned future drops every connection.
///
/// # Errors
/// None at present: an `accept` that fails is tried again.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    config: ServeConfig,
    draining: CancellationToken,
) -> io::Result<()> {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            () = draining.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let _ = stream.set_nodelay(true);
                connections.spawn(connection(stream, peer, router.clone(), config, draining.clone()));
            }
            // No file descriptors, or the client was gone again: a moment later it may work.
            Err(error) => {
                tracing::warn!(error = %error, "a connection could not be accepted");
                tokio::select! {
                    () = tokio::time::sleep(Duration::from_millis(100)) => {}
                    () = draining.cancelled() => break,
                }
            }
        }
    }
    // New connections are refused from here on, not left waiting for a process that will not answer.
    drop(listener);
    while connections.join_next().await.is_some() {}
    Ok(())
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    config: ServeConfig,
    draining: CancellationToken,
) {
    let begun = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&begun);
    let service = hyper::service::service_fn(move |mut request: http::Request<Incoming>| {
        seen.store(true, Ordering::Relaxed);
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request.map(axum::body::Body::new))
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(config.header_timeout)
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(20))
        .max_concurrent_streams(250);
    let serving = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(serving);
    // The protocol is told apart by the first bytes, which hyper awaits without limit.
    let silent = tokio::time::sleep(config.first_request_timeout);
    tokio::pin!(silent);
    let (mut draining_seen, mut silence_over) = (false, false);
    loop {
        tokio::select! {
            outcome = serving.as_mut() => {
                if let Err(error) = outcome {
                    tracing::debug!(error = %error, "a connection ended badly");
                }
                return;
            }
            () = draining.cancelled(), if !draining_seen => {
                draining_seen = true;
                serving.as_mut().graceful_shutdown();
            }
            () = silent.as_mut(), if !silence_over => {
                silence_over = true;
                if !begun.load(Ordering::Relaxed) {
                    return;
                }
            }
        }
    }
}
