//! `count`: how many.

use super::{Accepts, Section, Transform, eg, typing};
use crate::value::Value;

pub(super) const TRANSFORM: Transform = Transform {
    name: "count",
    summary: "How many elements a list or fields a record has, nulls included.",
    section: Section::Lists,
    input: Accepts::Container,
    params: &[],
    output: typing::int,
    refuses: super::nothing,
    apply,
    examples: &[
        eg("[1, 2, 3] | count", "3"),
        eg("[] | count", "0"),
        eg("[null, 1] | count", "2"),
        eg(r#"{ a: 1, b: null } | count"#, "2"),
        eg(r#""abc" | count"#, "missing"),
    ],
};

fn apply<'e>(value: Value<'e>, _: &[Value<'e>]) -> Value<'e> {
    let count = match value {
        Value::List(list) => list.len(),
        Value::Record(fields) => fields.len(),
        _ => return Value::Missing,
    };
    i64::try_from(count).map_or(Value::Missing, Value::Int)
}
