//! Values to JSON and to text.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::{Value, write_duration};

/// Appends a value as JSON.
///
/// The order of fields is kept, decimals keep their scale, unreadable numbers their digits; instants
/// are RFC 3339 in UTC, days `YYYY-MM-DD`, lengths of time ISO 8601. Missing is `null`; fields and
/// elements never hold it, because lists and records leave it out when they are made.
pub fn write_json(value: &Value<'_>, out: &mut String) {
    // Writing to a String cannot fail.
    let _ = match value {
        Value::Missing | Value::Null => out.write_str("null"),
        Value::Bool(truth) => write!(out, "{truth}"),
        Value::Int(int) => write!(out, "{int}"),
        Value::Decimal(decimal) => write!(out, "{decimal}"),
        Value::Unreadable(digits) => out.write_str(digits),
        Value::Text(text) => {
            write_json_text(text, out);
            Ok(())
        }
        Value::Instant(instant) => write!(out, "\"{instant}\""),
        Value::Date(date) => write!(out, "\"{date}\""),
        Value::Duration(duration) => {
            out.push('"');
            write_duration(*duration, out);
            out.write_char('"')
        }
        Value::List(list) => {
            out.push('[');
            for (at, element) in list.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_json(element, out);
            }
            out.write_char(']')
        }
        Value::Record(fields) => {
            out.push('{');
            for (at, (key, field)) in fields.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_json_text(key, out);
                out.push(':');
                write_json(field, out);
            }
            out.write_char('}')
        }
    };
}

/// Appends a text as a JSON string, escaping what RFC 8259 demands and nothing else.
pub fn write_json_text(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        let Some((plain, from)) = rest.split_at_checked(at) else { break };
        out.push_str(plain);
        let mut chars = from.chars();
        match chars.next() {
            Some('"') => out.push_str("\\\""),
            Some('\\') => out.push_str("\\\\"),
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            Some('\u{8}') => out.push_str("\\b"),
            Some('\u{c}') => out.push_str("\\f"),
            // Writing to a String cannot fail.
            Some(control) => drop(write!(out, "\\u{:04x}", u32::from(control))),
            None => break,
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

/// The value as text: of a text itself, of lists and records their JSON; `None` when it is missing.
#[must_use]
pub fn to_text<'v>(value: &'v Value<'_>) -> Option<Cow<'v, str>> {
    Some(match value {
        Value::Missing | Value::Null | Value::Unreadable(_) => return None,
        Value::Text(text) => Cow::Borrowed(text),
        Value::Bool(true) => Cow::Borrowed("true"),
        Value::Bool(false) => Cow::Borrowed("false"),
        Value::Int(int) => Cow::Owned(int.to_string()),
        Value::Decimal(decimal) => Cow::Owned(decimal.to_string()),
        Value::Instant(instant) => Cow::Owned(instant.to_string()),
        Value::Date(date) => Cow::Owned(date.to_string()),
        Value::Duration(duration) => {
            let mut out = String::new();
            write_duration(*duration, &mut out);
            Cow::Owned(out)
        }
        Value::List(_) | Value::Record(_) => {
            let mut out = String::new();
            write_json(value, &mut out);
            Cow::Owned(out)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{parse_duration, parse_instant, parse_number};

    #[test]
    fn values_are_written_as_json() {
        let list = Value::List([Value::Int(1), Value::Null, Value::text("é")].into_iter().collect());
        let record = [("b", parse_number("1.10")), ("a\"", list.clone()), ("n", parse_number("1e999"))];
        let record = record.into_iter().map(|(key, value)| (Cow::Borrowed(key), value)).collect();
        for (value, json) in [
            (Value::Null, "null"),
            (Value::Bool(true), "true"),
            (Value::Int(-3), "-3"),
            (parse_number("100e-1"), "10"),
            (
                Value::text("a\"\\/\n\r\t\u{8}\u{c}\u{1}\u{7f}\u{2028}日"),
                "\"a\\\"\\\\/\\n\\r\\t\\b\\f\\u0001\u{7f}\u{2028}日\"",
            ),
            (
                Value::Instant(parse_instant("2026-03-01T10:00:00.250+01:00").unwrap()),
                "\"2026-03-01T09:00:00.25Z\"",
            ),
            (Value::Date(jiff::civil::date(2026, 3, 1)), "\"2026-03-01\""),
            (Value::Duration(parse_duration("PT90S").unwrap()), "\"PT1M30S\""),
            (list, "[1,null,\"é\"]"),
            (Value::Record(record), "{\"b\":1.10,\"a\\\"\":[1,null,\"é\"],\"n\":1e999}"),
        ] {
            let mut out = String::new();
            write_json(&value, &mut out);
            assert_eq!(out, json);
            serde_json::from_str::<serde_json::Value>(&out).unwrap();
        }
    }

    #[test]
    fn texts_survive_the_round_trip() {
        let every: String = ('\0'..='\u{ff}').chain(['\u{2028}', '\u{ffff}', '\u{1f6a8}']).collect();
        let mut out = String::new();
        write_json_text(&every, &mut out);
        assert_eq!(serde_json::from_str::<String>(&out).unwrap(), every);
    }

    #[test]
    fn text_of_values() {
        for (value, text) in [
            (Value::text("é"), Some("é")),
            (parse_number("1.50"), Some("1.50")),
            (Value::Bool(false), Some("false")),
            (Value::List([Value::text("a")].into_iter().collect()), Some("[\"a\"]")),
            (Value::Null, None),
            (parse_number("1e999"), None),
        ] {
            assert_eq!(to_text(&value).as_deref(), text);
        }
    }
}
