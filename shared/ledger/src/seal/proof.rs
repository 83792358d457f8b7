//! Proofs from what is stored.

use merkle::Hash;
use merkle::proof;

use super::nodes::{roots_of, tree_of};
use crate::backend::{Backend, BackendError};

/// That a position is in the tree of `size` leaves; `None` if it is not.
///
/// # Errors
/// [`BackendError`] if the database fails, or lacks what was sealed.
pub async fn inclusion(
    backend: &dyn Backend,
    position: u64,
    size: u64,
) -> Result<Option<Vec<Hash>>, BackendError> {
    let ranges = position
        .checked_sub(1)
        .and_then(|index| proof::inclusion(index, size));
    match ranges {
        Some(ranges) => roots_of(backend, ranges).await.map(Some),
        None => Ok(None),
    }
}

/// That the tree of `from` leaves is the beginning of that of `to` leaves; `None` if it is the larger one.
///
/// # Errors
/// [`BackendError`] if the database fails, or lacks what was sealed.
pub async fn consistency(
    backend: &dyn Backend,
    from: u64,
    to: u64,
) -> Result<Option<Vec<Hash>>, BackendError> {
    match proof::consistency(from, to) {
        Some(ranges) => roots_of(backend, ranges).await.map(Some),
        None => Ok(None),
    }
}

/// The root of the tree of `size` leaves, all of which must be sealed.
///
/// # Errors
/// [`BackendError`] if the database fails, or lacks what was sealed.
pub async fn root(backend: &dyn Backend, size: u64) -> Result<Hash, BackendError> {
    Ok(tree_of(backend, size).await?.root())
}
