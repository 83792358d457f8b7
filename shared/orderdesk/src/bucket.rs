//! The token bucket of one upstream store, as seen by its only spender.
//!
//! Pure: the clock is an argument, any monotonic duration since any start; a clock that goes back stands still.
//!
//! # What the level means
//!
//! Order Desk takes a token when a request *arrives*; we take it when we *plan* the request. Let `S` be Order Desk's
//! level and `N` the tokens we took whose requests have not arrived. Then `X = S − N` is what we may still spend. An
//! arrival leaves `X` alone, taking lowers it, and it refills like `S`, until `S` is full. As long as our level is a
//! lower bound of `X`, no request of ours can meet an empty bucket. Two rules keep it one without ever wasting refill:
//!
//! - A full bucket spills. How full `S` is depends on arrivals that we do not see, so our level refills up to
//!   `size − outstanding` only, outstanding being all tokens taken and not yet answered for.
//! - The header is `floor(S)` at an arrival in the past. It is compared not with our level but with what `S` was *at
//!   least* if only we spend: level and reservations at sending, less our own requests that may have overtaken. Below
//!   that, and only below, somebody else has spent, and the difference is subtracted. Neither transit time nor rounding
//!   nor our own concurrency looks like foreign use, so the level does not drift downwards.
//!
//! What the model cannot know, a 429 teaches: others who spend while we drain, or refill that comes in steps. Each 429
//! raises a margin that is held back from then on, up to one second's refill; it falls again by a token per minute
//! without one. Held back is not lost: the rate at which requests leave stays that of the refill.
//!
//! Upwards the header corrects only if no other request of ours was on its way at any time during this one.

use std::time::Duration;

/// What rounding of our own arithmetic may amount to, in tokens.
const EPSILON: f64 = 1e-6;

/// How long without a 429 until a token of the margin is released.
const MARGIN_HOLDS: Duration = Duration::from_mins(1);

/// A lower bound of the tokens that may be spent on one store.
#[derive(Clone, Debug)]
pub struct Bucket {
    size: f64,
    per_second: f64,
    /// May be negative: after a 429, or after a request sent without a reservation.
    level: f64,
    at: Duration,
    /// Taken and not yet sent.
    reserved: u32,
    /// Sent and not yet answered.
    in_flight: u32,
    /// Requests ever sent; never falls, since it numbers them.
    sent: u64,
    /// Requests that turned out not to have been sent.
    unsent: u64,
    /// The sum of all corrections, downwards positive.
    corrected: f64,
    blocked_until: Duration,
    /// The margin after the last 429, and when that was.
    margin: f64,
    margin_set: Duration,
}

/// A request on its way; hand it back with what became of it.
#[derive(Debug)]
#[must_use = "a request that is never closed keeps its token outstanding"]
pub struct Ticket {
    /// The least that Order Desk's level was when this request was sent, this request already deducted.
    least: f64,
    sent: u64,
    corrected: f64,
    alone: bool,
}

impl Bucket {
    /// A full bucket of `size` tokens that refills by `per_second`.
    pub fn new(size: u32, per_second: f64, now: Duration) -> Self {
        Self {
            size: f64::from(size.max(1)),
            per_second: if per_second.is_finite() {
                per_second.max(1e-3)
            } else {
                1e-3
            },
            level: f64::from(size.max(1)),
            at: now,
            reserved: 0,
            in_flight: 0,
            sent: 0,
            unsent: 0,
            corrected: 0.0,
            blocked_until: Duration::ZERO,
            margin: 0.0,
            margin_set: now,
        }
    }

    /// The bucket of a store just taken over: the level that the time since the last recorded request allows, full if
    /// there was none.
    pub fn after_takeover(
        size: u32,
        per_second: f64,
        since_last_request: Option<Duration>,
        now: Duration,
    ) -> Self {
        let mut bucket = Self::new(size, per_second, now);
        if let Some(elapsed) = since_last_request {
            bucket.level = bucket.size.min(elapsed.as_secs_f64() * bucket.per_second);
        }
        bucket
    }

    /// How many tokens it holds when full.
    pub fn size(&self) -> u32 {
        self.size as u32
    }

    /// How many whole tokens can be taken at `now`.
    pub fn available(&self, now: Duration) -> u32 {
        if !self.blocked_for(now).is_zero() {
            return 0;
        }
        let level = self.level_at(now) + EPSILON;
        let free = level - self.margin_at(now);
        // The ceiling overrules the margin: see `needed`.
        let whole = if level >= self.ceiling() { level } else { free };
        whole.max(0.0).floor() as u32
    }

    /// How long a 429 still forbids sending, even with tokens taken before; zero if it does not.
    pub fn blocked_for(&self, now: Duration) -> Duration {
        self.blocked_until.saturating_sub(now)
    }

    /// How many requests were sent in all.
    pub fn spent(&self) -> u64 {
        self.sent - self.unsent
    }

