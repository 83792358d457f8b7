//! What an entry of the audit log shows of an event.
//!
//! Its data without what only the program needs, and what was sealed beside it, opened: the tenant's own personal data.
//! Never shown, because it is nobody's business or a secret: credentials, hashes of keys, salts, plans of requests.
//! A new event must be named in [`hidden`] and in [`content`], or this does not compile.

use domain::event::Event;
use ledger::{Meta, Recorded};
use serde_json::{Map, Value};

use super::StoreNames;
use crate::payload::{ImageBody, JobBody, JobOutcome};
use crate::seals::image_row;
use crate::{App, Denied, Purpose, SealError};

/// Members of all data that an entry shows elsewhere: when, whose, what it concerns, who asked.
const ELSEWHERE: [&str; 8] = [
    "at",
    "tenant_id",
    "store_id",
    "upstream_store_id",
    "order_id",
    "job_id",
    "key_id",
    "request_id",
];

/// An entry of the audit log. Its `Debug` form shows no content.
#[derive(Clone)]
pub struct AuditEntry {
    /// The event as it is stored.
    pub event: Recorded,
    /// Who caused it.
    pub meta: Meta,
    /// What it concerns.
    pub subject: Subject,
    /// What happened, as far as it is shown.
    pub data: Map<String, Value>,
    /// Whether there was personal data that was erased since.
    pub erased: bool,
}

/// What an event concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// `tenant`, `store`, `job` and so on: the first part of the stream's name.
    pub kind: String,
    /// The rest of the stream's name: its id; of an order, our id of the store before Order Desk's id of the order.
    pub id: String,
    /// Order Desk's id of the store.
    pub store_id: Option<String>,
}

impl std::fmt::Debug for AuditEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "AuditEntry({}, {}, ***)",
            self.event.position, self.event.type_name
        )
    }
}

/// What is sealed beside an event.
enum Content {
    /// A [`JobBody`].
    Body,
    /// A [`JobOutcome`].
    Outcome,
    /// An [`ImageBody`], of which the difference is shown; the image is what `?at=` is for.
    Difference,
    /// Nothing that is shown.
    Nothing,
}

fn content(event: &Event) -> Content {
    match event {
        Event::JobSubmitted(_) => Content::Body,
        Event::JobSucceeded(_) | Event::JobFailed(_) => Content::Outcome,
        Event::OrderChangedExternally(_) | Event::OrderWritten(_) | Event::OrderEditOverwritten(_) => {
            Content::Difference
        }
        Event::TenantCreated(_)
        | Event::KeyAdded(_)
        | Event::KeyRevoked(_)
        | Event::TenantDeleted(_)
        | Event::TenantErased(_)
        // Whom it is about is told to nobody.
        | Event::ErasureRequested(_)
        | Event::ErasureDone(_)
        | Event::StoreRegistered(_)
        | Event::StoreRenamed(_)
        | Event::StoreCredentialsReplaced(_)
        | Event::StorePaused(_)
        | Event::StoreResumed(_)
        | Event::StoreDeleted(_)
        | Event::StoreCredentialsDestroyed(_)
        | Event::JobIntentRecorded(_)
        | Event::JobRetryScheduled(_)
        | Event::JobRequeued(_)
        | Event::JobCancelled(_)
        | Event::JobRetriedAs(_)
        | Event::BatchOpened(_)
        | Event::BatchClosed(_)
        | Event::CallbackSecretCreated(_)
        | Event::EndpointCreated(_)
        | Event::EndpointUpdated(_)
        | Event::EndpointSecretRotated(_)
        | Event::EndpointDisabled(_)
        | Event::EndpointEnabled(_)
        | Event::EndpointDeleted(_)
        | Event::EndpointTested(_)
        | Event::EndpointReplayed(_)
        | Event::DeliveryRepeated(_)
        | Event::OrderRead(_)
        | Event::OrdersListed(_)
        | Event::LoginRefused(_) => Content::Nothing,
    }
}

