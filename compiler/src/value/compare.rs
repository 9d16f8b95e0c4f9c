//! Equality by value, order within a kind, and the key under which a value is hashed.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashMap;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::Value;
use crate::pattern;

/// Above this many fields records are compared through a hash map, so that the work stays linear.
const FIELDS_SCANNED_MAX: usize = 16;

impl Value<'_> {
    /// Deep equality: numbers by value, records whatever the order of their fields. Values of
    /// different kinds are not equal, and missing equals nothing. Inside lists and records null equals
    /// null, and an unreadable number equals one with the same digits. With `fold`, texts (not field
    /// names) are compared ignoring case.
    #[must_use]
    pub fn equals(&self, other: &Value<'_>, fold: bool) -> bool {
        match (self, other) {
            (Self::Bool(a), Value::Bool(b)) => a == b,
            (Self::Int(a), Value::Int(b)) => a == b,
            (Self::Int(a), Value::Decimal(b)) | (Value::Decimal(b), Value::Int(a)) => Decimal::from(*a) == *b,
            (Self::Decimal(a), Value::Decimal(b)) => a == b,
            (Self::Text(a), Value::Text(b)) if fold => a == b || pattern::fold(a) == pattern::fold(b),
            (Self::Text(a), Value::Text(b)) => a == b,
            (Self::Instant(a), Value::Instant(b)) => a == b,
            (Self::Date(a), Value::Date(b)) => a == b,
            (Self::Duration(a), Value::Duration(b)) => a == b,
            (Self::List(a), Value::List(b)) => {
                a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| a.equals_inside(b, fold))
            }
            (Self::Record(a), Value::Record(b)) => {
                let same =
                    |a: &Value<'_>, b: Option<&&Value<'_>>| b.is_some_and(|b| a.equals_inside(b, fold));
                if a.len() != b.len() {
                    false
                } else if a.len() <= FIELDS_SCANNED_MAX {
                    a.iter().all(|(key, value)| same(value, other.field(key).as_ref()))
                } else {
                    let fields: HashMap<&str, &Value<'_>> =
                        b.iter().map(|(key, value)| (&**key, value)).collect();
                    a.iter().all(|(key, value)| same(value, fields.get(&**key)))
                }
            }
            _ => false,
        }
    }

    fn equals_inside(&self, other: &Value<'_>, fold: bool) -> bool {
        match (self, other) {
            (Self::Null, Value::Null) => true,
            (Self::Unreadable(a), Value::Unreadable(b)) => a == b,
            _ => self.equals(other, fold),
        }
    }

    /// The order of two numbers, instants, days or lengths of time; `None` between kinds, for other
    /// kinds and for missing values.
    #[must_use]
    pub fn order(&self, other: &Value<'_>) -> Option<Ordering> {
        Some(match (self, other) {
            (Self::Int(a), Value::Int(b)) => a.cmp(b),
            (Self::Int(a), Value::Decimal(b)) => Decimal::from(*a).cmp(b),
            (Self::Decimal(a), Value::Int(b)) => a.cmp(&Decimal::from(*b)),
            (Self::Decimal(a), Value::Decimal(b)) => a.cmp(b),
            (Self::Instant(a), Value::Instant(b)) => a.cmp(b),
            (Self::Date(a), Value::Date(b)) => a.cmp(b),
            (Self::Duration(a), Value::Duration(b)) => a.cmp(b),
            _ => return None,
        })
    }
}

/// A value that can be hashed: two keys are equal exactly when their values are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key<'v> {
    /// A bool.
    Bool(bool),
    /// A number that is an integer of i64.
    Int(i64),
    /// Any other number, without zeros at the end.
    Decimal(Decimal),
    /// A text, folded where asked for.
    Text(Cow<'v, str>),
    /// An instant.
    Instant(jiff::Timestamp),
    /// A day.
    Date(jiff::civil::Date),
    /// A length of time.
    Duration(jiff::SignedDuration),
}

