//! Rounding to whole numbers, as `round`, `floor` and `ceil` share it.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::types::Type;
use crate::value::Value;

/// The value as a whole number: of a decimal what `how` makes of it. Missing beyond i64.
pub(super) fn whole<'e>(value: &Value<'e>, how: impl Fn(&Decimal) -> Decimal) -> Value<'e> {
    match value {
        Value::Int(int) => Value::Int(*int),
        Value::Decimal(decimal) => how(decimal).to_i64().map_or(Value::Missing, Value::Int),
        _ => Value::Missing,
    }
}

/// Half a unit goes away from zero, as people round.
pub(super) fn half_away(decimal: &Decimal, places: u32) -> Decimal {
    decimal.round_dp_with_strategy(places, rust_decimal::RoundingStrategy::MidpointAwayFromZero)
}

/// The type of a number that keeps its kind.
pub(super) fn typed(input: &Type, _: &[Type]) -> Type {
    match input {
        Type::Int => Type::Int,
        Type::Decimal => Type::Decimal,
        _ => Type::Any,
    }
}
