//! Units of time: what `seconds`, `minutes`, `hours` and `days` share.

use jiff::SignedDuration;
use rust_decimal::Decimal;

use super::input;
use crate::value::{Value, divide, scale};

/// A length of time in a unit of so many seconds, exactly; or a length of time of so many units.
pub(super) fn convert<'e>(value: &Value<'e>, seconds: i64) -> Value<'e> {
    let unit = SignedDuration::from_secs(seconds);
    let converted = || match value {
        Value::Duration(duration) => {
            let nanos = Decimal::try_from_i128_with_scale(duration.as_nanos(), 0).ok()?;
            let unit = Decimal::try_from_i128_with_scale(unit.as_nanos(), 0).ok()?;
            divide(nanos, unit).map(Value::Decimal)
        }
        number => scale(unit, input::number(number)?).map(Value::Duration),
    };
    converted().unwrap_or(Value::Missing)
}
