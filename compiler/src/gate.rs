//! Gates: whether a delivery goes now, later or not at all. The time is an argument.
//!
//! The server, dry runs and in-file tests share them, so all three give the same answer. One [`Gates`]
//! belongs to one workspace; nothing here is ever shared between two.
//!
//! What is counted together: throttles and duplicates per delivery of a rule (its connection, action and
//! label or place, not the element of a loop) and key; rate limits per connection, allowance and key,
//! whichever rule sends, because it is the destination that they protect.

mod dedupe;
mod gated;
mod key;
mod keyed;
mod rate;
mod recent;
mod sample;
mod throttle;
mod window;

#[cfg(test)]
mod tests;

use jiff::Timestamp;

pub use dedupe::DedupeGate;
pub use gated::{Gated, Once, Tally, opening};
pub use key::GateKey;
pub use keyed::{Entry, Gate, KEYS_MAX, Kind};
pub use rate::RateGate;
pub use recent::{Recent, SENDS_KEPT_MAX};
pub use sample::{event_point, is_taken};
pub use throttle::ThrottleGate;
pub use window::OPENING_SEARCHED_DAYS_MAX;

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

/// Which gate stops a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// One with its key was sent a short while ago.
    Duplicate,
    /// Enough were sent lately.
    Throttled,
}

/// What [`Gates`] remember under the keys of one delivery.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    dedupe: Option<Entry<()>>,
    throttle: Option<Entry<Recent>>,
}

/// One thing that [`Gates`] remember, as plain data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// By the dedupe gate.
    Dedupe(Entry<()>),
    /// By the throttle gate.
    Throttle(Entry<Recent>),
    /// By the rate gate.
    Rate(Entry<Recent>),
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
        if delivery.input.is_err() {
            return Admission::Send { not_before: now };
        }
        let Some(not_before) = opening(&delivery.settings, now) else { return Admission::OutsideHours };
        match self.pass(&Gated::of(delivery), now) {
            None => Admission::Send { not_before },
            Some(Stop::Duplicate) => Admission::Duplicate,
            Some(Stop::Throttled) => Admission::Throttled,
        }
    }

    /// Asks `dedupe` and `throttle`, and remembers what passes both. Says which one stops it.
    pub fn pass(&mut self, gated: &Gated, now: Timestamp) -> Option<Stop> {
        if gated.dedupe.is_some_and(|once| self.dedupe.is_repeated(once.key, once.within, now)) {
            return Some(Stop::Duplicate);
        }
        let shut = |limit: Tally| !self.throttle.is_open(limit.key, limit.allow, limit.every, now);
        if gated.throttle.is_some_and(shut) {
            return Some(Stop::Throttled);
        }
        self.recall(gated, now);
        None
    }

    /// Remembers a delivery that passed at that time, as a journal tells.
    pub fn recall(&mut self, gated: &Gated, at: Timestamp) {
        if let Some(once) = gated.dedupe {
            self.dedupe.remember(once.key, once.within, at);
        }
        if let Some(limit) = gated.throttle {
            self.throttle.count(limit.key, limit.every, at);
        }
    }

    /// What they remember under a delivery's keys, for [`Self::put_back`].
    #[must_use]
    pub fn memory(&self, gated: &Gated) -> Memory {
        Memory {
            dedupe: gated.dedupe.and_then(|once| self.dedupe.entry(once.key)),
            throttle: gated.throttle.and_then(|limit| self.throttle.entry(limit.key)),
        }
    }

    /// Makes them remember under a delivery's keys what they did before: the delivery came to nothing.
    pub fn put_back(&mut self, gated: &Gated, before: Memory) {
        if let Some(once) = gated.dedupe {
            self.dedupe.put_back(once.key, before.dedupe);
        }
        if let Some(limit) = gated.throttle {
            self.throttle.put_back(limit.key, before.throttle);
        }
    }

    /// Takes over what an earlier run remembered, whose clock may have been ahead of ours: what it says to have
    /// been sent later than now counts as sent now. Duplicates see to that themselves, when they are asked for.
    pub fn not_after(&mut self, now: Timestamp) {
        self.throttle.not_after(now);
        self.rate.not_after(now);
    }

    /// Whether nothing that they remember counts any more.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.dedupe.is_over(now) && self.throttle.is_over(now) && self.rate.is_over(now)
    }

    /// What they remember at that time, one by one.
    pub fn entries(&self, now: Timestamp) -> impl Iterator<Item = Kept> {
        let dedupe = self.dedupe.entries(now).map(Kept::Dedupe);
        let throttle = self.throttle.entries(now).map(Kept::Throttle);
        dedupe.chain(throttle).chain(self.rate.entries(now).map(Kept::Rate))
    }

    /// Makes them remember what one of [`Self::entries`] says.
    pub fn keep(&mut self, kept: Kept) {
        match kept {
            Kept::Dedupe(entry) => self.dedupe.keep(entry),
            Kept::Throttle(entry) => self.throttle.keep(entry),
            Kept::Rate(entry) => self.rate.keep(entry),
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
