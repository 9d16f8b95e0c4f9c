//! Digits of a JSON number to an exact value.

use std::borrow::Cow;

use rust_decimal::Decimal;

use super::Value;

/// The most significant digits of a number; more than that is unreadable.
const DIGITS_MAX: usize = 28;

/// The most places after the point that a decimal keeps.
const SCALE_MAX: i64 = 28;

/// Reads a number as JSON writes it; the text must have passed the syntax of RFC 8259.
///
/// A number that denotes an integer of i64 without a written fraction is an int: `7`, `7e2`, `70e-1`.
/// Others are decimals with the scale they were written with: `1.10` keeps its zero. Zeros at the end
/// of a fraction are dropped only where 28 digits cannot hold them. What has more than 28 significant
/// digits, or does not fit a decimal, is [`Value::Unreadable`]. Minus zero is zero.
#[must_use]
pub fn parse_number(digits: &str) -> Value<'_> {
    // Nearly every number is a short integer.
    if digits.len() <= 19
        && let Ok(int) = digits.parse()
    {
        return Value::Int(int);
    }
    exact(digits).unwrap_or(Value::Unreadable(Cow::Borrowed(digits)))
}

/// `None` when the value does not fit.
fn exact(text: &str) -> Option<Value<'static>> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).map_or((text, None), |(m, e)| (m, Some(e)));
    let (negative, mantissa) = mantissa.strip_prefix('-').map_or((false, mantissa), |rest| (true, rest));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let places = i64::try_from(fraction.len()).ok()?;
    let written = exponent.is_none() && !fraction.is_empty();

    let all = || whole.bytes().chain(fraction.bytes());
    let zeros_before = all().take_while(|&digit| digit == b'0').count();
    let count = whole.len() + fraction.len() - zeros_before;
    if count == 0 {
        return Some(if written { Value::Decimal(zero(places)) } else { Value::Int(0) });
    }
    let zeros_after = all().rev().take_while(|&digit| digit == b'0').count();
    let significant = count - zeros_after;
    if significant > DIGITS_MAX {
        return None;
    }
    let digits = all().skip(zeros_before).take(significant);
    let number = digits.fold(0_i128, |sum, digit| sum * 10 + i128::from(digit - b'0'));
    let number = if negative { -number } else { number };

    // The value is number × 10^-scale, and number does not end in a zero.
    let scale = places.checked_sub(i64::try_from(zeros_after).ok()?)?.checked_sub(exponent_of(exponent)?)?;
    if scale < 0 {
        return integer(number, scale.checked_neg()?, significant);
    }
    if scale == 0 && !written {
        return integer(number, 0, significant);
    }
    if scale > SCALE_MAX {
        return None;
    }
    let wanted = if written { places - scale } else { 0 };
    let room = wanted.min(SCALE_MAX - scale).min(i64::try_from(DIGITS_MAX - significant).ok()?);
    let zeros = u32::try_from(room).ok()?;
    let number = number.checked_mul(10_i128.checked_pow(zeros)?)?;
    Decimal::try_from_i128_with_scale(number, u32::try_from(scale).ok()? + zeros).ok().map(Value::Decimal)
}

/// An exponent may have any number of digits; one that does not fit i32 fits no decimal either.
fn exponent_of(text: Option<&str>) -> Option<i64> {
    let Some(text) = text else { return Some(0) };
    text.strip_prefix('+').unwrap_or(text).parse::<i32>().ok().map(i64::from)
}

fn integer(number: i128, zeros: i64, significant: usize) -> Option<Value<'static>> {
    let zeros = u32::try_from(zeros).ok().filter(|&zeros| zeros as usize + significant <= DIGITS_MAX + 1)?;
    let number = number.checked_mul(10_i128.checked_pow(zeros)?)?;
    match i64::try_from(number) {
        Ok(int) => Some(Value::Int(int)),
        Err(_) => Decimal::try_from_i128_with_scale(number, 0).ok().map(Value::Decimal),
    }
}

fn zero(places: i64) -> Decimal {
    Decimal::new(0, u32::try_from(places.min(SCALE_MAX)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_written() {
        for (digits, shown) in [
            ("0", "Int(0)"),
            ("-0", "Int(0)"),
            ("42", "Int(42)"),
            ("9223372036854775807", "Int(9223372036854775807)"),
            ("-9223372036854775808", "Int(-9223372036854775808)"),
            ("9223372036854775808", "Decimal(9223372036854775808)"),
            ("9007199254740993", "Int(9007199254740993)"),
            ("1.10", "Decimal(1.10)"),
            ("-0.50", "Decimal(-0.50)"),
            ("1.0", "Decimal(1.0)"),
            ("0.000", "Decimal(0.000)"),
            ("1e2", "Int(100)"),
            ("1E+2", "Int(100)"),
            ("70e-1", "Int(7)"),
            ("15e-1", "Decimal(1.5)"),
            ("1.5e1", "Int(15)"),
            ("1.25e1", "Decimal(12.5)"),
            ("0e99999999999999999999", "Int(0)"),
            ("1e28", "Decimal(10000000000000000000000000000)"),
            ("9e28", "Unreadable(\"9e28\")"),
            ("1e400", "Unreadable(\"1e400\")"),
            ("1e99999999999999999999", "Unreadable(\"1e99999999999999999999\")"),
            ("1e-28", "Decimal(0.0000000000000000000000000001)"),
            ("1e-29", "Unreadable(\"1e-29\")"),
            ("1234567890123456789012345678", "Decimal(1234567890123456789012345678)"),
            ("12345678901234567890123456789", "Unreadable(\"12345678901234567890123456789\")"),
            ("-122.422003528252475", "Decimal(-122.422003528252475)"),
            ("0.12345678901234567890123456789", "Unreadable(\"0.12345678901234567890123456789\")"),
            ("1.50000000000000000000000000000000000", "Decimal(1.500000000000000000000000000)"),
            ("100000000000000000000.10", "Decimal(100000000000000000000.10)"),
        ] {
            assert_eq!(format!("{:?}", parse_number(digits)), shown, "{digits}");
        }
    }
}
