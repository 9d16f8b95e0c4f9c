//! `reverse`: a list from its end.

use super::{Accepts, Section, Transform, eg, typing};
use crate::value::Value;

pub(super) const TRANSFORM: Transform = Transform {
    name: "reverse",
    summary: "The list in the opposite order.",
    section: Section::Lists,
    input: Accepts::List,
    params: &[],
    output: typing::same,
    refuses: super::nothing,
    apply,
    examples: &[
        eg("[1, 2, 3] | reverse", "[3, 2, 1]"),
        eg(r#"["é", null] | reverse"#, r#"[null, "é"]"#),
        eg("[] | reverse", "[]"),
        eg(r#""abc" | reverse"#, "missing"),
    ],
};

fn apply<'e>(value: Value<'e>, _: &[Value<'e>]) -> Value<'e> {
    let Value::List(list) = value else { return Value::Missing };
    Value::List(list.iter().rev().cloned().collect())
}
