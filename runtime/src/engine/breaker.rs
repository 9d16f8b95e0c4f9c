//! Stops calling a connection that only fails, and comes back to it carefully.
//!
//! While it is open, deliveries wait in their queue and use up no attempts: an outage of hours does not
//! burn the retries of everything that is due in it.

use jiff::Timestamp;
use serde::Serialize;

use super::Millis;

/// So many failures in a row, without one success, open it.
pub const FAILURES_MAX: u32 = 10;

/// The first pause. Each failed probe doubles it.
pub const FIRST_PAUSE: Millis = 5_000;

/// No pause is longer: a receiver that is back is noticed within this time.
pub const LONGEST_PAUSE: Millis = 5 * 60 * 1000;

/// The state of one connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Breaker {
    state: State,
    /// Failures since the last success.
    failures: u32,
    pause: Millis,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Closed,
    Open {
        until: Millis,
    },
    /// So many attempts at once; each success doubles it.
    Probing {
        allowed: u32,
    },
}

/// How a breaker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum BreakerView {
    /// The receiver is called as often as anybody likes.
    Closed,
    /// Nothing is sent until then.
    Open {
        /// When the first probe goes.
        until: Timestamp,
    },
    /// The receiver is being tried.
    HalfOpen {
        /// So many attempts at once.
        probes: u32,
    },
}

impl Breaker {
    /// How many attempts may be under way at once now.
    #[must_use]
    pub fn allowed(&self, now: Millis) -> u32 {
        match self.state {
            State::Closed => u32::MAX,
            State::Open { until } => u32::from(now >= until),
            State::Probing { allowed } => allowed,
        }
    }

    /// Whether the receiver is called as often as anybody likes.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// How it stands, for people.
    #[must_use]
    pub fn view(&self, now: Millis) -> BreakerView {
        match self.state {
            State::Closed => BreakerView::Closed,
            State::Open { until } if now < until => BreakerView::Open { until: super::timestamp(until) },
            State::Open { .. } => BreakerView::HalfOpen { probes: 1 },
            State::Probing { allowed } => BreakerView::HalfOpen { probes: allowed },
        }
    }

    /// The receiver answered as it should.
    pub fn succeeded(&mut self) {
        self.failures = 0;
        self.state = match self.state {
            State::Closed => State::Closed,
            State::Open { .. } => State::Probing { allowed: 2 },
            // From here on the connection's own limit is the lower one.
            State::Probing { allowed } if allowed >= 32 => State::Closed,
            State::Probing { allowed } => State::Probing { allowed: allowed * 2 },
        };
    }

    /// The receiver failed. Returns until when nothing is sent, if that is new.
    pub fn failed(&mut self, now: Millis) -> Option<Millis> {
        self.failures = self.failures.saturating_add(1);
        match self.state {
            State::Closed if self.failures < FAILURES_MAX => return None,
            // An attempt from before it opened says nothing new.
            State::Open { until } if now < until => return None,
            State::Closed => self.pause = FIRST_PAUSE,
            State::Open { .. } | State::Probing { .. } => self.pause = (self.pause * 2).min(LONGEST_PAUSE),
        }
        let until = now + self.pause;
        self.state = State::Open { until };
        Some(until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_after_failures_in_a_row_and_closes_step_by_step() {
        let mut breaker = Breaker::default();
        for _ in 1..FAILURES_MAX {
            assert_eq!(breaker.failed(0), None);
        }
        breaker.succeeded();
        for _ in 1..FAILURES_MAX {
            assert_eq!(breaker.failed(0), None);
        }
        assert_eq!(breaker.failed(0), Some(FIRST_PAUSE));
        assert_eq!(breaker.failed(1), None, "an attempt from before");
        assert_eq!((breaker.allowed(4_999), breaker.allowed(5_000)), (0, 1));
        assert_eq!(breaker.failed(5_000), Some(15_000), "a failed probe doubles the pause");
        breaker.succeeded();
        assert_eq!(breaker.allowed(15_000), 2);
        breaker.succeeded();
        assert_eq!(breaker.allowed(15_000), 4);
        for _ in 0..4 {
            breaker.succeeded();
        }
        assert!(breaker.is_closed());
        assert_eq!(breaker.allowed(0), u32::MAX);
    }

    #[test]
    fn the_pause_has_an_end() {
        let mut breaker = Breaker::default();
        let mut now = 0;
        for _ in 0..FAILURES_MAX + 30 {
            now = breaker.failed(now).unwrap_or(now);
        }
        assert_eq!(breaker.failed(now), Some(now + LONGEST_PAUSE));
    }
}
