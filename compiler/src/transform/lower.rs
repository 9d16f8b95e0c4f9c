//! `lower`: small letters.

use super::{Accepts, Section, Transform, eg, output, typing};
use crate::value::Value;

pub(super) const TRANSFORM: Transform = Transform {
    name: "lower",
    summary: "The text in lower case, by the rules of Unicode; the same in every language.",
    section: Section::Text,
    input: Accepts::Text,
    params: &[],
    output: typing::same_form,
    refuses: super::nothing,
    apply,
    examples: &[
        eg(r#""Ada@Example.COM" | lower"#, r#""ada@example.com""#),
        eg(r#""ÄÖÜ ẞ" | lower"#, r#""äöü ß""#),
        eg(r#""ΟΔΟΣ" | lower"#, r#""οδος""#),
        eg(r#""日本 1" | lower"#, r#""日本 1""#),
        eg(r#""" | lower"#, r#""""#),
        eg("true | lower", "missing"),
    ],
};

fn apply<'e>(value: Value<'e>, _: &[Value<'e>]) -> Value<'e> {
    let Value::Text(text) = value else { return Value::Missing };
    let lower_already = |one: char| one.is_ascii() && !one.is_ascii_uppercase();
    if text.chars().all(lower_already) { Value::Text(text) } else { output::text(text.to_lowercase()) }
}
