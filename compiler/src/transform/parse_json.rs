//! `parse_json`: JSON text as a value.

use std::borrow::Cow;

use super::{Accepts, Section, Transform, eg};
use crate::json;
use crate::types::Type;
use crate::value::Value;

pub(super) const TRANSFORM: Transform = Transform {
    name: "parse_json",
    summary: "The value that a JSON text means, which is `any`; missing when the text is no JSON (RFC 8259) or \
              nested more than 64 deep. Of fields with one name the last counts.",
    section: Section::Conversions,
    input: Accepts::Text,
    params: &[],
    output: |_, _| Type::Any,
    refuses: super::nothing,
    apply,
    examples: &[
        eg(r#""\{\"a\":[1,2.50,\"é\"]\}" | parse_json"#, r#"{ a: [1, 2.50, "é"] }"#),
        eg(r#""\"日本\"" | parse_json"#, r#""日本""#),
        eg(r#"" 42 " | parse_json"#, "42"),
        eg(r#""null" | parse_json"#, "null"),
        eg(r#""\{a: 1\}" | parse_json"#, "missing"),
        eg(r#""1 2" | parse_json"#, "missing"),
        eg(r#""" | parse_json"#, "missing"),
        eg("42 | parse_json", "missing"),
    ],
};

fn apply<'e>(value: Value<'e>, _: &[Value<'e>]) -> Value<'e> {
    let Value::Text(text) = value else { return Value::Missing };
    match text {
        Cow::Borrowed(text) => json::parse(text.as_bytes()).unwrap_or(Value::Missing),
        Cow::Owned(text) => json::parse(text.as_bytes()).map_or(Value::Missing, Value::into_owned),
    }
}
