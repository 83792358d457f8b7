//! CSV (RFC 4180) for spreadsheets, with a header row.
//!
//! **Formula injection.** A spreadsheet takes a cell that begins with `=`, `+`, `-`, `@`, a tab or a carriage return for a
//! formula (a byte order mark before it does not count, and some languages' versions know the wide forms of the signs),
//! and what customers write into notes ends up here: such a cell gets a `'` before it, which spreadsheets take for "text
//! follows". Where the comma is a decimal sign they take the semicolon for the separator, whatever the quotes, so that a
//! cell might begin behind one: in what people write, which is shown as JSON, it is spelt `\u003b`.

use std::borrow::Cow;

use app::{AuditEntry, Denied};
use csv::{Terminator, WriterBuilder};
use serde_json::Value;

use crate::view;

/// Not seen by many programs, which then take what follows for the beginning of the cell, or of the file.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// What an export of this form is.
pub(crate) const CONTENT_TYPE: &str = "text/csv; charset=utf-8; header=present";

/// What makes a formula of a cell that begins with it.
const FORMULA: [char; 12] = [
    '=',
    '+',
    '-',
    '@',
    '\t',
    '\r',
    '\n',
    BYTE_ORDER_MARK,
    '\u{ff1d}',
    '\u{ff0b}',
    '\u{ff0d}',
    '\u{ff20}',
];

/// The columns: their names, and where the entry has them.
const COLUMNS: [(&str, &str); 16] = [
    ("tenant_position", "/tenant_position"),
    ("position", "/position"),
    ("at", "/at"),
    ("type", "/type"),
    ("key_id", "/actor/key_id"),
    ("client_ip", "/actor/client_ip"),
    ("program", "/actor/program"),
    ("request_id", "/request_id"),
    ("subject", "/subject/kind"),
    ("subject_id", "/subject/id"),
    ("store_id", "/subject/store_id"),
    ("registration_id", "/subject/registration_id"),
    ("order_id", "/subject/order_id"),
    ("job_id", "/subject/job_id"),
    ("erased", "/erased"),
    ("data", "/data"),
];

/// The header row.
pub(super) fn head() -> Result<Vec<u8>, Denied> {
    rows([COLUMNS.map(|(name, _)| name.to_owned())])
}

/// A row for each entry.
pub(super) fn entries(entries: &[AuditEntry]) -> Result<Vec<u8>, Denied> {
    rows(entries.iter().map(|entry| {
        let shown = view::audit_entry(entry);
        COLUMNS.map(|(_, pointer)| shown.pointer(pointer).map(text).unwrap_or_default())
    }))
}

fn rows(rows: impl IntoIterator<Item = [String; COLUMNS.len()]>) -> Result<Vec<u8>, Denied> {
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| Denied::Internal(error);
    let mut writer = WriterBuilder::new()
        .terminator(Terminator::CRLF)
        .from_writer(Vec::new());
    for row in rows {
        let cells = row.iter().map(|cell| neutral(cell).into_owned());
        writer.write_record(cells).map_err(|error| failed(error.into()))?;
    }
    writer
        .into_inner()
        .map_err(|error| failed(error.into_error().into()))
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        // It can only stand within a string.
        other => other.to_string().replace(';', "\\u003b"),
    }
}

/// A cell that no spreadsheet takes for a formula.
fn neutral(cell: &str) -> Cow<'_, str> {
    if cell.starts_with(FORMULA) {
        format!("'{cell}").into()
    } else {
        cell.into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Cells that are made of what matters here.
    fn cell() -> impl Strategy<Value = String> {
        let parts = prop_oneof![
            Just("=".to_owned()),
            Just("+".to_owned()),
            Just("-".to_owned()),
            Just("@".to_owned()),
            Just("\t".to_owned()),
            Just("\r".to_owned()),
            Just("\n".to_owned()),
            Just("\"".to_owned()),
            Just(",".to_owned()),
            Just(";".to_owned()),
            Just("'".to_owned()),
            Just(BYTE_ORDER_MARK.to_string()),
            Just("\u{ff1d}".to_owned()),
            ".{0,4}",
        ];
        prop::collection::vec(parts, 0..6).prop_map(|parts| parts.concat())
    }

    fn row() -> impl Strategy<Value = [String; COLUMNS.len()]> {
        prop::collection::vec(cell(), COLUMNS.len()).prop_map(|cells| cells.try_into().unwrap())
    }

    proptest! {
        #[test]
        fn no_cell_begins_like_a_formula_and_all_else_reads_back(all in prop::collection::vec(row(), 0..5)) {
            let bytes = rows(all.clone()).unwrap();
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(bytes.as_slice());
            let read: Vec<_> = reader.records().map(Result::unwrap).collect();
            prop_assert_eq!(read.len(), all.len());
            for (read, written) in read.iter().zip(&all) {
                prop_assert_eq!(read.len(), COLUMNS.len());
                for (read, written) in read.iter().zip(written) {
                    prop_assert!(!read.starts_with(FORMULA), "{:?}", read);
                    prop_assert!(read == written || read.strip_prefix('\'') == Some(written), "{:?}", read);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn no_cell_begins_behind_what_else_separates_cells(written in cell(), name in cell()) {
            let data = serde_json::json!({"body": {"content": written, name: [1, "a;=b"]}});
            let shown = text(&data);
            prop_assert!(!shown.contains([';', '\t', '\r', '\n']), "{}", shown);
            prop_assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), data);
        }
    }

    #[test]
    fn rows_end_as_rfc_4180_has_it_and_cells_with_marks_are_quoted() {
        let mut row = [""; COLUMNS.len()].map(str::to_owned);
        row[0] = "=1+1".to_owned();
        row[1] = "say \"hi\", twice".to_owned();
        row[2] = "plain".to_owned();
        let text = String::from_utf8(rows([row]).unwrap()).unwrap();
        assert_eq!(
            text,
            format!("'=1+1,\"say \"\"hi\"\", twice\",plain{}\r\n", ",".repeat(13))
        );
    }
}
