//! What JetStream keeps: the stream of hints and its consumers, made whenever they are missing.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::consumer::{AckPolicy, StreamError, pull};
use async_nats::jetstream::context::{
    Context, ContextBuilder, CreateStreamError, PublishError, PublishErrorKind,
};
use async_nats::jetstream::stream::{self, ConsumerError, DiscardPolicy, RetentionPolicy, StorageType};
use queue::Hint;
use tokio::sync::Mutex;

use crate::link::ANSWER;
use crate::names::Names;

/// A hint older than this is worth less than the sweep that will have come by.
const MAX_AGE: Duration = Duration::from_hours(1);
/// How long making a stream or consumer may take: the server writes files, for many at once.
const MAKING: Duration = Duration::from_secs(10);
/// How long the server keeps a request for hints that do not come.
const PULL: Duration = Duration::from_secs(30);
/// A silence of twice this is a consumer that is gone.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// Why something could not be made in JetStream, or be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("the stream of hints could not be made")]
    Stream(#[source] CreateStreamError),
    #[error("a consumer of hints could not be made")]
    Consumer(#[source] ConsumerError),
    #[error("a consumer of hints could not be asked")]
    Pull(#[source] StreamError),
    #[error("a hint could not be published")]
    Publish(#[source] PublishError),
}

/// The stream of hints.
pub(crate) struct Store {
    /// With a patience for each kind of request.
    making: Context,
    publishing: Context,
    names: Names,
    redeliver_after: Duration,
    made: Mutex<Made>,
}

/// Which connection the stream was made on, and how often it was made.
#[derive(Default)]
struct Made {
    on: Option<u64>,
    times: u64,
    /// Whether the log knows that it cannot be made.
    reported: bool,
}

impl Store {
    pub(crate) fn new(client: &Client, names: Names, redeliver_after: Duration) -> Self {
        let context = |timeout| {
            ContextBuilder::new()
                .timeout(timeout)
                .ack_timeout(timeout)
                .build(client.clone())
        };
        Self {
            making: context(MAKING),
            publishing: context(ANSWER),
            names,
            redeliver_after,
            made: Mutex::default(),
        }
    }

    /// Makes sure of the stream, once for each connection, and tells how often it was made, for [`Self::forget`].
    pub(crate) async fn ensure(&self, connection: u64) -> Result<u64, StoreError> {
        let mut made = self.made.lock().await;
        if made.on == Some(connection) {
            return Ok(made.times);
        }
        if let Err(error) = self.making.create_or_update_stream(self.stream()).await {
            if !made.reported {
                tracing::warn!(
                    error = &error as &dyn Error,
                    "JetStream cannot keep hints; the sweep replaces them"
                );
                made.reported = true;
            }
            return Err(StoreError::Stream(error));
        }
        made.on = Some(connection);
        made.times += 1;
        made.reported = false;
        Ok(made.times)
    }

    /// Lets the stream be made again, after something has shown that it is gone; once, however many noticed.
    pub(crate) async fn forget(&self, times: u64) {
        let mut made = self.made.lock().await;
        if made.times == times {
            made.on = None;
        }
    }

    /// Publishes one hint and waits for the server's receipt.
    pub(crate) async fn publish(&self, hint: Hint) -> Result<(), StoreError> {
        let payload = serde_json::to_vec(&hint).expect("a hint is plain data");
        let subject = self.names.jobs(hint.partition);
        let receipt = self
            .publishing
            .publish(subject, payload.into())
            .await
            .map_err(StoreError::Publish)?;
        receipt.await.map(drop).map_err(StoreError::Publish)
    }

    /// Opens a partition's hints, making the consumer if it is missing.
    pub(crate) async fn open(
        self: &Arc<Self>,
        connection: u64,
        partition: u16,
    ) -> Result<pull::Stream, StoreError> {
        let times = self.ensure(connection).await?;
        let made = self
            .making
            .create_consumer_on_stream(self.consumer(partition), self.names.stream())
            .await;
        let consumer = match made {
            Ok(consumer) => consumer,
            Err(error) => {
                self.forget(times).await;
                return Err(StoreError::Consumer(error));
            }
        };
        consumer
            .stream()
            .max_messages_per_batch(16)
            .expires(PULL)
            .heartbeat(HEARTBEAT)
            .messages()
            .await
            .map_err(StoreError::Pull)
    }

    fn stream(&self) -> stream::Config {
        stream::Config {
            name: self.names.stream(),
            description: Some("The newest hint of each partition; the ledger is the truth.".to_owned()),
            subjects: vec![self.names.all_jobs()],
            retention: RetentionPolicy::WorkQueue,
            storage: StorageType::File,
            discard: DiscardPolicy::Old,
            max_messages_per_subject: 1,
            max_age: MAX_AGE,
            ..stream::Config::default()
        }
    }

    fn consumer(&self, partition: u16) -> pull::Config {
        pull::Config {
            durable_name: Some(Names::consumer(partition)),
            filter_subject: self.names.jobs(partition),
            ack_policy: AckPolicy::Explicit,
            ack_wait: self.redeliver_after,
            ..pull::Config::default()
        }
    }
}

impl StoreError {
    /// Whether this says that the stream is gone.
    pub(crate) fn is_gone(&self) -> bool {
        matches!(self, Self::Publish(error) if error.kind() == PublishErrorKind::StreamNotFound)
    }
}
