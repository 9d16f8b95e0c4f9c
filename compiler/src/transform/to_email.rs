//! `to_email`: a text as an email address.

use super::{Accepts, Section, Transform, eg, input, typing};
use crate::types::Type;
use crate::value::{Value, form};

pub(super) const TRANSFORM: Transform = Transform {
    name: "to_email",
    summary: "The text without white space around it, when it is an email address; otherwise missing.",
    section: Section::Conversions,
    input: Accepts::Text,
    params: &[],
    output: |input, _| typing::converted(input, &[], Type::Email),
    refuses: super::nothing,
    apply,
    examples: &[
        eg(r#"" ada@example.com " | to_email"#, r#""ada@example.com""#),
        eg(r#""käse@bücher.example" | to_email"#, r#""käse@bücher.example""#),
        eg(r#""Ada <ada@example.com>" | to_email"#, "missing"),
        eg(r#""ada@" | to_email"#, "missing"),
        eg("5 | to_email", "missing"),
    ],
};

fn apply<'e>(value: Value<'e>, _: &[Value<'e>]) -> Value<'e> {
    let Value::Text(text) = value else { return Value::Missing };
    input::part(text, |text| Some(text.trim()).filter(|text| form::is_email(text)))
}
