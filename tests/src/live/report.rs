//! What became of each assumption.

use std::collections::BTreeMap;
use std::fmt;

use super::assumption::ASSUMPTIONS;

/// What became of one assumption; each says what was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Order Desk does as assumed.
    Held(String),
    /// It does otherwise.
    NotHeld(String),
    /// Nothing can be said.
    NotTried(String),
}

/// The outcome of a live check.
#[derive(Clone, Debug)]
pub struct Report {
    /// One for each of the assumptions, by its code.
    pub verdicts: BTreeMap<&'static str, Verdict>,
    /// Why the check ended early, if it did.
    pub broken_off: Option<String>,
    /// What could not be deleted, if anything.
    pub left_behind: Option<String>,
    /// How many requests were answered.
    pub answers: usize,
}

impl Report {
    pub(super) fn of_nothing(reason: &str) -> Self {
        let not_tried = |reason: &str| Verdict::NotTried(reason.to_owned());
        Self {
            verdicts: ASSUMPTIONS
                .iter()
                .map(|assumption| (assumption.code, not_tried(assumption.untried.unwrap_or(reason))))
                .collect(),
            broken_off: Some(reason.to_owned()),
            left_behind: None,
            answers: 0,
        }
    }

    /// The codes of the assumptions that did not hold.
    pub fn not_held(&self) -> Vec<&'static str> {
        self.codes(|verdict| matches!(verdict, Verdict::NotHeld(_)))
    }

    /// The codes of the assumptions that were tried.
    pub fn tried(&self) -> Vec<&'static str> {
        self.codes(|verdict| !matches!(verdict, Verdict::NotTried(_)))
    }

    fn codes(&self, which: impl Fn(&Verdict) -> bool) -> Vec<&'static str> {
        let found = self.verdicts.iter().filter(|(_, verdict)| which(verdict));
        found.map(|(code, _)| *code).collect()
    }
}

/// One line for each assumption, then what went wrong, then the sum.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for assumption in ASSUMPTIONS {
            let (word, seen) = match self.verdicts.get(assumption.code) {
                Some(Verdict::Held(seen)) => ("held", seen.as_str()),
                Some(Verdict::NotHeld(seen)) => ("NOT HELD", seen.as_str()),
                Some(Verdict::NotTried(reason)) => ("not tried", reason.as_str()),
                None => ("not tried", ""),
            };
            writeln!(f, "{word:<9}  {:<30} {}", assumption.code, assumption.text)?;
            if !seen.is_empty() {
                writeln!(f, "{:<42} {seen}", "")?;
            }
        }
        if let Some(reason) = &self.broken_off {
            writeln!(f, "The check ended early: {reason}.")?;
        }
        if let Some(left) = &self.left_behind {
            writeln!(f, "NOT DELETED, please look yourself: {left}.")?;
        }
        let (tried, not_held) = (self.tried().len(), self.not_held().len());
        write!(
            f,
            "{} held, {not_held} not held, {} not tried; {} requests.",
            tried - not_held,
            self.verdicts.len() - tried,
            self.answers
        )
    }
}
