//! `days`: a length of time as a number, and back.

use super::{Accepts, Section, Transform, eg, typing, unit};
use crate::value::Value;

pub(super) const TRANSFORM: Transform = Transform {
    name: "days",
    summary: "How many days a length of time has, fractions included; of a number, that many days as a length \
              of time.",
    section: Section::Time,
    input: Accepts::NumberOrDuration,
    params: &[],
    output: typing::unit,
    refuses: super::nothing,
    apply,
    examples: &[
        eg("1d12h | days", "1.5"),
        eg("7 | days", "7d"),
        eg("0 | days", "0s"),
        eg("(2026-03-01T00:00:00Z - 2026-03-02T00:00:00Z) | days", "-1"),
        eg("9223372036854775807 / 0.0001 | days", "missing"),
        eg(r#""90" | days"#, "missing"),
    ],
};

fn apply<'e>(value: Value<'e>, _: &[Value<'e>]) -> Value<'e> {
    unit::convert(&value, 86_400)
}
