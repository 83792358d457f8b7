//! NDJSON: the lines of `merkle::export`, which prove themselves offline.

use app::{App, AuditEntry, Denied};
use ledger::seal::Exporter;
use merkle::export::Line;

use crate::view;

/// What an export of this form is.
pub(crate) const CONTENT_TYPE: &str = "application/x-ndjson";

/// Writes the lines.
pub(crate) struct Ndjson {
    app: App,
    exporter: Exporter,
    header: Line,
}

impl Ndjson {
    /// With the exporter and its first line.
    pub(crate) fn new(app: &App, exporter: Exporter, header: Line) -> Self {
        Self {
            app: app.clone(),
            exporter,
            header,
        }
    }

    pub(super) fn head(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        push(&mut bytes, &self.header);
        bytes
    }

    pub(super) async fn entries(&mut self, entries: &[AuditEntry]) -> Result<Vec<u8>, Denied> {
        let ledger = &**self.app.ledger();
        let mut bytes = Vec::new();
        for entry in entries {
            let shown = view::audit_entry(entry);
            for line in self.exporter.entry(ledger, &entry.event, Some(shown)).await? {
                push(&mut bytes, &line);
            }
        }
        Ok(bytes)
    }

    pub(super) async fn end(self) -> Result<Vec<u8>, Denied> {
        let mut bytes = Vec::new();
        push(&mut bytes, &self.exporter.end(&**self.app.ledger()).await?);
        Ok(bytes)
    }
}

fn push(bytes: &mut Vec<u8>, line: &Line) {
    serde_json::to_writer(&mut *bytes, line).expect("lines have string keys");
    bytes.push(b'\n');
}
