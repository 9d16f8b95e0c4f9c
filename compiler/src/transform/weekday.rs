//! `weekday(zone)`: the day of the week.

use super::{Accepts, Section, Transform, eg, input, maybe, output, typing};
use crate::types::Type;
use crate::value::Value;

pub(super) const TRANSFORM: Transform = Transform {
    name: "weekday",
    summary: "The day of the week, `\"monday\"` to `\"sunday\"`, of a day, or of a time in a zone (UTC without \
              one).",
    section: Section::Time,
    input: Accepts::InstantOrDate,
    params: &[maybe("zone", Accepts::Text)],
    output: typed,
    refuses: input::only_zone,
    apply,
    examples: &[
        eg(r#"2026-03-01T23:30:00Z | weekday("Europe/Berlin")"#, r#""monday""#),
        eg("2026-03-01T23:30:00Z | weekday", r#""sunday""#),
        eg("2026-03-04 | weekday", r#""wednesday""#),
        eg(r#"2026-03-01T23:30:00Z | weekday("Nowhere")"#, "missing"),
        eg(r#""monday" | weekday"#, "missing"),
    ],
};

const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

fn typed(input: &Type, _: &[Type]) -> Type {
    typing::known(input, Type::OneOf(DAYS.iter().map(|day| Box::from(*day)).collect()))
}

fn apply<'e>(value: Value<'e>, args: &[Value<'e>]) -> Value<'e> {
    let weekday = || {
        let zone = if args.is_empty() { jiff::tz::TimeZone::UTC } else { input::zone(args, 0)? };
        let date = match value {
            Value::Instant(instant) => instant.to_zoned_datetime(zone).date(),
            Value::Date(date) => date,
            _ => return None,
        };
        let at = usize::try_from(date.weekday().to_monday_zero_offset()).ok()?;
        DAYS.get(at).copied().map(Value::text)
    };
    output::given(weekday())
}
