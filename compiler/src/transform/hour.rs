//! `hour(zone)`: the hour on the clock.

use super::{Accepts, Section, Transform, eg, input, one, typing};
use crate::value::Value;

pub(super) const TRANSFORM: Transform = Transform {
    name: "hour",
    summary: "The hour on the clocks of a zone, 0 to 23.",
    section: Section::Time,
    input: Accepts::Instant,
    params: &[one("zone", Accepts::Text)],
    output: typing::int,
    refuses: input::only_zone,
    apply,
    examples: &[
        eg(r#"2026-03-01T23:30:00Z | hour("Europe/Berlin")"#, "0"),
        eg(r#"2026-03-29T01:00:00Z | hour("Europe/Berlin")"#, "3"),
        eg(r#"2026-03-01T12:59:59Z | hour("UTC")"#, "12"),
        eg(r#"2026-03-01T23:30:00Z | hour("Nowhere")"#, "missing"),
        eg(r#"2026-03-01 | hour("UTC")"#, "missing"),
    ],
};

fn apply<'e>(value: Value<'e>, args: &[Value<'e>]) -> Value<'e> {
    let (Value::Instant(instant), Some(zone)) = (value, input::zone(args, 0)) else { return Value::Missing };
    Value::Int(instant.to_zoned_datetime(zone).hour().into())
}
