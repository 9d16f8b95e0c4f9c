//! `before(mark)`: what stands before the first hit.

use super::{Accepts, Section, Transform, eg, input, one, typing};
use crate::value::Value;

pub(super) const TRANSFORM: Transform = Transform {
    name: "before",
    summary: "The text before the first `mark`; missing without one.",
    section: Section::Text,
    input: Accepts::Text,
    params: &[one("mark", Accepts::Text)],
    output: typing::text_or_missing,
    refuses: input::empty_needle,
    apply,
    examples: &[
        eg(r#""ada@example.com" | before("@")"#, r#""ada""#),
        eg(r#""a/b/c" | before("/")"#, r#""a""#),
        eg(r#""日本→東京" | before("→")"#, r#""日本""#),
        eg(r#""/a" | before("/")"#, r#""""#),
        eg(r#""abc" | before("x")"#, "missing"),
        eg(r#""abc" | before("")"#, "missing"),
        eg(r#"5 | before("a")"#, "missing"),
    ],
};

fn apply<'e>(value: Value<'e>, args: &[Value<'e>]) -> Value<'e> {
    let (Value::Text(text), Some(mark)) = (value, input::needle(args, 0)) else { return Value::Missing };
    input::part(text, |text| text.split_once(mark).map(|(before, _)| before))
}
