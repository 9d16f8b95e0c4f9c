//! `after_last(mark)`: what stands after the last hit.

use super::{Accepts, Section, Transform, eg, input, one, typing};
use crate::value::Value;

pub(super) const TRANSFORM: Transform = Transform {
    name: "after_last",
    summary: "The text after the last `mark`; missing without one.",
    section: Section::Text,
    input: Accepts::Text,
    params: &[one("mark", Accepts::Text)],
    output: typing::text_or_missing,
    refuses: input::empty_needle,
    apply,
    examples: &[
        eg(r#""report.tar.gz" | after_last(".")"#, r#""gz""#),
        eg(r#""a/b/c" | after_last("/")"#, r#""c""#),
        eg(r#""é·é·ü" | after_last("·")"#, r#""ü""#),
        eg(r#""a/" | after_last("/")"#, r#""""#),
        eg(r#""abc" | after_last("x")"#, "missing"),
        eg(r#""abc" | after_last("")"#, "missing"),
        eg(r#"5 | after_last("a")"#, "missing"),
    ],
};

fn apply<'e>(value: Value<'e>, args: &[Value<'e>]) -> Value<'e> {
    let (Value::Text(text), Some(mark)) = (value, input::needle(args, 0)) else { return Value::Missing };
    input::part(text, |text| text.rsplit_once(mark).map(|(_, after)| after))
}
