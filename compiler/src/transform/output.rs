//! Giving results: bounds that keep every transform linear in the size of an event.

use crate::value::Value;

use crate::value::weight::fits_within;
pub(super) use crate::value::weight::{TEXT_BYTES_MAX, WORK_MAX, charge};

/// A text that was made; missing when it is too long.
pub(super) fn text(text: String) -> Value<'static> {
    if text.len() > TEXT_BYTES_MAX { Value::Missing } else { Value::Text(text.into()) }
}

/// The result, or missing.
pub(super) fn given<'e>(value: Option<Value<'e>>) -> Value<'e> {
    value.unwrap_or(Value::Missing)
}

/// Whether the value's JSON may fit [`TEXT_BYTES_MAX`]: counts the bytes it has at least, and stops
/// as soon as they are too many. Lists may share their elements, so writing first and measuring
/// afterwards could write far more than an event holds.
pub(super) fn may_fit(value: &Value<'_>) -> bool {
    fits_within(value, TEXT_BYTES_MAX)
}
