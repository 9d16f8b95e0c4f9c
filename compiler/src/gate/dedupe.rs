//! `dedupe`: the first one wins.

use std::time::Duration;

use jiff::Timestamp;

use super::keyed::{Entry, Keyed};
use super::{GateKey, length, millis};

/// Remembers keys for a while. The time runs from the first one; those that come again do not prolong it.
#[derive(Clone, Debug)]
pub struct DedupeGate(Keyed<()>);

impl DedupeGate {
    /// An empty gate of at most so many keys; with more, the one that would be forgotten first is
    /// forgotten early, and a duplicate of it passes.
    #[must_use]
    pub fn new(keys_max: usize) -> Self {
        Self(Keyed::new(keys_max))
    }

    /// Whether a key was remembered and is not forgotten yet.
    #[must_use]
    pub fn is_known(&self, key: GateKey, now: Timestamp) -> bool {
        self.0.get(key, millis(now)).is_some()
    }

    /// Remembers a key, unless it is known; whether it was new.
    pub fn remember(&mut self, key: GateKey, within: Duration, now: Timestamp) -> bool {
        if self.is_known(key, now) {
            return false;
        }
        let now = millis(now);
        self.0.put(key, (), now.saturating_add(length(within)), now);
        true
    }

    /// What it remembers under a key.
    #[must_use]
    pub(super) fn entry(&self, key: GateKey) -> Option<Entry<()>> {
        self.0.entry(key)
    }

    /// Makes it remember that under a key, or nothing.
    pub(super) fn put_back(&mut self, key: GateKey, before: Option<Entry<()>>) {
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
    pub fn snapshot(&self, now: Timestamp) -> Vec<Entry<()>> {
        self.0.snapshot(millis(now))
    }

    /// A gate that remembers this.
    #[must_use]
    pub fn restore(entries: Vec<Entry<()>>, keys_max: usize) -> Self {
        Self(Keyed::restore(entries, keys_max))
    }
}
