//! `to_url`: a text as a URL.

use super::{Accepts, Section, Transform, eg, input, typing};
use crate::types::Type;
use crate::value::{Value, form};

pub(super) const TRANSFORM: Transform = Transform {
    name: "to_url",
    summary: "The text without white space around it, when it is a URL with a scheme and a host; otherwise missing.",
    section: Section::Conversions,
    input: Accepts::Text,
    params: &[],
    output: |input, _| typing::converted(input, &[], Type::Url),
    refuses: super::nothing,
    apply,
    examples: &[
        eg(r#""https://example.com/a?b=c" | to_url"#, r#""https://example.com/a?b=c""#),
        eg(r#""\nhttps://bücher.example " | to_url"#, r#""https://bücher.example""#),
        eg(r#""example.com" | to_url"#, "missing"),
        eg(r#""https://" | to_url"#, "missing"),
        eg("5 | to_url", "missing"),
    ],
};

fn apply<'e>(value: Value<'e>, _: &[Value<'e>]) -> Value<'e> {
    let Value::Text(text) = value else { return Value::Missing };
    input::part(text, |text| Some(text.trim()).filter(|text| form::is_url(text)))
}
