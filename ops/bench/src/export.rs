//! Exports of a long log, as fast as one reader takes them.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::http::request;
use crate::stack::Stack;
use crate::table::Table;
use crate::{Outcome, machine};

/// Takes exports for a while, and shows how fast they come and what they cost in memory.
pub(crate) async fn measure(stack: &Stack, window: Duration) -> Outcome<()> {
    let mut table = Table::new(&[
        "export",
        "entries/s",
        "MB/s",
        "memory before",
        "memory during",
        "load",
    ]);
    for format in ["ndjson", "csv"] {
        let before = machine::memory(stack.api.pid(), "VmRSS");
        let key = stack.authorization();
        let uri = format!("/audit/export?format={format}");
        let ask = request("GET", &uri, &[("Authorization", &key)], "");
        let mut stream = TcpStream::connect(("127.0.0.1", stack.api.port)).await?;
        stream.write_all(&ask).await?;
        let (mut buffer, mut bytes, mut entries) = (vec![0; 1 << 16], 0, 0_usize);
        let begun = Instant::now();
        while begun.elapsed() < window {
            let read = stream.read(&mut buffer).await?;
            if read == 0 {
                break;
            }
            bytes += read;
            // Lines of content, and two more for each of the few pieces of the answer.
            entries += buffer[..read].split(|byte| *byte == b'\n').count() - 1;
        }
        let seconds = begun.elapsed().as_secs_f64();
        let during = machine::memory(stack.api.pid(), "VmRSS");
        table.row(vec![
            format.to_owned(),
            format!("{:.0}", entries as f64 / seconds),
            format!("{:.1}", bytes as f64 / seconds / 1e6),
            format!("{before:.1} MB"),
            format!("{during:.1} MB"),
            machine::load(),
        ]);
    }
    table.print(&format!(
        "Exports of the same log, as fast as one reader takes them: {}",
        stack.shape.name()
    ));
    Ok(())
}
