//! Server-sent events: what a follower of jobs is told, as `text/event-stream`.

use std::time::Duration;

use app::{Follow, JobNews};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse as _, Response};
use futures::stream;
use http::{HeaderName, HeaderValue};
use tokio_util::sync::CancellationToken;

use crate::guard::WaitPlace;
use crate::state::ApiState;
use crate::view;

/// Proxies that would collect an answer before they pass it on are asked not to.
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

struct Telling {
    follow: Follow,
    heartbeat: Duration,
    draining: CancellationToken,
    /// Said first, for a stream whose first event may be long in coming.
    greeting: Option<Event>,
    /// Kept for as long as the stream lasts.
    _place: WaitPlace,
}

/// Tells what is followed until it has ended, the client goes away, its key is withdrawn or the process drains: then
/// the client comes back, to this or another process, with the id that it saw last.
///
/// An event is made when the connection has taken the one before, so that a slow reader holds nothing back.
pub(crate) fn tell(state: &ApiState, follow: Follow, greet: bool, place: WaitPlace) -> Response {
    let telling = Telling {
        greeting: greet.then(|| alive(&follow)),
        follow,
        heartbeat: state.config.heartbeat,
        draining: state.draining.clone(),
        _place: place,
    };
    let events = stream::unfold(telling, |mut telling| async {
        let event = telling.next().await?;
        Some((Ok::<_, std::convert::Infallible>(event), telling))
    });
    let mut response = Sse::new(events).into_response();
    response
        .headers_mut()
        .insert(BUFFERING, HeaderValue::from_static("no"));
    response
}

impl Telling {
    async fn next(&mut self) -> Option<Event> {
        if let Some(greeting) = self.greeting.take() {
            return Some(greeting);
        }
        if self.follow.ended() {
            return None;
        }
        let next = tokio::select! {
            next = self.follow.next(self.heartbeat) => next,
            () = self.draining.cancelled() => return None,
        };
        match next {
            Ok(Some(news)) => Some(event(&news)),
            Ok(None) if self.follow.ended() => None,
            Ok(None) => Some(alive(&self.follow)),
            Err(error) => {
                tracing::info!(
                    error = &error as &dyn std::error::Error,
                    "a stream of events ends early"
                );
                None
            }
        }
    }
}

fn event(news: &JobNews) -> Event {
    Event::default()
        .id(news.position.to_string())
        .event(format!("job.{}", news.view.job.status.as_str()))
        .data(view::job(&news.view).to_string())
}

/// A comment. Its id raises no event, but lets the client come back to where it stands although it was told nothing.
fn alive(follow: &Follow) -> Event {
    Event::default()
        .comment("alive")
        .id(follow.position().to_string())
}
