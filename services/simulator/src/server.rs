//! Connections: accepting them, serving them, and dropping them on purpose.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use http::{Request, Response};
use http_body_util::{BodyExt, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_util::sync::CancellationToken;

use crate::{
    CONTROL_PATH, control,
    handle::Handle,
    process::process,
    request::ApiRequest,
    shared::Shared,
    wire::{Outcome, WireBody},
};

/// The largest request body that is read.
const BODY_LIMIT: usize = 64 * 1024 * 1024;

/// Ends a connection without an answer; hyper hands it back as the connection's error.
#[derive(Debug, thiserror::Error)]
#[error("the connection is dropped on purpose")]
struct Dropped;

/// Accepts connections until the simulator stops; while it is closed the port refuses them.
pub(crate) async fn run(shared: Arc<Shared>, listener: TcpListener, address: SocketAddr) {
    let mut wanted = shared.wanted_open.subscribe();
    let mut listener = listener;
    loop {
        let connections = shared.stop.child_token();
        tokio::select! {
            () = shared.stop.cancelled() => return,
            () = closed(&mut wanted) => {}
            () = accept(&shared, &listener, &connections) => {}
        }
        connections.cancel();
        drop(listener);
        shared.is_open.send_replace(false);
        tokio::select! {
            () = shared.stop.cancelled() => return,
            bound = reopened(&mut wanted, address) => match bound {
                Ok(bound) => listener = bound,
                Err(error) => {
                    tracing::error!(%error, %address, "cannot listen again");
                    return;
                }
            }
        }
        shared.is_open.send_replace(true);
    }
}

async fn closed(wanted: &mut watch::Receiver<bool>) {
    // The sender lives as long as the shared state that this task holds.
    let _ = wanted.wait_for(|open| !open).await;
}

async fn reopened(wanted: &mut watch::Receiver<bool>, address: SocketAddr) -> io::Result<TcpListener> {
    let _ = wanted.wait_for(|open| *open).await;
    let mut tries = 0;
    loop {
        match TcpListener::bind(address).await {
            Err(_) if tries < 100 => tries += 1,
            result => return result,
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn accept(shared: &Arc<Shared>, listener: &TcpListener, connections: &CancellationToken) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                shared
                    .tasks
                    .spawn(serve(Arc::clone(shared), stream, connections.clone()));
            }
            // Out of file descriptors, most likely; others will be closed.
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

async fn serve(shared: Arc<Shared>, stream: TcpStream, stop: CancellationToken) {
    // Small answers must not wait for the acknowledgement of earlier ones.
    let _ = stream.set_nodelay(true);
    let reset = Arc::new(AtomicBool::new(false));
    let service = {
        let reset = Arc::clone(&reset);
        service_fn(move |request| respond(Arc::clone(&shared), Arc::clone(&reset), request))
    };
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        () = stop.cancelled() => {}
        _ = &mut connection => {
            if reset.load(Ordering::Relaxed) {
                // Closing with a linger time of zero sends RST instead of FIN.
                let _ = connection.into_parts().io.into_inner().set_zero_linger();
            }
        }
    }
}

async fn respond(
    shared: Arc<Shared>,
    reset: Arc<AtomicBool>,
    request: Request<Incoming>,
) -> Result<Response<WireBody>, Dropped> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, BODY_LIMIT)
        .collect()
        .await
        .map_err(|_| Dropped)?
        .to_bytes();
    if let Some(path) = parts.uri.path().strip_prefix(CONTROL_PATH) {
        return Ok(control::respond(
            &Handle::new(shared),
            &parts.method,
            path,
            parts.uri.query(),
            &body,
        )
        .await);
    }
    let request = ApiRequest::new(&parts.method, &parts.uri, &parts.headers, body);
    let stop = shared.stop.clone();
    let work = shared.tasks.spawn({
        let shared = Arc::clone(&shared);
        async move {
            tokio::select! {
                () = stop.cancelled() => Outcome::Silence,
                outcome = process(shared, request) => outcome,
            }
        }
    });
    match work.await {
        Ok(Outcome::Answer(answer)) => Ok(answer.into_response()),
        Ok(Outcome::Silence) => std::future::pending().await,
        Ok(Outcome::Reset) | Err(_) => {
            reset.store(true, Ordering::Relaxed);
            Err(Dropped)
        }
    }
}
