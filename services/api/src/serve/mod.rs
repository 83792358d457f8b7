//! Connections: accepted until the process drains, in a bounded number, each with limits of time; requests in flight
//! end.

mod admission;
mod connection;
mod progress;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use ipnet::IpNet;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use admission::Admission;
use connection::connection;

/// How many connections there may be, and how long they may take.
#[derive(Clone, Debug)]
pub struct ServeConfig {
    /// From the first byte of a request's head to its last; also how long a connection may lie idle.
    pub header_timeout: Duration,
    /// From the opening of a connection to its first request.
    pub first_request_timeout: Duration,
    /// How long a client may take no byte of an answer that is there for it.
    pub stall_timeout: Duration,
    /// Connections in all; one more is answered `503` and closed.
    pub max_connections: usize,
    /// Connections of one address (of IPv6: one network of 64 bits), proxies apart.
    pub max_per_address: usize,
    /// The proxies: behind one of them are many clients.
    pub proxies: Vec<IpNet>,
}

impl Default for ServeConfig {
    /// 75 s for idle connections and slow heads, 30 s to the first request, 30 s for an answer that nobody takes; 4,096
    /// connections, 256 of them from one address.
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(75),
            first_request_timeout: Duration::from_secs(30),
            stall_timeout: Duration::from_secs(30),
            max_connections: 4_096,
            max_per_address: 256,
            proxies: Vec::new(),
        }
    }
}

impl ServeConfig {
    /// The connections' part of the process configuration: one address may have a sixteenth of all, at least 16.
    pub fn of(config: &runtime::Config) -> Self {
        let max_connections = config.max_connections as usize;
        Self {
            max_connections,
            max_per_address: (max_connections / 16).max(16),
            proxies: if config.trust_proxy {
                config.trusted_proxies.clone()
            } else {
                Vec::new()
            },
            ..Self::default()
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
    let (mut connections, mut refusals) = (JoinSet::new(), JoinSet::new());
    let admission = Admission::new(&config);
    let config = Arc::new(config);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            Some(_) = refusals.join_next(), if !refusals.is_empty() => continue,
            () = draining.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let _ = stream.set_nodelay(true);
                let Some(place) = admission.enter(peer.ip()) else {
                    // Beyond so many at a time nothing is said any more.
                    if refusals.len() < MAX_REFUSALS {
                        refusals.spawn(refuse(stream));
                    }
                    continue;
                };
                let serving = connection(
                    stream,
                    peer,
                    router.clone(),
                    Arc::clone(&config),
                    draining.clone(),
                );
                connections.spawn(async move {
                    serving.await;
                    drop(place);
                });
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

/// How many clients are told at a time that they are too many.
const MAX_REFUSALS: usize = 64;

/// Said without looking at the request.
const REFUSAL: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\n\
    content-length: 149\r\nretry-after: 1\r\nconnection: close\r\ncache-control: private, no-cache\r\n\
    x-content-type-options: nosniff\r\nx-frame-options: DENY\r\nx-xss-protection: 0\r\n\
    content-security-policy: default-src 'none'\r\nreferrer-policy: no-referrer\r\n\r\n\
    {\"type\":\"/problems/unavailable\",\"title\":\"The service cannot answer now\",\"status\":503,\
    \"detail\":\"There are too many connections.\",\"code\":\"unavailable\"}";

async fn refuse(mut stream: TcpStream) {
    let telling = async {
        stream.write_all(REFUSAL.as_bytes()).await?;
        stream.shutdown().await?;
        // A connection closed with bytes unread is reset, and the answer with it.
        let mut thrown_away = [0; 1024];
        while stream.read(&mut thrown_away).await? > 0 {}
        io::Result::Ok(())
    };
    let _ = tokio::time::timeout(Duration::from_secs(1), telling).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refusal_is_as_long_as_it_says() {
        let (head, body) = REFUSAL.split_once("\r\n\r\n").unwrap();
        assert!(
            head.contains(&format!("content-length: {}\r\n", body.len())),
            "{}",
            body.len()
        );
        assert!(serde_json::from_str::<serde_json::Value>(body).is_ok());
    }
}
