//! Reading what a transform is given: counts, texts, numbers, zones.

use std::borrow::Cow;

use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::output;
use crate::value::Value;

/// An argument that says how many; below zero is zero. `None` when it is missing or no whole number.
pub(super) fn count(args: &[Value<'_>], at: usize) -> Option<usize> {
    let count = whole(args.get(at)?)?;
    Some(usize::try_from(count.max(0)).unwrap_or(usize::MAX))
}

/// A whole number of i64, however it is written: `3`, `3.0`.
pub(super) fn whole(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::Int(int) => Some(*int),
        Value::Decimal(decimal) if decimal.fract().is_zero() => decimal.to_i64(),
        _ => None,
    }
}

/// A number.
pub(super) fn number(value: &Value<'_>) -> Option<Decimal> {
    match value {
        Value::Int(int) => Some(Decimal::from(*int)),
        Value::Decimal(decimal) => Some(*decimal),
        _ => None,
    }
}

/// An argument that is a text.
pub(super) fn text<'a>(args: &'a [Value<'_>], at: usize) -> Option<&'a str> {
    args.get(at)?.as_text()
}

/// An argument that is a text with something in it.
pub(super) fn needle<'a>(args: &'a [Value<'_>], at: usize) -> Option<&'a str> {
    text(args, at).filter(|text| !text.is_empty())
}

/// An argument that names a time zone of the IANA database.
pub(super) fn zone(args: &[Value<'_>], at: usize) -> Option<TimeZone> {
    TimeZone::get(text(args, at)?).ok()
}

/// A part of the text, borrowed where the text was.
pub(super) fn part<'e>(text: Cow<'e, str>, pick: impl for<'t> Fn(&'t str) -> Option<&'t str>) -> Value<'e> {
    match text {
        Cow::Borrowed(text) => pick(text).map_or(Value::Missing, Value::text),
        Cow::Owned(text) => match pick(&text) {
            Some(part) if part.len() == text.len() => output::text(text),
            Some(part) => output::text(part.to_owned()),
            None => Value::Missing,
        },
    }
}

/// The bytes of the first `chars` characters.
pub(super) fn prefix(text: &str, chars: usize) -> &str {
    let end = text.char_indices().nth(chars).map_or(text.len(), |(at, _)| at);
    text.get(..end).unwrap_or(text)
}

/// Refuses an empty text, for transforms that look for it.
pub(super) fn empty_needle(at: usize, value: &Value<'_>) -> Option<String> {
    let empty = at == 0 && value.as_text().is_some_and(str::is_empty);
    empty.then(|| "an empty text is found everywhere".to_owned())
}

/// Refuses names that are no time zone.
pub(super) fn unknown_zone(value: &Value<'_>) -> Option<String> {
    let name = value.as_text()?;
    let known = TimeZone::get(name).is_ok();
    (!known).then(|| format!("no time zone is called `{name}`; names look like `Europe/Berlin` or `UTC`"))
}

/// Refuses names that are no time zone, where the zone is the only argument.
pub(super) fn only_zone(_: usize, value: &Value<'_>) -> Option<String> {
    unknown_zone(value)
}
