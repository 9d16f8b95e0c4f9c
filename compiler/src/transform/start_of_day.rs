//! `start_of_day(zone)`: when a day begins.

use super::{Accepts, Section, Transform, eg, input, one, output, typing};
use crate::value::Value;

pub(super) const TRANSFORM: Transform = Transform {
    name: "start_of_day",
    summary: "When the day begins in a zone, of a day or of the day on which a time falls there. Where clocks \
              skip midnight, the first moment after it.",
    section: Section::Time,
    input: Accepts::InstantOrDate,
    params: &[one("zone", Accepts::Text)],
    output: typing::instant,
    refuses: input::only_zone,
    apply,
    examples: &[
        eg(r#"2026-07-01 | start_of_day("Europe/Berlin")"#, "2026-06-30T22:00:00Z"),
        eg(r#"2026-03-01T23:30:00Z | start_of_day("Europe/Berlin")"#, "2026-03-01T23:00:00Z"),
        eg(r#"2026-04-24 | start_of_day("Africa/Cairo")"#, "2026-04-23T22:00:00Z"),
        eg(r#"2026-07-01 | start_of_day("Nowhere")"#, "missing"),
        eg(r#""2026-07-01" | start_of_day("UTC")"#, "missing"),
    ],
};

fn apply<'e>(value: Value<'e>, args: &[Value<'e>]) -> Value<'e> {
    let start = || {
        let zone = input::zone(args, 0)?;
        let date = match value {
            Value::Instant(instant) => instant.to_zoned_datetime(zone.clone()).date(),
            Value::Date(date) => date,
            _ => return None,
        };
        Some(Value::Instant(date.to_zoned_datetime(zone).ok()?.timestamp()))
    };
    output::given(start())
}
