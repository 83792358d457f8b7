//! Cuts a batch into runs of appends none of which can change what another one's conditions see.
//!
//! Within such a run it makes no difference whether the conditions are tested one append after another or all at the
//! start, and the database can do the latter for all of them at once. Submissions and results, the bulk of what is
//! appended, hardly ever touch each other: a batch is nearly always one group.

use std::collections::HashSet;

use domain::{BatchId, DataKeyId, JobId, KeyId, OrderId, StoreId, TenantId};
use ledger::view::ViewRow;
use ledger::{Append, Guard, Stream};

/// What an append's conditions look at, or what it writes.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Thing<'a> {
    Stream(&'a Stream),
    Tenant(TenantId),
    Key(KeyId),
    Lookup(&'a str),
    Store(StoreId),
    StoreName(TenantId, &'a str),
    Job(JobId),
    Batch(BatchId),
    Image(StoreId, &'a OrderId),
    DataKey(DataKeyId),
    Idempotency(TenantId, &'a str),
}

/// The batch in consecutive groups.
pub(crate) fn groups(batch: &[Append]) -> Vec<&[Append]> {
    let mut groups = Vec::new();
    let mut start = 0;
    let mut read: HashSet<Thing<'_>> = HashSet::new();
    let mut written: HashSet<Thing<'_>> = HashSet::new();
    // Which keys are destroyed is known only to the database.
    let mut closed = false;
    for (index, append) in batch.iter().enumerate() {
        let (reads, writes) = (reads(append), writes(append));
        let barrier = !append.destroy_keys.is_empty();
        let touches = writes
            .iter()
            .any(|thing| written.contains(thing) || read.contains(thing))
            || reads.iter().any(|thing| written.contains(thing));
        if index > start && (closed || barrier || touches) {
            groups.push(&batch[start..index]);
            start = index;
            read.clear();
            written.clear();
        }
        closed = barrier;
        read.extend(reads);
        written.extend(writes);
    }
    if start < batch.len() {
        groups.push(&batch[start..]);
    }
    groups
}

fn reads(append: &Append) -> Vec<Thing<'_>> {
    let mut things = Vec::with_capacity(append.guards.len());
    for guard in &append.guards {
        match guard {
            Guard::StoreOpen(id) => things.push(Thing::Store(*id)),
            Guard::TenantOpen(id) => things.push(Thing::Tenant(*id)),
            Guard::DataKey(id) => things.push(Thing::DataKey(*id)),
            // No append changes who owns a partition.
            Guard::Owner { .. } => {}
        }
    }
    things
}

fn writes(append: &Append) -> HashSet<Thing<'_>> {
    let mut things = HashSet::with_capacity(append.events.len() + append.views.len() + 4);
    things.extend(append.events.iter().map(|event| Thing::Stream(&event.stream)));
    for view in &append.views {
        match &view.row {
            ViewRow::Tenant(tenant) => {
                things.insert(Thing::Tenant(tenant.id));
            }
            ViewRow::Key(key) => {
                things.insert(Thing::Key(key.id));
                things.insert(Thing::Lookup(&key.lookup));
            }
            ViewRow::Store(store) => {
                things.insert(Thing::Store(store.id));
                things.insert(Thing::StoreName(store.tenant_id, store.store_id.as_str()));
            }
            ViewRow::Job(job) => {
                things.insert(Thing::Job(job.id));
            }
            ViewRow::OpenBatch(batch) => {
                things.insert(Thing::Batch(batch.id));
            }
            ViewRow::ClosedBatch(id) => {
                things.insert(Thing::Batch(*id));
            }
            ViewRow::Image(image) => {
                things.insert(Thing::Image(image.store_id, &image.order_id));
            }
            ViewRow::NoImage(store, order) => {
                things.insert(Thing::Image(*store, order));
            }
            // No condition looks at it, and it is written in the order of the appends.
            ViewRow::Endpoint(_) => {}
        }
    }
    things.extend(append.data_keys.iter().map(|key| Thing::DataKey(key.id)));
    things.extend(append.bind_keys.iter().map(|(id, _)| Thing::DataKey(*id)));
    things.extend(
        append
            .idempotency
            .iter()
            .map(|record| Thing::Idempotency(record.tenant_id, &record.key)),
    );
    things
}

#[cfg(test)]
mod tests {
    use domain::Timestamp;
    use ledger::{DestroyKeys, Meta};
    use uuid::Uuid;

    use super::*;

    fn append() -> Append {
        Append::new(Timestamp::EPOCH, Meta::default())
    }

    fn key(id: u128) -> DataKeyId {
        DataKeyId(Uuid::from_u128(id))
    }

    fn bind(id: u128) -> Append {
        let mut append = append();
        append.bind_keys.push((key(id), "1".parse().unwrap()));
        append
    }

    fn lengths(batch: &[Append]) -> Vec<usize> {
        groups(batch).iter().map(|group| group.len()).collect()
    }

    #[test]
    fn appends_that_only_look_at_the_same_things_stay_together() {
        let guarded = append()
            .guard(Guard::DataKey(key(1)))
            .guard(Guard::StoreOpen(StoreId(Uuid::nil())));
        assert_eq!(
            lengths(&[guarded.clone(), guarded.clone(), bind(2), bind(3), guarded]),
            [5]
        );
        assert!(groups(&[]).is_empty());
    }

    #[test]
    fn a_write_is_parted_from_the_reads_and_writes_of_its_object() {
        let guarded = append().guard(Guard::DataKey(key(1)));
        assert_eq!(lengths(&[guarded.clone(), bind(1)]), [1, 1]);
        assert_eq!(lengths(&[bind(1), guarded.clone()]), [1, 1]);
        assert_eq!(
            lengths(&[bind(1), bind(2), bind(1), guarded.clone(), guarded]),
            [2, 1, 2]
        );
    }

    #[test]
    fn an_append_that_destroys_keys_stands_alone() {
        let mut destroy = append();
        destroy.destroy_keys.push(DestroyKeys::One(key(9)));
        assert_eq!(
            lengths(&[bind(1), destroy.clone(), destroy, bind(2), bind(3)]),
            [1, 1, 1, 2]
        );
    }
}
