//! `split(separator)`: a text into a list.

use std::borrow::Cow;

use super::{Accepts, Section, Transform, eg, input, one, typing};
use crate::value::Value;

pub(super) const TRANSFORM: Transform = Transform {
    name: "split",
    summary: "The parts between the separators, white space included; an empty text has no parts.",
    section: Section::Text,
    input: Accepts::Text,
    params: &[one("separator", Accepts::Text)],
    output: typing::texts,
    refuses: input::empty_needle,
    apply,
    examples: &[
        eg(r#""red,green" | split(",")"#, r#"["red", "green"]"#),
        eg(r#""a, b" | split(",")"#, r#"["a", " b"]"#),
        eg(r#""a,,b," | split(",")"#, r#"["a", "", "b", ""]"#),
        eg(r#""日本→東京" | split("→")"#, r#"["日本", "東京"]"#),
        eg(r#""abc" | split(",")"#, r#"["abc"]"#),
        eg(r#""" | split(",")"#, "[]"),
        eg(r#""abc" | split("")"#, "missing"),
        eg(r#"["a"] | split(",")"#, "missing"),
    ],
};

fn apply<'e>(value: Value<'e>, args: &[Value<'e>]) -> Value<'e> {
    let (Value::Text(text), Some(separator)) = (value, input::needle(args, 0)) else { return Value::Missing };
    if text.is_empty() {
        return Value::List([].into());
    }
    Value::List(match text {
        Cow::Borrowed(text) => text.split(separator).map(Value::text).collect(),
        Cow::Owned(text) => text.split(separator).map(|part| Value::text(part.to_owned())).collect(),
    })
}
