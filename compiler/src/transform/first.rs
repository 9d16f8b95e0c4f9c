//! `first`: the element at the beginning.

use super::{Accepts, Section, Transform, eg, typing};
use crate::value::Value;

pub(super) const TRANSFORM: Transform = Transform {
    name: "first",
    summary: "The first element of a list; missing when the list is empty.",
    section: Section::Lists,
    input: Accepts::List,
    params: &[],
    output: typing::element_or_missing,
    refuses: super::nothing,
    apply,
    examples: &[
        eg(r#"["é", "日"] | first"#, r#""é""#),
        eg("[1, 2, 3] | first", "1"),
        eg("[[1], [1]] | first", "[1]"),
        eg("[] | first", "missing"),
        eg("[null] | first", "missing"),
        eg(r#""abc" | first"#, "missing"),
    ],
};

fn apply<'e>(value: Value<'e>, _: &[Value<'e>]) -> Value<'e> {
    let Value::List(list) = value else { return Value::Missing };
    list.first().cloned().unwrap_or(Value::Missing)
}
