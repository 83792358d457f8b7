//! A wire between a client and a server on this machine, which can be made to carry nothing: as when the server hangs.

use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Passes connections on to one server. Ends with its value.
pub(crate) struct Relay {
    port: u16,
    stuck: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Relay {
    /// To the server at `host:port`.
    pub(crate) async fn to(server: &str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let stuck = watch::Sender::new(false);
        let task = tokio::spawn(accept(listener, server.to_owned(), stuck.clone()));
        Self { port, stuck, task }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Keeps connections open, and accepts new ones, but carries nothing until told otherwise.
    pub(crate) fn set_stuck(&self, stuck: bool) {
        self.stuck.send_replace(stuck);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, server: String, stuck: watch::Sender<bool>) {
    while let Ok((near, _)) = listener.accept().await {
        let Ok(far) = TcpStream::connect(&server).await else {
            continue;
        };
        let ((from_near, to_near), (from_far, to_far)) = (near.into_split(), far.into_split());
        tokio::spawn(carry(from_near, to_far, stuck.subscribe()));
        tokio::spawn(carry(from_far, to_near, stuck.subscribe()));
    }
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut stuck: watch::Receiver<bool>) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if stuck.wait_for(|stuck| !stuck).await.is_err() || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
