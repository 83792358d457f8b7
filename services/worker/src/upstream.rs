//! Calls to Order Desk on the schedule's tokens.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::StoreId;
use domain::order::FolderId;
use orderdesk::{Answer, CallError, Credentials, Failure, Folder};
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::lease::WRITE_NEEDS;

tokio::task_local! {
    /// Cancelled by a cycle that has lost its lease, to be ended where it stands.
    pub(crate) static ABANDONED: CancellationToken;
}

/// How long folder names are believed.
const FOLDERS_FOR: Duration = Duration::from_hours(1);

/// The tokens of one cycle, and what they were spent on. What is left goes back when it is dropped.
pub(crate) struct Purse<'a> {
    context: &'a Context,
    upstream: &'a str,
    left: u32,
    /// Requests sent.
    pub(crate) spent: u32,
}

impl<'a> Purse<'a> {
    pub(crate) fn new(context: &'a Context, upstream: &'a str, tokens: u32) -> Self {
        Self {
            context,
            upstream,
            left: tokens,
            spent: 0,
        }
    }

    /// Makes sure that `n` tokens are in hand, waiting for them if need be.
    pub(crate) async fn have(&mut self, n: u32) {
        while self.left < n {
            let missing = n - self.left;
            match self
                .context
                .look(|schedule, now| schedule.take_more(self.upstream, missing, now))
            {
                Ok(()) => self.left = n,
                Err(wait) => tokio::time::sleep(wait).await,
            }
        }
    }

    /// Whatever a process has read before it was frozen, or before its lease ran out, is too old to act on: the cycle
    /// ends here, and what it may have announced counts as in doubt.
    async fn unless_frozen(&self) {
        let (lease, now) = (&self.context.lease, self.context.clock.boot());
        let partition = self
            .context
            .look(|schedule, _| schedule.partition_of(self.upstream));
        if !lease.left(now).is_zero() && partition.is_some_and(|partition| lease.owns(partition)) {
            return;
        }
        if let Ok(abandoned) = ABANDONED.try_with(CancellationToken::clone) {
            abandoned.cancel();
            std::future::pending::<()>().await;
        }
    }

    /// How long a 429 forbids sending, even on tokens in hand.
    pub(crate) fn blocked_for(&self) -> Duration {
        self.context
            .look(|schedule, now| schedule.blocked_for(self.upstream, now))
    }

    /// One call on one token. What became of it is told to the bucket and the circuit.
    pub(crate) async fn call<T>(
        &mut self,
        call: impl Future<Output = Result<Answer<T>, CallError>>,
    ) -> Result<Answer<T>, CallError> {
        self.have(1).await;
        self.unless_frozen().await;
        self.left -= 1;
        let ticket = self
            .context
            .look(|schedule, now| schedule.sent(self.upstream, now));
        self.spent += 1;
        let outcome = call.await;
        let sent = !matches!(&outcome, Err(error) if matches!(error.failure(), Failure::NotSent(_)));
        if !sent {
            self.spent -= 1;
        }
        self.context.schedule(|schedule, now| {
            schedule.report(self.upstream, |bucket, circuit| {
                let failure = outcome.as_ref().err().map(CallError::failure);
                if let Some(ticket) = ticket {
                    match failure {
                        Some(Failure::NotSent(_)) => bucket.unsent(ticket, now.boot),
                        Some(Failure::RateLimited { retry_after }) => {
                            bucket.rate_limited(ticket, retry_after, now.boot);
                        }
                        _ => {
                            let remaining = match &outcome {
                                Ok(answer) => answer.tokens_remaining,
                                Err(error) => error.tokens_remaining(),
                            };
                            bucket.observed(ticket, remaining, now.boot);
                        }
                    }
                }
                match failure {
                    None => circuit.answered(),
                    Some(failure) if failure.is_outage() => circuit.outage(now.boot),
                    Some(failure) if failure.was_answered() => circuit.answered(),
                    Some(_) => {}
                }
            });
        });
        outcome
    }
}

impl Drop for Purse<'_> {
    fn drop(&mut self) {
        if self.left > 0 {
            self.context
                .schedule(|schedule, now| schedule.refund(self.upstream, self.left, now));
        }
    }
}

/// Whether the lease is long enough for a write's first byte to go out now. Where a lock proves that nobody else can take
/// over, owning is enough.
pub(crate) fn may_write(context: &Context, partition: u16) -> bool {
    context.lease.owns(partition)
        && (context.config.sole || context.lease.left(context.clock.boot()) >= WRITE_NEEDS)
}

/// Whether a read may begin now.
pub(crate) fn may_read(context: &Context, partition: u16) -> bool {
    context.lease.owns(partition) && !context.lease.left(context.clock.boot()).is_zero()
}

/// Folders by store, with the time until which they are believed.
#[derive(Debug, Default)]
pub(crate) struct Folders(Mutex<HashMap<StoreId, Known>>);

/// Until when they are believed, and the folders.
type Known = (Duration, Arc<Vec<Folder>>);

impl Folders {
    fn get(&self, store: StoreId, now: Duration) -> Option<Arc<Vec<Folder>>> {
        let known = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        known
            .get(&store)
            .filter(|(until, _)| *until > now)
            .map(|(_, folders)| Arc::clone(folders))
    }

    fn put(&self, store: StoreId, until: Duration, folders: Arc<Vec<Folder>>) {
        let mut known = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if known.len() >= 10_000 {
            known.clear();
        }
        known.insert(store, (until, folders));
    }
}

/// Which folder a command names.
pub(crate) enum Wanted<'a> {
    Name(&'a str),
    Id(FolderId),
}

/// Makes sure that a store's folders are known, before a read whose window a look-up would widen.
pub(crate) async fn know_folders(
    purse: &mut Purse<'_>,
    credentials: &Credentials,
    store: StoreId,
) -> Result<(), CallError> {
    if purse
        .context
        .folders
        .get(store, purse.context.clock.boot())
        .is_none()
    {
        fetch_folders(purse, credentials, store).await?;
    }
    Ok(())
}

async fn fetch_folders(
    purse: &mut Purse<'_>,
    credentials: &Credentials,
    store: StoreId,
) -> Result<Arc<Vec<Folder>>, CallError> {
    let context = purse.context;
    let info = purse.call(context.client.store(credentials)).await?.value;
    let folders = Arc::new(info.folders);
    context
        .folders
        .put(store, context.clock.boot() + FOLDERS_FOR, Arc::clone(&folders));
    Ok(folders)
}

/// Looks a folder up among the store's; asks Order Desk anew if it is not among those known.
pub(crate) async fn find_folder(
    purse: &mut Purse<'_>,
    credentials: &Credentials,
    store: StoreId,
    wanted: &Wanted<'_>,
) -> Result<Option<FolderId>, CallError> {
    let context = purse.context;
    let now = context.clock.boot();
    if let Some(found) = context
        .folders
        .get(store, now)
        .and_then(|folders| pick(&folders, wanted))
    {
        return Ok(Some(found));
    }
    let folders = fetch_folders(purse, credentials, store).await?;
    Ok(pick(&folders, wanted))
}

fn pick(folders: &[Folder], wanted: &Wanted<'_>) -> Option<FolderId> {
    let found = match wanted {
        Wanted::Name(name) => folders.iter().find(|folder| folder.name == *name).or_else(|| {
            folders
                .iter()
                .find(|folder| folder.name.eq_ignore_ascii_case(name))
        }),
        Wanted::Id(id) => folders.iter().find(|folder| folder.id == id.to_string()),
    };
    found.and_then(|folder| folder.id.parse().ok().map(FolderId))
}
