//! Values as rules see them: exact numbers, borrowed text, and *missing* as a value of its own.

mod arithmetic;
mod bucket;
mod compare;
pub mod form;
mod number;
mod time;
pub(crate) mod weight;
mod write;

use std::borrow::Cow;
use std::sync::Arc;

use rust_decimal::Decimal;

pub use arithmetic::{arithmetic, divide, negate, scale};
pub use bucket::bucket_point;
pub use compare::Key;
pub use number::parse_number;
pub use time::{parse_date, parse_duration, parse_instant, write_duration};
pub use write::{to_text, write_json, write_json_text};

/// A value read from an event, written in a rule or computed from both.
///
/// Text and containers borrow from the event's bytes where they can. Containers are shared, so
/// cloning a value never copies a tree.
#[derive(Clone, Debug)]
pub enum Value<'e> {
    /// Absent, a failed conversion, a division by zero, a path through something missing.
    Missing,
    /// An explicit JSON null. It counts as missing everywhere but in `is null` and when passed on.
    Null,
    /// `true`, `false`.
    Bool(bool),
    /// A whole number that fits i64.
    Int(i64),
    /// An exact number of at most 28 significant digits. It keeps its scale: 1.10 stays 1.10.
    Decimal(Decimal),
    /// Digits of a JSON number that fits neither: missing in every comparison and computation,
    /// passed on as written inside a record or list.
    Unreadable(Cow<'e, str>),
    /// Text.
    Text(Cow<'e, str>),
    /// An instant.
    Instant(jiff::Timestamp),
    /// A day without a zone.
    Date(jiff::civil::Date),
    /// A length of time.
    Duration(jiff::SignedDuration),
    /// A JSON array.
    List(Arc<[Value<'e>]>),
    /// A JSON object. Keys are unique (the last duplicate won) and keep the order of their first place.
    Record(Arc<[(Cow<'e, str>, Value<'e>)]>),
}

impl<'e> Value<'e> {
    /// Whether it counts as missing: [`Missing`](Self::Missing), [`Null`](Self::Null) or
    /// [`Unreadable`](Self::Unreadable).
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Missing | Self::Null | Self::Unreadable(_))
    }

    /// The same value, borrowing nothing.
    #[must_use]
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Missing => Value::Missing,
            Self::Null => Value::Null,
            Self::Bool(truth) => Value::Bool(truth),
            Self::Int(int) => Value::Int(int),
            Self::Decimal(decimal) => Value::Decimal(decimal),
            Self::Unreadable(digits) => Value::Unreadable(Cow::Owned(digits.into_owned())),
            Self::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Self::Instant(instant) => Value::Instant(instant),
            Self::Date(date) => Value::Date(date),
            Self::Duration(duration) => Value::Duration(duration),
            Self::List(list) => Value::List(list.iter().cloned().map(Value::into_owned).collect()),
            Self::Record(record) => {
                let owned = |(key, value): &(Cow<'_, str>, Self)| {
                    (Cow::Owned(key.clone().into_owned()), value.clone().into_owned())
                };
                Value::Record(record.iter().map(owned).collect())
            }
        }
    }

    /// The text, when it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The field of a record; `None` when it is no record or has no such field.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Self> {
        let Self::Record(fields) = self else { return None };
        fields.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// Its kind in the words of rules: `text`, `int`, `decimal`, `bool`, `datetime`, `date`,
    /// `duration`, `list`, `record`, `null`, `missing`, or `number` for an unreadable one.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Decimal(_) => "decimal",
            Self::Unreadable(_) => "number",
            Self::Text(_) => "text",
            Self::Instant(_) => "datetime",
            Self::Date(_) => "date",
            Self::Duration(_) => "duration",
            Self::List(_) => "list",
            Self::Record(_) => "record",
        }
    }

    /// A text.
    #[must_use]
    pub fn text(text: impl Into<Cow<'e, str>>) -> Self {
        Self::Text(text.into())
    }
}
