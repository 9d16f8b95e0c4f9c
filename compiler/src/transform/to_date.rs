//! `to_date`: a text as a day.

use super::{Accepts, Section, Transform, eg, output, typing};
use crate::types::Type;
use crate::value::{Value, parse_date};

pub(super) const TRANSFORM: Transform = Transform {
    name: "to_date",
    summary: "The day that a text such as `2026-03-01` means. A time falls on a day only in a zone: \
              `| date(\"Europe/Berlin\")`.",
    section: Section::Conversions,
    input: Accepts::Anything,
    params: &[],
    output: |input, _| typing::converted(input, &[], Type::Date),
    refuses: super::nothing,
    apply,
    examples: &[
        eg(r#""2026-03-01" | to_date"#, "2026-03-01"),
        eg(r#"" 2024-02-29 " | to_date"#, "2024-02-29"),
        eg("2026-03-01 | to_date", "2026-03-01"),
        eg(r#""2026-02-29" | to_date"#, "missing"),
        eg(r#""01.03.2026" | to_date"#, "missing"),
        eg("2026-03-01T10:00:00Z | to_date", "missing"),
    ],
};

fn apply<'e>(value: Value<'e>, _: &[Value<'e>]) -> Value<'e> {
    let date = match &value {
        Value::Date(date) => Some(*date),
        Value::Text(text) => parse_date(text.trim()),
        _ => None,
    };
    output::given(date.map(Value::Date))
}
