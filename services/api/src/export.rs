//! Exports of the audit log, written as they are taken.
//!
//! The next bite is read when the client has taken the one before, so that an export of any length needs the memory of
//! one bite. If something fails on the way, the answer breaks off: its end is missing, the last chunk of HTTP/1.1 as
//! well as the `end` line of NDJSON, and `from_position` goes on behind the last entry that came.

mod csv;
mod ndjson;

use std::io;

use app::{AuditEntry, Denied, Export};
use axum::body::Body;
use bytes::Bytes;
use futures::stream;
use tokio_util::sync::CancellationToken;

pub(crate) use csv::CONTENT_TYPE as CSV;
pub(crate) use ndjson::{CONTENT_TYPE as NDJSON, Ndjson};

use crate::guard::WaitPlace;

/// How entries are written.
pub(crate) enum Writer {
    /// One JSON object a line, with what proves them.
    Ndjson(Box<Ndjson>),
    /// One row an entry.
    Csv,
}

impl Writer {
    /// What comes before the entries.
    fn head(&mut self) -> Result<Vec<u8>, Denied> {
        match self {
            Self::Ndjson(writer) => Ok(writer.head()),
            Self::Csv => csv::head(),
        }
    }

    async fn entries(&mut self, entries: &[AuditEntry]) -> Result<Vec<u8>, Denied> {
        match self {
            Self::Ndjson(writer) => writer.entries(entries).await,
            Self::Csv => csv::entries(entries),
        }
    }

    /// What comes behind them.
    async fn end(self) -> Result<Vec<u8>, Denied> {
        match self {
            Self::Ndjson(writer) => writer.end().await,
            Self::Csv => Ok(Vec::new()),
        }
    }
}

/// An export that is being sent.
struct Sending {
    export: Export,
    writer: Writer,
    draining: CancellationToken,
    begun: bool,
    /// Kept for as long as it lasts.
    _place: WaitPlace,
}

/// The body of an export.
pub(crate) fn body(export: Export, writer: Writer, draining: CancellationToken, place: WaitPlace) -> Body {
    let sending = Sending {
        export,
        writer,
        draining,
        begun: false,
        _place: place,
    };
    let bites = stream::unfold(Some(sending), |sending| async {
        let mut sending = sending?;
        let draining = sending.draining.clone();
        let bite = tokio::select! {
            biased;
            () = draining.cancelled() => Err(io::Error::other("the process drains")),
            bite = sending.next() => bite.map_err(|error| {
                tracing::warn!(error = &error as &dyn std::error::Error, "an export breaks off");
                io::Error::other("the export breaks off")
            }),
        };
        match bite {
            Ok(Some(bytes)) => Some((Ok(bytes), Some(sending))),
            Ok(None) => match sending.writer.end().await {
                Ok(end) if end.is_empty() => None,
                end => Some((end.map(Bytes::from).map_err(io::Error::other), None)),
            },
            Err(error) => Some((Err(error), None)),
        }
    });
    Body::from_stream(bites)
}

impl Sending {
    /// The next bytes; none when all entries were written.
    async fn next(&mut self) -> Result<Option<Bytes>, Denied> {
        if !self.begun {
            self.begun = true;
            return Ok(Some(self.writer.head()?.into()));
        }
        let entries = self.export.next().await?;
        if entries.is_empty() {
            return Ok(None);
        }
        let bytes = self.writer.entries(&entries).await?;
        Ok(Some(bytes.into()))
    }
}
