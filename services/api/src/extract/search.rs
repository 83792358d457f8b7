//! Searches of Order Desk's lists.

use app::{Listing, Search};
use domain::order::FieldCode;

use super::params::Params;

/// Takes the parameters of a search; what is wrong with them is noted in `params`.
pub(crate) fn search(listing: Listing, params: &mut Params) -> Search {
    let limit = params.read("limit", "must be a whole number from 1 to 500", |text| {
        number(text).filter(|limit| (1..=u64::from(Search::MOST_ROWS)).contains(limit))
    });
    let offset = params.read("offset", "must be a whole number from 0 to 1000000000", |text| {
        number(text).filter(|offset| *offset <= Search::MOST_OFFSET)
    });
    let limit = limit.map_or(Search::DEFAULT_LIMIT, |limit| limit as u32);
    let mut search = Search::new(listing, limit, offset.unwrap_or(0));
    for parameter in listing.parameters() {
        let Some(text) = params.text(parameter.name) else {
            continue;
        };
        match parameter.read(&text) {
            Some(value) => search = search.with(parameter, value),
            None => params.refuse(FieldCode::FieldInvalid, parameter.name, parameter.rule()),
        }
    }
    search
}

/// Digits only: `+5` and ` 5` are no numbers here.
fn number(text: &str) -> Option<u64> {
    let is_digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    is_digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_wrong_is_named_at_once() {
        let mut params = Params::parse("limit=501&offset=-1&order=up&email=&search=x&folder_id=1,2");
        let _ = search(Listing::Orders, &mut params);
        let document = params.finish().unwrap_err().document("r");
        let errors = document["errors"].as_array().unwrap();
        let pointers: Vec<&str> = errors
            .iter()
            .map(|error| error["pointer"].as_str().unwrap())
            .collect();
        assert_eq!(
            pointers,
            [
                "/query/limit",
                "/query/offset",
                "/query/order",
                "/query/email",
                "/query/search"
            ]
        );
    }
}
