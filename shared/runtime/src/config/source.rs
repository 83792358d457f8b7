//! Where variables come from: the process's environment first, then `.env`; secrets also from files.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::Path;

use super::error::ConfigError;

/// A snapshot of the variables. An empty value counts as not set.
#[derive(Clone, Default)]
pub struct Source {
    variables: HashMap<String, (Origin, String)>,
}

/// Where a variable's value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It is not set.
    Default,
    /// The process's environment.
    Environment,
    /// The `.env` file.
    DotEnv,
    /// A file that `NAME_FILE` names.
    File,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Default => "default",
            Self::Environment => "environment",
            Self::DotEnv => ".env",
            Self::File => "file",
        })
    }
}

/// A text and where it comes from.
pub(super) type Given = (Origin, String);

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
                source.variables.insert(name, (Origin::DotEnv, value));
            }
        }
        Ok(source.with(std::env::vars_os().filter_map(variable)))
    }

    /// Given variables only.
    pub fn from_pairs<K: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        Self::default().with(pairs)
    }

    /// Puts variables in front of what is there.
    #[must_use]
    pub fn with<K: Into<String>, V: Into<String>>(mut self, pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        let pairs = pairs
            .into_iter()
            .map(|(k, v)| (k.into(), (Origin::Environment, v.into())));
        self.variables.extend(pairs);
        self
    }

    /// The names of all variables that are set, in no order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let set = self.variables.iter().filter(|(_, (_, value))| !value.is_empty());
        set.map(|(name, _)| name.as_str())
    }

    pub(super) fn get(&self, name: &str) -> Option<Given> {
        let given = self.variables.get(name);
        given.filter(|(_, value)| !value.is_empty()).cloned()
    }

    /// A value that may also lie in the file that `NAME_FILE` names.
    pub(super) fn get_or_file(&self, name: &str) -> Result<Option<Given>, ConfigError> {
        if let Some((origin, text)) = self.get(name) {
            return Ok(Some((origin, text.trim().to_owned())));
        }
        let file_name = format!("{name}_FILE");
        let Some((_, path)) = self.get(&file_name) else {
            return Ok(None);
        };
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Some((Origin::File, text.trim().to_owned()))),
            Err(error) => Err(ConfigError::File {
                name: file_name,
                path,
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
        assert_eq!(
            source.get("PORT"),
            Some((Origin::Environment, "8\u{fffd}".to_owned()))
        );
    }
}
