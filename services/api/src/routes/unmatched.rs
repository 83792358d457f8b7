//! Paths and methods that nobody serves.

use crate::problem::{Code, Problem};

/// No such path.
pub(crate) async fn not_found() -> Problem {
    Problem::new(Code::NotFound, "There is nothing at this path.")
}

/// The path exists; the router adds `Allow`.
pub(crate) async fn method_not_allowed() -> Problem {
    Problem::new(
        Code::MethodNotAllowed,
        "This path does not take this method; `Allow` lists those it takes.",
    )
}
