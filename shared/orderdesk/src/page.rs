//! A page of a list, with the paging figures that came with it.

use serde_json::Value;

use crate::Document;
use crate::judge::Bad;

/// One page of orders or inventory items; figures that Order Desk did not send are absent.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The rows, complete and as they came.
    pub rows: Vec<Document>,
    /// How many rows match in all.
    pub total_records: Option<u64>,
    /// How many rows this page holds, by Order Desk's count.
    pub records_returned: Option<u64>,
    /// The first row's place in the whole list.
    pub offset: Option<u64>,
    /// The page size that was applied.
    pub limit: Option<u64>,
}

impl Page {
    /// Reads the rows under `key`: a list, or the map that PHP makes of a list with gaps.
    pub(crate) fn from(mut envelope: Document, key: &str) -> Result<Self, Bad> {
        let number = |name: &str| match envelope.get(name)? {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        let (total_records, records_returned) = (number("total_records"), number("records_returned"));
        let (offset, limit) = (number("offset"), number("limit"));
        let rows: Vec<Value> = match envelope.remove(key) {
            Some(Value::Array(rows)) => rows,
            Some(Value::Object(rows)) => rows.into_iter().map(|(_, row)| row).collect(),
            _ => return Err(Bad::garbage()),
        };
        let rows = rows.into_iter().map(|row| match row {
            Value::Object(row) => Ok(row),
            _ => Err(Bad::garbage()),
        });
        Ok(Self {
            rows: rows.collect::<Result<_, _>>()?,
            total_records,
            records_returned,
            offset,
            limit,
        })
    }
}
