//! `unique`: each value once.

use std::collections::HashSet;

use super::canonical::Canonical;
use super::{Accepts, Section, Transform, eg, output, typing};
use crate::value::Value;

pub(super) const TRANSFORM: Transform = Transform {
    name: "unique",
    summary: "The list with each value once, at its first place. Values are equal as with `is`, records and \
              lists by what they hold.",
    section: Section::Lists,
    input: Accepts::List,
    params: &[],
    output: typing::same,
    refuses: super::nothing,
    apply,
    examples: &[
        eg(r#"["b", "a", "b"] | unique"#, r#"["b", "a"]"#),
        eg("[1, 1.0, 2] | unique", "[1, 2]"),
        eg(r#"["a", "A", "é"] | unique"#, r#"["a", "A", "é"]"#),
        eg(r#"[{ a: 1, b: 2 }, { b: 2, a: 1.0 }] | unique"#, r#"[{ a: 1, b: 2 }]"#),
        eg("[[1, null], [1, null], [1]] | unique", "[[1, null], [1]]"),
        eg(r#"[1, "1", true, null, null] | unique"#, r#"[1, "1", true, null]"#),
        eg("[] | unique", "[]"),
        eg(r#""aa" | unique"#, "missing"),
    ],
};

fn apply<'e>(value: Value<'e>, _: &[Value<'e>]) -> Value<'e> {
    let Value::List(list) = value else { return Value::Missing };
    let mut budget = output::WORK_MAX;
    let mut seen = HashSet::with_capacity(list.len());
    let mut once = Vec::with_capacity(list.len());
    for element in list.iter() {
        let Some(form) = Canonical::of(element, &mut budget) else { return Value::Missing };
        if seen.insert(form) {
            once.push(element.clone());
        }
    }
    Value::List(once.into())
}
