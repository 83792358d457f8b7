//! Where variables come from: the process's environment first, then `.env`.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::Path;

use secrecy::SecretString;

use super::error::ConfigError;

/// A snapshot of the variables. An empty value counts as not set.
#[derive(Clone, Default)]
pub struct Source {
    variables: HashMap<String, String>,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Source({} variables)", self.variables.len())
    }
}

impl Source {
    /// The process's environment, with `.env` of the working directory behind it.
    ///
    /// # Errors
    /// [`ConfigError::DotEnv`] if there is such a file and it cannot be read.
    pub fn from_process() -> Result<Self, ConfigError> {
        let mut source = Self::default();
        if Path::new(".env").exists() {
            let items = dotenvy::from_path_iter(".env").map_err(|e| ConfigError::DotEnv(short(&e)))?;
            for item in items {
                let (name, value) = item.map_err(|e| ConfigError::DotEnv(short(&e)))?;
                source.variables.insert(name, value);
            }
        }
        Ok(source.with(std::env::vars_os().filter_map(variable)))
    }

    /// Given variables only.
    pub fn from_pairs<K: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        Self {
            variables: pairs.into_iter().map(|(k, v)| (k.into(), v.into())).collect(),
        }
    }

    /// Puts variables in front of what is there.
    #[must_use]
    pub fn with<K: Into<String>, V: Into<String>>(mut self, pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        self.variables
            .extend(pairs.into_iter().map(|(k, v)| (k.into(), v.into())));
        self
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.variables
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    pub(super) fn value<T>(
        &self,
        name: &str,
        default: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, ConfigError> {
        let text = self.get(name).unwrap_or(default);
        parse(text).map_err(|accepted| ConfigError::bad(name, text, &accepted))
    }

    pub(super) fn optional<T>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, ConfigError> {
        let Some(text) = self.get(name) else {
            return Ok(None);
        };
        parse(text)
            .map(Some)
            .map_err(|accepted| ConfigError::bad(name, text, &accepted))
    }

    /// A value that may carry a password: read from `NAME_FILE` too, and shown only without `@`.
    pub(super) fn masked<T>(
        &self,
        name: &str,
        default: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, ConfigError> {
        let text = self.secret_text(name)?.unwrap_or_else(|| default.to_owned());
        parse(&text).map_err(|accepted| {
            if text.contains('@') {
                ConfigError::hidden(name, &accepted)
            } else {
                ConfigError::bad(name, &text, &accepted)
            }
        })
    }

    pub(super) fn secret(
        &self,
        name: &str,
        check: impl Fn(&str) -> Result<(), String>,
    ) -> Result<Option<SecretString>, ConfigError> {
        let Some(text) = self.secret_text(name)? else {
            return Ok(None);
        };
        check(&text).map_err(|accepted| ConfigError::hidden(name, &accepted))?;
        Ok(Some(SecretString::from(text)))
    }

    fn secret_text(&self, name: &str) -> Result<Option<String>, ConfigError> {
        if let Some(text) = self.get(name) {
            return Ok(Some(text.trim().to_owned()));
        }
        let file_name = format!("{name}_FILE");
        let Some(path) = self.get(&file_name) else {
            return Ok(None);
        };
        match std::fs::read_to_string(path) {
            Ok(text) => Ok(Some(text.trim().to_owned())),
            Err(error) => Err(ConfigError::File {
                name: file_name,
                path: path.to_owned(),
                reason: error.kind().to_string(),
            }),
        }
    }
}

/// A variable of the process. What is no UTF-8 is kept, damaged: left out, it would count as not set, and a default
/// would silently take its place.
fn variable((name, value): (OsString, OsString)) -> Option<(String, String)> {
    Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
}

/// What is wrong with `.env`, without the line itself, which may hold a secret.
fn short(error: &dotenvy::Error) -> String {
    match error {
        dotenvy::Error::LineParse(_, column) => format!("a line is malformed near column {column}"),
        dotenvy::Error::Io(error) => error.kind().to_string(),
        _ => "malformed".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt as _;

    use super::*;

    #[test]
    fn a_value_that_is_no_utf8_is_not_passed_over() {
        let given = (OsString::from("PORT"), OsString::from_vec(vec![b'8', 0xff]));
        let source = Source::from_pairs(variable(given));
        let port = source.value("PORT", "8080", |text| {
            text.parse::<u16>().map_err(|_| "a port".to_owned())
        });
        assert!(port.unwrap_err().to_string().starts_with("PORT is "));
    }
}
