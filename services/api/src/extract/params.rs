//! Query parameters: each is taken by name; what nobody takes is refused.

use std::str::FromStr;

use axum::extract::FromRequestParts;
use domain::order::FieldCode;
use http::request::Parts;
use url::form_urlencoded;

use crate::problem::{Field, Problem};

/// The query of a request, to be taken apart and then [finished](Params::finish).
#[derive(Debug, Default)]
pub(crate) struct Params {
    pairs: Vec<(String, String)>,
    errors: Vec<Field>,
    known: Vec<&'static str>,
}

impl Params {
    /// The parameters of a raw query.
    pub(crate) fn parse(query: &str) -> Self {
        let pairs = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Self {
            pairs,
            ..Self::default()
        }
    }

    /// Takes a parameter that may be given once.
    pub(crate) fn text(&mut self, name: &'static str) -> Option<String> {
        let mut values = self.all(name);
        if values.len() > 1 {
            self.refuse(FieldCode::FieldConflict, name, "must be given once");
        }
        values.pop()
    }

    /// Takes a parameter that may be given several times, in order.
    pub(crate) fn all(&mut self, name: &'static str) -> Vec<String> {
        self.known.push(name);
        let (taken, left) = std::mem::take(&mut self.pairs)
            .into_iter()
            .partition(|(key, _)| key == name);
        self.pairs = left;
        taken.into_iter().map(|(_, value)| value).collect()
    }

    /// Takes a parameter and reads it; what cannot be read is an error with `rule` as its detail.
    pub(crate) fn read<T>(
        &mut self,
        name: &'static str,
        rule: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(name)?;
        let value = read(&text);
        if value.is_none() {
            self.refuse(FieldCode::FieldInvalid, name, rule);
        }
        value
    }

    /// Takes a parameter whose type says how to read it.
    pub(crate) fn parsed<T: FromStr>(&mut self, name: &'static str) -> Option<T>
    where
        T::Err: std::fmt::Display,
    {
        let text = self.text(name)?;
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.refuse(FieldCode::FieldInvalid, name, error.to_string());
                None
            }
        }
    }

    /// Takes `true` or `false`; absent means `false`.
    pub(crate) fn flag(&mut self, name: &'static str) -> bool {
        let read = |text: &str| match text {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        };
        self.read(name, "must be true or false", read).unwrap_or(false)
    }

    /// Notes an error.
    pub(crate) fn refuse(&mut self, code: FieldCode, name: &str, detail: impl Into<String>) {
        self.errors.push(Field::query(code, name, detail));
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// 422 if a parameter could not be read or was not asked for.
    pub(crate) fn finish(mut self) -> Result<(), Problem> {
        let known = if self.known.is_empty() {
            "none".to_owned()
        } else {
            self.known.join(", ")
        };
        for (name, _) in std::mem::take(&mut self.pairs).iter().take(20) {
            let shown: String = name.chars().take(64).collect();
            self.refuse(
                FieldCode::FieldUnknown,
                &shown,
                format!("is not known here; known are: {known}"),
            );
        }
        if self.errors.is_empty() {
            Ok(())
        } else {
            Err(Problem::validation(self.errors))
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self::parse(parts.uri.query().unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(problem: &Problem) -> Vec<String> {
        let document = problem.document("r");
        let errors = document["errors"].as_array().unwrap();
        errors
            .iter()
            .map(|error| error["pointer"].as_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn parameters_are_decoded_and_taken_once() {
        let mut params = Params::parse("label=a%20b+c&wait=3&strict=true");
        assert_eq!(params.text("label").as_deref(), Some("a b c"));
        assert_eq!(params.parsed::<u32>("wait"), Some(3));
        assert!(params.flag("strict"));
        assert!(params.finish().is_ok());
    }

    #[test]
    fn unknown_repeated_and_unreadable_parameters_are_all_named() {
        let mut params = Params::parse("a=1&a=2&b=maybe&c=3");
        params.text("a");
        params.flag("b");
        assert_eq!(
            errors(&params.finish().unwrap_err()),
            ["/query/a", "/query/b", "/query/c"]
        );
    }
}