    /// Takes `n` tokens for requests to come, or none. More than [`size`](Self::size) is never there.
    #[must_use]
    pub fn try_take(&mut self, n: u32, now: Duration) -> bool {
        self.advance(now);
        if !self.blocked_for(now).is_zero() || self.level + EPSILON < self.needed(n, now) {
            return false;
        }
        self.level -= f64::from(n);
        self.reserved += n;
        true
    }

    /// When to ask for `n` tokens again, as a wait from `now`; zero if they are there.
    ///
    /// Exact unless answers to outstanding requests must come first; then one token's time, since their coming is not
    /// ours to predict. `Duration::MAX` if the bucket is too small.
    pub fn ready_in(&self, n: u32, now: Duration) -> Duration {
        if f64::from(n) > self.size {
            return Duration::MAX;
        }
        // What the margin releases meanwhile only makes the answer early.
        let missing = self.needed(n, now) - self.level_at(now);
        let refilled = if missing <= EPSILON {
            Duration::ZERO
        } else if f64::from(n) > self.ceiling() {
            Duration::from_secs_f64(1.0 / self.per_second)
        } else {
            // Rounded up, so that waiting exactly this long is enough.
            Duration::from_secs_f64(missing / self.per_second) + Duration::from_micros(1)
        };
        refilled.max(self.blocked_for(now))
    }

    /// Returns `n` tokens taken for requests that will not be sent after all.
    pub fn refund(&mut self, n: u32, now: Duration) {
        self.advance(now);
        let n = n.min(self.reserved);
        self.reserved -= n;
        self.level = (self.level + f64::from(n)).min(self.size);
    }

    /// A request goes out, on one of the tokens taken; without one it overdraws.
    pub fn sent(&mut self, now: Duration) -> Ticket {
        self.advance(now);
        if self.reserved == 0 {
            self.level -= 1.0;
        } else {
            self.reserved -= 1;
        }
        let alone = self.in_flight == 0;
        self.in_flight += 1;
        self.sent += 1;
        let least = self.level + f64::from(self.reserved);
        Ticket {
            least,
            sent: self.sent,
            corrected: self.corrected,
            alone,
        }
    }

    /// The request was answered, or given up as lost; `remaining` is what its header said.
    #[expect(clippy::needless_pass_by_value, reason = "a ticket is used up")]
    pub fn observed(&mut self, ticket: Ticket, remaining: Option<u32>, now: Duration) {
        let Ticket {
            least,
            sent,
            corrected,
            alone,
        } = ticket;
        self.close(now);
        let Some(remaining) = remaining else { return };
        let remaining = f64::from(remaining).min(self.size);
        let overtakers = self.sent - sent;
        let least = least - overtakers as f64 - (self.corrected - corrected);
        let foreign = least.floor() - remaining;
        if foreign > 0.0 {
            self.correct(foreign);
        } else if alone && overtakers == 0 {
            let most = (remaining - f64::from(self.reserved)).min(self.ceiling());
            if most > self.level {
                self.correct(self.level - most);
            }
        }
    }

    /// The request was certainly not sent: its token is there again.
    pub fn unsent(&mut self, _ticket: Ticket, now: Duration) {
        self.close(now);
        self.unsent += 1;
        self.level = (self.level + 1.0).min(self.size);
    }

    /// The request was answered with 429: the bucket is empty, and nothing may be sent for `retry_after`.
    pub fn rate_limited(&mut self, _ticket: Ticket, retry_after: Duration, now: Duration) {
        self.close(now);
        let empty = -f64::from(self.reserved);
        if self.level > empty {
            self.correct(self.level - empty);
        }
        self.blocked_until = self.blocked_until.max(now.saturating_add(retry_after));
        self.margin = (self.margin_at(now).ceil() + 1.0)
            .min(self.per_second.ceil())
            .min(self.size / 4.0);
        self.margin_set = now;
    }

    fn close(&mut self, now: Duration) {
        self.advance(now);
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    fn correct(&mut self, downwards: f64) {
        self.level -= downwards;
        self.corrected += downwards;
    }

    /// The highest level that refill can reach while so many tokens are unaccounted for.
    fn ceiling(&self) -> f64 {
        self.size - f64::from(self.reserved) - f64::from(self.in_flight)
    }

    fn margin_at(&self, now: Duration) -> f64 {
        let quiet = now.saturating_sub(self.margin_set).as_secs() / MARGIN_HOLDS.as_secs();
        (self.margin - quiet as f64).max(0.0)
    }

    /// The level at which `n` tokens may be taken: with the margin on top, unless that could never be reached.
    fn needed(&self, n: u32, now: Duration) -> f64 {
        let n = f64::from(n);
        n.max((n + self.margin_at(now)).min(self.ceiling()))
    }

    fn level_at(&self, now: Duration) -> f64 {
        let refill = now.saturating_sub(self.at).as_secs_f64() * self.per_second;
        (self.level + refill).min(self.ceiling()).max(self.level)
    }

    fn advance(&mut self, now: Duration) {
        self.level = self.level_at(now);
        self.at = self.at.max(now);
    }
}

#[cfg(test)]
#[path = "bucket_tests.rs"]
mod tests;
