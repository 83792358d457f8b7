//! A connection for one write: it knows whether a byte of the request was handed to it, and dies without leaving any.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use url::{Host, Url};

use crate::error::{Cause, NotSent};

/// An established connection, TLS included.
#[derive(Debug)]
pub(crate) struct Wire {
    io: Io,
    begun: Arc<AtomicBool>,
}

#[derive(Debug)]
enum Io {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Wire {
    /// Connects to the host of `url` by `deadline`, trying its addresses in turn.
    pub(crate) async fn connect(
        url: &Url,
        tls: &TlsConnector,
        deadline: Instant,
    ) -> Result<Self, (NotSent, Option<Cause>)> {
        let attempt = async {
            let port = url.port_or_known_default().unwrap_or(443);
            let tcp = match url.host() {
                Some(Host::Domain(name)) => Self::resolve_and_dial(name, port, deadline).await?,
                Some(Host::Ipv4(ip)) => dial((ip, port).into()).await?,
                Some(Host::Ipv6(ip)) => dial((ip, port).into()).await?,
                None => return Err((NotSent::Invalid, None)),
            };
            let io = if url.scheme() == "https" {
                let host = url
                    .host_str()
                    .unwrap_or_default()
                    .trim_matches(['[', ']'])
                    .to_owned();
                let name = ServerName::try_from(host).map_err(|e| (NotSent::Invalid, Some(e.into())))?;
                let stream = tls
                    .connect(name, tcp)
                    .await
                    .map_err(|e| (NotSent::Tls, Some(e.into())))?;
                Io::Tls(Box::new(stream))
            } else {
                Io::Plain(tcp)
            };
            Ok(Self {
                io,
                begun: Arc::default(),
            })
        };
        timeout_at(deadline, attempt)
            .await
            .unwrap_or(Err((NotSent::ConnectTimeout, None)))
    }

    async fn resolve_and_dial(
        name: &str,
        port: u16,
        deadline: Instant,
    ) -> Result<TcpStream, (NotSent, Option<Cause>)> {
        let found = tokio::net::lookup_host((name, port)).await;
        let mut addresses: Vec<_> = found.map_err(|e| (NotSent::Dns, Some(e.into())))?.collect();
        // IPv4 first: an IPv6 route that swallows packets is the commoner fault, and there is only one try.
        addresses.sort_by_key(std::net::SocketAddr::is_ipv6);
        let mut last = (NotSent::Dns, None);
        while let Some(address) = (!addresses.is_empty()).then(|| addresses.remove(0)) {
            // An address that does not answer must leave time for the others.
            let share = deadline.saturating_duration_since(Instant::now()) / (addresses.len() as u32 + 1);
            match timeout_at(Instant::now() + share, dial(address)).await {
                Ok(Ok(tcp)) => return Ok(tcp),
                Ok(Err(error)) => last = error,
                Err(_) => last = (NotSent::ConnectTimeout, None),
            }
        }
        Err(last)
    }

    /// Set once the first byte of the request has been handed over; never unset.
    pub(crate) fn begun(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.begun)
    }

    /// Ends the connection in the ordinary way, after an answer that was read to its end.
    pub(crate) fn close(self) {
        let tcp = match &self.io {
            Io::Plain(tcp) => tcp,
            Io::Tls(stream) => stream.get_ref().0,
        };
        #[expect(deprecated, reason = "unsets lingering, which cannot block")]
        let _ = tcp.set_linger(None);
    }
}

/// Connects so that dropping the socket resets it.
///
/// An ordinary close leaves unsent bytes to the kernel, which may deliver them minutes after we stopped waiting; a
/// reset discards them, on a time-out, when the caller is cancelled and when the process is killed.
async fn dial(address: std::net::SocketAddr) -> Result<TcpStream, (NotSent, Option<Cause>)> {
    let prepare = async {
        let tcp = TcpStream::connect(address).await?;
        tcp.set_nodelay(true)?;
        tcp.set_zero_linger()?;
        io::Result::Ok(tcp)
    };
    prepare.await.map_err(|error| match error.kind() {
        io::ErrorKind::TimedOut => (NotSent::ConnectTimeout, Some(error.into())),
        _ => (NotSent::Refused, Some(error.into())),
    })
}

/// The part of `total` that may go into connecting.
pub(crate) fn connect_deadline(now: Instant, connect_timeout: Duration, deadline: Instant) -> Instant {
    deadline.min(now + connect_timeout)
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.io {
            Io::Plain(io) => Pin::new(io).poll_read(cx, buf),
            Io::Tls(io) => Pin::new(io).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if !buf.is_empty() {
            // Before the attempt: a write that fails may have put bytes on the way.
            self.begun.store(true, Ordering::SeqCst);
        }
        match &mut self.io {
            Io::Plain(io) => Pin::new(io).poll_write(cx, buf),
            Io::Tls(io) => Pin::new(io).poll_write(cx, buf),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.io {
            Io::Plain(io) => Pin::new(io).poll_flush(cx),
            Io::Tls(io) => Pin::new(io).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.io {
            Io::Plain(io) => Pin::new(io).poll_shutdown(cx),
            Io::Tls(io) => Pin::new(io).poll_shutdown(cx),
        }
    }
}
