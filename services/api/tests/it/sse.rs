//! A client of event streams.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use futures::StreamExt as _;
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use crate::place::{Call, Place};

const PATIENCE: Duration = Duration::from_secs(30);

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    pub id: u64,
    pub name: String,
    pub job: Value,
}

/// A block of the stream.
#[derive(Debug, PartialEq)]
pub enum Block {
    Event(Told),
    Comment { id: Option<u64> },
    End,
}

/// An open stream.
pub struct Events {
    pub headers: HeaderMap,
    body: BodyDataStream,
    text: String,
}

impl Events {
    pub async fn open(place: &Place, uri: &str, last: Option<u64>) -> Self {
        Self::of(place.get(uri), last).await
    }

    pub async fn of(call: Call<'_>, last: Option<u64>) -> Self {
        let call = match last {
            Some(id) => call.header("last-event-id", &id.to_string()),
            None => call,
        };
        let response = call.response(Body::empty()).await;
        assert_eq!(response.status(), StatusCode::OK);
        let (parts, body) = response.into_parts();
        Self {
            headers: parts.headers,
            body: body.into_data_stream(),
            text: String::new(),
        }
    }

    /// The next block.
    pub async fn block(&mut self) -> Block {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (parse(block), rest.to_owned());
                self.text = rest;
                return block;
            }
            let next = tokio::time::timeout(PATIENCE, self.body.next());
            match next.await.expect("something comes") {
                Some(bytes) => self.text.push_str(std::str::from_utf8(&bytes.unwrap()).unwrap()),
                None => return Block::End,
            }
        }
    }

    /// The next event, comments apart; none at the end.
    pub async fn next(&mut self) -> Option<Told> {
        loop {
            match self.block().await {
                Block::Event(told) => return Some(told),
                Block::Comment { .. } => {}
                Block::End => return None,
            }
        }
    }

    /// The next events, by name.
    pub async fn names(&mut self, count: usize) -> Vec<String> {
        let mut names = Vec::new();
        while names.len() < count {
            names.push(self.next().await.expect("the stream goes on").name);
        }
        names
    }
}

fn parse(block: &str) -> Block {
    let field = |name: &str| {
        let mut lines = block.lines().filter_map(|line| line.strip_prefix(name));
        lines.next().map(|value| value.trim_start().to_owned())
    };
    let id = field("id:").map(|id| id.parse().unwrap());
    let Some(data) = field("data:") else {
        assert!(block.lines().any(|line| line.starts_with(':')), "{block}");
        return Block::Comment { id };
    };
    Block::Event(Told {
        id: id.unwrap(),
        name: field("event:").unwrap(),
        job: serde_json::from_str(&data).unwrap(),
    })
}
