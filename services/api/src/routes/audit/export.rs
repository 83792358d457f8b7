//! `GET /audit/export`: the tenant's events to take away.

use app::ExportQuery;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{HeaderName, HeaderValue};

use super::digits;
use crate::export::{self, Ndjson, Writer};
use crate::extract::{Caller, Params};
use crate::openapi::parameter;
use crate::problem::Problem;
use crate::state::ApiState;

const FIRST: HeaderName = HeaderName::from_static("x-first-tenant-position");
const LAST: HeaderName = HeaderName::from_static("x-last-tenant-position");
const FORMAT: &str = "must be ndjson or csv";
const POSITION: &str = "must be a whole number of 18 digits at most";
/// No log ever gets so long, and every program can hold the number.
const MAX_POSITION: u64 = 999_999_999_999_999_999;

/// Exports the audit log.
///
/// Ascending and complete: `tenant_position` rises by one from entry to entry, from `X-First-Tenant-Position` to
/// `X-Last-Tenant-Position`. An export that broke off goes on with `from_position`, one more than the `position` of the
/// last entry that came.
///
/// `ndjson`: a `header` line with the signed checkpoint, `entry` lines with what is hashed of each event and how
/// `/audit` shows it, `checkpoint` lines now and then, and an `end` line, without which it broke off.
/// `orderdesk-gateway verify-log FILE` verifies it offline. What was recorded in the last seconds is not signed yet and
/// not in it.
///
/// `csv`: one row for each entry, up to the present. A cell that a spreadsheet would take for a formula begins with `'`.
#[utoipa::path(
    get, path = "/audit/export", operation_id = "exportAudit", tag = "audit",
    params(parameter::AuditExport),
    responses((
        status = 200,
        description = "The export, as it is taken.",
        content((String = "application/x-ndjson"), (String = "text/csv")),
        headers(("X-First-Tenant-Position"), ("X-Last-Tenant-Position")),
    )),
    extensions(("x-problems" = json!(["not_sealed"]))),
)]
pub(crate) async fn export(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    mut params: Params,
) -> Result<Response, Problem> {
    let format = params
        .read("format", FORMAT, ExportFormat::parse)
        .unwrap_or_default();
    let query = ExportQuery {
        from: params.parsed("from"),
        to: params.parsed("to"),
        from_position: params.read("from_position", POSITION, |text| {
            digits(text).filter(|position| *position <= MAX_POSITION)
        }),
    };
    params.finish()?;
    let place = state.guards.wait(caller.tenant_id())?;
    let (writer, until, kind) = match format {
        ExportFormat::Ndjson => {
            let (exporter, header) = state.app.exporter(&caller).await?;
            let until = exporter.until();
            let writer = Ndjson::new(&state.app, exporter, header);
            (Writer::Ndjson(Box::new(writer)), Some(until), export::NDJSON)
        }
        ExportFormat::Csv => (Writer::Csv, None, export::CSV),
    };
    let taken = state.app.export(&caller, query, until).await?;
    let range = taken.range();
    let body = export::body(taken, writer, state.draining.clone(), place);
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static(format.attachment()));
    if let Some((first, last)) = range {
        headers.insert(FIRST, first.into());
        headers.insert(LAST, last.into());
    }
    Ok(response)
}

/// How an export is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ExportFormat {
    /// One JSON object a line, with what proves them.
    #[default]
    Ndjson,
    /// One row an entry, for spreadsheets.
    Csv,
}

impl ExportFormat {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "ndjson" => Some(Self::Ndjson),
            "csv" => Some(Self::Csv),
            _ => None,
        }
    }

    fn attachment(self) -> &'static str {
        match self {
            Self::Ndjson => "attachment; filename=\"audit.ndjson\"",
            Self::Csv => "attachment; filename=\"audit.csv\"",
        }
    }
}
