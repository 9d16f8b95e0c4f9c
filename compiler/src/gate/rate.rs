//! `rate_limit`: slows down, never drops.

use std::time::Duration;

use jiff::Timestamp;

use super::keyed::{Entry, Keyed};
use super::throttle::count;
use super::{GateKey, Recent, length, millis};

/// Says when the next may start, so that at most so many start in any stretch of time, per key. Asking
/// reserves nothing: whoever is about to send asks, waits, asks again, and tells when it starts.
#[derive(Clone, Debug)]
pub struct RateGate(Keyed<Recent>);

impl RateGate {
    /// An empty gate of at most so many keys; with more, the one that would be forgotten first is
    /// forgotten early, and its next delivery starts at once.
    #[must_use]
    pub fn new(keys_max: usize) -> Self {
        Self(Keyed::new(keys_max))
    }

    /// The earliest time from `now` on at which one more may start.
    #[must_use]
    pub fn start_at(&self, key: GateKey, allow: u32, every: Duration, now: Timestamp) -> Timestamp {
        let at = millis(now);
        let start = self.0.get(key, at).map_or(at, |recent| recent.next(allow, length(every), at));
        if start <= at { now } else { Timestamp::from_millisecond(start).unwrap_or(Timestamp::MAX) }
    }

    /// Tells that one starts now, also where it should have waited: a restart may have forgotten.
    pub fn started(&mut self, key: GateKey, every: Duration, now: Timestamp) {
        count(&mut self.0, key, every, now);
    }

    /// Whether nothing that it remembers counts any more.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.0.is_over(millis(now))
    }

    /// How many keys it remembers.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.0.len()
    }

    /// How many keys it forgot early, because there were too many.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.0.forgotten()
    }

    /// What it remembers.
    #[must_use]
    pub fn snapshot(&self, now: Timestamp) -> Vec<Entry<Recent>> {
        self.0.snapshot(millis(now))
    }

    /// A gate that remembers this.
    #[must_use]
    pub fn restore(entries: Vec<Entry<Recent>>, keys_max: usize) -> Self {
        Self(Keyed::restore(entries, keys_max))
    }
}
