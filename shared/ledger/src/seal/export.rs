//! The lines of a tenant's export (`merkle::export`).

use domain::TenantId;
use merkle::PublicKey;
use merkle::export::{Content, End, Entry, FORMAT, Header, Line, Mark, Record};
use serde_json::Value;

use super::gaps::Gaps;
use super::identity::Identity;
use super::store::SignedHead;
use crate::backend::{Backend, BackendError};
use crate::recorded::Recorded;

/// After so many entries an earlier checkpoint is shown, if there is one: what was altered in a file is found to lie
/// between two of them.
const MARK_EVERY: u64 = 1_000;

/// Events of which the digest of the data stands for the data: they hold the hash of a master key, or the salt of the
/// tenant's key.
const DATA_WITHHELD: [&str; 2] = ["tenant.key_added.v1", "tenant.created.v1"];

/// Writes the lines of one export, in constant memory. Events must be given in ascending order.
#[derive(Debug)]
pub struct Exporter {
    /// The keys of all generations, the first one's first.
    keys: Vec<PublicKey>,
    head: SignedHead,
    gaps: Gaps,
    /// Leaves that the lines so far account for.
    at: u64,
    since_mark: u64,
    /// The next checkpoint to be shown.
    mark: Option<SignedHead>,
    entries: u64,
    first: Option<u64>,
    last: Option<u64>,
}

impl Exporter {
    /// Begins an export that is checked against the last signed head; `None` if nothing was signed yet. Whether it is
    /// `complete`, see [`Header`]. The line is its first.
    ///
    /// # Errors
    /// [`BackendError`] if the database fails.
    pub async fn start(
        backend: &dyn Backend,
        identity: Identity,
        seed: &[u8; 32],
        tenant: TenantId,
        complete: bool,
    ) -> Result<Option<(Self, Line)>, BackendError> {
        let Some(head) = backend.latest_signed_head().await? else {
            return Ok(None);
        };
        let keys: Vec<PublicKey> = (1..=head.generation)
            .map(|generation| identity.public_key(generation, seed))
            .collect();
        let header = Header {
            format: FORMAT.to_owned(),
            tenant_id: tenant.to_string(),
            complete,
            checkpoint: head.note.clone(),
            key: identity.public_key(head.generation, seed).to_string(),
        };
        let exporter = Self {
            keys,
            head,
            gaps: Gaps::new(),
            at: 0,
            since_mark: 0,
            mark: None,
            entries: 0,
            first: None,
            last: None,
        };
        Ok(Some((exporter, Line::Header(header))))
    }

    /// Up to which position events are in the export: they were sealed and signed.
    pub fn until(&self) -> u64 {
        self.head.size
    }

    /// The lines of the next event of the tenant; none if it lies beyond [`Exporter::until`]. `shown` is the event as
    /// people are to read it.
    ///
    /// # Errors
    /// [`BackendError`] if the database fails, or lacks what was sealed.
    pub async fn entry(
        &mut self,
        backend: &dyn Backend,
        event: &Recorded,
        shown: Option<Value>,
    ) -> Result<Vec<Line>, BackendError> {
        if event.position > self.head.size {
            return Ok(Vec::new());
        }
        let mut lines = Vec::new();
        if self.since_mark >= MARK_EVERY {
            self.since_mark = 0;
            let next = backend.signed_heads_from(self.at, 1).await?;
            self.mark = next.into_iter().next();
        }
        if let Some(head) = self.mark.take_if(|head| head.size < event.position) {
            lines.push(self.shown(backend, head).await?);
        }
        let gap = self.gaps.between(backend, self.at, event.position - 1).await?;
        let leaf = self.gaps.leaf(backend, event.position).await?;
        self.at = event.position;
        self.since_mark += 1;
        self.entries += 1;
        self.first.get_or_insert(event.tenant_seq);
        self.last = Some(event.tenant_seq);
        lines.push(Line::Entry(Box::new(Entry {
            position: event.position,
            tenant_position: event.tenant_seq,
            type_name: event.type_name.clone(),
            at: event.recorded_at.to_string(),
            gap,
            leaf,
            record: record(event),
            entry: shown,
        })));
        Ok(lines)
    }

    /// The last line.
    ///
    /// # Errors
    /// [`BackendError`] if the database fails, or lacks what was sealed.
    pub async fn end(mut self, backend: &dyn Backend) -> Result<Line, BackendError> {
        Ok(Line::End(End {
            entries: self.entries,
            first_tenant_position: self.first,
            last_tenant_position: self.last,
            gap: self.gaps.between(backend, self.at, self.head.size).await?,
        }))
    }

    /// The line of an earlier checkpoint, which ends between the last entry and the next.
    async fn shown(&mut self, backend: &dyn Backend, head: SignedHead) -> Result<Line, BackendError> {
        let key = self.keys.get(head.generation.saturating_sub(1) as usize);
        let gap = self.gaps.between(backend, self.at, head.size).await?;
        self.at = head.size;
        self.since_mark = 0;
        Ok(Line::Checkpoint(Mark {
            checkpoint: head.note,
            key: key
                .filter(|_| head.generation != self.head.generation)
                .map(ToString::to_string),
            gap,
        }))
    }
}

fn record(event: &Recorded) -> Record {
    let data = if DATA_WITHHELD.contains(&event.type_name.as_str()) {
        Content::digest_of(event.data.as_bytes())
    } else {
        Content::Text(event.data.clone())
    };
    Record {
        stream: event.stream.clone(),
        version: event.version,
        store_id: event.store_id.map(|id| id.to_string()),
        order_id: event.order_id.as_ref().map(ToString::to_string),
        job_id: event.job_id.map(|id| id.to_string()),
        data,
        // Ciphertext is long and of no use without the keys.
        sealed: event
            .sealed
            .as_ref()
            .map(|sealed| Content::digest_of(sealed.as_bytes())),
        meta: Content::Text(event.meta.clone()),
    }
}
