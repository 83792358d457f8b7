//! Requests by tenant, and the headers that tell clients how they stand (draft-ietf-httpapi-ratelimit-headers).

use std::net::IpAddr;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use limit::{Decision, Outcome, Subject};

use super::Guards;
use super::login::too_many;
use crate::problem::Problem;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const STATE: HeaderName = HeaderName::from_static("ratelimit");

/// Whose request it is, for the guards.
pub(crate) enum Requester {
    /// A tenant's.
    Tenant([u8; 16]),
    /// Of a key that has no tenant yet, by its lookup hash.
    Stranger([u8; 32]),
}

impl Guards {
    /// Takes one request; none if rates are not limited.
    pub(crate) async fn take(&self, who: Requester, ip: Option<IpAddr>) -> Option<Decision> {
        let limiter = self.rates.as_ref()?;
        match who {
            Requester::Tenant(id) => Some(limiter.take(Subject::id(id)).await),
            Requester::Stranger(hash) => {
                let together = self.strangers.as_ref().zip(ip);
                let together = together.map(|(strangers, ip)| strangers.take_now(Subject::address(ip)));
                // What is said is always about the key: its policy is the one that the client can plan with.
                match together.map(|decision| decision.outcome) {
                    Some(Outcome::Refused { retry_after }) => {
                        let quota = self.strangers.as_ref().map(limit::LocalLimiter::quota)?;
                        Some(Decision::refused(quota, retry_after))
                    }
                    _ => Some(limiter.take(Subject::hash(&hash)).await),
                }
            }
        }
    }
}

/// What is said to a request that is one too many.
pub(crate) fn check(decision: &Decision) -> Result<(), Problem> {
    match decision.outcome {
        Outcome::Passed => Ok(()),
        Outcome::Refused { retry_after } => {
            let detail = format!(
                "At most {} requests are taken in {} seconds.",
                decision.quota.limit(),
                decision.quota.window().as_secs()
            );
            Err(too_many(&detail, "requests", retry_after))
        }
    }
}

/// Adds the headers.
pub(crate) fn tell(headers: &mut HeaderMap, decision: &Decision) {
    let quota = decision.quota;
    let policy = format!("\"default\";q={};w={}", quota.limit(), quota.window().as_secs());
    let state = format!(
        "\"default\";r={};t={}",
        decision.remaining,
        seconds(decision.full_in)
    );
    for (name, text) in [(POLICY, policy), (STATE, state)] {
        let value = HeaderValue::try_from(text).expect("made of ASCII here");
        headers.insert(name, value);
    }
}

/// Whole seconds, rounded up.
fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use limit::Quota;

    use super::*;

    #[test]
    fn the_headers_are_structured_fields() {
        let quota = Quota::per_minute(120).unwrap();
        let told = |decision: Decision| {
            let mut headers = HeaderMap::new();
            tell(&mut headers, &decision);
            let text = |name| headers[name].to_str().unwrap().to_owned();
            (text("ratelimit-policy"), text("ratelimit"))
        };
        let policy = "\"default\";q=120;w=60".to_owned();
        let first = told(Decision::passed(quota, 119));
        assert_eq!(first, (policy.clone(), "\"default\";r=119;t=1".to_owned()));
        let none = told(Decision::refused(quota, Duration::from_millis(1)));
        assert_eq!(none, (policy, "\"default\";r=0;t=60".to_owned()));
    }
}
