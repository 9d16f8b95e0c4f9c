//! `take(n)`: the beginning of a text or list.

use super::{Accepts, Section, Transform, eg, input, one, output};
use crate::types::Type;
use crate::value::Value;

pub(super) const TRANSFORM: Transform = Transform {
    name: "take",
    summary: "The first `n` characters of a text, or the first `n` elements of a list.",
    section: Section::Text,
    input: Accepts::TextOrList,
    params: &[one("n", Accepts::Int)],
    output: typed,
    refuses: super::nothing,
    apply,
    examples: &[
        eg(r#""9f86d081884c" | take(7)"#, r#""9f86d08""#),
        eg(r#""日本語" | take(2)"#, r#""日本""#),
        eg(r#""ab" | take(5)"#, r#""ab""#),
        eg("[1, 2, 3] | take(2)", "[1, 2]"),
        eg("[1] | take(0)", "[]"),
        eg(r#""ab" | take(-1)"#, r#""""#),
        eg("12345 | take(2)", "missing"),
        eg(r#""ab" | take(1.5)"#, "missing"),
    ],
};

fn typed(input: &Type, _: &[Type]) -> Type {
    match input {
        Type::List { .. } | Type::Any | Type::Broken => input.clone(),
        _ => Type::Text,
    }
}

fn apply<'e>(value: Value<'e>, args: &[Value<'e>]) -> Value<'e> {
    let taken = || {
        let count = input::count(args, 0)?;
        Some(match value {
            Value::Text(text) => input::part(text, |text| Some(input::prefix(text, count))),
            Value::List(list) if count >= list.len() => Value::List(list),
            Value::List(list) => Value::List(list.iter().take(count).cloned().collect()),
            _ => return None,
        })
    };
    output::given(taken())
}
