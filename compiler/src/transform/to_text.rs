//! `to_text`: any value as text.

use super::{Accepts, Section, Transform, eg, output, typing};
use crate::value::Value;

pub(super) const TRANSFORM: Transform = Transform {
    name: "to_text",
    summary: "The value as text, as a hole in a text writes it: text as it is, numbers with their digits, \
              times in UTC, lists and records as JSON.",
    section: Section::Conversions,
    input: Accepts::Anything,
    params: &[],
    output: typing::text,
    refuses: super::nothing,
    apply,
    examples: &[
        eg("19.90 | to_text", r#""19.90""#),
        eg(r#""é" | to_text"#, r#""é""#),
        eg("true | to_text", r#""true""#),
        eg("2026-03-01T10:00:00+01:00 | to_text", r#""2026-03-01T09:00:00Z""#),
        eg("1h30m | to_text", r#""PT1H30M""#),
        eg(r#"["a", 1] | to_text"#, r#""[\"a\",1]""#),
        eg("null | to_text", "missing"),
    ],
};

fn apply<'e>(value: Value<'e>, _: &[Value<'e>]) -> Value<'e> {
    if matches!(value, Value::Text(_)) {
        return value;
    }
    if !output::may_fit(&value) {
        return Value::Missing;
    }
    crate::value::to_text(&value).map_or(Value::Missing, |text| output::text(text.into_owned()))
}
