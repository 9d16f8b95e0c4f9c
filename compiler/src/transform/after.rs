//! `after(mark)`: what stands after the first hit.

use super::{Accepts, Section, Transform, eg, input, one, typing};
use crate::value::Value;

pub(super) const TRANSFORM: Transform = Transform {
    name: "after",
    summary: "The text after the first `mark`; missing without one.",
    section: Section::Text,
    input: Accepts::Text,
    params: &[one("mark", Accepts::Text)],
    output: typing::text_or_missing,
    refuses: input::empty_needle,
    apply,
    examples: &[
        eg(r#""refs/tags/v1.2.0" | after("refs/tags/")"#, r#""v1.2.0""#),
        eg(r#""a/b/c" | after("/")"#, r#""b/c""#),
        eg(r#""日本→東京" | after("→")"#, r#""東京""#),
        eg(r#""a/" | after("/")"#, r#""""#),
        eg(r#""abc" | after("x")"#, "missing"),
        eg(r#""abc" | after("")"#, "missing"),
        eg(r#"5 | after("a")"#, "missing"),
    ],
};

fn apply<'e>(value: Value<'e>, args: &[Value<'e>]) -> Value<'e> {
    let (Value::Text(text), Some(mark)) = (value, input::needle(args, 0)) else { return Value::Missing };
    input::part(text, |text| text.split_once(mark).map(|(_, after)| after))
}
