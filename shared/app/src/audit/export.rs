//! What a tenant takes away: all its events of a time, or from a position on, in the order of the log.
//!
//! Read in bites that are bounded in number and bytes, each a query of its own: whoever takes them slowly holds nothing
//! of the database. Which events belong to an export is settled at its beginning, and none of them can change.

use std::time::Duration;

use domain::{TenantId, Timestamp};
use ledger::audit::Place;
use ledger::seal::{Exporter, Identity};
use merkle::export::Line;
use tokio::time::Instant;
use uuid::Uuid;

use super::{AuditEntry, StoreNames};
use crate::{App, Caller, Denied, ProofError};

/// Events of one bite, at most.
const BITE: u32 = 256;
/// Data and ciphertext of one bite, at most, unless it is a single event.
const BITE_BYTES: u64 = 2 << 20;
/// How often the caller's key is proven again: an export of a million entries takes a while.
const PROVE_EVERY: Duration = Duration::from_secs(5);
/// More stores than this are forgotten again.
const MOST_NAMES: usize = 10_000;

/// Which of the caller's events are exported.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExportQuery {
    /// Recorded at or after.
    pub from: Option<Timestamp>,
    /// Recorded before.
    pub to: Option<Timestamp>,
    /// At this position of the log or behind it: where an export that broke off goes on.
    pub from_position: Option<u64>,
}

/// An export under way.
pub struct Export {
    app: App,
    caller: Caller,
    tenant: Option<TenantId>,
    /// All up to this number was read.
    after: u64,
    /// The last number that belongs to it.
    last: u64,
    names: StoreNames,
    proven: Instant,
}

impl App {
    /// Begins an export of the caller's events up to position `until`, by default of all there are.
    pub async fn export(
        &self,
        caller: &Caller,
        query: ExportQuery,
        until: Option<u64>,
    ) -> Result<Export, Denied> {
        let ledger = &self.0.ledger;
        let (mut after, mut last) = (0, 0);
        if let Some(tenant) = caller.tenant_id() {
            let before = |place| ledger.tenant_events_before(tenant, place);
            let end = until.map_or(u64::MAX, |until| until.saturating_add(1));
            last = before(Place::Position(end)).await?;
            if let Some(to) = query.to {
                last = last.min(before(Place::Time(to)).await?);
            }
            if let Some(from) = query.from {
                after = before(Place::Time(from)).await?;
            }
            if let Some(position) = query.from_position {
                after = after.max(before(Place::Position(position)).await?);
            }
        }
        Ok(Export {
            app: self.clone(),
            caller: caller.clone(),
            tenant: caller.tenant_id(),
            after,
            last,
            names: StoreNames::new(),
            proven: Instant::now(),
        })
    }

    /// What writes the lines that prove the caller's export, and the first of them. Its entries end at
    /// [`Exporter::until`].
    pub async fn exporter(&self, caller: &Caller) -> Result<(Exporter, Line), ProofError> {
        let ledger = self.ledger();
        let identity = Identity::open(&**ledger, self.clock().uuid()).await?;
        // Who is no tenant yet has no events; the lines prove that as well.
        let tenant = caller.tenant_id().unwrap_or(TenantId(Uuid::nil()));
        let seed = self.keyring().signing_seed();
        let started = Exporter::start(&**ledger, identity, seed, tenant, true).await?;
        started.ok_or_else(ProofError::later)
    }
}

impl Export {
    /// The first and the last `tenant_position`; none if there are no entries.
    pub fn range(&self) -> Option<(u64, u64)> {
        (self.after < self.last).then_some((self.after + 1, self.last))
    }

    /// The next entries; none at the end.
    ///
    /// # Errors
    /// [`Denied::KeyRevoked`] once the caller's key is withdrawn, [`Denied::Internal`] if the log has a gap.
    pub async fn next(&mut self) -> Result<Vec<AuditEntry>, Denied> {
        let Some(tenant) = self.tenant.filter(|_| self.after < self.last) else {
            return Ok(Vec::new());
        };
        self.prove(tenant).await?;
        let limit = BITE.min(u32::try_from(self.last - self.after).unwrap_or(BITE));
        let ledger = &self.app.0.ledger;
        let rows = ledger
            .tenant_events_after(tenant, self.after, limit, BITE_BYTES)
            .await?;
        for row in &rows {
            self.after += 1;
            if row.tenant_seq != self.after {
                return Err(Denied::internal("an event is missing from the log"));
            }
        }
        if rows.is_empty() {
            return Err(Denied::internal("the end of the log is missing"));
        }
        if self.names.len() > MOST_NAMES {
            self.names.clear();
        }
        self.app.audit_entries(rows, &mut self.names).await
    }

    async fn prove(&mut self, tenant: TenantId) -> Result<(), Denied> {
        if self.proven.elapsed() < PROVE_EVERY {
            return Ok(());
        }
        let proven = self.app.authenticate(&self.caller.key).await?;
        self.caller.tenant = proven.tenant;
        self.proven = Instant::now();
        if self.caller.tenant_id() == Some(tenant) {
            Ok(())
        } else {
            Err(Denied::KeyRevoked)
        }
    }
}

impl std::fmt::Debug for Export {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Export")
            .field("after", &self.after)
            .field("last", &self.last)
            .finish_non_exhaustive()
    }
}
