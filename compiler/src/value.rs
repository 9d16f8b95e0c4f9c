//! Values as rules see them: exact numbers, borrowed text, and *missing* as a value of its own.

use std::borrow::Cow;
use std::sync::Arc;

use rust_decimal::Decimal;

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

    /// A text.
    #[must_use]
    pub fn text(text: impl Into<Cow<'e, str>>) -> Self {
        Self::Text(text.into())
    }
}
