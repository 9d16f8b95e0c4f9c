//! Whether a value has a type, for values whose type could not be proven while compiling.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::types::Type;
use crate::value::{Value, parse_date, parse_duration, parse_instant};

/// Whether a value may stand where a type is asked for. An integer may be written with a fraction of
/// zeros; instants, days and lengths of time may be the text that JSON has for them.
#[must_use]
pub fn fits(value: &Value<'_>, ty: &Type) -> bool {
    match (ty, value) {
        (Type::Any | Type::Broken, _) => true,
        (Type::Optional(inner), value) => value.is_missing() || fits(value, inner),
        (Type::Null, Value::Null) => true,
        (Type::Int, Value::Decimal(decimal)) => decimal.is_integer(),
        (Type::Int, Value::Int(_))
        | (Type::Decimal, Value::Int(_) | Value::Decimal(_))
        | (Type::Bool, Value::Bool(_))
        | (Type::Text, Value::Text(_))
        | (Type::DateTime, Value::Instant(_))
        | (Type::Date, Value::Date(_))
        | (Type::Duration, Value::Duration(_)) => true,
        (Type::OneOf(texts), Value::Text(text)) => texts.iter().any(|one| **one == **text),
        (Type::Email, Value::Text(text)) => is_email(text),
        (Type::Url, Value::Text(text)) => is_url(text),
        (Type::Uuid, Value::Text(text)) => is_uuid(text),
        (Type::Ip, Value::Text(text)) => text.parse::<IpAddr>().is_ok(),
        (Type::Cidr, Value::Text(text)) => text.parse::<IpNet>().is_ok(),
        (Type::DateTime, Value::Text(text)) => parse_instant(text).is_some(),
        (Type::Date, Value::Text(text)) => parse_date(text).is_some(),
        (Type::Duration, Value::Text(text)) => parse_duration(text).is_some(),
        (Type::List { of, limit }, Value::List(list)) => {
            limit.is_none_or(|limit| list.len() as u64 <= limit)
                && list.iter().all(|element| fits(element, of))
        }
        (Type::Map(of), Value::Record(fields)) => fields.iter().all(|(_, value)| fits(value, of)),
        (Type::Record(record), Value::Record(fields)) => {
            let known = |key: &str| record.fields.iter().any(|field| *field.name == *key);
            record
                .fields
                .iter()
                .all(|field| fits(value.field(&field.name).unwrap_or(&Value::Missing), &field.ty))
                && (record.open || fields.iter().all(|(key, _)| known(key)))
        }
        _ => false,
    }
}

/// A type as a message names it.
pub(super) fn type_name(ty: &Type) -> Box<str> {
    match ty {
        Type::Optional(inner) => return type_name(inner),
        Type::OneOf(texts) => {
            let texts: Vec<String> = texts.iter().map(|text| format!("{text:?}")).collect();
            return format!("one of {}", texts.join(", ")).into();
        }
        Type::List { of, .. } => return format!("list of {}", type_name(of)).into(),
        Type::Map(of) => return format!("map of {}", type_name(of)).into(),
        Type::Record(record) => return record.name.clone().unwrap_or_else(|| "a record".into()),
        Type::Any | Type::Broken => "any",
        Type::Text => "text",
        Type::Int => "int",
        Type::Decimal => "decimal",
        Type::Bool => "bool",
        Type::Email => "email",
        Type::Url => "url",
        Type::Uuid => "uuid",
        Type::Ip => "ip",
        Type::Cidr => "cidr",
        Type::DateTime => "datetime",
        Type::Date => "date",
        Type::Duration => "duration",
        Type::Null => "null",
        Type::Schedule => "a schedule",
    }
    .into()
}

/// One `@` between something and a domain, and no blanks. The destination has the last word.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let label = |label: &str| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-');
    !local.is_empty()
        && !domain.contains('@')
        && !text.contains(|one: char| one.is_whitespace() || one.is_control())
        && domain.split('.').all(label)
}

/// A scheme, `://`, a host, and no blanks.
fn is_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    scheme.starts_with(|one: char| one.is_ascii_alphabetic())
        && scheme.chars().all(|one| one.is_ascii_alphanumeric() || matches!(one, '+' | '-' | '.'))
        && !rest.starts_with(['/', '?', '#'])
        && !rest.is_empty()
        && !text.contains(|one: char| one.is_whitespace() || one.is_control())
}

/// Five groups of hexadecimal digits.
fn is_uuid(text: &str) -> bool {
    text.split('-').map(str::len).eq([8, 4, 4, 4, 12])
        && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse;

    #[test]
    fn values_have_types() {
        let list = |of| Type::List { of: std::sync::Arc::new(of), limit: Some(2) };
        for (ty, fit, not) in [
            (Type::Int, &["1", "1.0", "1e2"][..], &["1.5", "\"1\"", "true"][..]),
            (Type::Decimal, &["1", "1.5"], &["\"1.5\""]),
            (Type::Bool, &["true"], &["1", "\"true\""]),
            (Type::Text, &["\"\""], &["1", "[]"]),
            (
                Type::Email,
                &["\"a@b.c\"", "\"a@b\""],
                &["\"a@\"", "\"@b\"", "\"a@b@c\"", "\"a b@c\"", "\"a@b..c\""],
            ),
            (
                Type::Url,
                &["\"https://a/b\""],
                &["\"a/b\"", "\"https://\"", "\"http:///a\"", "\"https://a b\""],
            ),
            (
                Type::Uuid,
                &["\"018f3f5e-0000-7000-8000-0123456789ab\""],
                &["\"018f3f5e\"", "\"018f3f5e-0000-7000-8000-0123456789ag\""],
            ),
            (Type::Ip, &["\"10.0.0.1\"", "\"::1\""], &["\"10.0.0\""]),
            (Type::Cidr, &["\"10.0.0.0/8\""], &["\"10.0.0.0\""]),
            (Type::DateTime, &["\"2026-03-01T00:00:00Z\""], &["\"2026-03-01\"", "1"]),
            (list(Type::Int), &["[]", "[1,2]"], &["[1,2,3]", "[\"a\"]", "1", "[null]"]),
            (Type::Map(std::sync::Arc::new(Type::Text)), &["{}", "{\"a\":\"b\"}"], &["{\"a\":1}", "[]"]),
            (Type::OneOf(["a".into(), "b".into()].into()), &["\"a\""], &["\"c\""]),
            (Type::Optional(std::sync::Arc::new(Type::Int)), &["null", "1"], &["\"a\""]),
        ] {
            for text in fit {
                assert!(fits(&parse(text.as_bytes()).unwrap(), &ty), "{text} is {ty:?}");
            }
            for text in not {
                assert!(!fits(&parse(text.as_bytes()).unwrap(), &ty), "{text} is not {ty:?}");
            }
        }
    }
}
