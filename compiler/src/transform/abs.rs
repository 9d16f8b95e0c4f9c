//! `abs`: without its sign.

use super::{Accepts, Section, Transform, eg, typing};
use crate::value::Value;

pub(super) const TRANSFORM: Transform = Transform {
    name: "abs",
    summary: "The number without its sign; of a length of time, its length forwards.",
    section: Section::Numbers,
    input: Accepts::NumberOrDuration,
    params: &[],
    output: typing::same,
    refuses: super::nothing,
    apply,
    examples: &[
        eg("-3 | abs", "3"),
        eg("-19.90 | abs", "19.90"),
        eg("0 | abs", "0"),
        eg("(2026-03-01T00:00:00Z - 2026-03-01T01:00:00Z) | abs", "1h"),
        eg("(-9223372036854775807 - 1) | abs", "missing"),
        eg(r#""-3" | abs"#, "missing"),
    ],
};

fn apply<'e>(value: Value<'e>, _: &[Value<'e>]) -> Value<'e> {
    match value {
        Value::Int(int) => int.checked_abs().map_or(Value::Missing, Value::Int),
        Value::Decimal(decimal) => Value::Decimal(decimal.abs()),
        Value::Duration(duration) if duration.is_negative() => {
            duration.checked_neg().map_or(Value::Missing, Value::Duration)
        }
        Value::Duration(duration) => Value::Duration(duration),
        _ => Value::Missing,
    }
}
