//! `minutes`: a length of time as a number, and back.

use super::{Accepts, Section, Transform, eg, typing, unit};
use crate::value::Value;

pub(super) const TRANSFORM: Transform = Transform {
    name: "minutes",
    summary: "How many minutes a length of time has, fractions included; of a number, that many minutes as a length \
              of time.",
    section: Section::Time,
    input: Accepts::NumberOrDuration,
    params: &[],
    output: typing::unit,
    refuses: super::nothing,
    apply,
    examples: &[
        eg("1h30m | minutes", "90"),
        eg("1.5 | minutes", "90s"),
        eg("0 | minutes", "0s"),
        eg("(2026-03-01T00:00:00Z - 2026-03-02T00:00:00Z) | minutes", "-1440"),
        eg("9223372036854775807 / 0.0001 | minutes", "missing"),
        eg(r#""90" | minutes"#, "missing"),
    ],
};

fn apply<'e>(value: Value<'e>, _: &[Value<'e>]) -> Value<'e> {
    unit::convert(&value, 60)
}
