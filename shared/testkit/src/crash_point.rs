//! Naming the place where a child process shall kill itself.

/// The variable that the product's processes read; see `runtime`'s crash points.
const VARIABLE: &str = "ODG_CRASH_POINT";

/// A named place in the product, and the how-many-eth time there (from 1) at which the process kills itself by
/// SIGKILL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrashPoint(pub &'static str, pub u32);

impl CrashPoint {
    /// The variable and its value, for a child process's environment.
    pub fn env(&self) -> (String, String) {
        (VARIABLE.to_owned(), format!("{}:{}", self.0, self.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_point_is_one_variable() {
        let expected = ("ODG_CRASH_POINT".to_owned(), "update.sent:2".to_owned());
        assert_eq!(CrashPoint("update.sent", 2).env(), expected);
    }
}
