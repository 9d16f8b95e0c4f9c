//! What follows an attempt: done, again at some time, or given up. A pure function.

use super::Millis;
use super::owe::Terms;
use crate::model::{DeadReason, Outcome};

/// A receiver may ask to wait for this long and not longer; more would outlive most deliveries.
pub const RETRY_AFTER_MAX: Millis = 24 * 3600 * 1000;

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It is delivered.
    Done,
    /// It is tried again then.
    Again(Millis),
    /// It is given up.
    DeadLetter(Dead),
}

/// The reasons that follow from an attempt; a copyable part of [`DeadReason`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dead {
    /// The policy allows no more attempts.
    AttemptsExhausted,
    /// The destination wants it never.
    Rejected,
    /// The next attempt would be after its time.
    Expired,
    /// Its input could not be made.
    MappingFailed,
}

impl From<Dead> for DeadReason {
    fn from(dead: Dead) -> Self {
        match dead {
            Dead::AttemptsExhausted => Self::AttemptsExhausted,
            Dead::Rejected => Self::Rejected,
            Dead::Expired => Self::Expired,
            Dead::MappingFailed => Self::MappingFailed,
        }
    }
}

/// Where a delivery is in its series.
#[derive(Clone, Copy, Debug)]
pub struct Series {
    /// Attempts made, the last one included.
    pub made: u32,
    /// After this it is given up.
    pub expires_at: Millis,
    /// How long the receiver asked to wait.
    pub retry_after: Option<Millis>,
}

/// Decides. `random` is any number, drawn for this call; it moves the wait within the policy's jitter.
#[must_use]
pub fn decide(outcome: Outcome, terms: &Terms, series: Series, now: Millis, random: u32) -> Next {
    match outcome {
        Outcome::Delivered | Outcome::DuplicateAccepted => Next::Done,
        Outcome::Rejected => Next::DeadLetter(Dead::Rejected),
        Outcome::MappingFailed => Next::DeadLetter(Dead::MappingFailed),
        // Nobody knows whether it arrived. It must, so it is sent even if it was the last attempt.
        Outcome::Unknown => Next::Again(now),
        Outcome::DestinationError
        | Outcome::RateLimited
        | Outcome::TimedOut
        | Outcome::Unreachable
        // A name may resolve to something else tomorrow, credentials and URLs are corrected by people:
        // both apply to what is pending, so waiting is worth it.
        | Outcome::AddressRefused
        | Outcome::TlsFailed
        | Outcome::CredentialsRefused => again(terms, series, now, random),
    }
}

fn again(terms: &Terms, series: Series, now: Millis, random: u32) -> Next {
    if series.made >= terms.attempts {
        return Next::DeadLetter(Dead::AttemptsExhausted);
    }
    let asked = series.retry_after.unwrap_or(0).clamp(0, RETRY_AFTER_MAX);
    let at = now.saturating_add(wait(terms, series.made, random).max(asked));
    // An attempt after the expiry will not be made, so there is nothing to wait for.
    if at > series.expires_at {
        return Next::DeadLetter(Dead::Expired);
    }
    Next::Again(at)
}

/// The wait after the attempt of that number: it grows from the first one and is spread evenly between
/// its lower and its upper end, so that what failed together does not come back together.
#[must_use]
pub fn wait(terms: &Terms, made: u32, random: u32) -> Millis {
    let longest = millis(terms.longest_wait);
    let mut base = millis(terms.first_wait).min(longest);
    for _ in 1..made {
        if base >= longest {
            break;
        }
        let grown = i128::from(base) * i128::from(terms.growth_thousandths.max(1000)) / 1000;
        base = Millis::try_from(grown).unwrap_or(longest).min(longest);
        if terms.growth_thousandths <= 1000 {
            break;
        }
    }
    let share = Millis::from(terms.jitter_thousandths.min(1000));
    let spread = Millis::try_from(i128::from(base) * i128::from(share) / 1000).unwrap_or(0);
    let (low, high) = (base - spread, base.saturating_add(spread).min(longest));
    let offset = i128::from(high - low) * i128::from(random) / i128::from(u32::MAX);
    low + Millis::try_from(offset).unwrap_or(0)
}

