//! `without(key, …)`: all but a few fields of a record.

use std::sync::Arc;

use super::{Accepts, Section, Transform, eg, several, typing};
use crate::types::{RecordType, Type};
use crate::value::Value;

pub(super) const TRANSFORM: Transform = Transform {
    name: "without",
    summary: "The record without these fields.",
    section: Section::Records,
    input: Accepts::Record,
    params: &[several("key", Accepts::Text)],
    output: typed,
    refuses: super::nothing,
    apply,
    examples: &[
        eg(r#"{ a: 1, b: 2, c: 3 } | without("c", "a")"#, "{ b: 2 }"),
        eg(r#"{ x: 1, "größe": 7 } | without("größe")"#, r#"{ x: 1 }"#),
        eg(r#"{ a: 1 } | without("b")"#, "{ a: 1 }"),
        eg(r#"{ a: 1 } | without(1)"#, "missing"),
        eg(r#"[1] | without("a")"#, "missing"),
    ],
};

fn typed(input: &Type, args: &[Type]) -> Type {
    let names: Option<Vec<&str>> = (0..args.len()).map(|at| typing::constant(args, at)).collect();
    match (input, names) {
        (Type::Record(record), Some(names)) => {
            let kept = record.fields.iter().filter(|field| !names.contains(&&*field.name));
            let fields = kept.cloned().collect();
            Type::Record(Arc::new(RecordType { name: None, fields, open: record.open, span: record.span }))
        }
        (Type::Record(_), None) => Type::Map(Arc::new(Type::Any)),
        _ => input.clone(),
    }
}

fn apply<'e>(value: Value<'e>, args: &[Value<'e>]) -> Value<'e> {
    let names: Option<Vec<&str>> = args.iter().map(Value::as_text).collect();
    let (Value::Record(fields), Some(names)) = (value, names) else { return Value::Missing };
    Value::Record(fields.iter().filter(|(key, _)| !names.contains(&&**key)).cloned().collect())
}
