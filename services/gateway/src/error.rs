//! Why a process does not start; each in one line.

use std::error::Error;

use runtime::config::ConfigError;

/// Why a process does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A variable is missing or bad.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Something outside the configuration is not as it must be.
    #[error("{what}: {}", chain(.source.as_ref()))]
    Failed {
        /// What was attempted.
        what: &'static str,
        /// What went wrong.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl StartError {
    /// An error while doing `what`.
    pub fn failed(what: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Failed {
            what,
            source: source.into(),
        }
    }

    /// The exit code: 2 for a bad configuration, 1 for everything else.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) => 2,
            Self::Failed { .. } => 1,
        }
    }
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &(dyn Error + Send + Sync)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text.replace('\n', " ")
}
