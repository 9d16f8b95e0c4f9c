//! `throttle`: drops the surplus.

use std::time::Duration;

use jiff::Timestamp;

use super::keyed::{Gate, Kind};
use super::{GateKey, Recent, length, millis};

/// Lets at most so many pass in any stretch of time, per key. What is dropped does not count, so a
/// steady stream is thinned and never shut off.
pub type ThrottleGate = Gate<Throttle>;

/// That of [`ThrottleGate`]: when a key's last ones passed.
#[derive(Clone, Copy, Debug)]
pub enum Throttle {}

impl Kind for Throttle {
    type State = Recent;
}

impl ThrottleGate {
    /// Whether one more may pass. Asking changes nothing.
    #[must_use]
    pub fn is_open(&self, key: GateKey, allow: u32, every: Duration, now: Timestamp) -> bool {
        let now = millis(now);
        self.get(key, now).is_none_or(|recent| recent.next(allow, length(every), now) <= now)
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
        self.add(key, every, at);
    }
}
