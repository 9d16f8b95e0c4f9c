//! `last`: the element at the end.

use super::{Accepts, Section, Transform, eg, typing};
use crate::value::Value;

pub(super) const TRANSFORM: Transform = Transform {
    name: "last",
    summary: "The last element of a list; missing when the list is empty.",
    section: Section::Lists,
    input: Accepts::List,
    params: &[],
    output: typing::element_or_missing,
    refuses: super::nothing,
    apply,
    examples: &[
        eg(r#"["é", "日"] | last"#, r#""日""#),
        eg("[1, 2, 3] | last", "3"),
        eg("[[1], [1]] | last", "[1]"),
        eg("[] | last", "missing"),
        eg("[null] | last", "missing"),
        eg(r#""abc" | last"#, "missing"),
    ],
};

fn apply<'e>(value: Value<'e>, _: &[Value<'e>]) -> Value<'e> {
    let Value::List(list) = value else { return Value::Missing };
    list.last().cloned().unwrap_or(Value::Missing)
}
