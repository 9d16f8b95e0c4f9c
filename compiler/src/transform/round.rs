//! `round(n)`: fewer places after the point.

use super::{Accepts, Section, Transform, eg, input, maybe, output, rounding};
use crate::types::Type;
use crate::value::Value;

/// No decimal has more places.
const PLACES_MAX: usize = 28;

pub(super) const TRANSFORM: Transform = Transform {
    name: "round",
    summary: "The number with at most `n` places after the point, half a unit away from zero; without `n` \
              the nearest whole number.",
    section: Section::Numbers,
    input: Accepts::Number,
    params: &[maybe("n", Accepts::Int)],
    output: typed,
    refuses: super::nothing,
    apply,
    examples: &[
        eg("19.905 | round(2)", "19.91"),
        eg("2.5 | round", "3"),
        eg("-2.5 | round", "-3"),
        eg("1.10 | round(3)", "1.10"),
        eg("7 | round(2)", "7"),
        eg("0.125 | round(0)", "0"),
        eg("1.5 | round(-1)", "2"),
        eg("99999999999999999999.5 | round", "missing"),
        eg(r#""2.5" | round"#, "missing"),
    ],
};

fn typed(input: &Type, args: &[Type]) -> Type {
    match input {
        Type::Decimal if args.is_empty() => Type::Int,
        _ => rounding::typed(input, args),
    }
}

fn apply<'e>(value: Value<'e>, args: &[Value<'e>]) -> Value<'e> {
    if args.is_empty() {
        return rounding::whole(&value, |decimal| rounding::half_away(decimal, 0));
    }
    let rounded = || {
        let places = u32::try_from(input::count(args, 0)?.min(PLACES_MAX)).ok()?;
        Some(match value {
            Value::Int(int) => Value::Int(int),
            Value::Decimal(decimal) => Value::Decimal(rounding::half_away(&decimal, places)),
            _ => return None,
        })
    };
    output::given(rounded())
}