impl<'v> Key<'v> {
    /// The key of a value; `None` for missing values, lists and records.
    #[must_use]
    pub fn new(value: &'v Value<'_>, fold: bool) -> Option<Self> {
        Some(match value {
            Value::Bool(truth) => Self::Bool(*truth),
            Value::Int(int) => Self::Int(*int),
            Value::Decimal(decimal) => match decimal.to_i64().filter(|&int| Decimal::from(int) == *decimal) {
                Some(int) => Self::Int(int),
                None => Self::Decimal(decimal.normalize()),
            },
            Value::Text(text) if fold => Self::Text(pattern::fold(text)),
            Value::Text(text) => Self::Text(Cow::Borrowed(text)),
            Value::Instant(instant) => Self::Instant(*instant),
            Value::Date(date) => Self::Date(*date),
            Value::Duration(duration) => Self::Duration(*duration),
            Value::Missing | Value::Null | Value::Unreadable(_) | Value::List(_) | Value::Record(_) => {
                return None;
            }
        })
    }

    /// The same key, borrowing nothing.
    #[must_use]
    pub fn into_owned(self) -> Key<'static> {
        match self {
            Self::Bool(truth) => Key::Bool(truth),
            Self::Int(int) => Key::Int(int),
            Self::Decimal(decimal) => Key::Decimal(decimal),
            Self::Text(text) => Key::Text(Cow::Owned(text.into_owned())),
            Self::Instant(instant) => Key::Instant(instant),
            Self::Date(date) => Key::Date(date),
            Self::Duration(duration) => Key::Duration(duration),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{parse_instant, parse_number};

    fn samples() -> Vec<Value<'static>> {
        let record = |entries: &[(&'static str, Value<'static>)]| {
            Value::Record(entries.iter().map(|(key, value)| (Cow::Borrowed(*key), value.clone())).collect())
        };
        vec![
            Value::Bool(true),
            Value::Int(1),
            parse_number("1.0"),
            parse_number("1.5"),
            parse_number("1.50"),
            parse_number("9223372036854775808"),
            Value::text("1"),
            Value::text("A"),
            Value::text("a"),
            Value::Instant(parse_instant("2026-03-01T10:00:00Z").unwrap()),
            Value::Instant(parse_instant("2026-03-01T11:00:00+01:00").unwrap()),
            Value::Date(jiff::civil::date(2026, 3, 1)),
            Value::Duration(jiff::SignedDuration::from_hours(1)),
            Value::List(Arc::from([Value::Int(1), Value::Null])),
            Value::List(Arc::from([parse_number("1.0"), Value::Null])),
            record(&[("a", Value::Int(1)), ("b", Value::Null)]),
            record(&[("b", Value::Null), ("a", parse_number("1.0"))]),
            record(&[("a", Value::Int(1))]),
        ]
    }
    use std::sync::Arc;

    #[test]
    fn equality_is_deep_and_by_value() {
        let equal = [(1, 2), (3, 4), (9, 10), (13, 14), (15, 16)];
        let samples = samples();
        for (at, a) in samples.iter().enumerate() {
            for (place, b) in samples.iter().enumerate() {
                let expected = at == place || equal.contains(&(at.min(place), at.max(place)));
                assert_eq!(a.equals(b, false), expected, "{a:?} and {b:?}");
                if let (Some(a), Some(b)) = (Key::new(a, false), Key::new(b, false)) {
                    assert_eq!(a == b, expected, "{a:?} and {b:?}");
                }
            }
        }
        assert!(samples[7].equals(&samples[8], true));
        for missing in [Value::Missing, Value::Null, parse_number("1e400")] {
            assert!(!missing.equals(&missing, false));
            assert!(missing.order(&missing).is_none());
        }
    }

    #[test]
    fn wide_records_compare_in_any_order() {
        let fields = |order: &mut dyn Iterator<Item = i64>| {
            Value::Record(order.map(|at| (Cow::Owned(format!("k{at}")), Value::Int(at))).collect())
        };
        assert!(fields(&mut (0..100)).equals(&fields(&mut (0..100).rev()), false));
        assert!(!fields(&mut (0..100)).equals(&fields(&mut (1..101)), false));
    }

    #[test]
    fn order_is_within_a_kind() {
        let number = |digits| parse_number(digits);
        for (a, b, order) in [
            (number("1"), number("1.0"), Some(Ordering::Equal)),
            (number("9007199254740993"), number("9007199254740992.0"), Some(Ordering::Greater)),
            (number("-122.422003528252475"), number("0"), Some(Ordering::Less)),
            (Value::text("a"), Value::text("b"), None),
            (Value::text("2"), number("1"), None),
            (Value::Bool(true), Value::Bool(false), None),
        ] {
            assert_eq!(a.order(&b), order, "{a:?} and {b:?}");
            assert_eq!(b.order(&a), order.map(Ordering::reverse), "{b:?} and {a:?}");
        }
    }
}
