//! `format(pattern, zone)`: a time or day as text.

use jiff::tz::TimeZone;

use super::pattern::{self, needs_time};
use super::{Accepts, Section, Transform, eg, input, maybe, one, output, typing};
use crate::types::Type;
use crate::value::Value;

pub(super) const TRANSFORM: Transform = Transform {
    name: "format",
    summary: "A time or day as a pattern says: `d dd` day, `M MM MMM MMMM` month, `y yy yyyy` year, `EEE EEEE` \
              day of the week, `H HH` hour, `h hh a` hour with AM or PM, `m mm` minute, `s ss` second, `SSS` \
              its fraction, `X XX XXX` offset, `VV` zone, `'…'` text as it is. Names are English. A time \
              without a zone is shown in UTC.",
    section: Section::Time,
    input: Accepts::InstantOrDate,
    params: &[one("pattern", Accepts::Text), maybe("zone", Accepts::Text)],
    output: typed,
    refuses,
    apply,
    examples: &[
        eg(r#"2026-03-01T23:30:00Z | format("d MMM yyyy", "UTC")"#, r#""1 Mar 2026""#),
        eg(
            r#"2026-03-01T23:30:00Z | format("EEEE, d MMMM y", "Europe/Berlin")"#,
            r#""Monday, 2 March 2026""#,
        ),
        eg(r#"2026-03-01T23:05:09Z | format("h:mm:ss a '(UTC)'''", "UTC")"#, r#""11:05:09 PM (UTC)'""#),
        eg(r#"2026-07-01T00:05:00Z | format("hh:mm a", "America/New_York")"#, r#""08:05 PM""#),
        eg(
            r#"2026-07-01T12:00:00Z | format("yyyy-MM-dd HH:mm XXX", "Europe/Berlin")"#,
            r#""2026-07-01 14:00 +02:00""#,
        ),
        eg(r#"2026-01-01T12:00:00Z | format("H:m X VV", "Asia/Kolkata")"#, r#""17:30 +0530 Asia/Kolkata""#),
        eg(r#"2026-03-01T09:00:00Z | format("HH:mm XXX")"#, r#""09:00 Z""#),
        eg(r#"2026-03-01 | format("dd.MM.yy 年")"#, r#""01.03.26 年""#),
        eg(r#"2026-03-01 | format("HH:mm")"#, "missing"),
        eg(r#"2026-03-01T09:00:00Z | format("d", "Mars/Base")"#, "missing"),
        eg(r#"2026-03-01T09:00:00Z | format("YYYY")"#, "missing"),
        eg(r#""2026-03-01" | format("yyyy")"#, "missing"),
    ],
};

fn typed(input: &Type, args: &[Type]) -> Type {
    let parts = typing::constant(args, 0).and_then(|pattern| pattern::parts(pattern).ok());
    let may_need_time = parts.is_none_or(|parts| parts.iter().any(needs_time));
    match input {
        Type::Date if may_need_time => typing::optional(Type::Text),
        _ => typing::known(input, Type::Text),
    }
}

fn refuses(at: usize, value: &Value<'_>) -> Option<String> {
    if at == 0 { pattern::parts(value.as_text()?).err() } else { input::unknown_zone(value) }
}

fn apply<'e>(value: Value<'e>, args: &[Value<'e>]) -> Value<'e> {
    let formatted = || {
        let parts = pattern::parts(input::text(args, 0)?).ok()?;
        let zone = if args.len() > 1 { input::zone(args, 1)? } else { TimeZone::UTC };
        let text = match value {
            Value::Instant(instant) => {
                let local = instant.to_zoned_datetime(zone);
                pattern::write(&parts, local.date(), Some(&local))?
            }
            Value::Date(date) => pattern::write(&parts, date, None)?,
            _ => return None,
        };
        Some(output::text(text))
    };
    output::given(formatted())
}
