//! A log line: one JSON object.

use std::fmt;

use serde::ser::{SerializeMap as _, Serializer as _};
use serde_json::Serializer;
use tracing::{Event, Subscriber};
use tracing_serde::SerdeMapVisitor;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::context;

/// `timestamp`, `level`, the event's fields, and those of the work under way.
pub(super) struct Json;

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let line = line(event).map_err(|_| fmt::Error)?;
        writer.write_str(std::str::from_utf8(&line).map_err(|_| fmt::Error)?)?;
        writer.write_char('\n')
    }
}

fn line(event: &Event<'_>) -> Result<Vec<u8>, serde_json::Error> {
    let mut line = Vec::with_capacity(512);
    let mut serializer = Serializer::new(&mut line);
    let mut map = serializer.serialize_map(None)?;
    map.serialize_entry("timestamp", &now())?;
    map.serialize_entry("level", event.metadata().level().as_str())?;
    let mut visitor = SerdeMapVisitor::new(map);
    event.record(&mut visitor);
    let mut map = visitor.take_serializer()?;
    let own = event.metadata().fields();
    let mut told = Ok(());
    context::tell(|name, value| {
        // A line about one job says nothing of the others that travel with it.
        let single = name.strip_suffix('s').unwrap_or(name);
        if told.is_ok() && own.field(name).is_none() && own.field(single).is_none() {
            told = map.serialize_entry(name, value);
        }
    });
    told?;
    map.end()?;
    Ok(line)
}

/// RFC 3339 in UTC, with microseconds.
fn now() -> String {
    let mut text = String::with_capacity(27);
    // A clock that cannot be shown leaves the line without a time rather than unwritten.
    let _ = SystemTime.format_time(&mut Writer::new(&mut text));
    text
}
