//! Whether a record speaks of an e-mail address.

use serde_json::Value;

/// Whether any text in `content`, member names included, holds `address` as a whole, whatever its case.
pub(super) fn mentions(content: &Value, address: &str) -> bool {
    let address = address.to_lowercase();
    holds_any(content, &address)
}

fn holds_any(content: &Value, address: &str) -> bool {
    match content {
        Value::String(text) => holds(text, address),
        Value::Array(items) => items.iter().any(|item| holds_any(item, address)),
        Value::Object(members) => members
            .iter()
            .any(|(name, value)| holds(name, address) || holds_any(value, address)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn holds(text: &str, address: &str) -> bool {
    if text.len() < address.len() {
        return false;
    }
    let text = text.to_lowercase();
    text.match_indices(address).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let mut after = text[at + address.len()..].chars();
        !before.is_some_and(in_local_part) && ends(after.next(), after.next())
    })
}

fn in_local_part(c: char) -> bool {
    c.is_alphanumeric() || "._%+-'".contains(c)
}

/// A dot may end a sentence; before a letter it goes on with the domain.
fn ends(next: Option<char>, then: Option<char>) -> bool {
    match next {
        Some('.') => !then.is_some_and(char::is_alphanumeric),
        Some(c) => !c.is_alphanumeric() && c != '-' && c != '@',
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn an_address_is_found_wherever_it_stands() {
        for content in [
            json!("an@example.com"),
            json!({"email": "An@Example.COM"}),
            json!([{"content": "Wrote to <an@example.com>."}]),
            json!({"note": "to an@example.com, twice"}),
            json!({"an@example.com": 1}),
            json!("mailto:an@example.com. Then"),
        ] {
            assert!(mentions(&content, "an@example.com"), "{content}");
        }
    }

    #[test]
    fn others_addresses_are_others() {
        for content in [
            json!("jan@example.com"),
            json!("j.an@example.com"),
            json!("an@example.com.au"),
            json!("an@example.community"),
            json!("an@example.com-mail.org"),
            json!({"email": null, "total": 7}),
        ] {
            assert!(!mentions(&content, "an@example.com"), "{content}");
        }
        assert!(mentions(
            &json!("jan@example.com an@example.com"),
            "AN@example.com"
        ));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".*", address in "[a-zA-Z0-9.]{1,9}@[a-zA-Z0-9.]{1,9}") {
            let _ = mentions(&json!({"a": [text.clone()]}), &address);
            let sentence = format!("({address})");
            prop_assert!(mentions(&json!(sentence), &address));
        }
    }
}
