//! What is wrong with a variable, in one line.

/// A variable is missing or bad. `Display` is one line for the operator; a secret's value is not in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A required variable is not set.
    #[error("{name} is not set: expected {accepted}")]
    Missing {
        /// The variable.
        name: String,
        /// What is accepted.
        accepted: String,
    },
    /// A variable has a value that is not accepted.
    #[error("{name} is {value}: expected {accepted}")]
    Bad {
        /// The variable.
        name: String,
        /// What it was, quoted; `(hidden)` for secrets.
        value: String,
        /// What is accepted.
        accepted: String,
    },
    /// A `NAME_FILE` cannot be read.
    #[error("{name} names {path:?}, which cannot be read ({reason}): expected the path of a readable file")]
    File {
        /// The variable, ending in `_FILE`.
        name: String,
        /// The path.
        path: String,
        /// Why not.
        reason: String,
    },
    /// The `.env` file cannot be read.
    #[error(".env cannot be read ({0}): expected lines of NAME=value")]
    DotEnv(String),
}

impl ConfigError {
    /// A required variable that is not set.
    pub fn missing(name: &str, accepted: &str) -> Self {
        Self::Missing {
            name: name.to_owned(),
            accepted: accepted.to_owned(),
        }
    }

    /// A value that is not accepted; `value` is shown.
    pub fn bad(name: &str, value: &str, accepted: &str) -> Self {
        Self::Bad {
            name: name.to_owned(),
            value: format!("{value:?}"),
            accepted: accepted.to_owned(),
        }
    }

    /// A value that is not accepted and must not be shown.
    pub fn hidden(name: &str, accepted: &str) -> Self {
        Self::Bad {
            name: name.to_owned(),
            value: "(hidden)".to_owned(),
            accepted: accepted.to_owned(),
        }
    }
}
