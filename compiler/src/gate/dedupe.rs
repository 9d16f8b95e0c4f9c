//! `dedupe`: the first one wins.

use std::time::Duration;

use jiff::Timestamp;

use super::keyed::{Gate, Kind};
use super::{GateKey, length, millis};

/// Remembers keys for a while. The time runs from the first one; those that come again do not prolong it.
pub type DedupeGate = Gate<Dedupe>;

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

    /// Remembers a key, unless it is known; whether it was new.
    pub fn remember(&mut self, key: GateKey, within: Duration, now: Timestamp) -> bool {
        if self.is_known(key, now) {
            return false;
        }
        let now = millis(now);
        self.put(key, (), now.saturating_add(length(within)), now);
        true
    }
}
