//! Exact arithmetic on numbers, instants, days and lengths of time.
//!
//! `+ - *` of ints stays an int, and out of range is missing. `/` gives a decimal of at most 12
//! places, half-even. Any decimal operand makes the result a decimal, rounded half-even to the 28
//! digits that fit. What has no meaning, a text times a day, is missing.

use grammar::ast::ArithmeticOp::{self, Add, Divide, Multiply, Subtract};
use jiff::SignedDuration;
use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};

use super::Value;

/// Places after the point of a quotient.
const QUOTIENT_PLACES: u32 = 12;

/// `left op right`; missing on either side is missing.
#[must_use]
pub fn arithmetic(op: ArithmeticOp, left: &Value<'_>, right: &Value<'_>) -> Value<'static> {
    computed(op, left, right).unwrap_or(Value::Missing)
}

fn computed(op: ArithmeticOp, left: &Value<'_>, right: &Value<'_>) -> Option<Value<'static>> {
    use Value::{Date, Duration, Instant, Int};
    Some(match (op, left, right) {
        (Add, Int(a), Int(b)) => Int(a.checked_add(*b)?),
        (Subtract, Int(a), Int(b)) => Int(a.checked_sub(*b)?),
        (Multiply, Int(a), Int(b)) => Int(a.checked_mul(*b)?),
        (_, Int(_) | Value::Decimal(_), Int(_) | Value::Decimal(_)) => {
            Value::Decimal(decimals(op, decimal(left)?, decimal(right)?)?)
        }
        (Subtract, Instant(a), Instant(b)) => Duration(a.duration_since(*b)),
        (Add, Instant(a), Duration(b)) | (Add, Duration(b), Instant(a)) => Instant(a.checked_add(*b).ok()?),
        (Subtract, Instant(a), Duration(b)) => Instant(a.checked_sub(*b).ok()?),
        (Subtract, Date(a), Date(b)) => Duration(a.duration_since(*b)),
        (Add, Date(a), Duration(b)) | (Add, Duration(b), Date(a)) => {
            Date(a.checked_add(whole_days(*b)?).ok()?)
        }
        (Subtract, Date(a), Duration(b)) => Date(a.checked_sub(whole_days(*b)?).ok()?),
        (Add, Duration(a), Duration(b)) => Duration(a.checked_add(*b)?),
        (Subtract, Duration(a), Duration(b)) => Duration(a.checked_sub(*b)?),
        (Multiply, Duration(a), Int(_) | Value::Decimal(_)) => Duration(scale(*a, decimal(right)?)?),
        (Multiply, Int(_) | Value::Decimal(_), Duration(b)) => Duration(scale(*b, decimal(left)?)?),
        (Divide, Duration(a), Int(_) | Value::Decimal(_)) => Duration(shortened(*a, decimal(right)?)?),
        (Divide, Duration(a), Duration(b)) => Value::Decimal(divide(nanos(*a)?, nanos(*b)?)?),
        _ => return None,
    })
}

