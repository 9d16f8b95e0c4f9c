//! `hours`: a length of time as a number, and back.

use super::{Accepts, Section, Transform, eg, typing, unit};
use crate::value::Value;

pub(super) const TRANSFORM: Transform = Transform {
    name: "hours",
    summary: "How many hours a length of time has, fractions included; of a number, that many hours as a length \
              of time.",
    section: Section::Time,
    input: Accepts::NumberOrDuration,
    params: &[],
    output: typing::unit,
    refuses: super::nothing,
    apply,
    examples: &[
        eg("1h30m | hours", "1.5"),
        eg("36 | hours", "1d12h"),
        eg("0 | hours", "0s"),
        eg("(2026-03-01T00:00:00Z - 2026-03-02T00:00:00Z) | hours", "-24"),
        eg("9223372036854775807 / 0.0001 | hours", "missing"),
        eg(r#""90" | hours"#, "missing"),
    ],
};

fn apply<'e>(value: Value<'e>, _: &[Value<'e>]) -> Value<'e> {
    unit::convert(&value, 3_600)
}
