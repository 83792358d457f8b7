//! `DELETE /stores/{store_id}/personal-data?email=`: erases what is recorded of a customer.

use axum::extract::State;
use axum::response::Response;
use domain::order::FieldCode;

use super::{answered, of_gone_store, once};
use crate::extract::{Caller, Change, OptionalJsonBody, Params, StorePath};
use crate::observe::Context;
use crate::openapi::schema;
use crate::problem::Problem;
use crate::routes::stores::resolve;
use crate::state::ApiState;

/// RFC 5321 §4.5.3.1.3: a path of 256 characters, its angle brackets included.
const MOST: usize = 254;

/// Begins to erase what the gateway has recorded of every order that speaks of an e-mail address, whatever its case.
///
/// Each order found is erased as `DELETE …/orders/{order_id}/personal-data` does it.
#[utoipa::path(
    delete, path = "/stores/{store_id}/personal-data", operation_id = "eraseCustomer", tag = "stores",
    params((
        "email" = String, Query, description = "The address.", min_length = 3, max_length = 254,
        pattern = "^[^@\\s]+@[^@\\s]+$",
    )),
    responses((status = 202, description = "It is being searched for and erased.", body = schema::Erasure)),
)]
pub(crate) async fn customer(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    context: Context,
    StorePath(name): StorePath,
    change: Change,
    mut params: Params,
    OptionalJsonBody(body): OptionalJsonBody,
) -> Result<Response, Problem> {
    let given = params.text("email");
    let address = given.as_deref().filter(|text| is_address(text));
    if address.is_none() {
        params.refuse(
            FieldCode::FieldInvalid,
            "email",
            "must be one e-mail address, such as jo@example.com",
        );
    }
    params.finish()?;
    change.without_condition()?;
    let key = change.key(state.app.keyring(), body.as_ref());
    let store = match resolve(&state.app, &caller, &context, &name).await {
        Ok(store) => store,
        Err(problem) => return of_gone_store(&state, &caller, key.as_ref(), problem).await,
    };
    let once = once(key, &store);
    let outcome = state
        .app
        .erase_customer(&caller, &store, address.unwrap_or_default(), once)
        .await?;
    answered(outcome, &store)
}

/// Something before and after one `@`, without white space: what a mail server makes of it is not ours to say.
fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    let plain = |part: &str| !part.is_empty() && !part.contains(|c: char| c == '@' || c.is_whitespace());
    text.chars().count() <= MOST && plain(local) && plain(domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_two_sides() {
        for good in ["jo@example.com", "jo+shop@example", "jö@exämple.com"] {
            assert!(is_address(good), "{good}");
        }
        let long = format!("{}@example.com", "a".repeat(250));
        for bad in [
            "",
            "@",
            "jo",
            "jo@",
            "@example.com",
            "a b@example.com",
            "a@b@c",
            &long,
        ] {
            assert!(!is_address(bad), "{bad}");
        }
    }
}
