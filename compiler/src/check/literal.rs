//! Literals, and texts that a declared type reads in its own way: addresses, days, instants.

use std::str::FromStr;

use grammar::Span;
use rust_decimal::Decimal;

use super::Checker;
use super::scope::Typed;
use crate::messages::types as messages;
use crate::types::Type;
use crate::value::{Value, form, parse_date, parse_duration, parse_instant};

/// More digits than this no number can hold exactly.
const DIGITS_MAX: usize = 28;

impl Checker<'_> {
    /// A whole number. One that does not fit 64 bits is a decimal.
    pub(super) fn int(&mut self, digits: &str, span: Span) -> Typed {
        match digits.parse::<i64>() {
            Ok(number) => Typed::constant(Value::Int(number), Type::Int, span),
            Err(_) => self.decimal(digits, span),
        }
    }

    /// A number with a fraction.
    pub(super) fn decimal(&mut self, digits: &str, span: Span) -> Typed {
        match exact(digits) {
            Some(number) => Typed::constant(Value::Decimal(number), Type::Decimal, span),
            None => {
                self.report(messages::number_too_long(span, DIGITS_MAX));
                Typed::broken(span)
            }
        }
    }

    /// `5%` is 0.05.
    pub(super) fn percent(&mut self, digits: &str, span: Span) -> Typed {
        let share = exact(digits).and_then(|number| number.checked_div(Decimal::ONE_HUNDRED));
        match share {
            Some(number) => Typed::constant(Value::Decimal(number), Type::Decimal, span),
            None => {
                self.report(messages::number_too_long(span, DIGITS_MAX));
                Typed::broken(span)
            }
        }
    }

    /// `2026-03-01`
    pub(super) fn date(&mut self, written: &str, span: Span) -> Typed {
        match jiff::civil::Date::from_str(written) {
            Ok(date) => Typed::constant(Value::Date(date), Type::Date, span),
            Err(_) => {
                self.report(messages::no_such_day(span, written));
                Typed::broken(span)
            }
        }
    }

    /// `2026-03-01T09:00:00Z`
    pub(super) fn datetime(&mut self, written: &str, span: Span) -> Typed {
        match instant(written) {
            Some(instant) => Typed::constant(Value::Instant(instant), Type::DateTime, span),
            None => {
                self.report(messages::no_such_instant(span, written));
                Typed::broken(span)
            }
        }
    }

    /// A text literal where a type reads texts in its own way: `"10.0.0.1"` as an address. Anything
    /// else is returned as it is.
    pub(super) fn adapt(&mut self, value: Typed, to: &Type) -> Typed {
        let to = to.required();
        let Some(text) = value.as_text().filter(|_| !matches!(value.ty, Type::OneOf(_))) else {
            return value;
        };
        match read_as(text, to) {
            None => value,
            Some(Ok(constant)) => {
                Typed { ty: to.clone(), ..Typed::constant(constant, Type::Text, value.span) }
            }
            Some(Err(example)) => {
                self.report(messages::not_a_valid(value.span, text, to, example));
                Typed::broken(value.span)
            }
        }
    }
}

/// An exact number, when it has at most 28 significant digits.
fn exact(digits: &str) -> Option<Decimal> {
    let significant = digits.trim_start_matches(['0', '.']).bytes().filter(u8::is_ascii_digit).count();
    if significant > DIGITS_MAX {
        return None;
    }
    Decimal::from_str_exact(digits).ok()
}

/// An instant as written in rules: RFC 3339, perhaps without seconds.
pub(super) fn instant(written: &str) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_str(written).ok().or_else(|| {
        let (head, tail) = written.split_at_checked("2026-03-01T09:00".len())?;
        jiff::Timestamp::from_str(&format!("{head}:00{tail}")).ok()
    })
}

/// Reads a text as a value of a type. `None` for types that take any text or none at all; the error
/// is an example of what would fit.
fn read_as(text: &str, to: &Type) -> Option<Result<Value<'static>, &'static str>> {
    let same = || Value::text(text.to_owned());
    let checked = |fits: bool, example| Some(if fits { Ok(same()) } else { Err(example) });
    match to {
        Type::Email => checked(form::is_email(text), "ada@example.com"),
        Type::Url => checked(form::is_url(text), "https://example.com/path"),
        Type::Uuid => checked(form::is_uuid(text), "018f2b6e-0f5c-7c3a-9d7e-3f2a1b4c5d6e"),
        Type::Ip => checked(form::is_ip(text), "192.0.2.7"),
        Type::Cidr => checked(form::is_network(text), "10.0.0.0/8"),
        Type::DateTime => Some(parse_instant(text).map(Value::Instant).ok_or("2026-03-01T09:00:00Z")),
        Type::Date => Some(parse_date(text).map(Value::Date).ok_or("2026-03-01")),
        Type::Duration => Some(parse_duration(text).map(Value::Duration).ok_or("PT15M")),
        _ => None,
    }
}
