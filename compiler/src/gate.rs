//! Gates: whether a delivery goes now, later or not at all. The time is an argument.
//!
//! The server, dry runs and in-file tests share them, so all three give the same answer. One [`Gates`]
//! belongs to one workspace; nothing here is ever shared between two.
//!
//! What is counted together: throttles and duplicates per delivery of a rule (its connection, action and
//! label or place, not the element of a loop) and key; rate limits per connection, allowance and key,
//! whichever rule sends, because it is the destination that they protect.

mod dedupe;
mod key;
mod keyed;
mod rate;
mod recent;
mod sample;
mod throttle;
mod window;

#[cfg(test)]
mod tests;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub use dedupe::DedupeGate;
pub use key::GateKey;
pub use keyed::{Entry, KEYS_MAX};
pub use rate::RateGate;
pub use recent::{Recent, SENDS_KEPT_MAX};
pub use sample::{event_point, is_taken};
pub use throttle::ThrottleGate;
pub use window::OPENING_SEARCHED_DAYS_MAX;

use crate::hir::Outside;
use crate::route::Delivery;

/// The gates of one workspace.
#[derive(Clone, Debug)]
pub struct Gates {
    /// Drops what comes again too soon.
    pub dedupe: DedupeGate,
    /// Drops the surplus.
    pub throttle: ThrottleGate,
    /// Says when the next may start; asked when a delivery is about to be sent.
    pub rate: RateGate,
}

/// What becomes of a delivery that an event has caused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is sent, not before this: the time asked about, later by its delay, later until its hours begin.
    Send {
        /// Not before.
        not_before: Timestamp,
    },
    /// One with its key was sent a short while ago.
    Duplicate,
    /// Enough were sent lately.
    Throttled,
    /// It is outside its hours and does not wait.
    OutsideHours,
}

/// Everything that [`Gates`] remember, as plain data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatesSnapshot {
    /// Of the dedupe gate.
    pub dedupe: Vec<Entry<()>>,
    /// Of the throttle gate.
    pub throttle: Vec<Entry<Recent>>,
    /// Of the rate gate.
    pub rate: Vec<Entry<Recent>>,
}

impl Default for Gates {
    fn default() -> Self {
        Self::new(KEYS_MAX)
    }
}

impl Gates {
    /// Empty gates that remember at most so many keys each.
    #[must_use]
    pub fn new(keys_max: usize) -> Self {
        Self {
            dedupe: DedupeGate::new(keys_max),
            throttle: ThrottleGate::new(keys_max),
            rate: RateGate::new(keys_max),
        }
    }

    /// Decides about a delivery, and remembers it when it is sent.
    ///
    /// A delivery that one gate stops counts at no other: a duplicate uses up no throttle, and what is
    /// throttled is no first one. A delivery whose input could not be made becomes a dead letter at
    /// once, and counts nowhere.
    pub fn admit(&mut self, delivery: &Delivery, now: Timestamp) -> Admission {
        let settings = &delivery.settings;
        if delivery.input.is_err() {
            return Admission::Send { not_before: now };
        }
        let delay = SignedDuration::try_from(settings.delay).unwrap_or(SignedDuration::MAX);
        let due = now.checked_add(delay).unwrap_or(Timestamp::MAX);
        let not_before = match &settings.during {
            None => due,
            Some(schedule) => match (settings.outside, schedule.next_opening(due)) {
                (_, None) => return Admission::OutsideHours,
                (Outside::Skip, Some(opening)) if opening != due => return Admission::OutsideHours,
                (_, Some(opening)) => opening,
            },
        };
        let dedupe =
            settings.dedupe.as_ref().map(|dedupe| (GateKey::dedupe(delivery, dedupe), dedupe.within));
        if dedupe.is_some_and(|(key, _)| self.dedupe.is_known(key, now)) {
            return Admission::Duplicate;
        }
        let throttle = settings.throttle.as_ref().map(|limit| (GateKey::throttle(delivery, limit), limit));
        if throttle.is_some_and(|(key, limit)| !self.throttle.is_open(key, limit.allow, limit.every, now)) {
            return Admission::Throttled;
        }
        if let Some((key, within)) = dedupe {
            self.dedupe.remember(key, within, now);
        }
        if let Some((key, limit)) = throttle {
            self.throttle.pass(key, limit.allow, limit.every, now);
        }
        Admission::Send { not_before }
    }

    /// When a delivery may start under its rate limit: now or later. Asking changes nothing.
    #[must_use]
    pub fn start_at(&self, delivery: &Delivery, now: Timestamp) -> Timestamp {
        let Some(limit) = &delivery.settings.rate_limit else { return now };
        self.rate.start_at(GateKey::rate(delivery, limit), limit.allow, limit.every, now)
    }

    /// Tells that a delivery starts now.
    pub fn started(&mut self, delivery: &Delivery, now: Timestamp) {
        if let Some(limit) = &delivery.settings.rate_limit {
            self.rate.started(GateKey::rate(delivery, limit), limit.every, now);
        }
    }

    /// What they remember at that time.
    #[must_use]
    pub fn snapshot(&self, now: Timestamp) -> GatesSnapshot {
        GatesSnapshot {
            dedupe: self.dedupe.snapshot(now),
            throttle: self.throttle.snapshot(now),
            rate: self.rate.snapshot(now),
        }
    }

    /// Gates that remember what a snapshot holds, of more keys than allowed the longest-lived.
    #[must_use]
    pub fn restore(snapshot: GatesSnapshot, keys_max: usize) -> Self {
        Self {
            dedupe: DedupeGate::restore(snapshot.dedupe, keys_max),
            throttle: ThrottleGate::restore(snapshot.throttle, keys_max),
            rate: RateGate::restore(snapshot.rate, keys_max),
        }
    }
}

/// Milliseconds since 1970: what gates count in.
fn millis(at: Timestamp) -> i64 {
    at.as_millisecond()
}

/// Milliseconds of a length of time, parts of one rounded up.
fn length(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX)
}
