//! How big a value is, when parts of it may be shared: written out, a small rule could make gigabytes.

use super::Value;

/// The most bytes of a text that is computed: a delivery may not be larger either.
pub(crate) const TEXT_BYTES_MAX: usize = 256 << 10;

/// The most that a computed list or record may weigh: a unit for each value and each byte of a text.
/// Sixteen times the largest event; only rules that repeat a large part of an event many times get there.
pub(crate) const WORK_MAX: usize = 4 << 20;

/// Takes what one value costs, without what it holds, from what is left; `None` when that is too little.
pub(crate) fn charge(left: &mut usize, value: &Value<'_>) -> Option<()> {
    let own = match value {
        Value::Text(text) | Value::Unreadable(text) => text.len() + 1,
        _ => 1,
    };
    *left = left.checked_sub(own)?;
    Some(())
}

/// Takes what a value and all that it holds costs from what is left. That is never more than the bytes
/// of its JSON. Stops as soon as too little is left.
pub(crate) fn spend(left: &mut usize, value: &Value<'_>) -> Option<()> {
    charge(left, value)?;
    match value {
        Value::List(list) => list.iter().try_for_each(|element| spend(left, element)),
        Value::Record(fields) => fields.iter().try_for_each(|(key, field)| {
            *left = left.checked_sub(key.len())?;
            spend(left, field)
        }),
        _ => Some(()),
    }
}

/// Whether a value costs at most so much.
pub(crate) fn fits_within(value: &Value<'_>, most: usize) -> bool {
    let mut left = most;
    spend(&mut left, value).is_some()
}
