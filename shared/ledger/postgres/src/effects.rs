//! Reading open batches and order images.

use domain::batch::OpenBatch;
use domain::image::OrderImage;
use domain::{BatchId, OrderId, Sealed, StoreId};
use sqlx::postgres::PgRow;

use crate::connect::PostgresLedger;
use crate::error::{Reading, Result};

impl PostgresLedger {
    pub(crate) async fn batches_of(&self, partition: u16) -> Result<Vec<OpenBatch>> {
        let sql =
            "select id, position, doc, plan from open_batches where partition = $1 order by position, id";
        let rows = self
            .readers
            .read(|| sqlx::query(sql).bind(i32::from(partition)))
            .await?;
        rows.iter().map(batch).collect()
    }

    pub(crate) async fn batch_by_id(&self, id: BatchId) -> Result<Option<OpenBatch>> {
        let sql = "select id, position, doc, plan from open_batches where id = $1";
        let rows = self.readers.read(|| sqlx::query(sql).bind(id.0)).await?;
        rows.first().map(batch).transpose()
    }

    pub(crate) async fn image_of(&self, store: StoreId, order: &OrderId) -> Result<Option<OrderImage>> {
        let sql = "select position, doc, image from order_images where store_id = $1 and order_id = $2";
        let rows = self
            .readers
            .read(|| sqlx::query(sql).bind(store.0).bind(order.as_str()))
            .await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let row = Reading::new(row, "order_images", format!("{store}/{order}"));
        let mut image: OrderImage = row.json("doc")?;
        image.position = row.number("position")?;
        image.image = row.get::<Option<Vec<u8>>, _>("image")?.map(Sealed::new);
        Ok(Some(image))
    }
}

fn batch(row: &PgRow) -> Result<OpenBatch> {
    let key = BatchId(Reading::new(row, "open_batches", "?").get("id")?);
    let row = Reading::new(row, "open_batches", key);
    let mut batch: OpenBatch = row.json("doc")?;
    batch.position = row.number("position")?;
    batch.plan = row.get::<Option<Vec<u8>>, _>("plan")?.map(Sealed::new);
    Ok(batch)
}
