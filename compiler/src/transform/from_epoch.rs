//! `from_epoch`: seconds since 1970 as a time.

use jiff::Timestamp;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::{Accepts, Section, Transform, eg, input, output, typing};
use crate::value::Value;

/// Nanoseconds of a second.
const NANOS: i64 = 1_000_000_000;

pub(super) const TRANSFORM: Transform = Transform {
    name: "from_epoch",
    summary: "The time that a number of seconds since 1970-01-01T00:00:00Z means, fractions included; missing \
              outside the years -9999 to 9999. Milliseconds are divided first: `x / 1000 | from_epoch`.",
    section: Section::Time,
    input: Accepts::Number,
    params: &[],
    output: typing::instant,
    refuses: super::nothing,
    apply,
    examples: &[
        eg("1800000000 | from_epoch", "2027-01-15T08:00:00Z"),
        eg("0 | from_epoch", "1970-01-01T00:00:00Z"),
        eg("-1 | from_epoch", "1969-12-31T23:59:59Z"),
        eg("1800000000500 / 1000 | from_epoch", "2027-01-15T08:00:00.5Z"),
        eg("1800000000000 | from_epoch", "missing"),
        eg(r#""1800000000" | from_epoch"#, "missing"),
    ],
};

fn apply<'e>(value: Value<'e>, _: &[Value<'e>]) -> Value<'e> {
    let instant = || {
        let nanos = input::number(&value)?.checked_mul(Decimal::from(NANOS))?.floor().to_i128()?;
        Timestamp::from_nanosecond(nanos).ok().map(Value::Instant)
    };
    output::given(instant())
}