/// A duration in milliseconds.
#[must_use]
pub fn millis(duration: std::time::Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn terms() -> Terms {
        Terms {
            attempts: 4,
            first_wait: Duration::from_secs(10),
            longest_wait: Duration::from_secs(60),
            growth_thousandths: 2000,
            jitter_thousandths: 200,
            weight: 4,
            hours: None,
        }
    }

    const MIDDLE: u32 = u32::MAX / 2;

    /// Expires after 300 s, decided at 1 s, without a wish of the receiver and with a middling random number.
    fn check(outcome: Outcome, made: u32, expected: Next) {
        let series = Series { made, expires_at: 300_000, retry_after: None };
        assert_eq!(decide(outcome, &terms(), series, 1_000, MIDDLE), expected, "{outcome:?} after {made}");
    }

    #[test]
    fn every_outcome_has_its_answer() {
        use Outcome::*;
        for made in [1, 4] {
            check(Delivered, made, Next::Done);
            check(DuplicateAccepted, made, Next::Done);
            check(Rejected, made, Next::DeadLetter(Dead::Rejected));
            check(MappingFailed, made, Next::DeadLetter(Dead::MappingFailed));
            check(Unknown, made, Next::Again(1_000));
        }
        let worth_it = [
            DestinationError,
            RateLimited,
            TimedOut,
            Unreachable,
            AddressRefused,
            TlsFailed,
            CredentialsRefused,
        ];
        for outcome in worth_it {
            check(outcome, 1, Next::Again(10_999));
            check(outcome, 2, Next::Again(20_999));
            check(outcome, 3, Next::Again(40_999));
            check(outcome, 4, Next::DeadLetter(Dead::AttemptsExhausted));
        }
    }

    #[test]
    fn a_wait_grows_to_its_longest_and_stays_within_its_jitter() {
        let rows = [
            (1, 8_000, 12_000),
            (2, 16_000, 24_000),
            (3, 32_000, 48_000),
            (4, 48_000, 60_000),
            (90, 48_000, 60_000),
        ];
        for (made, low, high) in rows {
            assert_eq!(wait(&terms(), made, 0), low, "after {made}");
            assert_eq!(wait(&terms(), made, u32::MAX), high, "after {made}");
        }
        let none = Terms { jitter_thousandths: 0, ..terms() };
        assert_eq!([wait(&none, 2, 0), wait(&none, 2, u32::MAX)], [20_000, 20_000]);
        let even = Terms { growth_thousandths: 1000, jitter_thousandths: 0, ..terms() };
        assert_eq!(wait(&even, 1_000_000, 0), 10_000);
        let huge = Terms { first_wait: Duration::MAX, longest_wait: Duration::MAX, ..terms() };
        assert!(wait(&huge, 3, MIDDLE) > 0);
    }

    #[test]
    fn the_receivers_wish_counts_when_it_is_longer() {
        let ask = |retry_after| {
            let week = 7 * 24 * 3600 * 1000;
            let series = Series { made: 1, expires_at: week, retry_after: Some(retry_after) };
            decide(Outcome::RateLimited, &terms(), series, 0, MIDDLE)
        };
        assert_eq!(ask(3_000), Next::Again(9_999));
        assert_eq!(ask(45_000), Next::Again(45_000));
        assert_eq!(ask(400 * 24 * 3600 * 1000), Next::Again(RETRY_AFTER_MAX));
        assert_eq!(ask(-5), Next::Again(9_999));
    }

    #[test]
    fn an_attempt_after_the_expiry_is_not_waited_for() {
        let series = Series { made: 1, expires_at: 300_000, retry_after: None };
        let at = |now| decide(Outcome::TimedOut, &terms(), series, now, MIDDLE);
        assert_eq!(at(290_000), Next::Again(299_999));
        assert_eq!(at(290_002), Next::DeadLetter(Dead::Expired));
    }
}
