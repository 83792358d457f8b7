//! One connection, from its first byte to its end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use futures::FutureExt as _;
use http::{Request, Response, Version};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpStream;
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::ServeConfig;
use super::progress::Progress;

/// The largest head of a request that is read. What is larger than our own limit and fits into this gets an answer like
/// all others (`431`, `414`); beyond it the protocol library answers with a bare `431`.
const MAX_HEAD: usize = 64 << 10;

/// How many requests one connection may have under way.
const MAX_STREAMS: u32 = 100;

/// Serves one connection until the client ends it, takes too long, or the process drains.
pub(super) async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    config: Arc<ServeConfig>,
    draining: CancellationToken,
) {
    let begun = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&begun);
    let progress = Progress::new();
    let exchanges = progress.clone();
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        seen.store(true, Ordering::Relaxed);
        request.extensions_mut().insert(ConnectInfo(peer));
        let (exchange, pieces) = (exchanges.begin(), request.version() == Version::HTTP_2);
        let answer = router.clone().oneshot(request.map(axum::body::Body::new));
        answer.map(move |answer| {
            answer.map(|answer: Response<_>| answer.map(|body| exchange.watch(body, pieces)))
        })
    });
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(config.stall_timeout));
    let builder = builder(&config);
    let serving = builder.serve_connection(TokioIo::new(Box::pin(stream)), service);
    tokio::pin!(serving);
    // The protocol is told apart by the first bytes, which hyper awaits without limit.
    let silent = tokio::time::sleep(config.first_request_timeout);
    tokio::pin!(silent);
    let mut look = tokio::time::interval(look_interval(&config));
    let (mut leaving, mut silence_over) = (false, false);
    loop {
        tokio::select! {
            outcome = serving.as_mut() => {
                if let Err(error) = outcome {
                    tracing::debug!(error = %error, "a connection ended badly");
                }
                return;
            }
            () = draining.cancelled(), if !leaving => {
                leaving = true;
                serving.as_mut().graceful_shutdown();
            }
            () = silent.as_mut(), if !silence_over => {
                silence_over = true;
                if !begun.load(Ordering::Relaxed) {
                    return;
                }
            }
            _ = look.tick() => {
                let quiet = progress.quiet_for();
                if progress.is_stalled(config.stall_timeout) || quiet > config.header_timeout * 2 {
                    metrics::counter!("http_connections_cut_total").increment(1);
                    return;
                }
                if quiet > config.header_timeout && !leaving {
                    // HTTP/2 has no limit of its own for idle connections.
                    leaving = true;
                    serving.as_mut().graceful_shutdown();
                }
            }
        }
    }
}

/// Often enough that no limit is passed by much.
fn look_interval(config: &ServeConfig) -> Duration {
    let shortest = config.stall_timeout.min(config.header_timeout);
    (shortest / 4).clamp(Duration::from_millis(10), Duration::from_secs(10))
}

fn builder(config: &ServeConfig) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(config.header_timeout)
        .max_buf_size(MAX_HEAD)
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(20))
        .max_header_list_size(MAX_HEAD as u32)
        .max_send_buf_size(MAX_HEAD)
        .max_concurrent_streams(MAX_STREAMS);
    builder
}