/// `- value`; missing when it is no number or length of time, or out of range.
#[must_use]
pub fn negate(value: &Value<'_>) -> Value<'static> {
    match value {
        Value::Int(int) => int.checked_neg().map_or(Value::Missing, Value::Int),
        Value::Decimal(decimal) => Value::Decimal(-decimal),
        Value::Duration(duration) => duration.checked_neg().map_or(Value::Missing, Value::Duration),
        _ => Value::Missing,
    }
}

/// A length of time times a number, to the nanosecond, half-even; `None` out of range.
#[must_use]
pub fn scale(duration: SignedDuration, by: Decimal) -> Option<SignedDuration> {
    from_nanos(nanos(duration)?.checked_mul(by)?)
}

/// The quotient to 12 places, half-even, without zeros at the end; `None` for a division by zero or out of range.
#[must_use]
pub fn divide(left: Decimal, right: Decimal) -> Option<Decimal> {
    let quotient = left.checked_div(right)?;
    Some(quotient.round_dp_with_strategy(QUOTIENT_PLACES, RoundingStrategy::MidpointNearestEven).normalize())
}

fn decimals(op: ArithmeticOp, left: Decimal, right: Decimal) -> Option<Decimal> {
    match op {
        Add => left.checked_add(right),
        Subtract => left.checked_sub(right),
        Multiply => left.checked_mul(right),
        Divide => divide(left, right),
    }
}

fn decimal(value: &Value<'_>) -> Option<Decimal> {
    match value {
        Value::Int(int) => Some(Decimal::from(*int)),
        Value::Decimal(decimal) => Some(*decimal),
        _ => None,
    }
}

/// Days have no hours to add to.
fn whole_days(duration: SignedDuration) -> Option<SignedDuration> {
    let day = SignedDuration::from_hours(24).as_nanos();
    (duration.as_nanos() % day == 0).then_some(duration)
}

fn nanos(duration: SignedDuration) -> Option<Decimal> {
    Decimal::try_from_i128_with_scale(duration.as_nanos(), 0).ok()
}

fn from_nanos(nanos: Decimal) -> Option<SignedDuration> {
    let whole = nanos.round_dp_with_strategy(0, RoundingStrategy::MidpointNearestEven);
    SignedDuration::try_from_nanos_i128(whole.to_i128()?)
}

fn shortened(duration: SignedDuration, by: Decimal) -> Option<SignedDuration> {
    from_nanos(nanos(duration)?.checked_div(by)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{parse_duration, parse_instant, parse_number, to_text};

    /// Values as literals: numbers, instants, lengths of time, days.
    fn value(text: &str) -> Value<'_> {
        if let Some(instant) = parse_instant(text) {
            return Value::Instant(instant);
        }
        if let Some(date) = crate::value::parse_date(text) {
            return Value::Date(date);
        }
        if let Some(duration) = parse_duration(text) {
            return Value::Duration(duration);
        }
        match text {
            "missing" => Value::Missing,
            "null" => Value::Null,
            "true" => Value::Bool(true),
            other => parse_number(other),
        }
    }

    #[test]
    fn arithmetic_is_exact() {
        for (left, op, right, gives) in [
            ("1", Add, "2", "3"),
            ("1", Subtract, "2", "-1"),
            ("9223372036854775807", Add, "1", "missing"),
            ("-9223372036854775808", Subtract, "1", "missing"),
            ("9223372036854775807", Multiply, "2", "missing"),
            ("0.1", Add, "0.2", "0.3"),
            ("1", Add, "0.50", "1.50"),
            ("19.90", Multiply, "3", "59.70"),
            ("10", Divide, "4", "2.5"),
            ("1", Divide, "3", "0.333333333333"),
            ("2", Divide, "3", "0.666666666667"),
            ("0.0000000000005", Divide, "1", "0"),
            ("0.0000000000015", Divide, "1", "0.000000000002"),
            ("1", Divide, "0", "missing"),
            ("1.5", Divide, "0.0", "missing"),
            ("1e28", Multiply, "1e28", "missing"),
            ("missing", Add, "1", "missing"),
            ("null", Add, "1", "missing"),
            ("true", Add, "1", "missing"),
            ("1e400", Add, "1", "missing"),
            ("2026-03-01T10:00:00Z", Subtract, "2026-03-01T09:30:00Z", "PT30M"),
            ("2026-03-01T10:00:00Z", Add, "PT90M", "2026-03-01T11:30:00Z"),
            ("PT90M", Add, "2026-03-01T10:00:00Z", "2026-03-01T11:30:00Z"),
            ("2026-03-01T10:00:00Z", Subtract, "P1D", "2026-02-28T10:00:00Z"),
            ("2026-03-01", Add, "P1D", "2026-03-02"),
            ("2026-03-01", Add, "PT1H", "missing"),
            ("2026-03-02", Subtract, "2026-02-28", "P2D"),
            ("PT1H", Multiply, "1.5", "PT1H30M"),
            ("3", Multiply, "PT1H", "PT3H"),
            ("PT1H", Divide, "4", "PT15M"),
            ("PT1H", Divide, "PT40M", "1.5"),
            ("PT1H", Divide, "0", "missing"),
            ("2026-03-01T10:00:00Z", Add, "2026-03-01T10:00:00Z", "missing"),
        ] {
            let result = arithmetic(op, &value(left), &value(right));
            let shown = to_text(&result).unwrap_or("missing".into()).into_owned();
            assert_eq!(shown, gives, "{left} {op:?} {right}");
        }
    }

    #[test]
    fn negation_turns_signs() {
        for (text, gives) in
            [("5", "-5"), ("-1.50", "1.50"), ("PT5M", "-PT5M"), ("-9223372036854775808", "missing")]
        {
            let shown = to_text(&negate(&value(text))).unwrap_or("missing".into()).into_owned();
            assert_eq!(shown, gives, "{text}");
        }
        assert!(negate(&Value::text("a")).is_missing());
    }
}
