//! Settings of a delivery, as typed data. Keys that depend on the event are expressions.

use std::sync::Arc;
use std::time::Duration;

use rust_decimal::Decimal;

use super::{Expr, ScheduleId};

/// Every setting of a delivery, inherited ones included.
#[derive(Clone, Debug)]
pub struct Settings {
    /// When and how often it is tried again.
    pub retry: Retry,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// After this it is given up.
    pub expires: Duration,
    /// Slows down, never drops.
    pub rate_limit: Option<Allowance>,
    /// Drops the surplus.
    pub throttle: Option<Allowance>,
    /// The first one wins.
    pub dedupe: Option<Dedupe>,
    /// First in, first out per key on a connection.
    pub order_by: Option<Expr>,
    /// The share that is sent.
    pub sample: Option<Sample>,
    /// Only in these hours.
    pub during: Option<ScheduleId>,
    /// What happens outside those hours.
    pub outside: Outside,
    /// Deliver later; a duration, below zero is zero.
    pub delay: Option<Expr>,
    /// Its weight under pressure.
    pub priority: Priority,
    /// What a failed optional field does.
    pub on_field_error: OnFieldError,
    /// Sent where the integration supports it; `None` is the delivery's id.
    pub idempotency_key: Option<Expr>,
}

impl Settings {
    /// Whether any of them depends on the event.
    #[must_use]
    pub fn has_expressions(&self) -> bool {
        // Every field is named, here and below, so that a new one has to say what it is.
        let Self {
            rate_limit,
            throttle,
            dedupe,
            order_by,
            sample,
            delay,
            idempotency_key,
            retry: _,
            timeout: _,
            expires: _,
            during: _,
            outside: _,
            priority: _,
            on_field_error: _,
        } = self;
        let by = |limit: &Option<Allowance>| limit.as_ref().is_some_and(|limit| limit.by.is_some());
        by(rate_limit)
            || by(throttle)
            || dedupe.is_some()
            || order_by.is_some()
            || sample.as_ref().is_some_and(|sample| sample.by.is_some())
            || delay.is_some()
            || idempotency_key.is_some()
    }

    /// Whether both are nothing but the same plain values.
    #[must_use]
    pub fn is_plainly(&self, other: &Self) -> bool {
        self.plain().is_some_and(|values| other.plain() == Some(values))
    }

    /// What can be compared, of settings that have nothing else.
    fn plain(&self) -> Option<impl PartialEq + '_> {
        let Self {
            rate_limit: None,
            throttle: None,
            dedupe: None,
            order_by: None,
            sample: None,
            delay: None,
            idempotency_key: None,
            retry,
            timeout,
            expires,
            during,
            outside,
            priority,
            on_field_error,
        } = self
        else {
            return None;
        };
        Some((retry, timeout, expires, during, outside, priority, on_field_error))
    }
}

/// The schedule of attempts. Only failures worth repeating are repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Attempts in all, the first included; at least 1.
    pub attempts: u32,
    /// The wait after the first attempt.
    pub first_wait: Duration,
    /// No wait is longer.
    pub longest_wait: Duration,
    /// Each wait is the one before times this; at least 1.
    pub growth: Decimal,
    /// A wait is changed at random by up to this share in both directions; 0 to 1.
    pub jitter: Decimal,
}

/// `{ allow, every, by }`.
#[derive(Clone, Debug)]
pub struct Allowance {
    /// So many, at least 1.
    pub allow: u32,
    /// In this time.
    pub every: Duration,
    /// Counted apart for each value; missing is one value of its own.
    pub by: Option<Expr>,
}

/// `{ by, within }`.
#[derive(Clone, Debug)]
pub struct Dedupe {
    /// The key; missing is not deduplicated.
    pub by: Expr,
    /// How long a key is remembered.
    pub within: Duration,
}

/// `5%` or `{ share, by, salt }`.
#[derive(Clone, Debug)]
pub struct Sample {
    /// 0 to 1.
    pub share: Decimal,
    /// The key; `None` is the event's id and the rule's name.
    pub by: Option<Expr>,
    /// Rules with the same key and salt choose the same.
    pub salt: Option<Arc<str>>,
}

/// What happens to a delivery outside its hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outside {
    /// It waits until they begin.
    Hold,
    /// It is skipped.
    Skip,
}

/// The weight of a delivery under pressure: 1, 4 or 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Priority {
    /// 1
    Low,
    /// 4
    Normal,
    /// 16
    High,
}

/// What a failed optional field does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OnFieldError {
    /// The delivery fails.
    Fail,
    /// The field is left out and noted.
    Skip,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            retry: Retry::default(),
            timeout: Duration::from_secs(15),
            expires: Duration::from_secs(3 * 86_400),
            rate_limit: None,
            throttle: None,
            dedupe: None,
            order_by: None,
            sample: None,
            during: None,
            outside: Outside::Hold,
            delay: None,
            priority: Priority::Normal,
            on_field_error: OnFieldError::Skip,
            idempotency_key: None,
        }
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 8,
            first_wait: Duration::from_secs(10),
            longest_wait: Duration::from_secs(6 * 3_600),
            growth: Decimal::TWO,
            jitter: Decimal::new(20, 2),
        }
    }
}

/// Weekly hours in a zone.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// Its name.
    pub name: Arc<str>,
    /// The zone.
    pub zone: jiff::tz::TimeZone,
    /// Open from minute to minute of the week's days; the hours belong to the day they start on.
    pub hours: Vec<OpenHours>,
    /// Closed on these days.
    pub except: Vec<jiff::civil::Date>,
}

/// Hours on some days of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenHours {
    /// Bit 0 is Monday.
    pub days: u8,
    /// Minutes after midnight.
    pub from: u16,
    /// Minutes after midnight; not later than `from` means the next day.
    pub to: u16,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_the_same_only_where_every_value_is() {
        let plain = Settings::default();
        assert!(plain.is_plainly(&Settings::default()));
        type Change = (&'static str, fn(&mut Settings));
        let other_values: &[Change] = &[
            ("retry", |settings| settings.retry.attempts += 1),
            ("timeout", |settings| settings.timeout *= 2),
            ("expires", |settings| settings.expires *= 2),
            ("during", |settings| settings.during = Some(ScheduleId(0))),
            ("outside", |settings| settings.outside = Outside::Skip),
            ("priority", |settings| settings.priority = Priority::High),
            ("on_field_error", |settings| settings.on_field_error = OnFieldError::Fail),
        ];
        let never_compared: &[Change] = &[
            ("throttle", |settings| settings.throttle = Some(one_a_second())),
            ("rate_limit", |settings| settings.rate_limit = Some(one_a_second())),
            ("sample", |settings| {
                settings.sample = Some(Sample { share: Decimal::ONE, by: None, salt: None });
            }),
        ];
        for (field, change) in other_values.iter().chain(never_compared) {
            let mut changed = Settings::default();
            change(&mut changed);
            assert!(!changed.is_plainly(&plain) && !plain.is_plainly(&changed), "{field}");
            assert!(!changed.has_expressions(), "{field}");
            let alike = changed.is_plainly(&changed.clone());
            assert_eq!(alike, other_values.iter().any(|(other, _)| other == field), "{field}");
        }
    }

    fn one_a_second() -> Allowance {
        Allowance { allow: 1, every: Duration::from_secs(1), by: None }
    }
}
