//! What `check-config` prints.

use super::error::ConfigError;
use super::setting::Setting;
use super::source::Source;
use super::unknown;

/// What a configuration says, without a secret in it.
#[derive(Clone, Debug)]
pub struct Report {
    /// Every variable, in the order in which they are read.
    pub settings: Vec<Setting>,
    /// What is wrong; a process would refuse to start.
    pub errors: Vec<ConfigError>,
    /// Variables that look like ours and are not, one line each.
    pub warnings: Vec<String>,
}

impl Report {
    pub(super) fn new(source: &Source, settings: Vec<Setting>, errors: Vec<ConfigError>) -> Self {
        let warnings = unknown::warnings(source, &settings);
        Self {
            settings,
            errors,
            warnings,
        }
    }
}
