//! `to_datetime`: a text as a time.

use super::{Accepts, Section, Transform, eg, output, typing};
use crate::types::Type;
use crate::value::{Value, parse_instant};

pub(super) const TRANSFORM: Transform = Transform {
    name: "to_datetime",
    summary: "The time that a text such as `2026-03-01T10:00:00+01:00` (RFC 3339) means; missing without an \
              offset. Numbers are read by `from_epoch`.",
    section: Section::Conversions,
    input: Accepts::Anything,
    params: &[],
    output: |input, _| typing::converted(input, &[], Type::DateTime),
    refuses: super::nothing,
    apply,
    examples: &[
        eg(r#""2026-03-01T10:00:00+01:00" | to_datetime"#, "2026-03-01T09:00:00Z"),
        eg(r#"" 2026-03-01 10:00:00.25Z " | to_datetime"#, "2026-03-01T10:00:00.25Z"),
        eg("2026-03-01T10:00:00Z | to_datetime", "2026-03-01T10:00:00Z"),
        eg(r#""2026-03-01T10:00:00" | to_datetime"#, "missing"),
        eg(r#""2026-02-30T10:00:00Z" | to_datetime"#, "missing"),
        eg("1800000000 | to_datetime", "missing"),
    ],
};

fn apply<'e>(value: Value<'e>, _: &[Value<'e>]) -> Value<'e> {
    let instant = match &value {
        Value::Instant(instant) => Some(*instant),
        Value::Text(text) => parse_instant(text.trim()),
        _ => None,
    };
    output::given(instant.map(Value::Instant))
}
