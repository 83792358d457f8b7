//! Outgoing webhooks: how a message is written, signed, repeated and sent without reaching where it must not.
//!
//! **What it is for.** A [`Message`] becomes the exact bytes of a body ([`Message::body`]); [`sign`] gives it the three
//! headers of Standard Webhooks 1.0, with one signature for each [`Secret`] that counts at the time; [`Sender`] posts
//! it once and tells what came of it; [`RetrySchedule`] says when to try again. [`check_url`] refuses, when an endpoint
//! is created, what the sender would never reach.
//!
//! **Where it may reach.** Whoever names a URL makes us connect to it, so addresses are judged by [`AddressPolicy`] where
//! they are used: names when the connection resolves them (the connection uses exactly the addresses that passed),
//! literal addresses before every request. What a name resolved to earlier counts for nothing.
//!
//! **What it is not for.** It stores nothing, reads no clock, draws no random number and knows neither tenants nor
//! deliveries: who is told of what, and what is remembered of it, is the worker's matter.

mod address;
mod answer;
mod lookup;
mod message;
mod retry;
mod secret;
mod sender;
mod sign;
mod target;

pub use address::{AddressPolicy, AddressRefused, Reach};
pub use answer::{Answer, KEPT_BODY, SendError, Verdict};
pub use lookup::{Lookup, SystemLookup};
pub use message::Message;
pub use retry::{LONGEST_RETRY_AFTER, RetrySchedule};
pub use secret::{Secret, SecretError};
pub use sender::{BuildError, Sender, SenderConfig};
pub use sign::{Signed, sign};
pub use target::{MOST_URL, UrlRefused, check_url};
