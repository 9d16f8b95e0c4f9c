//! `keys`: the names of a record's fields.

use super::{Accepts, Section, Transform, eg, typing};
use crate::value::Value;

pub(super) const TRANSFORM: Transform = Transform {
    name: "keys",
    summary: "The names of a record's fields, in their order; fields that are null count.",
    section: Section::Records,
    input: Accepts::Record,
    params: &[],
    output: typing::texts,
    refuses: super::nothing,
    apply,
    examples: &[
        eg(r#"{ b: 1, a: null } | keys"#, r#"["b", "a"]"#),
        eg(r#"{ "größe": 1 } | keys"#, r#"["größe"]"#),
        eg("{} | keys", "[]"),
        eg("[1] | keys", "missing"),
    ],
};

fn apply<'e>(value: Value<'e>, _: &[Value<'e>]) -> Value<'e> {
    let Value::Record(fields) = value else { return Value::Missing };
    Value::List(fields.iter().map(|(key, _)| Value::Text(key.clone())).collect())
}
