//! `seconds`: a length of time as a number, and back.

use super::{Accepts, Section, Transform, eg, typing, unit};
use crate::value::Value;

pub(super) const TRANSFORM: Transform = Transform {
    name: "seconds",
    summary: "How many seconds a length of time has, fractions included; of a number, that many seconds as a length \
              of time.",
    section: Section::Time,
    input: Accepts::NumberOrDuration,
    params: &[],
    output: typing::unit,
    refuses: super::nothing,
    apply,
    examples: &[
        eg("90s | seconds", "90"),
        eg("1.5 | seconds", "1500ms"),
        eg("0 | seconds", "0s"),
        eg("(2026-03-01T00:00:00Z - 2026-03-02T00:00:00Z) | seconds", "-86400"),
        eg("9223372036854775807 / 0.0001 | seconds", "missing"),
        eg(r#""90" | seconds"#, "missing"),
    ],
};

fn apply<'e>(value: Value<'e>, _: &[Value<'e>]) -> Value<'e> {
    unit::convert(&value, 1)
}
