//! `trim`: no white space around a text.

use super::{Accepts, Section, Transform, eg, input, typing};
use crate::value::Value;

pub(super) const TRANSFORM: Transform = Transform {
    name: "trim",
    summary: "The text without white space at its beginning and end.",
    section: Section::Text,
    input: Accepts::Text,
    params: &[],
    output: typing::same_form,
    refuses: super::nothing,
    apply,
    examples: &[
        eg(r#""  Ada Lovelace \n" | trim"#, r#""Ada Lovelace""#),
        eg(r#""a  b" | trim"#, r#""a  b""#),
        eg(r#""\u{a0}\u{3000}日本\u{2003}" | trim"#, r#""日本""#),
        eg(r#""   " | trim"#, r#""""#),
        eg("5 | trim", "missing"),
    ],
};

fn apply<'e>(value: Value<'e>, _: &[Value<'e>]) -> Value<'e> {
    let Value::Text(text) = value else { return Value::Missing };
    input::part(text, |text| Some(text.trim()))
}
