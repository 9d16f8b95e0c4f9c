//! One clock for the whole run, and what a list of times says.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Times in events have this added, so that all of them have sixteen digits.
pub const DIGITS: u64 = 1_000_000_000_000_000;

/// Nanoseconds since the first call.
#[must_use]
pub fn now() -> u64 {
    u64::try_from(START.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// A time span as nanoseconds.
#[must_use]
pub fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

/// Times of many requests, in microseconds.
#[derive(Clone, Debug, Default)]
pub struct Times(Vec<u32>);

/// More times than this are counted, not kept.
const TIMES_MAX: usize = 4_000_000;

impl Times {
    /// Adds one, given in nanoseconds.
    pub fn push(&mut self, nanos: u64) {
        if self.0.len() < TIMES_MAX {
            self.0.push(u32::try_from(nanos / 1_000).unwrap_or(u32::MAX));
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// That part of the times is not above, in milliseconds. 0 when there are none.
    pub fn quantile(&mut self, part: f64) -> f64 {
        if self.0.is_empty() {
            return 0.0;
        }
        self.0.sort_unstable();
        let at = ((self.0.len() as f64 * part).ceil() as usize).clamp(1, self.0.len()) - 1;
        f64::from(self.0[at]) / 1_000.0
    }
}
