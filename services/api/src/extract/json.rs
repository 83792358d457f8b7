//! JSON in which no object has a member twice.
//!
//! RFC 8259 §4 leaves it open what a repeated name means, and programs on one request's way may read different things.
//! A parser that takes the last one changes an order by a member that its sender may not have meant, so we take none
//! (as RFC 7493 §2.3 has it).

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::problem::escape;

/// Why a text is no body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum JsonError {
    /// It is not JSON.
    Syntax {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// An object has a member twice.
    Twice {
        /// Which (RFC 6901).
        pointer: String,
    },
}

/// Reads one document; nesting beyond 128 levels counts as not JSON.
pub(super) fn parse(bytes: &[u8]) -> Result<Value, JsonError> {
    let twice = RefCell::new(None);
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let here = Node {
        above: None,
        twice: &twice,
    };
    let read = here
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value));
    read.map_err(|error| match twice.take() {
        Some(pointer) => JsonError::Twice { pointer },
        None => JsonError::Syntax {
            line: error.line(),
            column: error.column(),
        },
    })
}

/// One token of the way from the root.
#[derive(Clone, Copy)]
enum Step<'a> {
    Member(&'a str),
    Element(usize),
}

/// A value and where it stands; the pointer is only written when it is needed.
#[derive(Clone, Copy)]
struct Node<'a> {
    above: Option<(&'a Node<'a>, Step<'a>)>,
    twice: &'a RefCell<Option<String>>,
}

impl<'a> Node<'a> {
    fn below(&'a self, step: Step<'a>) -> Self {
        Self {
            above: Some((self, step)),
            twice: self.twice,
        }
    }

    fn pointer(&self) -> String {
        match self.above {
            None => String::new(),
            Some((above, Step::Member(name))) => format!("{}/{}", above.pointer(), escape(name)),
            Some((above, Step::Element(index))) => format!("{}/{index}", above.pointer()),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = elements.next_element_seed(self.below(Step::Element(values.len())))? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let here = self.below(Step::Member(&name));
            if object.contains_key(&name) {
                self.twice.replace(Some(here.pointer()));
                return Err(A::Error::custom("a member is given twice"));
            }
            let value = members.next_value_seed(here)?;
            object.insert(name, value);
        }
        Ok(object.into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn twice(text: &str) -> Option<String> {
        match parse(text.as_bytes()) {
            Err(JsonError::Twice { pointer }) => Some(pointer),
            _ => None,
        }
    }

    #[test]
    fn a_member_given_twice_is_pointed_at_wherever_it_is() {
        assert_eq!(twice(r#"{"a": 1, "b": 2, "a": 1}"#).as_deref(), Some("/a"));
        assert_eq!(
            twice(r#"{"a": [0, {"b/c": 1, "b\u002fc": 2}]}"#).as_deref(),
            Some("/a/1/b~1c")
        );
        assert_eq!(twice(r#"{"": 1, "": 2}"#).as_deref(), Some("/"));
        assert_eq!(twice(r#"{"a": {"a": 1}, "A": [{"a": 1}, {"a": 1}]}"#), None);
    }

    #[test]
    fn what_is_not_json_is_told_by_line_and_column() {
        for text in [
            "",
            "{",
            "{}x",
            "{\"a\": }",
            "[1,]",
            "nul",
            "\"\u{1}\"",
            "{\"a\" 1}",
        ] {
            let error = parse(text.as_bytes()).unwrap_err();
            assert!(matches!(error, JsonError::Syntax { .. }), "{text}: {error:?}");
        }
        let deep = "[".repeat(100_000);
        assert!(matches!(parse(deep.as_bytes()), Err(JsonError::Syntax { .. })));
        assert!(parse(b"\xff\"").is_err());
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(".{0,4}", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn without_repeats_it_reads_what_serde_json_reads(value in json()) {
            let text = value.to_string();
            prop_assert_eq!(parse(text.as_bytes()).unwrap(), serde_json::from_str::<Value>(&text).unwrap());
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let strict = parse(&bytes).is_ok();
            let lax = serde_json::from_slice::<Value>(&bytes).is_ok();
            prop_assert!(!strict || lax);
        }
    }
}
