//! `max`: the greatest of a list.

use std::cmp::Ordering;

use super::{Accepts, Section, Transform, eg, typing};
use crate::value::Value;

pub(super) const TRANSFORM: Transform = Transform {
    name: "max",
    summary: "The greatest element of a list of numbers, times, days or lengths of time. Nulls do not count; \
              missing when the list is empty or its elements cannot be compared.",
    section: Section::Lists,
    input: Accepts::List,
    params: &[],
    output: typing::element_or_missing,
    refuses: super::nothing,
    apply,
    examples: &[
        eg("[2, 3, 1] | max", "3"),
        eg("[1.5, 2, null] | max", "2"),
        eg("[1h, 90m] | max", "90m"),
        eg("[2026-03-01T00:00:00Z, 2026-03-01T00:00:00-01:00] | max", "2026-03-01T01:00:00Z"),
        eg("[] | max", "missing"),
        eg(r#"["a", "b"] | max"#, "missing"),
        eg("[1, 1h] | max", "missing"),
        eg("5 | max", "missing"),
    ],
};

fn apply<'e>(value: Value<'e>, _: &[Value<'e>]) -> Value<'e> {
    let Value::List(list) = value else { return Value::Missing };
    let mut best: Option<&Value<'e>> = None;
    for element in list.iter().filter(|element| !element.is_missing()) {
        // Against itself, so that a single element of a kind without order gives no answer either.
        match element.order(best.unwrap_or(element)) {
            None => return Value::Missing,
            Some(Ordering::Greater) => best = Some(element),
            Some(_) => best = best.or(Some(element)),
        }
    }
    best.cloned().unwrap_or(Value::Missing)
}
