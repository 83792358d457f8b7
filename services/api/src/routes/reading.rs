//! What all reads of Order Desk's content have in common: how they are asked for and how they are answered.

use app::{ReadOptions, Reading};
use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::response::Response;
use http::header::{AGE, CACHE_CONTROL, CONTENT_TYPE, ETAG};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::extract::IfNoneMatch;
use crate::problem::Problem;

const X_CACHE: HeaderName = HeaderName::from_static("x-cache");

/// How the client asks: whether it insists on a fresh answer (`Cache-Control: no-cache`), and what it knows already.
pub(crate) struct Asked {
    pub(crate) options: ReadOptions,
    known: IfNoneMatch,
}

impl<S: Sync> FromRequestParts<S> for Asked {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Ok(Self {
            options: ReadOptions {
                no_cache: insists(&parts.headers),
            },
            known: IfNoneMatch::from_request_parts(parts, state).await?,
        })
    }
}

impl Asked {
    /// The answer, `304` if the client has it. Nothing is parsed or written here: the body is finished.
    pub(crate) fn answer(&self, reading: Reading) -> Result<Response, Problem> {
        let is_known = reading.etag.as_deref().is_some_and(|tag| self.known.knows(tag));
        let mut response = Response::new(if is_known {
            Body::empty()
        } else {
            Body::from(reading.body)
        });
        let headers = response.headers_mut();
        headers.reserve(10);
        headers.insert(X_CACHE, HeaderValue::from_static(reading.cache.as_str()));
        headers.insert(AGE, HeaderValue::from(reading.age.as_secs()));
        if let Some(tag) = reading.etag {
            headers.insert(ETAG, HeaderValue::try_from(tag).map_err(Problem::internal)?);
        }
        if is_known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        } else {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        Ok(response)
    }
}

/// Whether the client wants no cached answer.
fn insists(headers: &HeaderMap) -> bool {
    let mut directives = headers
        .get_all(CACHE_CONTROL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    directives.any(|directive| {
        let directive = directive.trim();
        directive.eq_ignore_ascii_case("no-cache") || directive.eq_ignore_ascii_case("no-store")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cache_is_heard_among_other_directives() {
        let insist = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(CACHE_CONTROL, HeaderValue::from_static(value));
            }
            insists(&headers)
        };
        assert!(
            insist(&["no-cache"]) && insist(&["max-age=0, No-Cache"]) && insist(&["max-age=1", "no-store"])
        );
        assert!(!insist(&[]) && !insist(&["max-age=0"]) && !insist(&["no-cache-please"]));
    }
}
