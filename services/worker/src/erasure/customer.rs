//! One customer: everything recorded of the store is opened once and searched for the address. Nothing but the content
//! says where it is, and an index of addresses would be personal data itself.

use std::collections::BTreeSet;

use app::seals::{key_of, place_of};
use app::{Purpose, SealError};
use domain::event::{ErasureDone, ErasureRequested, JobCancelled};
use domain::job::CancelReason;
use domain::{DataKeyId, ErasureId, JobId, OrderId};
use ledger::{AppendError, DestroyKeys, Recorded, Refusal};
use queue::Subject;
use serde_json::Value;

use super::mention::mentions;
use super::{Failure, Pending, begin, event};
use crate::context::Context;

/// Events per page, and pages per round: others have their turn between.
const PAGE: u32 = 500;
const PAGES: usize = 8;
/// Orders per append.
const CHUNK: usize = 200;

/// How far the search has got, and what it has found.
#[derive(Default)]
pub(super) struct Scan {
    /// The tenant's number of the last event that was searched.
    after: u64,
    orders: BTreeSet<OrderId>,
    /// Keys of what has no order (yet), with the job.
    loose: BTreeSet<(DataKeyId, Option<JobId>)>,
}

pub(super) async fn step(context: &Context, one: &mut Pending) -> Result<bool, Failure> {
    let Some(sealed) = &one.sealed else {
        tracing::error!(erasure_id = %one.request.erasure_id, "an erasure names nobody");
        return Ok(true);
    };
    let (tenant, row) = (one.request.tenant_id, one.request.erasure_id.0);
    let address: String = match context
        .seals
        .open_json(tenant, Purpose::ErasureSubject, row, sealed)
        .await
    {
        Ok(address) => address,
        // Done by whoever had the partition before, as the log will tell; or the tenant itself was erased.
        Err(SealError::KeyGone) => return Ok(true),
        Err(SealError::Damaged) => {
            tracing::error!(erasure_id = %one.request.erasure_id, "whom an erasure is about cannot be read");
            return Ok(true);
        }
        Err(error) => return Err(error.into()),
    };
    if !search(context, one, &address).await? {
        return Ok(false);
    }
    if !settle(context, one).await? {
        return Ok(false);
    }
    finish(context, one).await
}

/// Searches on; whether the end of the log was reached.
async fn search(context: &Context, one: &mut Pending, address: &str) -> Result<bool, Failure> {
    let ErasureRequested {
        tenant_id, store_id, ..
    } = one.request;
    for _ in 0..PAGES {
        let after = one.scan.after;
        let page = context
            .ledger
            .sealed_events_of_store(tenant_id, store_id, after, PAGE)
            .await?;
        for row in &page {
            if let Some(key) = found(context, row, address).await? {
                note(context, &mut one.scan, row, key).await?;
            }
            one.scan.after = row.tenant_seq;
        }
        if (page.len() as u32) < PAGE {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The key of an event's sealed part, if that speaks of the address.
async fn found(context: &Context, row: &Recorded, address: &str) -> Result<Option<DataKeyId>, Failure> {
    let Some(sealed) = &row.sealed else {
        return Ok(None);
    };
    let Some((purpose, place)) = row.event().ok().as_ref().and_then(place_of) else {
        return Ok(None);
    };
    let content: Value = match context
        .seals
        .open_json(row.tenant_id, purpose, place, sealed)
        .await
    {
        Ok(content) => content,
        Err(SealError::KeyGone) => return Ok(None),
        // Nobody can read it, and one altered row does not keep all others from being erased.
        Err(SealError::Damaged) => {
            tracing::error!(position = row.position, "sealed data are damaged");
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    Ok(if mentions(&content, address) {
        key_of(sealed)
    } else {
        None
    })
}

async fn note(context: &Context, scan: &mut Scan, row: &Recorded, key: DataKeyId) -> Result<(), Failure> {
    match context.ledger.data_key(key).await?.map(|key| key.order_id) {
        Some(Some(order)) => {
            scan.orders.insert(order);
        }
        Some(None) => {
            scan.loose.insert((key, row.job_id));
        }
        None => {}
    }
    Ok(())
}

/// Ends the jobs that no order is known of; whether all have ended. One that has made its order meanwhile leaves that.
async fn settle(context: &Context, one: &mut Pending) -> Result<bool, Failure> {
    let mut all = true;
    for (key, job) in one.scan.loose.clone() {
        if let Some(job) = job
            && let Some(job) = context.ledger.job(job).await?
            && !job.status.is_final()
        {
            all = false;
            let Some(mut writing) = begin(context, &one.request) else {
                return Ok(false);
            };
            if job.batch_id.is_none() {
                let cancelled = JobCancelled {
                    at: writing.at(),
                    job_id: job.id,
                    reason: CancelReason::Erased,
                };
                writing.job(&job, cancelled, None);
                if let Ok(jobs) = writing.commit(context).await {
                    context.schedule(|schedule, now| {
                        for job in &jobs {
                            schedule.upsert(job, now);
                        }
                    });
                }
            }
        } else {
            match context.ledger.data_key(key).await?.map(|key| key.order_id) {
                Some(Some(order)) => {
                    one.scan.orders.insert(order);
                    one.scan.loose.remove(&(key, job));
                }
                Some(None) => {}
                None => {
                    one.scan.loose.remove(&(key, job));
                }
            }
        }
    }
    Ok(all)
}

/// Asks for the erasure of each order, then forgets whom it was about. Broken off between, it begins anew, and what was
/// asked for twice is done twice, which does no harm.
async fn finish(context: &Context, one: &Pending) -> Result<bool, Failure> {
    let request = &one.request;
    let orders: Vec<&OrderId> = one.scan.orders.iter().collect();
    for chunk in orders.chunks(CHUNK) {
        let Some(mut writing) = begin(context, request) else {
            return Ok(false);
        };
        for order in chunk {
            let id = ErasureId(context.clock.uuid());
            let part = ErasureRequested {
                at: writing.at(),
                erasure_id: id,
                order_id: Some((*order).clone()),
                part_of: Some(request.erasure_id),
                ..request.clone()
            };
            let part = event(request, id, 0, Some((*order).clone()), part.into());
            writing.append.event(part);
        }
        writing.commit(context).await?;
    }
    let Some(mut writing) = begin(context, request) else {
        return Ok(false);
    };
    let records = one.scan.orders.len() + one.scan.loose.len();
    let done = ErasureDone {
        at: writing.at(),
        erasure_id: request.erasure_id,
        tenant_id: request.tenant_id,
        store_id: request.store_id,
        order_id: None,
        records: u32::try_from(records).unwrap_or(u32::MAX),
    };
    let done = event(request, request.erasure_id, 1, None, done.into());
    writing.append.event(done);
    let subject = one.sealed.as_ref().and_then(key_of);
    let keys = one.scan.loose.iter().map(|(key, _)| *key).chain(subject);
    writing.append.destroy_keys.extend(keys.map(DestroyKeys::One));
    writing.forget_lists(request.store_id);
    writing.announce(Subject::Erased {
        store_id: Some(request.store_id),
        order_id: None,
    });
    let committed = writing.commit(context).await;
    context.seals.forget_keys();
    match committed {
        Ok(_) | Err(AppendError::Refused(Refusal::Conflict { .. })) => Ok(true),
        Err(error) => Err(error.into()),
    }
}
