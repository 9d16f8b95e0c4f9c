//! `rate_limit`: slows down, never drops.

use std::time::Duration;

use jiff::Timestamp;

use super::keyed::{Gate, Kind};
use super::{GateKey, Recent, length, millis};

/// Says when the next may start, so that at most so many start in any stretch of time, per key. Asking
/// reserves nothing: whoever is about to send asks, waits, asks again, and tells when it starts.
pub type RateGate = Gate<Rate>;

/// That of [`RateGate`]: when a key's last ones started.
#[derive(Clone, Copy, Debug)]
pub enum Rate {}

impl Kind for Rate {
    type State = Recent;
}

impl RateGate {
    /// The earliest time from `now` on at which one more may start.
    #[must_use]
    pub fn start_at(&self, key: GateKey, allow: u32, every: Duration, now: Timestamp) -> Timestamp {
        let at = millis(now);
        let start = self.get(key, at).map_or(at, |recent| recent.next(allow, length(every), at));
        if start <= at { now } else { Timestamp::from_millisecond(start).unwrap_or(Timestamp::MAX) }
    }

    /// Tells that one starts now, also where it should have waited: a restart may have forgotten.
    pub fn started(&mut self, key: GateKey, every: Duration, now: Timestamp) {
        self.add(key, every, now);
    }
}
