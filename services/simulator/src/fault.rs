//! Failures that requests can be made to meet.

use serde::{Deserialize, Serialize};

use crate::kind::{Matcher, Target};

/// A way for a request to fail.
///
/// Wherever `applied` appears it tells whether a write takes effect before the failure; reads are always carried out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Fault {
    /// The connection is reset (RST) and nothing is applied; no token is spent.
    ResetBefore,
    /// The request is applied, then the connection is reset without an answer.
    ResetAfter,
    /// No answer ever comes and nothing is applied.
    Timeout,
    /// No answer ever comes, and the write is applied after the delay even if the client has gone.
    TimeoutLateWrite {
        /// Milliseconds until the write takes effect.
        delay_ms: u64,
    },
    /// An error is answered at once, and the write is applied after the delay nevertheless.
    LateWrite {
        /// Milliseconds until the write takes effect.
        delay_ms: u64,
        /// The status of the answer.
        #[serde(default = "bad_gateway")]
        status: u16,
    },
    /// `429` with `X-Retry-After`, whatever the bucket holds.
    Throttle {
        /// Seconds the client is told to wait.
        retry_after: u64,
    },
    /// A JSON error with this status (500, 502, 503, 504).
    ServerError {
        /// The status of the answer.
        status: u16,
        /// Whether the write took effect.
        #[serde(default)]
        applied: bool,
    },
    /// `200` with `status: error` in the body.
    StatusError {
        /// The message of the answer.
        #[serde(default = "status_error_message")]
        message: String,
        /// Whether the write took effect.
        #[serde(default)]
        applied: bool,
    },
    /// A complete refusal that applies nothing: 400, 401, 403, 404.
    Reject {
        /// The status of the answer.
        status: u16,
        /// The message of the answer.
        #[serde(default = "reject_message")]
        message: String,
    },
    /// `200` with bytes that are not JSON.
    Garbage {
        /// Whether the write took effect.
        #[serde(default)]
        applied: bool,
    },
    /// An HTML page, as a proxy or a maintenance screen would send.
    Html {
        /// The status of the answer: 502, or 200.
        #[serde(default = "bad_gateway")]
        status: u16,
        /// Whether the write took effect.
        #[serde(default)]
        applied: bool,
    },
    /// Half of the announced body, then the end of the connection.
    Truncated {
        /// Whether the write took effect.
        #[serde(default)]
        applied: bool,
    },
    /// A valid answer padded to at least this size.
    Oversized {
        /// The least size of the body.
        #[serde(default = "oversize")]
        bytes: usize,
        /// Whether `Content-Length` announces the size; otherwise the body comes in chunks.
        #[serde(default)]
        declared: bool,
        /// Whether the write took effect.
        #[serde(default)]
        applied: bool,
    },
    /// The true answer, late.
    Slow {
        /// Milliseconds of delay.
        delay_ms: u64,
        /// Whether the delay comes after the write took effect instead of before.
        #[serde(default)]
        applied_first: bool,
    },
}

const fn bad_gateway() -> u16 {
    502
}

const fn oversize() -> usize {
    32 * 1024 * 1024
}

fn status_error_message() -> String {
    "Something went wrong".into()
}

fn reject_message() -> String {
    "Request rejected".into()
}

impl Fault {
    /// The name of the fault on the wire and in the request log.
    pub fn name(&self) -> &'static str {
        match self {
            Self::ResetBefore => "reset_before",
            Self::ResetAfter => "reset_after",
            Self::Timeout => "timeout",
            Self::TimeoutLateWrite { .. } => "timeout_late_write",
            Self::LateWrite { .. } => "late_write",
            Self::Throttle { .. } => "throttle",
            Self::ServerError { .. } => "server_error",
            Self::StatusError { .. } => "status_error",
            Self::Reject { .. } => "reject",
            Self::Garbage { .. } => "garbage",
            Self::Html { .. } => "html",
            Self::Truncated { .. } => "truncated",
            Self::Oversized { .. } => "oversized",
            Self::Slow { .. } => "slow",
        }
    }
}

/// A fault, the requests it meets and how often.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// Which requests.
    #[serde(default, rename = "match")]
    pub matcher: Matcher,
    /// What happens to them.
    pub fault: Fault,
    /// How many requests meet it; `None` (JSON `null`) is all of them, one if left out.
    #[serde(default = "once")]
    pub times: Option<u64>,
    /// How many matching requests pass unharmed first.
    #[serde(default)]
    pub skip: u64,
    /// How many requests have met it so far.
    #[serde(default)]
    pub hits: u64,
}

#[expect(clippy::unnecessary_wraps, reason = "the signature is that of the field")]
const fn once() -> Option<u64> {
    Some(1)
}

impl FaultRule {
    /// The next matching request meets `fault`.
    pub fn once(matcher: impl Into<Matcher>, fault: Fault) -> Self {
        Self {
            matcher: matcher.into(),
            fault,
            times: Some(1),
            skip: 0,
            hits: 0,
        }
    }

    /// Every matching request meets `fault` until the rule is removed.
    pub fn always(matcher: impl Into<Matcher>, fault: Fault) -> Self {
        Self {
            times: None,
            ..Self::once(matcher, fault)
        }
    }

    /// Meets `times` requests.
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// Lets `skip` matching requests pass first.
    pub fn skip(mut self, skip: u64) -> Self {
        self.skip = skip;
        self
    }

    fn fire(&mut self, target: &Target) -> Option<Fault> {
        if !self.matcher.matches(target) || self.times.is_some_and(|times| self.hits >= times) {
            return None;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        self.hits += 1;
        Some(self.fault.clone())
    }
}

/// The fault that `target` meets: that of the first rule that still has one to give.
pub(crate) fn pick(rules: &mut [FaultRule], target: &Target) -> Option<Fault> {
    rules.iter_mut().find_map(|rule| rule.fire(target))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::RequestKind;

    fn put() -> Target {
        Target {
            kind: RequestKind::PutOrder,
            store: "s".into(),
            orders: vec!["1".into()],
        }
    }

    #[test]
    fn a_rule_skips_then_fires_then_is_spent() {
        let mut rules = vec![
            FaultRule::once(RequestKind::PutOrder, Fault::Timeout)
                .skip(1)
                .times(2),
        ];
        let fired: Vec<bool> = (0..5).map(|_| pick(&mut rules, &put()).is_some()).collect();
        assert_eq!(fired, [false, true, true, false, false]);
        assert_eq!(rules[0].hits, 2);
    }

    #[test]
    fn left_out_times_is_one_and_null_is_for_ever() {
        let one: FaultRule = serde_json::from_str(r#"{"fault": {"type": "reset_before"}}"#).unwrap();
        assert_eq!(one, FaultRule::once(Matcher::any(), Fault::ResetBefore));
        let all: FaultRule = serde_json::from_str(
            r#"{"match": {"kind": "put_order", "order": "1"}, "fault": {"type": "html"}, "times": null}"#,
        )
        .unwrap();
        let matcher = Matcher::from(RequestKind::PutOrder).order("1");
        assert_eq!(
            all,
            FaultRule::always(
                matcher,
                Fault::Html {
                    status: 502,
                    applied: false
                }
            )
        );
    }
}
