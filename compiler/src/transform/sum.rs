//! `sum`: numbers added up.

use grammar::ast::ArithmeticOp;

use super::{Accepts, Section, Transform, eg, typing};
use crate::types::Type;
use crate::value::{Value, arithmetic};

pub(super) const TRANSFORM: Transform = Transform {
    name: "sum",
    summary: "The numbers of a list added up exactly; 0 for an empty list. Nulls do not count; an element of \
              another kind makes the sum missing.",
    section: Section::Lists,
    input: Accepts::List,
    params: &[],
    output: typed,
    refuses: super::nothing,
    apply,
    examples: &[
        eg("[1, 2, 3] | sum", "6"),
        eg("[0.1, 0.2] | sum", "0.3"),
        eg("[19.90, 5] | sum", "24.90"),
        eg("[1, null, 2] | sum", "3"),
        eg("[] | sum", "0"),
        eg("[9223372036854775807, 1] | sum", "missing"),
        eg(r#"[1, "2"] | sum"#, "missing"),
        eg("[1h, 2h] | sum", "missing"),
    ],
};

fn typed(input: &Type, _: &[Type]) -> Type {
    let element = typing::element_of(input);
    let number = match &element {
        Type::Optional(inner) => inner.as_ref().clone(),
        other => other.clone(),
    };
    match number {
        Type::Int | Type::Decimal => number,
        Type::Any | Type::Broken => Type::Any,
        // Elements that are no numbers: only of an empty list there is a sum.
        _ => typing::optional(Type::Int),
    }
}

fn apply<'e>(value: Value<'e>, _: &[Value<'e>]) -> Value<'e> {
    let Value::List(list) = value else { return Value::Missing };
    let mut sum = Value::Int(0);
    for element in list.iter().filter(|element| !element.is_missing()) {
        if !matches!(element, Value::Int(_) | Value::Decimal(_)) {
            return Value::Missing;
        }
        sum = arithmetic(ArithmeticOp::Add, &sum, element);
    }
    sum
}
