//! `before_last(mark)`: what stands before the last hit.

use super::{Accepts, Section, Transform, eg, input, one, typing};
use crate::value::Value;

pub(super) const TRANSFORM: Transform = Transform {
    name: "before_last",
    summary: "The text before the last `mark`; missing without one.",
    section: Section::Text,
    input: Accepts::Text,
    params: &[one("mark", Accepts::Text)],
    output: typing::text_or_missing,
    refuses: input::empty_needle,
    apply,
    examples: &[
        eg(r#""report.tar.gz" | before_last(".")"#, r#""report.tar""#),
        eg(r#""a/b/c" | before_last("/")"#, r#""a/b""#),
        eg(r#""é·é·é" | before_last("·")"#, r#""é·é""#),
        eg(r#""aaa" | before_last("aa")"#, r#""a""#),
        eg(r#""abc" | before_last("x")"#, "missing"),
        eg(r#""abc" | before_last("")"#, "missing"),
        eg(r#"5 | before_last("a")"#, "missing"),
    ],
};

fn apply<'e>(value: Value<'e>, args: &[Value<'e>]) -> Value<'e> {
    let (Value::Text(text), Some(mark)) = (value, input::needle(args, 0)) else { return Value::Missing };
    input::part(text, |text| text.rsplit_once(mark).map(|(before, _)| before))
}
