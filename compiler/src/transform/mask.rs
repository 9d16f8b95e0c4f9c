//! `mask`: enough to recognise a value, too little to use it.

use super::{Accepts, Section, Transform, eg, output, typing};
use crate::value::Value;

/// Below this, first and last character would give too much away.
const SHOWN_CHARS_MIN: usize = 4;

pub(super) const TRANSFORM: Transform = Transform {
    name: "mask",
    summary: "The first and the last character with `***` between them, whatever the length; a text of \
              fewer than four characters becomes `***`.",
    section: Section::Text,
    input: Accepts::Text,
    params: &[],
    output: typing::text,
    refuses: super::nothing,
    apply,
    examples: &[
        eg(r#""ada@example.com" | mask"#, r#""a***m""#),
        eg(r#""4242424242424242" | mask"#, r#""4***2""#),
        eg(r#""éclair日" | mask"#, r#""é***日""#),
        eg(r#""abcd" | mask"#, r#""a***d""#),
        eg(r#""abc" | mask"#, r#""***""#),
        eg(r#""" | mask"#, r#""***""#),
        eg("1234567 | mask", "missing"),
    ],
};

fn apply<'e>(value: Value<'e>, _: &[Value<'e>]) -> Value<'e> {
    let Value::Text(text) = value else { return Value::Missing };
    let mut chars = text.chars();
    match (chars.next(), chars.next_back()) {
        (Some(first), Some(last)) if chars.count() + 2 >= SHOWN_CHARS_MIN => {
            output::text(format!("{first}***{last}"))
        }
        _ => Value::text("***"),
    }
}
