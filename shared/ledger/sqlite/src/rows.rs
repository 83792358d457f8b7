//! How each thing is read back.

use std::fmt::Display;
use std::str::FromStr;

use domain::batch::OpenBatch;
use domain::image::OrderImage;
use domain::job::Job;
use domain::store::Store;
use domain::tenant::{Key, Tenant};
use domain::{JobId, Sealed};
use ledger::{DataKeyRow, IdempotencyAnswer, IdempotencyRecord, Recorded};
use merkle::Hash;
use serde::de::DeserializeOwned;
use sqlx::sqlite::{Sqlite, SqliteRow};
use sqlx::{Decode, Row, Type};

use crate::error::{Result, corrupt};

/// The columns of a row; what cannot be read is named by the row's table and its first column.
pub(crate) struct Cells<'r> {
    row: &'r SqliteRow,
    table: &'static str,
}

impl<'r> Cells<'r> {
    pub(crate) fn new(row: &'r SqliteRow, table: &'static str) -> Self {
        Self { row, table }
    }

    fn key(&self) -> String {
        let number = |_| self.row.try_get::<i64, _>(0).map(|number| number.to_string());
        self.row
            .try_get::<String, _>(0)
            .or_else(number)
            .unwrap_or_default()
    }

    fn corrupt(&self, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ledger::BackendError {
        corrupt(self.table, self.key(), error)
    }

    pub(crate) fn get<T: Decode<'r, Sqlite> + Type<Sqlite>>(&self, column: usize) -> Result<T> {
        self.row.try_get(column).map_err(|error| self.corrupt(error))
    }

    pub(crate) fn number(&self, column: usize) -> Result<u64> {
        u64::try_from(self.get::<i64>(column)?).map_err(|error| self.corrupt(error))
    }

    pub(crate) fn small<T: TryFrom<u64, Error = std::num::TryFromIntError>>(
        &self,
        column: usize,
    ) -> Result<T> {
        T::try_from(self.number(column)?).map_err(|error| self.corrupt(error))
    }

    pub(crate) fn hash(&self, column: usize) -> Result<Hash> {
        Hash::try_from(self.get::<&[u8]>(column)?).map_err(|error| self.corrupt(error))
    }

    /// As [`Cells::parsed`], and only what is written so again: another spelling would not be found by queries.
    fn exact<T: FromStr<Err: Display> + Display>(&self, column: usize) -> Result<T> {
        let text: &str = self.get(column)?;
        let value: T = self.parsed(column)?;
        if value.to_string() == text {
            Ok(value)
        } else {
            Err(self.corrupt(format!("{text} is not how {value} is written")))
        }
    }

    fn maybe_exact<T: FromStr<Err: Display> + Display>(&self, column: usize) -> Result<Option<T>> {
        match self.get::<Option<&str>>(column)? {
            Some(_) => self.exact(column).map(Some),
            None => Ok(None),
        }
    }

    pub(crate) fn parsed<T: FromStr<Err: Display>>(&self, column: usize) -> Result<T> {
        self.get::<&str>(column)?
            .parse()
            .map_err(|error: T::Err| self.corrupt(error.to_string()))
    }

    pub(crate) fn maybe<T: FromStr<Err: Display>>(&self, column: usize) -> Result<Option<T>> {
        let text: Option<&str> = self.get(column)?;
        text.map(str::parse)
            .transpose()
            .map_err(|error: T::Err| self.corrupt(error.to_string()))
    }

    pub(crate) fn doc<T: DeserializeOwned>(&self, column: usize) -> Result<T> {
        serde_json::from_str(self.get(column)?).map_err(|error| self.corrupt(error))
    }

    pub(crate) fn sealed(&self, column: usize) -> Result<Option<Sealed>> {
        Ok(self.get::<Option<Vec<u8>>>(column)?.map(Sealed::new))
    }
}

