//! `throttle`: drops the surplus.

use std::time::Duration;

use jiff::Timestamp;

use super::keyed::{Entry, Keyed};
use super::{GateKey, Recent, length, millis};

/// Lets at most so many pass in any stretch of time, per key. What is dropped does not count, so a
/// steady stream is thinned and never shut off.
#[derive(Clone, Debug)]
pub struct ThrottleGate(Keyed<Recent>);

impl ThrottleGate {
    /// An empty gate of at most so many keys; with more, the one that would be forgotten first is
    /// forgotten early, and its next delivery passes.
    #[must_use]
    pub fn new(keys_max: usize) -> Self {
        Self(Keyed::new(keys_max))
    }

    /// Whether one more may pass. Asking changes nothing.
    #[must_use]
    pub fn is_open(&self, key: GateKey, allow: u32, every: Duration, now: Timestamp) -> bool {
        let now = millis(now);
        self.0.get(key, now).is_none_or(|recent| recent.next(allow, length(every), now) <= now)
    }

    /// Lets one pass if it may; whether it did.
    pub fn pass(&mut self, key: GateKey, allow: u32, every: Duration, now: Timestamp) -> bool {
        if !self.is_open(key, allow, every, now) {
            return false;
        }
        self.count(key, every, now);
        true
    }

    /// Counts one that passed at that time.
    pub fn count(&mut self, key: GateKey, every: Duration, at: Timestamp) {
        count(&mut self.0, key, every, at);
    }

    /// What it remembers under a key.
    #[must_use]
    pub(super) fn entry(&self, key: GateKey) -> Option<Entry<Recent>> {
        self.0.entry(key)
    }

    /// Makes it remember that under a key, or nothing.
    pub(super) fn put_back(&mut self, key: GateKey, before: Option<Entry<Recent>>) {
        self.0.put_back(key, before);
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

/// Adds a send to a key's.
pub(super) fn count(keyed: &mut Keyed<Recent>, key: GateKey, every: Duration, now: Timestamp) {
    let (now, every) = (millis(now), length(every));
    let mut recent = keyed.get(key, now).cloned().unwrap_or_default();
    recent.push(every, now);
    let until = recent.until(every);
    keyed.put(key, recent, until, now);
}
