//! Giving results: bounds that keep every transform linear in the size of an event.

use crate::value::Value;

/// The most bytes of a text that a transform makes: a delivery may not be larger either.
pub(super) const TEXT_BYTES_MAX: usize = 256 << 10;

/// How much a transform walks or copies: a unit for each value and each byte of a text. Sixteen times
/// the largest event; only rules that repeat a large part of an event many times get there.
pub(super) const WORK_MAX: usize = 4 << 20;

/// Takes what one value costs, without what it holds, from what is left; `None` when that is too little.
pub(super) fn charge(left: &mut usize, value: &Value<'_>) -> Option<()> {
    let own = match value {
        Value::Text(text) | Value::Unreadable(text) => text.len() + 1,
        _ => 1,
    };
    *left = left.checked_sub(own)?;
    Some(())
}

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
    spend(value, &mut TEXT_BYTES_MAX.clone()).is_some()
}

fn spend(value: &Value<'_>, left: &mut usize) -> Option<()> {
    charge(left, value)?;
    match value {
        Value::List(list) => list.iter().try_for_each(|element| spend(element, left)),
        Value::Record(fields) => fields.iter().try_for_each(|(key, field)| {
            *left = left.checked_sub(key.len())?;
            spend(field, left)
        }),
        _ => Some(()),
    }
}
