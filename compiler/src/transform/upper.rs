//! `upper`: capital letters.

use super::{Accepts, Section, Transform, eg, output, typing};
use crate::value::Value;

pub(super) const TRANSFORM: Transform = Transform {
    name: "upper",
    summary: "The text in upper case, by the rules of Unicode; the same in every language.",
    section: Section::Text,
    input: Accepts::Text,
    params: &[],
    output: typing::same_form,
    refuses: super::nothing,
    apply,
    examples: &[
        eg(r#""eur" | upper"#, r#""EUR""#),
        eg(r#""Straße" | upper"#, r#""STRASSE""#),
        eg(r#""éà ñ ﬁ" | upper"#, r#""ÉÀ Ñ FI""#),
        eg(r#""" | upper"#, r#""""#),
        eg("[] | upper", "missing"),
    ],
};

fn apply<'e>(value: Value<'e>, _: &[Value<'e>]) -> Value<'e> {
    let Value::Text(text) = value else { return Value::Missing };
    let upper_already = |one: char| one.is_ascii() && !one.is_ascii_lowercase();
    if text.chars().all(upper_already) { Value::Text(text) } else { output::text(text.to_uppercase()) }
}
