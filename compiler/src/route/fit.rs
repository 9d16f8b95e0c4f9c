//! Whether a value has a type, for values whose type could not be proven while compiling.

use crate::types::Type;
use crate::value::form::{is_email, is_ip, is_network, is_url, is_uuid};
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
        (Type::Ip, Value::Text(text)) => is_ip(text),
        (Type::Cidr, Value::Text(text)) => is_network(text),
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
