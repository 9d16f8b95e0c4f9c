//! `replace(old, new)`: one text for another.

use super::{Accepts, Section, Transform, eg, input, one, output, typing};
use crate::value::Value;

pub(super) const TRANSFORM: Transform = Transform {
    name: "replace",
    summary: "The text with every `old` replaced by `new`. Both are plain text, not patterns.",
    section: Section::Text,
    input: Accepts::Text,
    params: &[one("old", Accepts::Text), one("new", Accepts::Text)],
    output: typing::text,
    refuses: input::empty_needle,
    apply,
    examples: &[
        eg(r#""2026-03-01" | replace("-", "/")"#, r#""2026/03/01""#),
        eg(r#""a.b" | replace(".", "")"#, r#""ab""#),
        eg(r#""aaa" | replace("aa", "b")"#, r#""ba""#),
        eg(r#""Grüße" | replace("ü", "ue")"#, r#""Grueße""#),
        eg(r#""Abc" | replace("a", "x")"#, r#""Abc""#),
        eg(r#""abc" | replace("", "x")"#, "missing"),
        eg(r#"5 | replace("5", "6")"#, "missing"),
    ],
};

fn apply<'e>(value: Value<'e>, args: &[Value<'e>]) -> Value<'e> {
    let (Value::Text(text), Some(old), Some(new)) = (value, input::needle(args, 0), input::text(args, 1))
    else {
        return Value::Missing;
    };
    let hits = text.matches(old).count();
    if hits == 0 {
        return Value::Text(text);
    }
    // Measured before it is made: a long replacement of a short text could grow without bound.
    let bytes = hits.saturating_mul(new.len()).saturating_add(text.len() - hits * old.len());
    if bytes > output::TEXT_BYTES_MAX { Value::Missing } else { output::text(text.replace(old, new)) }
}
