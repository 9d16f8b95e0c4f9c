//! `date(zone)`: the day of an instant.

use super::{Accepts, Section, Transform, eg, input, one, typing};
use crate::value::Value;

pub(super) const TRANSFORM: Transform = Transform {
    name: "date",
    summary: "The day on which a time falls in a zone.",
    section: Section::Time,
    input: Accepts::Instant,
    params: &[one("zone", Accepts::Text)],
    output: typing::date,
    refuses: input::only_zone,
    apply,
    examples: &[
        eg(r#"2026-03-01T23:30:00Z | date("Europe/Berlin")"#, "2026-03-02"),
        eg(r#"2026-03-01T23:30:00Z | date("UTC")"#, "2026-03-01"),
        eg(r#"2026-03-01T04:59:59Z | date("America/New_York")"#, "2026-02-28"),
        eg(r#"2026-03-01T23:30:00Z | date("Nowhere")"#, "missing"),
        eg(r#""2026-03-01" | date("UTC")"#, "missing"),
    ],
};

fn apply<'e>(value: Value<'e>, args: &[Value<'e>]) -> Value<'e> {
    let (Value::Instant(instant), Some(zone)) = (value, input::zone(args, 0)) else { return Value::Missing };
    Value::Date(instant.to_zoned_datetime(zone).date())
}
