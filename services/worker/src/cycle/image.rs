//! What others changed between two of our reads.

use app::payload::ImageBody;
use app::seals::image_row;
use app::{Purpose, Sealer};
use domain::image::OrderImage;
use domain::order::diff::diff;
use domain::order::{ETag, OrderDoc};
use domain::{OrderId, StoreId};
use serde_json::Value;

use super::Cycle;
use super::write::Writing;
use crate::context::Context;

/// A foreign change that was noticed and is not recorded yet.
pub(super) struct External {
    digest_before: String,
    tag: ETag,
    body: ImageBody,
}

/// The last image that we wrote or saw. To be read beside the order itself: afterwards it would make the window longer
/// in which others' edits are lost. Nobody else writes it meanwhile, as the order's lane is ours.
pub(super) async fn last(context: &Context, store: StoreId, order: &OrderId) -> Option<OrderImage> {
    context.ledger.order_image(store, order).await.ok().flatten()
}

/// Compares a fetched order with the last image that we wrote or saw.
pub(super) async fn compare(
    cycle: &Cycle<'_>,
    order: &OrderId,
    fetched: &OrderDoc,
    last: Option<OrderImage>,
) -> Option<External> {
    let last = last?;
    let tag = cycle.tag(fetched);
    if last.digest == tag.as_str() {
        return None;
    }
    let old = match &last.image {
        Some(sealed) => cycle
            .context
            .seals
            .open_json::<ImageBody>(
                cycle.plan.tenant_id,
                Purpose::OrderImage,
                row(cycle, order),
                sealed,
            )
            .await
            .ok(),
        None => None,
    };
    let diff = old
        .and_then(|body| OrderDoc::from_value(body.image).ok())
        .and_then(|old| serde_json::to_value(diff(&old, fetched)).ok());
    Some(External {
        digest_before: last.digest,
        tag,
        body: ImageBody {
            image: fetched.to_value(),
            diff,
        },
    })
}

impl External {
    /// Adds the change to an append.
    pub(super) fn record(&self, cycle: &Cycle<'_>, order: &OrderId, sealer: &Sealer, writing: &mut Writing) {
        let image = sealer.seal_json(Purpose::OrderImage, row(cycle, order), &self.body);
        writing.changed_externally(cycle, order, self.digest_before.clone(), &self.tag, image);
        metrics::counter!("orders_changed_externally_total").increment(1);
    }
}

/// The sealed image of an order that we wrote.
pub(super) fn seal(cycle: &Cycle<'_>, order: &OrderId, sealer: &Sealer, image: Value) -> domain::Sealed {
    sealer.seal_json(
        Purpose::OrderImage,
        row(cycle, order),
        &ImageBody { image, diff: None },
    )
}

fn row(cycle: &Cycle<'_>, order: &OrderId) -> uuid::Uuid {
    image_row(cycle.plan.store_id, order)
}
