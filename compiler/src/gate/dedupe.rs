//! `dedupe`: the first one wins.

use std::time::Duration;

use jiff::Timestamp;

use super::keyed::{Entry, Gate, Kind};
use super::{GateKey, length, millis};

/// Remembers keys for a while. The time runs from the first one; those that come again do not prolong it.
pub type DedupeGate = Gate<Dedupe>;

/// Requests overtake each other by less than these milliseconds: a key that was remembered so much later than now
/// was remembered by a clock that has gone back since.
const OVERTAKEN_MAX: i64 = 60_000;

/// That of [`DedupeGate`]: a key is known or not.
#[derive(Clone, Copy, Debug)]
pub enum Dedupe {}

impl Kind for Dedupe {
    type State = ();
}

impl DedupeGate {
    /// Whether a key was remembered and is not forgotten yet.
    #[must_use]
    pub fn is_known(&self, key: GateKey, now: Timestamp) -> bool {
        self.get(key, millis(now)).is_some()
    }

    /// Whether a key that comes again within so long is known. When the clock has gone back since it was remembered,
    /// it is taken to be remembered now: nothing is a duplicate for as long as the clock is behind.
    pub fn is_repeated(&mut self, key: GateKey, within: Duration, now: Timestamp) -> bool {
        let (now, until) = (millis(now), millis(now).saturating_add(length(within)));
        match self.entry(key).map(|entry| entry.until) {
            Some(end) if end > until.saturating_add(OVERTAKEN_MAX) => {
                self.put_back(key, Some(Entry { key, until, state: () }));
                true
            }
            end => end.is_some_and(|end| end > now),
        }
    }

    /// Remembers a key, unless it is known; whether it was new.
    pub fn remember(&mut self, key: GateKey, within: Duration, now: Timestamp) -> bool {
        if self.is_repeated(key, within, now) {
            return false;
        }
        let now = millis(now);
        self.put(key, (), now.saturating_add(length(within)), now);
        true
    }
}
