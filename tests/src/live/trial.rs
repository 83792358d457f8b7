//! One run: the order it works on and what has been found so far.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::assumption::ASSUMPTIONS;
use super::desk::Desk;
use super::report::{Report, Verdict};

/// What the source ids of all orders of live checks begin with.
pub(super) const PREFIX: &str = "gateway-live-check-";

pub(super) struct Trial<'a> {
    pub desk: &'a Desk,
    /// The order's `source_id`, which no other order has.
    pub source_id: String,
    /// The order; empty until it has been created.
    pub order_id: String,
    /// Every order that was created.
    pub created: Vec<String>,
    settle: Duration,
    verdicts: BTreeMap<&'static str, Verdict>,
    stopped: Vec<(&'static str, String)>,
}

impl<'a> Trial<'a> {
    pub fn new(desk: &'a Desk, settle: Duration) -> Self {
        Self {
            desk,
            source_id: format!("{PREFIX}{}", crate::random_hex(24)),
            order_id: String::new(),
            created: Vec::new(),
            settle,
            verdicts: BTreeMap::new(),
            stopped: Vec::new(),
        }
    }

    /// Says what was found of an assumption. The first word counts.
    pub fn judge(&mut self, code: &'static str, held: bool, seen: impl Into<String>) {
        debug_assert!(ASSUMPTIONS.iter().any(|known| known.code == code), "{code}");
        let seen = seen.into();
        let verdict = if held {
            Verdict::Held(seen)
        } else {
            Verdict::NotHeld(seen)
        };
        self.verdicts.entry(code).or_insert(verdict);
    }

    /// Ends a step: what it has left open of its own assumptions, those whose codes begin with `step`, is not tried.
    pub fn end(&mut self, step: &'static str, outcome: Result<(), String>) {
        if let Err(reason) = outcome {
            self.stopped.push((step, reason));
        }
    }

    /// The path of the order, with more behind it.
    pub fn path(&self, rest: &str) -> String {
        format!("/orders/{}{rest}", self.order_id)
    }

    /// The order as it stands.
    pub async fn order(&self) -> Result<Value, String> {
        let seen = self
            .desk
            .get(&self.path(""))
            .await?
            .success("reading the order")?;
        Ok(seen.body["order"].clone())
    }

    /// Writes the order and reads it again.
    pub async fn write(&self, order: &Value) -> Result<Value, String> {
        self.desk
            .put(&self.path(""), order)
            .await?
            .success("a PUT of the order")?;
        self.order().await
    }

    /// Waits until another write would carry another time.
    pub async fn settle(&self) {
        tokio::time::sleep(self.settle).await;
    }

    pub fn conclude(mut self, broken_off: Option<&str>, left_behind: Option<String>) -> Report {
        let (answers, disagreeing) = self.desk.disagreements();
        if answers > 1 {
            let seen = disagreeing
                .first()
                .map_or(String::new(), |first| format!("among others {first}"));
            self.judge("http.status_agrees", disagreeing.is_empty(), seen);
        }
        let mut report = Report {
            verdicts: self.verdicts,
            broken_off: broken_off.map(str::to_owned),
            left_behind,
            answers,
        };
        for assumption in ASSUMPTIONS {
            let step = assumption.code.split('.').next().unwrap_or_default();
            let stopped = self
                .stopped
                .iter()
                .find(|(name, _)| *name == step || *name == "all");
            let reason = assumption
                .untried
                .or(stopped.map(|(_, reason)| reason.as_str()))
                .or(broken_off)
                .unwrap_or("what it takes was not there");
            report
                .verdicts
                .entry(assumption.code)
                .or_insert_with(|| Verdict::NotTried(reason.to_owned()));
        }
        report
    }
}
