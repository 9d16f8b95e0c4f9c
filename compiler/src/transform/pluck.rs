//! `pluck(key)`: one field of every element.

use super::{Accepts, Section, Transform, eg, input, one, typing};
use crate::types::Type;
use crate::value::Value;

pub(super) const TRANSFORM: Transform = Transform {
    name: "pluck",
    summary: "The field of that name of every record in a list; elements without it are left out.",
    section: Section::Lists,
    input: Accepts::List,
    params: &[one("key", Accepts::Text)],
    output: typed,
    refuses: super::nothing,
    apply,
    examples: &[
        eg(r#"[{ sku: "a", qty: 1 }, { sku: "b" }] | pluck("sku")"#, r#"["a", "b"]"#),
        eg(r#"[{ sku: "a", qty: 1 }, { sku: "b" }] | pluck("qty")"#, "[1]"),
        eg(r#"[{ a: null }, 5, "x"] | pluck("a")"#, "[null]"),
        eg(r#"[{ "größe": 7 }] | pluck("größe")"#, "[7]"),
        eg(r#"[] | pluck("a")"#, "[]"),
        eg(r#"{ a: 1 } | pluck("a")"#, "missing"),
        eg("[{ a: 1 }] | pluck(1)", "missing"),
    ],
};

fn typed(input: &Type, args: &[Type]) -> Type {
    let element = typing::element_of(input);
    let record = match &element {
        Type::Optional(inner) => inner.as_ref(),
        other => other,
    };
    let field = match (record, typing::constant(args, 0)) {
        (Type::Record(record), Some(key)) => record.fields.iter().find(|field| &*field.name == key),
        (Type::Map(of), _) => return typing::list_of(of.as_ref().clone()),
        _ => None,
    };
    typing::known(input, typing::list_of(field.map_or(Type::Any, |field| field.ty.clone())))
}

fn apply<'e>(value: Value<'e>, args: &[Value<'e>]) -> Value<'e> {
    let (Value::List(list), Some(key)) = (value, input::text(args, 0)) else { return Value::Missing };
    Value::List(list.iter().filter_map(|element| element.field(key).cloned()).collect())
}
