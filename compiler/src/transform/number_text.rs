//! Numbers that people write into text fields.

use crate::value::{Value, parse_number};

/// The number that a text is: digits, perhaps a point and more digits, a sign and zeros in front,
/// white space around. `None` when the value is no such text.
pub(super) fn read(value: &Value<'_>) -> Option<Value<'static>> {
    let text = value.as_text()?.trim();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(a, b)| (a, Some(b)));
    let are_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !are_digits(whole) || !fraction.is_none_or(are_digits) {
        return None;
    }
    // JSON has no zeros in front of other digits.
    let trimmed = digits.trim_start_matches('0');
    let zero = if trimmed.is_empty() || trimmed.starts_with('.') { "0" } else { "" };
    Some(parse_number(&format!("{sign}{zero}{trimmed}")).into_owned())
}
