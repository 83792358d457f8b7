//! Just enough of HTTP, Postgres' and Redis' protocols to know that a server is ready and to ask it small things.
//!
//! By hand, because a driver for each would make every test crate depend on them.

use std::io::{Error, Result};
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// No single step of a local server's answer takes longer, short of a machine that stands still.
const PATIENCE: Duration = Duration::from_secs(20);

async fn within<T>(step: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(PATIENCE, step)
        .await
        .unwrap_or_else(|_| Err(Error::other("no answer in time")))
}

/// The status of the answer to a `GET`, from a server on this machine.
pub(crate) async fn http_status(host: &str, path: &str) -> Result<u16> {
    within(async {
        let mut stream = TcpStream::connect(host).await?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        // The status line is in the first bytes; the rest is of no interest.
        let mut head = Vec::new();
        while head.len() < 12 {
            if stream.read_buf(&mut head).await? == 0 {
                return Err(Error::other("closed before the status line"));
            }
        }
        let code = head.get(9..12).and_then(|code| std::str::from_utf8(code).ok());
        code.and_then(|code| code.parse().ok())
            .ok_or_else(|| Error::other("not an HTTP answer"))
    })
    .await
}

/// The first line of Redis' answer to an inline command.
pub(crate) async fn redis(port: u16, command: &str) -> Result<String> {
    within(async {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        stream.write_all(format!("{command}\r\n").as_bytes()).await?;
        let mut answer = Vec::new();
        while !answer.contains(&b'\n') {
            if stream.read_buf(&mut answer).await? == 0 {
                return Err(Error::other("closed before an answer"));
            }
        }
        let text = String::from_utf8_lossy(&answer);
        Ok(text.lines().next().unwrap_or_default().to_owned())
    })
    .await
}

/// A row of a query's answer, as text; `None` is null.
pub type Row = Vec<Option<String>>;

/// Runs one or several statements on a connection of their own, as the superuser, and returns all their rows.
pub(crate) async fn postgres(port: u16, database: &str, sql: &str) -> Result<Vec<Row>> {
    within(async {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        let mut startup = 196_608_u32.to_be_bytes().to_vec();
        startup.extend_from_slice(format!("user\0postgres\0database\0{database}\0\0").as_bytes());
        stream.write_all(&framed(None, &startup)).await?;
        rows_until_ready(&mut stream).await?;
        stream
            .write_all(&framed(Some(b'Q'), format!("{sql}\0").as_bytes()))
            .await?;
        let rows = rows_until_ready(&mut stream).await?;
        stream.write_all(&framed(Some(b'X'), &[])).await?;
        Ok(rows)
    })
    .await
}

fn framed(kind: Option<u8>, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u32 + 4).to_be_bytes();
    kind.into_iter()
        .chain(length)
        .chain(body.iter().copied())
        .collect()
}

async fn rows_until_ready(stream: &mut TcpStream) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    let mut failure = None;
    loop {
        let kind = stream.read_u8().await?;
        let length = (stream.read_u32().await? as usize).saturating_sub(4);
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        match kind {
            b'Z' => return failure.map_or(Ok(rows), Err),
            b'D' => rows.push(row(&body).ok_or_else(|| Error::other("a row that ends early"))?),
            // Errors that end the connection come without a `Z`; the next read then says so less well.
            b'E' if message(&body).0 == "FATAL" => return Err(Error::other(message(&body).1)),
            b'E' => failure = Some(Error::other(message(&body).1)),
            b'R' if body != [0; 4] => return Err(Error::other("the server asks for a password")),
            _ => {}
        }
    }
}

fn row(body: &[u8]) -> Option<Row> {
    let (count, mut rest) = body.split_first_chunk::<2>()?;
    let mut values = Vec::new();
    for _ in 0..u16::from_be_bytes(*count) {
        let (length, after) = rest.split_first_chunk::<4>()?;
        // -1 is null.
        let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
            values.push(None);
            rest = after;
            continue;
        };
        let (value, after) = after.split_at_checked(length)?;
        values.push(Some(String::from_utf8_lossy(value).into_owned()));
        rest = after;
    }
    Some(values)
}

/// Severity and text of an error; its fields are a letter and a zero-ended string each.
fn message(body: &[u8]) -> (String, String) {
    let field = |letter: u8| {
        let found = body
            .split(|byte| *byte == 0)
            .find(|field| field.first() == Some(&letter));
        String::from_utf8_lossy(found.map_or(&[][..], |field| &field[1..])).into_owned()
    };
    (field(b'V'), field(b'M'))
}