/// A row of `events`, all columns.
pub(crate) fn recorded(row: &SqliteRow) -> Result<Recorded> {
    let cells = Cells::new(row, "events");
    Ok(Recorded {
        position: cells.number(0)?,
        tenant_seq: cells.number(1)?,
        stream: cells.get(2)?,
        version: cells.number(3)?,
        type_name: cells.get(4)?,
        tenant_id: cells.exact(5)?,
        store_id: cells.maybe_exact(6)?,
        order_id: cells.maybe_exact(7)?,
        job_id: cells.maybe_exact(8)?,
        data: cells.get(9)?,
        sealed: cells.sealed(10)?,
        meta: cells.get(11)?,
        recorded_at: cells.exact(12)?,
    })
}

/// `id, doc` of `tenants`.
pub(crate) fn tenant(row: &SqliteRow) -> Result<Tenant> {
    Cells::new(row, "tenants").doc(1)
}

/// `id, doc` of `tenant_keys`.
pub(crate) fn key(row: &SqliteRow) -> Result<Key> {
    Cells::new(row, "tenant_keys").doc(1)
}

/// `id, doc, last_position, credentials` of `stores`.
pub(crate) fn store(row: &SqliteRow) -> Result<Store> {
    let cells = Cells::new(row, "stores");
    let mut store: Store = cells.doc(1)?;
    store.last_position = cells.number(2)?;
    store.credentials = cells.sealed(3)?;
    Ok(store)
}

/// `id, doc, position, last_position` of `jobs`.
pub(crate) fn bare_job(row: &SqliteRow) -> Result<Job> {
    let cells = Cells::new(row, "jobs");
    let mut job: Job = cells.doc(1)?;
    job.position = cells.number(2)?;
    job.last_position = cells.number(3)?;
    Ok(job)
}

/// `id, doc, position, last_position, body, outcome` of `jobs`.
pub(crate) fn job(row: &SqliteRow) -> Result<Job> {
    let cells = Cells::new(row, "jobs");
    let mut job = bare_job(row)?;
    job.body = cells.sealed(4)?;
    job.outcome = cells.sealed(5)?;
    Ok(job)
}

/// `id, doc, position, plan` of `open_batches`.
pub(crate) fn batch(row: &SqliteRow) -> Result<OpenBatch> {
    let cells = Cells::new(row, "open_batches");
    let mut batch: OpenBatch = cells.doc(1)?;
    batch.position = cells.number(2)?;
    batch.plan = cells.sealed(3)?;
    Ok(batch)
}

/// `store_id || '/' || order_id, doc, position, image` of `order_images`.
pub(crate) fn image(row: &SqliteRow) -> Result<OrderImage> {
    let cells = Cells::new(row, "order_images");
    let mut image: OrderImage = cells.doc(1)?;
    image.position = cells.number(2)?;
    image.image = cells.sealed(3)?;
    Ok(image)
}

/// A row of `data_keys`, all columns.
pub(crate) fn data_key(row: &SqliteRow) -> Result<DataKeyRow> {
    let cells = Cells::new(row, "data_keys");
    Ok(DataKeyRow {
        id: cells.parsed(0)?,
        tenant_id: cells.parsed(1)?,
        store_id: cells.maybe(2)?,
        credentials: cells.number(3)? != 0,
        order_id: cells.maybe(4)?,
        wrapped: cells.get(5)?,
        created_at: cells.parsed(6)?,
    })
}

/// `key, tenant_id, fingerprint, jobs, status, body, expires_at` of `idempotency`.
pub(crate) fn idempotency(row: &SqliteRow) -> Result<IdempotencyRecord> {
    let cells = Cells::new(row, "idempotency");
    let fingerprint = <[u8; 32]>::try_from(cells.get::<&[u8]>(2)?).map_err(|error| cells.corrupt(error))?;
    let jobs: Option<&str> = cells.get(3)?;
    let answer = match jobs {
        Some(text) if text.starts_with('[') => IdempotencyAnswer::Jobs(cells.doc::<Vec<JobId>>(3)?),
        Some(_) => IdempotencyAnswer::Job(cells.doc(3)?),
        None => IdempotencyAnswer::Response {
            status: u16::try_from(cells.number(4)?).map_err(|error| cells.corrupt(error))?,
            body: Sealed::new(cells.get(5)?),
        },
    };
    Ok(IdempotencyRecord {
        tenant_id: cells.parsed(1)?,
        key: cells.get(0)?,
        fingerprint,
        answer,
        expires_at: cells.parsed(6)?,
    })
}
