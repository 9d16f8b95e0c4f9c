//! `values`: what a record's fields hold.

use super::{Accepts, Section, Transform, eg, typing};
use crate::types::Type;
use crate::value::Value;

pub(super) const TRANSFORM: Transform = Transform {
    name: "values",
    summary: "The values of a record or map, in their order, nulls included.",
    section: Section::Records,
    input: Accepts::Record,
    params: &[],
    output: typed,
    refuses: super::nothing,
    apply,
    examples: &[
        eg(r#"{ b: 1, a: "é" } | values"#, r#"[1, "é"]"#),
        eg(r#"{ a: null, b: [1] } | values"#, "[null, [1]]"),
        eg("{} | values", "[]"),
        eg("[1] | values", "missing"),
    ],
};

fn typed(input: &Type, _: &[Type]) -> Type {
    typing::known(input, typing::list_of(typing::value_of(input)))
}

fn apply<'e>(value: Value<'e>, _: &[Value<'e>]) -> Value<'e> {
    let Value::Record(fields) = value else { return Value::Missing };
    Value::List(fields.iter().map(|(_, value)| value.clone()).collect())
}
