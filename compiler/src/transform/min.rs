//! `min`: the least of a list.

use std::cmp::Ordering;

use super::{Accepts, Section, Transform, eg, typing};
use crate::value::Value;

pub(super) const TRANSFORM: Transform = Transform {
    name: "min",
    summary: "The least element of a list of numbers, times, days or lengths of time. Nulls do not count; \
              missing when the list is empty or its elements cannot be compared.",
    section: Section::Lists,
    input: Accepts::List,
    params: &[],
    output: typing::element_or_missing,
    refuses: super::nothing,
    apply,
    examples: &[
        eg("[2, 3, 1] | min", "1"),
        eg("[1.5, 2, null] | min", "1.5"),
        eg("[1h, 90m] | min", "1h"),
        eg("[2026-03-01T00:00:00Z, 2026-03-01T00:00:00-01:00] | min", "2026-03-01T00:00:00Z"),
        eg("[] | min", "missing"),
        eg(r#"["a", "b"] | min"#, "missing"),
        eg("[1, 1h] | min", "missing"),
        eg("5 | min", "missing"),
    ],
};

fn apply<'e>(value: Value<'e>, _: &[Value<'e>]) -> Value<'e> {
    let Value::List(list) = value else { return Value::Missing };
    let mut best: Option<&Value<'e>> = None;
    for element in list.iter().filter(|element| !element.is_missing()) {
        // Against itself, so that a single element of a kind without order gives no answer either.
        match element.order(best.unwrap_or(element)) {
            None => return Value::Missing,
            Some(Ordering::Less) => best = Some(element),
            Some(_) => best = best.or(Some(element)),
        }
    }
    best.cloned().unwrap_or(Value::Missing)
}