/// The members of an event's data that are not shown: secrets, and what only the program needs.
fn hidden(event: &Event) -> &'static [&'static str] {
    match event {
        Event::TenantCreated(_) => &["salt"],
        Event::KeyAdded(_) => &["lookup", "phc"],
        Event::StoreRegistered(_) => &["upstream_key", "partition", "data_key_id"],
        Event::StoreCredentialsReplaced(_) => &["upstream_key"],
        Event::JobSubmitted(_) => &["partition", "class", "store_paused_ms"],
        Event::BatchOpened(_) | Event::ErasureRequested(_) => &["partition"],
        Event::KeyRevoked(_)
        | Event::TenantDeleted(_)
        | Event::TenantErased(_)
        | Event::ErasureDone(_)
        | Event::StoreRenamed(_)
        | Event::StorePaused(_)
        | Event::StoreResumed(_)
        | Event::StoreDeleted(_)
        | Event::StoreCredentialsDestroyed(_)
        | Event::JobIntentRecorded(_)
        | Event::JobRetryScheduled(_)
        | Event::JobRequeued(_)
        | Event::JobSucceeded(_)
        | Event::JobFailed(_)
        | Event::JobCancelled(_)
        | Event::JobRetriedAs(_)
        | Event::BatchClosed(_)
        | Event::OrderChangedExternally(_)
        | Event::OrderWritten(_)
        | Event::OrderEditOverwritten(_)
        | Event::CallbackSecretCreated(_)
        | Event::EndpointCreated(_)
        | Event::EndpointUpdated(_)
        | Event::EndpointSecretRotated(_)
        | Event::EndpointDisabled(_)
        | Event::EndpointEnabled(_)
        | Event::EndpointDeleted(_)
        | Event::EndpointTested(_)
        | Event::EndpointReplayed(_)
        | Event::DeliveryRepeated(_)
        | Event::OrderRead(_)
        | Event::OrdersListed(_)
        | Event::LoginRefused(_) => &[],
    }
}

/// The members of its data by which an event says whom it is about, although `ELSEWHERE` has them.
fn kept(event: &Event) -> &'static [&'static str] {
    match event {
        Event::KeyAdded(_) | Event::KeyRevoked(_) => &["key_id"],
        _ => &[],
    }
}

/// What is opened of what was sealed.
enum Opened {
    /// This; empty if nothing of it is shown.
    Shown(Map<String, Value>),
    /// Nothing: its key was destroyed.
    Erased,
}

impl App {
    /// What the audit shows of events of one tenant.
    pub(crate) async fn audit_entries(
        &self,
        events: Vec<Recorded>,
        names: &mut StoreNames,
    ) -> Result<Vec<AuditEntry>, Denied> {
        if let Some(first) = events.first() {
            let sealed = events.iter().filter_map(|event| event.sealed.as_ref());
            self.0.seals.warm(first.tenant_id, sealed).await?;
        }
        let mut entries = Vec::with_capacity(events.len());
        for event in events {
            entries.push(self.audit_entry(event, names).await?);
        }
        Ok(entries)
    }

    async fn audit_entry(&self, event: Recorded, names: &mut StoreNames) -> Result<AuditEntry, Denied> {
        let subject = self.audit_subject(&event, names).await?;
        let meta = event.meta();
        let (mut data, mut erased) = (Map::new(), false);
        match event.event() {
            Ok(decoded) => {
                data = members(&decoded, &event.data);
                match self.opened_content(&decoded, &event).await? {
                    Opened::Shown(more) => data.extend(more),
                    Opened::Erased => erased = true,
                }
            }
            // Altered, or written by a newer version: what is in it cannot be judged.
            Err(error) => {
                tracing::error!(position = event.position, error = %error, "an event cannot be shown");
            }
        }
        Ok(AuditEntry {
            event,
            meta,
            subject,
            data,
            erased,
        })
    }

    async fn audit_subject(&self, event: &Recorded, names: &mut StoreNames) -> Result<Subject, Denied> {
        let (kind, id) = event.stream.split_once('-').unwrap_or((&event.stream, ""));
        let store_id = match event.store_id {
            None => None,
            Some(id) => {
                if let Some(known) = names.get(&id) {
                    known.clone()
                } else {
                    let store = self.0.ledger.store(id).await?;
                    let name = store.map(|store| store.store_id);
                    names.insert(id, name.clone());
                    name
                }
            }
        };
        Ok(Subject {
            kind: kind.to_owned(),
            id: id.to_owned(),
            store_id: store_id.map(String::from),
        })
    }

