//! How many attempts a connection may have under way: more while it answers, half when it struggles.
//!
//! Additive increase, multiplicative decrease, as TCP does it (RFC 5681): what a receiver can take is
//! found out, not configured.

use super::Millis;

/// A connection that nobody knows yet starts with so many.
pub const START: u32 = 4;

/// The limit of one connection.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    limit: u32,
    /// Successes since the limit last changed.
    successes: u32,
    /// Only attempts that began after this halve it again: what was under way then says nothing new.
    halved_at: Millis,
}

impl Default for Pace {
    fn default() -> Self {
        Self { limit: START, successes: 0, halved_at: Millis::MIN }
    }
}

impl Pace {
    /// Attempts that may be under way at once, of at most `max`.
    #[must_use]
    pub fn limit(&self, max: u32) -> u32 {
        self.limit.min(max)
    }

    /// An attempt succeeded while so many, itself included, were under way. As many successes as the limit
    /// allows at once raise it by one, if it is being used at all.
    pub fn succeeded(&mut self, under_way: u32, max: u32) {
        self.successes += 1;
        if self.successes >= self.limit && under_way * 2 >= self.limit {
            self.limit = (self.limit + 1).min(max.max(1));
            self.successes = 0;
        }
    }

    /// An attempt that began then found the receiver slow or full.
    pub fn struggled(&mut self, began_at: Millis, now: Millis) {
        if began_at <= self.halved_at {
            return;
        }
        self.limit = (self.limit / 2).max(1);
        self.successes = 0;
        self.halved_at = now;
    }

    /// Starts again from the beginning, as after an outage.
    pub fn restart(&mut self, now: Millis) {
        *self = Self { halved_at: now, ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_by_one_a_window_and_is_halved_once_for_what_was_under_way() {
        let mut pace = Pace::default();
        for _ in 0..4 + 5 {
            pace.succeeded(4, 64);
        }
        assert_eq!(pace.limit(64), 6);
        for _ in 0..100 {
            pace.succeeded(1, 64);
        }
        assert_eq!(pace.limit(64), 6, "a limit that is not used does not grow");
        for _ in 0..6 {
            pace.struggled(5, 10);
        }
        assert_eq!(pace.limit(64), 3);
        for began_at in [11, 21, 31] {
            pace.struggled(began_at, began_at + 1);
        }
        assert_eq!(pace.limit(64), 1, "never less than one");
        for _ in 0..10_000 {
            pace.succeeded(64, 64);
        }
        assert_eq!((pace.limit(64), pace.limit(8)), (64, 8));
    }
}
