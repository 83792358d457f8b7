//! The circuit of one upstream store: stops trying when nobody answers, and finds out when somebody does.
//!
//! Pure: the clock is an argument, any monotonic duration since any start. Feed it with
//! [`Failure::is_outage`](crate::Failure::is_outage) and [`was_answered`](crate::Failure::was_answered); what is
//! neither (a write held back by ourselves) is not fed.

use std::time::Duration;

/// Outages in a row that open a circuit.
const THRESHOLD: u32 = 5;
/// The time between two probes of an open circuit.
const PROBE_EVERY: Duration = Duration::from_secs(10);

/// Counts outages in a row; five open it, an answer closes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Circuit {
    failures: u32,
    open: Option<Open>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Open {
    since: Duration,
    next_probe: Duration,
}

/// What a circuit lets through at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Everything.
    Closed,
    /// Nothing before the next probe.
    Open {
        /// When a probe may start.
        next_probe: Duration,
    },
    /// One request, which finds out.
    ProbeDue,
}

impl Circuit {
    /// A closed circuit.
    pub fn new() -> Self {
        Self::default()
    }

    /// What it lets through at `now`.
    pub fn state(&self, now: Duration) -> State {
        match &self.open {
            None => State::Closed,
            Some(open) if now >= open.next_probe => State::ProbeDue,
            Some(open) => State::Open {
                next_probe: open.next_probe,
            },
        }
    }

    /// Whether a request may start at `now`; does not start it.
    pub fn may_start(&self, now: Duration) -> bool {
        !matches!(self.state(now), State::Open { .. })
    }

    /// Asks to start a request at `now`. On an open circuit a yes is the probe, and the next comes ten seconds later.
    #[must_use]
    pub fn start(&mut self, now: Duration) -> bool {
        if !self.may_start(now) {
            return false;
        }
        if let Some(open) = &mut self.open {
            open.next_probe = now + PROBE_EVERY;
        }
        true
    }

    /// Somebody answered, whatever it was: closes the circuit.
    pub fn answered(&mut self) {
        *self = Self::default();
    }

    /// Nobody answered. The fifth in a row opens the circuit; further ones do not prolong it.
    pub fn outage(&mut self, now: Duration) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= THRESHOLD && self.open.is_none() {
            self.open = Some(Open {
                since: now,
                next_probe: now + PROBE_EVERY,
            });
        }
    }

    /// Since when it is open; time from there does not count against a job.
    pub fn open_since(&self) -> Option<Duration> {
        self.open.as_ref().map(|open| open.since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn opened_at(now: Duration) -> Circuit {
        let mut circuit = Circuit::new();
        (0..5).for_each(|_| circuit.outage(now));
        circuit
    }

    #[test]
    fn five_outages_in_a_row_open_it_and_four_do_not() {
        let mut circuit = Circuit::new();
        (0..4).for_each(|n| circuit.outage(at(n)));
        assert_eq!(circuit.state(at(4)), State::Closed);
        circuit.outage(at(4));
        assert_eq!(circuit.state(at(4)), State::Open { next_probe: at(14) });
        assert_eq!(circuit.open_since(), Some(at(4)));
        assert!(!circuit.may_start(at(13)));
    }

    #[test]
    fn an_answer_between_outages_starts_the_count_again() {
        let mut circuit = Circuit::new();
        for n in 0..40 {
            if n % 5 == 4 {
                circuit.answered();
            } else {
                circuit.outage(at(n));
            }
            assert_eq!(circuit.state(at(n)), State::Closed);
        }
    }

    #[test]
    fn an_open_circuit_lets_one_probe_through_each_ten_seconds() {
        let mut circuit = opened_at(at(0));
        let mut probes = Vec::new();
        for second in 0..=35 {
            for _ in 0..3 {
                if circuit.start(at(second)) {
                    probes.push(second);
                    circuit.outage(at(second));
                }
            }
        }
        assert_eq!(probes, [10, 20, 30]);
        assert_eq!(
            circuit.open_since(),
            Some(at(0)),
            "failed probes do not move the beginning"
        );
    }

    #[test]
    fn a_probe_that_never_reports_does_not_stop_the_next() {
        let mut circuit = opened_at(at(0));
        assert!(circuit.start(at(10)));
        assert_eq!(circuit.state(at(12)), State::Open { next_probe: at(20) });
        assert!(circuit.start(at(20)));
    }

    #[test]
    fn an_answered_probe_closes_it_and_five_more_outages_open_it_again() {
        let mut circuit = opened_at(at(0));
        assert!(circuit.start(at(11)));
        circuit.answered();
        assert_eq!(
            (circuit.state(at(11)), circuit.open_since()),
            (State::Closed, None)
        );
        (0..4).for_each(|_| circuit.outage(at(12)));
        assert!(circuit.may_start(at(12)));
        circuit.outage(at(13));
        assert_eq!(circuit.open_since(), Some(at(13)));
    }
}
