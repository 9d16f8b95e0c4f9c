//! Patterns of `format`: the letters of Unicode's date field symbols, in English.
//!
//! Source: Unicode Technical Standard 35, part 4, table of date field symbols; the subset that has one
//! meaning without a locale. Text in `'…'` stands as it is, `''` is an apostrophe, and what is no
//! letter stands for itself.

use std::fmt::Write as _;

use jiff::ZonedDateTime;
use jiff::civil::{Date, Weekday};

/// A part of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part<'p> {
    /// Characters that stand for themselves.
    Chars(&'p str),
    /// A letter, so many times.
    Field(char, usize),
}

/// Reads a pattern.
///
/// # Errors
/// What is wrong with it, for people.
pub(super) fn parts(pattern: &str) -> Result<Vec<Part<'_>>, String> {
    let mut parts = Vec::new();
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        let (part, after) = if let Some(quoted) = rest.strip_prefix('\'') {
            if let Some(after) = quoted.strip_prefix('\'') {
                (Part::Chars("'"), after)
            } else {
                let Some((inside, after)) = quoted.split_once('\'') else {
                    return Err("the `'` is never closed".to_owned());
                };
                (Part::Chars(inside), after)
            }
        } else if first.is_ascii_alphabetic() {
            let after = rest.trim_start_matches(first);
            (field(first, rest.len() - after.len())?, after)
        } else {
            let end = rest.find(|one: char| one == '\'' || one.is_ascii_alphabetic()).unwrap_or(rest.len());
            let (chars, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
            (Part::Chars(chars), after)
        };
        parts.push(part);
        rest = after;
    }
    Ok(parts)
}

fn field(letter: char, count: usize) -> Result<Part<'static>, String> {
    let widths: &[usize] = match letter {
        'y' => &[1, 2, 4],
        'M' => &[1, 2, 3, 4],
        'E' => &[1, 2, 3, 4],
        'd' | 'H' | 'h' | 'm' | 's' => &[1, 2],
        'a' => &[1],
        'S' => &[1, 2, 3, 4, 5, 6, 7, 8, 9],
        'X' => &[1, 2, 3],
        'V' => &[2],
        'Y' => return Err("the year is written `yyyy`; `Y` is the year that a week belongs to".to_owned()),
        'D' => return Err("the day of the month is written `d`".to_owned()),
        _ => return Err(format!("`{letter}` stands for nothing; put text in `'…'`")),
    };
    if widths.contains(&count) {
        return Ok(Part::Field(letter, count));
    }
    Err(format!("`{}` has no meaning", letter.to_string().repeat(count.min(12))))
}

/// Whether a part needs a time of day.
pub(super) fn needs_time(part: &Part<'_>) -> bool {
    matches!(part, Part::Field('H' | 'h' | 'm' | 's' | 'a' | 'S' | 'X' | 'V', _))
}

/// Writes a day, and where there is one its time. `None` when a part needs a time and there is none.
pub(super) fn write(parts: &[Part<'_>], day: Date, time: Option<&ZonedDateTime>) -> Option<String> {
    let mut out = String::new();
    for part in parts {
        match *part {
            Part::Chars(chars) => out.push_str(chars),
            Part::Field('y', width) => year(day, width, &mut out),
            Part::Field('M', width) => month(day, width, &mut out),
            Part::Field('d', width) => padded(day.day().into(), width, &mut out),
            Part::Field('E', width) => {
                let name = weekday(day.weekday());
                out.push_str(if width == 4 { name } else { name.get(..3)? });
            }
            Part::Field(letter, width) => clock(letter, width, time?, &mut out)?,
        }
    }
    Some(out)
}

fn year(day: Date, width: usize, out: &mut String) {
    let year = i32::from(day.year());
    match width {
        2 => padded(year.rem_euclid(100), 2, out),
        width => padded(year, width, out),
    }
}

fn month(day: Date, width: usize, out: &mut String) {
    let name =
        usize::try_from(day.month() - 1).ok().and_then(|at| MONTHS.get(at)).copied().unwrap_or_default();
    match width {
        3 => out.push_str(name.get(..3).unwrap_or(name)),
        4 => out.push_str(name),
        width => padded(day.month().into(), width, out),
    }
}

fn clock(letter: char, width: usize, time: &ZonedDateTime, out: &mut String) -> Option<()> {
    let hour = i32::from(time.hour());
    match letter {
        'H' => padded(hour, width, out),
        'h' => padded((hour + 11) % 12 + 1, width, out),
        'm' => padded(time.minute().into(), width, out),
        's' => padded(time.second().into(), width, out),
        'a' => out.push_str(if hour < 12 { "AM" } else { "PM" }),
        'S' => out.push_str(format!("{:09}", time.subsec_nanosecond()).get(..width)?),
        'X' => offset(time.offset().seconds(), width, out),
        'V' => out.push_str(time.time_zone().iana_name()?),
        _ => return None,
    }
    Some(())
}

/// `Z`, `+01`, `+0130` or `+01:30`.
fn offset(seconds: i32, width: usize, out: &mut String) {
    if seconds == 0 {
        return out.push('Z');
    }
    out.push(if seconds < 0 { '-' } else { '+' });
    let minutes = seconds.abs() / 60;
    padded(minutes / 60, 2, out);
    if width == 3 {
        out.push(':');
    }
    if width > 1 || minutes % 60 != 0 {
        padded(minutes % 60, 2, out);
    }
}

fn padded(number: i32, width: usize, out: &mut String) {
    if number < 0 {
        out.push('-');
    }
    // Writing to a String cannot fail.
    let _ = write!(out, "{:0width$}", number.abs());
}

/// The English name of a day of the week, with a capital letter.
pub(super) fn weekday(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "Monday",
        Weekday::Tuesday => "Tuesday",
        Weekday::Wednesday => "Wednesday",
        Weekday::Thursday => "Thursday",
        Weekday::Friday => "Friday",
        Weekday::Saturday => "Saturday",
        Weekday::Sunday => "Sunday",
    }
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_say_what_is_wrong() {
        for (pattern, problem) in [
            ("YYYY-MM-dd", "the year is written `yyyy`; `Y` is the year that a week belongs to"),
            ("DD.MM.", "the day of the month is written `d`"),
            ("d 'of MMMM", "the `'` is never closed"),
            ("q", "`q` stands for nothing; put text in `'…'`"),
            ("yyyyy", "`yyyyy` has no meaning"),
            ("MMMMM", "`MMMMM` has no meaning"),
        ] {
            assert_eq!(parts(pattern).unwrap_err(), problem, "{pattern}");
        }
        assert_eq!(
            parts("d''EEE' o'' '"),
            Ok(vec![
                Part::Field('d', 1),
                Part::Chars("'"),
                Part::Field('E', 3),
                Part::Chars(" o"),
                Part::Chars(" "),
            ])
        );
    }
}
