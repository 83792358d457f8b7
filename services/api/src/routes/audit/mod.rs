//! What was done, and proofs that the record of it was not changed.

pub(crate) mod checkpoint;
pub(crate) mod consistency;
pub(crate) mod export;
pub(crate) mod inclusion;
pub(crate) mod keys;
pub(crate) mod list;

use domain::order::FieldCode;

use crate::extract::Params;

pub(crate) use checkpoint::checkpoint;
pub(crate) use consistency::consistency;
pub(crate) use export::export;
pub(crate) use inclusion::inclusion;
pub(crate) use keys::keys;
pub(crate) use list::list;

const RULE: &str = "must be a whole number";

fn digits(text: &str) -> Option<u64> {
    let all = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| all)
}

/// A number that may be left out.
fn number(params: &mut Params, name: &'static str) -> Option<u64> {
    params.read(name, RULE, digits)
}

/// A number that is needed; what is wrong with it shows when `params` are finished.
fn needed(params: &mut Params, name: &'static str) -> u64 {
    let Some(text) = params.text(name) else {
        params.refuse(FieldCode::FieldMissing, name, "is required");
        return 0;
    };
    digits(&text).unwrap_or_else(|| {
        params.refuse(FieldCode::FieldInvalid, name, RULE);
        0
    })
}