    async fn opened_content(&self, decoded: &Event, event: &Recorded) -> Result<Opened, Denied> {
        let nothing = Opened::Shown(Map::new());
        let Some(sealed) = &event.sealed else {
            return Ok(nothing);
        };
        let (seals, tenant) = (&self.0.seals, event.tenant_id);
        let job = event.job_id.map(|job| job.0);
        let image = match (event.store_id, &event.order_id) {
            (Some(store), Some(order)) => Some(image_row(store, order)),
            _ => None,
        };
        let opened = match (content(decoded), job, image) {
            (Content::Body, Some(job), _) => {
                let body = seals
                    .open_json::<JobBody>(tenant, Purpose::JobBody, job, sealed)
                    .await;
                body.map(|body| shown_body(&body))
            }
            (Content::Outcome, Some(job), _) => {
                let outcome = seals
                    .open_json::<JobOutcome>(tenant, Purpose::JobOutcome, job, sealed)
                    .await;
                outcome.map(|outcome| object(serde_json::to_value(outcome).unwrap_or_default()))
            }
            (Content::Difference, _, Some(row)) => {
                let image = seals
                    .open_json::<ImageBody>(tenant, Purpose::OrderImage, row, sealed)
                    .await;
                image.map(|image| {
                    image
                        .diff
                        .map(|diff| ("diff".to_owned(), diff))
                        .into_iter()
                        .collect()
                })
            }
            (Content::Nothing, _, _) => return Ok(nothing),
            (Content::Body | Content::Outcome | Content::Difference, _, _) => Err(SealError::Damaged),
        };
        match opened {
            Ok(shown) => Ok(Opened::Shown(shown)),
            Err(SealError::KeyGone) => Ok(Opened::Erased),
            Err(SealError::Damaged) => {
                tracing::error!(
                    position = event.position,
                    "what is sealed beside an event cannot be opened"
                );
                Ok(nothing)
            }
            Err(error @ SealError::Ledger(_)) => Err(error.into()),
        }
    }
}

/// What a command is to do, as it is carried out.
fn shown_body(body: &JobBody) -> Map<String, Value> {
    let mut command = object(serde_json::to_value(&body.mutation).unwrap_or_default());
    // The data say it.
    command.remove("kind");
    let mut shown = Map::new();
    shown.insert("body".to_owned(), Value::Object(command));
    if let Some(url) = &body.callback_url {
        shown.insert("callback_url".to_owned(), url.as_str().into());
    }
    shown
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

fn members(event: &Event, data: &str) -> Map<String, Value> {
    let (hidden, kept) = (hidden(event), kept(event));
    let mut members = object(serde_json::from_str(data).unwrap_or_default());
    members.retain(|name, _| {
        let name = name.as_str();
        !hidden.contains(&name) && (kept.contains(&name) || !ELSEWHERE.contains(&name))
    });
    members
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../domain/fixtures/events");
    /// Parts of names that only secrets and what the program keeps for itself have.
    const SECRET: [&str; 9] = [
        "salt",
        "phc",
        "lookup",
        "hash",
        "upstream_key",
        "secret",
        "seal",
        "token",
        "partition",
    ];

    #[test]
    fn no_event_shows_a_secret_or_what_only_the_program_needs() {
        for name in Event::TYPES {
            let text = std::fs::read_to_string(format!("{FIXTURES}/{name}.json")).unwrap();
            let event = Event::decode(name, &text).unwrap();
            for member in members(&event, &text).keys() {
                // Which secret signs is no secret.
                assert!(
                    member == "secret_id" || SECRET.iter().all(|part| !member.contains(part)),
                    "{name}: {member}"
                );
            }
        }
    }

    #[test]
    fn what_an_event_is_about_is_shown() {
        let text = std::fs::read_to_string(format!("{FIXTURES}/tenant.key_added.v1.json")).unwrap();
        let event = Event::decode("tenant.key_added.v1", &text).unwrap();
        let shown = members(&event, &text);
        let names: Vec<_> = shown.keys().map(String::as_str).collect();
        assert_eq!(names, ["key_id", "label", "expires_at"]);
    }
}
