//! Instants (RFC 3339), days and lengths of time (ISO 8601) from text, and lengths of time to text.

use std::fmt::Write as _;

use jiff::civil::{Date, Time};
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

/// Reads an RFC 3339 date and time with its offset, such as `2026-03-01T10:00:00.5+01:00`.
///
/// The offset is required; `t`, `z` and a space between date and time are fine, as the RFC allows.
/// Digits after the ninth place of a second are dropped. A leap second is the second before it.
#[must_use]
pub fn parse_instant(text: &str) -> Option<Timestamp> {
    let (date, rest) = text.split_at_checked(10)?;
    let date = parse_date(date)?;
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (clock, rest) = rest.split_at_checked(8)?;
    let &[h1, h2, b':', m1, m2, b':', s1, s2] = clock.as_bytes() else { return None };
    let second = two(s1, s2)?;
    if second > 60 {
        return None;
    }
    let (nanos, rest) = fraction(rest)?;
    let time = Time::new(two(h1, h2)?, two(m1, m2)?, second.min(59), nanos).ok()?;
    let offset = offset(rest)?;
    offset.to_timestamp(date.to_datetime(time)).ok()
}

/// Reads `YYYY-MM-DD`.
#[must_use]
pub fn parse_date(text: &str) -> Option<Date> {
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text.as_bytes() else { return None };
    let year = i16::from(two(y1, y2)?) * 100 + i16::from(two(y3, y4)?);
    Date::new(year, two(m1, m2)?, two(d1, d2)?).ok()
}

/// Reads an ISO 8601 length of time of weeks, or days, hours, minutes and seconds: `P2W`, `P1DT12H`,
/// `-PT1.5S`. A day has 24 hours. Years and months have no fixed length and are not read. Only seconds
/// may have a fraction, of which nine places count.
#[must_use]
pub fn parse_duration(text: &str) -> Option<SignedDuration> {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let text = text.strip_prefix('+').filter(|_| !negative).unwrap_or(text).strip_prefix('P')?;
    let (days, clock) = text.split_once('T').map_or((text, None), |(days, clock)| (days, Some(clock)));
    if text.is_empty() || clock.is_some_and(str::is_empty) {
        return None;
    }
    let weeks = days.strip_suffix('W').filter(|_| clock.is_none());
    let mut secs = match (weeks, days) {
        (Some(weeks), _) => whole(weeks)?.checked_mul(7 * 86_400)?,
        (None, "") => 0,
        (None, days) => whole(days.strip_suffix('D')?)?.checked_mul(86_400)?,
    };
    let mut rest = clock.unwrap_or_default();
    for (unit, length) in [('H', 3_600), ('M', 60)] {
        if let Some((count, after)) = rest.split_once(unit) {
            secs = secs.checked_add(whole(count)?.checked_mul(length)?)?;
            rest = after;
        }
    }
    let mut nanos = 0;
    if !rest.is_empty() {
        let count = rest.strip_suffix('S')?;
        let at = count.find('.').unwrap_or(count.len());
        let (count, places) = count.split_at_checked(at)?;
        let (fraction, after) = fraction(places)?;
        if !after.is_empty() {
            return None;
        }
        secs = secs.checked_add(whole(count)?)?;
        nanos = fraction;
    }
    let duration = SignedDuration::new(secs, nanos);
    if negative { duration.checked_neg() } else { Some(duration) }
}

/// Writes a length of time as ISO 8601, in days, hours, minutes and seconds: `P1DT12H`, `PT0S`.
pub fn write_duration(duration: SignedDuration, out: &mut String) {
    if duration.is_negative() {
        out.push('-');
    }
    let magnitude = duration.unsigned_abs();
    let (secs, nanos) = (magnitude.as_secs(), magnitude.subsec_nanos());
    out.push('P');
    // Writing to a String cannot fail.
    let mut part = |count: u64, unit: char| {
        let _ = (count > 0).then(|| write!(out, "{count}{unit}"));
    };
    part(secs / 86_400, 'D');
    let clock = secs % 86_400;
    if clock == 0 && nanos == 0 && secs > 0 {
        return;
    }
    out.push('T');
    let mut part = |count: u64, unit: char| {
        let _ = (count > 0).then(|| write!(out, "{count}{unit}"));
    };
    part(clock / 3_600, 'H');
    part(clock / 60 % 60, 'M');
    if nanos > 0 {
        let _ = write!(out, "{}.{}S", clock % 60, format!("{nanos:09}").trim_end_matches('0'));
    } else if clock % 60 > 0 || secs == 0 {
        let _ = write!(out, "{}S", clock % 60);
    }
}

