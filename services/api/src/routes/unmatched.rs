//! Paths and methods that nobody serves.

use axum::extract::MatchedPath;
use http::header::ALLOW;
use http::{HeaderValue, Uri};

use crate::extract::split_verb;
use crate::openapi;
use crate::problem::{Code, Problem};

/// No such path.
pub(crate) async fn not_found() -> Problem {
    Problem::new(Code::NotFound, "There is nothing at this path.")
}

/// The path exists, the method does not.
///
/// The router would list the methods of a path and of its verbs together, since they are one route to it; the document
/// knows them apart.
pub(crate) async fn method_not_allowed(path: MatchedPath, uri: Uri) -> Problem {
    let problem = Problem::new(
        Code::MethodNotAllowed,
        "This path does not take this method; `Allow` lists those it takes.",
    );
    let allow = allowed(path.as_str(), uri.path()).join(", ");
    match HeaderValue::from_str(&allow) {
        Ok(allow) if !allow.is_empty() => problem.with_header(ALLOW, allow),
        // Then the router says what it knows.
        _ => problem,
    }
}

/// The methods of the documented path that `path`, which matched `template`, is.
fn allowed(template: &str, path: &str) -> Vec<&'static str> {
    let plain = |text: &str| text.replace("%3A", ":").replace("%3a", ":");
    let (template, path) = (plain(template), plain(path));
    let last = path.rsplit('/').next().unwrap_or_default();
    match split_verb(last) {
        (_, Some(verb)) if template.ends_with('}') => openapi::methods(&format!("{template}:{verb}")),
        _ => openapi::methods(&template),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_and_its_verbs_have_methods_of_their_own() {
        let order = "/stores/{store_id}/orders/{order_id}";
        assert_eq!(
            allowed(order, "/stores/1/orders/2"),
            ["GET", "HEAD", "PUT", "DELETE"]
        );
        assert_eq!(allowed(order, "/stores/1/orders/2%3Amutate"), ["POST"]);
        assert_eq!(allowed("/jobs%3Acancel", "/jobs%3Acancel"), ["POST"]);
        assert_eq!(allowed("/stores", "/stores"), ["GET", "HEAD", "POST"]);
        assert!(allowed(order, "/stores/1/orders/2:dance").is_empty());
    }
}
