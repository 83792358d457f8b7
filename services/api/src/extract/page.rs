//! Pages of our own lists: `limit`, an opaque `cursor`, newest first.

use std::fmt::Display;
use std::str::FromStr;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::header::LINK;
use http::{HeaderMap, HeaderValue};
use serde::Serialize;
use serde_json::{Value, json};

use super::params::Params;
use crate::problem::{Code, Problem};

/// Entries of a page where the client says nothing.
const DEFAULT_LIMIT: u32 = 50;
/// Most entries of a page.
const MAX_LIMIT: u32 = 500;
/// What a cursor begins with, so that it can change its form one day.
const VERSION: &str = "1:";

/// Which page is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PageQuery {
    /// At most this many entries.
    pub(crate) limit: u32,
    /// Only positions below this one.
    pub(crate) before: Option<u64>,
}

impl PageQuery {
    /// Takes `limit` and `cursor`.
    ///
    /// # Errors
    /// 400 if the cursor is none of ours; a bad `limit` is noted in `params`.
    pub(crate) fn take(params: &mut Params) -> Result<Self, Problem> {
        let (limit, before) = Self::take_before(params)?;
        Ok(Self { limit, before })
    }

    /// Takes `limit` and a `cursor` that is something else than a position.
    ///
    /// # Errors
    /// As [`PageQuery::take`].
    pub(crate) fn take_before<C: FromStr>(params: &mut Params) -> Result<(u32, Option<C>), Problem> {
        let limit = params
            .read("limit", "must be a whole number from 1 to 500", |text| {
                text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit))
            })
            .unwrap_or(DEFAULT_LIMIT);
        let before = params.text("cursor").map(|cursor| decode(&cursor)).transpose()?;
        Ok((limit, before))
    }
}

fn encode(position: impl Display) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(format!("{VERSION}{position}"))
}

fn decode<C: FromStr>(cursor: &str) -> Result<C, Problem> {
    let position = || {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let digits = std::str::from_utf8(&bytes)
            .ok()?
            .strip_prefix(VERSION)?
            .to_owned();
        digits.parse().ok()
    };
    position().ok_or_else(|| Problem::new(Code::InvalidCursor, "The cursor was not made here."))
}

/// A page of a list.
#[derive(Debug, Serialize)]
pub(crate) struct Page<T = Value> {
    data: Vec<T>,
    next_cursor: Option<String>,
}

impl<T: Serialize> Page<T> {
    /// A page; `next` is the position below which the next one begins.
    pub(crate) fn new(data: Vec<T>, next: Option<u64>) -> Self {
        Self::before(data, next)
    }

    /// A page of a list whose cursor is something else than a position.
    pub(crate) fn before(data: Vec<T>, next: Option<impl Display>) -> Self {
        Self {
            data,
            next_cursor: next.map(encode),
        }
    }

    /// The body.
    pub(crate) fn body(&self) -> Value {
        json!({"data": self.data, "next_cursor": self.next_cursor})
    }

    /// The `Link` to the next page: the same query with another cursor.
    pub(crate) fn link(&self, path: &str, query: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(cursor) = &self.next_cursor {
            let kept = query.unwrap_or_default().split('&');
            let kept = kept.filter(|pair| !pair.is_empty() && !pair.starts_with("cursor="));
            let query: Vec<&str> = kept.collect();
            let and = if query.is_empty() { "" } else { "&" };
            let link = format!("<{path}?{}{and}cursor={cursor}>; rel=\"next\"", query.join("&"));
            if let Ok(value) = HeaderValue::from_str(&link) {
                headers.insert(LINK, value);
            }
        }
        headers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(query: &str) -> Result<PageQuery, Code> {
        let mut params = Params::parse(query);
        let page = PageQuery::take(&mut params).map_err(|p| p.code())?;
        params.finish().map_err(|p| p.code())?;
        Ok(page)
    }

    #[test]
    fn a_cursor_reads_back_and_garbage_is_refused() {
        let query = format!("cursor={}", encode(4711));
        assert_eq!(
            take(&query),
            Ok(PageQuery {
                limit: 50,
                before: Some(4711)
            })
        );
        for bad in ["", "x", "!!", "MTIz", "MToyeA"] {
            assert_eq!(take(&format!("cursor={bad}")), Err(Code::InvalidCursor), "{bad}");
        }
    }

    #[test]
    fn limits_are_from_1_to_500() {
        assert_eq!(take("limit=500").map(|page| page.limit), Ok(500));
        for bad in ["0", "501", "-1", "many", ""] {
            assert_eq!(
                take(&format!("limit={bad}")),
                Err(Code::ValidationFailed),
                "{bad}"
            );
        }
    }

    #[test]
    fn the_link_keeps_the_query_and_replaces_the_cursor() {
        let page = Page::<Value>::new(Vec::new(), Some(7));
        let link = page.link("/jobs", Some("limit=1&cursor=old&status=failed"));
        let expected = format!("</jobs?limit=1&status=failed&cursor={}>; rel=\"next\"", encode(7));
        assert_eq!(link[LINK], expected);
        assert!(
            Page::<Value>::new(Vec::new(), None)
                .link("/jobs", None)
                .is_empty()
        );
    }
}