fn two(tens: u8, ones: u8) -> Option<i8> {
    let digit = |byte: u8| byte.is_ascii_digit().then(|| (byte - b'0').cast_signed());
    Some(digit(tens)? * 10 + digit(ones)?)
}

/// Digits alone: `parse` would take a sign.
fn whole(digits: &str) -> Option<i64> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

/// An optional `.` with digits, in nanoseconds, and what follows.
fn fraction(text: &str) -> Option<(i32, &str)> {
    let Some(rest) = text.strip_prefix('.') else { return Some((0, text)) };
    let end = rest.find(|one: char| !one.is_ascii_digit()).unwrap_or(rest.len());
    let (digits, rest) = rest.split_at_checked(end)?;
    if digits.is_empty() {
        return None;
    }
    let nine = digits.bytes().chain(std::iter::repeat(b'0')).take(9);
    Some((nine.fold(0, |sum, digit| sum * 10 + i32::from(digit - b'0')), rest))
}

fn offset(text: &str) -> Option<Offset> {
    if matches!(text, "Z" | "z") {
        return Some(Offset::UTC);
    }
    let &[sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] = text.as_bytes() else { return None };
    let (hours, minutes) = (two(h1, h2)?, two(m1, m2)?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    let secs = i32::from(hours) * 3_600 + i32::from(minutes) * 60;
    Offset::from_seconds(if sign == b'-' { -secs } else { secs }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_rfc_3339() {
        for (text, shown) in [
            ("2026-03-01T10:00:00Z", Some("2026-03-01T10:00:00Z")),
            ("2026-03-01t10:00:00z", Some("2026-03-01T10:00:00Z")),
            ("2026-03-01 10:00:00Z", Some("2026-03-01T10:00:00Z")),
            ("2026-03-01T10:00:00.5+01:30", Some("2026-03-01T08:30:00.5Z")),
            ("2026-03-01T10:00:00.1234567899Z", Some("2026-03-01T10:00:00.123456789Z")),
            ("2016-12-31T23:59:60Z", Some("2016-12-31T23:59:59Z")),
            ("2026-03-01T10:00:00-00:00", Some("2026-03-01T10:00:00Z")),
            ("2026-03-01T10:00:00", None),
            ("2026-03-01T10:00Z", None),
            ("2026-02-30T10:00:00Z", None),
            ("2026-03-01T24:00:00Z", None),
            ("2026-03-01T10:00:00.Z", None),
            ("2026-03-01T10:00:00+0100", None),
            ("2026-03-01T10:00:00+24:00", None),
            ("2026-03-01T10:00:00Z ", None),
            ("é026-03-01T10:00:00Z", None),
            ("", None),
        ] {
            assert_eq!(parse_instant(text).map(|at| at.to_string()).as_deref(), shown, "{text}");
        }
    }

    #[test]
    fn lengths_of_time_are_iso_8601() {
        for (text, shown) in [
            ("P2W", Some("P14D")),
            ("P1DT12H", Some("P1DT12H")),
            ("PT36H", Some("P1DT12H")),
            ("PT90M", Some("PT1H30M")),
            ("PT0S", Some("PT0S")),
            ("-PT1.5S", Some("-PT1.5S")),
            ("PT0.000000001S", Some("PT0.000000001S")),
            ("P1DT0.5S", Some("P1DT0.5S")),
            ("+PT5M", Some("PT5M")),
            ("P1Y", None),
            ("P1M", None),
            ("P", None),
            ("PT", None),
            ("P1DT", None),
            ("P1W2D", None),
            ("P1WT1H", None),
            ("PT1S1H", None),
            ("PT1.5H", None),
            ("PT-1S", None),
            ("PT+1S", None),
            ("pt1s", None),
            ("PT99999999999999999999S", None),
        ] {
            let written = parse_duration(text).map(|duration| {
                let mut out = String::new();
                write_duration(duration, &mut out);
                assert_eq!(parse_duration(&out), Some(duration), "{out}");
                out
            });
            assert_eq!(written.as_deref(), shown, "{text}");
        }
    }
}
