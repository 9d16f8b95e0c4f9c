//! `texts`: every text below a value.

use super::{Accepts, Section, Transform, eg, output, typing};
use crate::value::Value;

pub(super) const TRANSFORM: Transform = Transform {
    name: "texts",
    summary: "Every text below a record or list, at any depth, in written order; names of fields are not \
              among them. It answers whether something stands anywhere in an event.",
    section: Section::Records,
    input: Accepts::Container,
    params: &[],
    output: typing::texts,
    refuses: super::nothing,
    apply,
    examples: &[
        eg(r#"{ a: "x", b: { c: ["y", 1, { d: "é" }] }, e: "x" } | texts"#, r#"["x", "y", "é", "x"]"#),
        eg(r#"["a", ["b"]] | texts"#, r#"["a", "b"]"#),
        eg("{ a: 1, b: null } | texts", "[]"),
        eg(r#""abc" | texts"#, "missing"),
    ],
};

fn apply<'e>(value: Value<'e>, _: &[Value<'e>]) -> Value<'e> {
    if !matches!(value, Value::List(_) | Value::Record(_)) {
        return Value::Missing;
    }
    let mut found = Vec::new();
    match walk(&value, &mut found, &mut output::WORK_MAX.clone()) {
        Some(()) => Value::List(found.into()),
        None => Value::Missing,
    }
}

/// `None` when there are too many values.
fn walk<'e>(value: &Value<'e>, found: &mut Vec<Value<'e>>, budget: &mut usize) -> Option<()> {
    output::charge(budget, value)?;
    match value {
        Value::Text(_) => found.push(value.clone()),
        Value::List(list) => list.iter().try_for_each(|one| walk(one, found, budget))?,
        Value::Record(fields) => fields.iter().try_for_each(|(_, one)| walk(one, found, budget))?,
        _ => {}
    }
    Some(())
}
