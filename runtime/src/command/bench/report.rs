//! What was measured, as a table and as JSON. Times are nanoseconds per event unless said otherwise.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::build;

/// Rules over events.
#[derive(Debug, Serialize)]
pub(super) struct Measured {
    pub(super) rules: usize,
    pub(super) files: usize,
    pub(super) events: usize,
    pub(super) bytes_per_event: usize,
    pub(super) level: String,
    pub(super) passes: u32,
    /// Events on which all matchers were asked and gave the same; the naive one has limited time.
    pub(super) agreed_events: usize,
    pub(super) shares: Shares,
    pub(super) took_us: Took,
    pub(super) bytes: Bytes,
    /// Routines of machine code; rules of one shape share one.
    pub(super) routines: usize,
    pub(super) compiled_rules: usize,
    pub(super) interpreter: MatcherTimes,
    pub(super) indexed: MatcherTimes,
    pub(super) compiled: MatcherTimes,
}

/// How much the rules have to do with the events.
#[derive(Debug, Serialize)]
pub(super) struct Shares {
    /// Of 1, the events that some rule matches.
    pub(super) matching_events: f64,
    pub(super) matches_per_event: f64,
    pub(super) rules_of_its_type_per_event: f64,
    pub(super) rules_tried_per_event: f64,
}

/// What each step from text to code took, in microseconds.
#[derive(Debug, Serialize)]
pub(super) struct Took {
    check: f64,
    plan: f64,
    index: f64,
    compile: f64,
}

impl Took {
    pub(super) fn of(took: &build::Took) -> Self {
        let us = |time: Duration| (time.as_secs_f64() * 1e7).round() / 10.0;
        Self { check: us(took.check), plan: us(took.plan), index: us(took.index), compile: us(took.compile) }
    }
}

/// Memory, about.
#[derive(Debug, Serialize)]
pub(super) struct Bytes {
    pub(super) index: usize,
    pub(super) constants: usize,
    pub(super) code: usize,
}

/// One matcher.
#[derive(Debug, Serialize)]
pub(super) struct MatcherTimes {
    /// So many events in a pass.
    events: usize,
    extract_ns: f64,
    match_ns: f64,
    route_ns: f64,
    /// All three, one event after the other.
    total_ns: f64,
    events_per_second: u64,
}

impl MatcherTimes {
    pub(super) fn new(events: usize, extract: f64, matching: f64, route: f64, total: f64) -> Self {
        let tenths = |ns: f64| (ns * 10.0).round() / 10.0;
        Self {
            events,
            extract_ns: tenths(extract),
            match_ns: tenths(matching),
            route_ns: tenths(route),
            total_ns: tenths(total),
            events_per_second: if total > 0.0 { (1e9 / total) as u64 } else { 0 },
        }
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shares {
            matching_events,
            matches_per_event,
            rules_of_its_type_per_event: of_type,
            rules_tried_per_event: tried,
        } = &self.shares;
        writeln!(
            f,
            "{} in {}, {} of {} bytes, level {}, medians of {}",
            many(self.rules, "rule"),
            many(self.files, "file"),
            many(self.events, "event"),
            grouped(self.bytes_per_event as u64),
            self.level,
            many(self.passes as usize, "pass"),
        )?;
        writeln!(f, "interpreter, index and compiled code agree on {}", many(self.agreed_events, "event"))?;
        writeln!(
            f,
            "{:.1} % of events match, {matches_per_event:.2} rules each; {of_type:.1} rules are of an event's type, {tried:.2} are tried",
            matching_events * 100.0,
        )?;
        let Took { check, plan, index, compile } = &self.took_us;
        writeln!(f, "\nbuilding, µs   check {check}, plan {plan}, index {index}, compile {compile}")?;
        let Bytes { index, constants, code } = &self.bytes;
        writeln!(
            f,
            "bytes          index {}, constants {}, code {} ({} for {})\n",
            grouped(*index as u64),
            grouped(*constants as u64),
            grouped(*code as u64),
            many(self.routines, "routine"),
            many(self.compiled_rules, "rule"),
        )?;
        let columns = ["extract", "match", "route", "total", "events/s"].map(|title| format!("{title:>11}"));
        writeln!(f, "{:<13}{}", "ns per event", columns.concat())?;
        for (name, times) in
            [("interpreter", &self.interpreter), ("indexed", &self.indexed), ("compiled", &self.compiled)]
        {
            let ns = [times.extract_ns, times.match_ns, times.route_ns, times.total_ns];
            let columns = ns.map(|ns| format!("{:>11}", grouped(ns.round() as u64)));
            write!(f, "{name:<13}{}{:>11}", columns.concat(), grouped(times.events_per_second))?;
            let some = times.events < self.events;
            writeln!(f, "{}", if some { format!("   ({} events)", times.events) } else { String::new() })?;
        }
        Ok(())
    }
}

fn many(count: usize, word: &str) -> String {
    let end = match (count, word.ends_with('s')) {
        (1, _) => "",
        (_, true) => "es",
        (_, false) => "s",
    };
    format!("{} {word}{end}", grouped(count as u64))
}

/// A number with a comma before every three digits.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
        assert_eq!(many(1, "pass"), "1 pass");
        assert_eq!(many(7, "pass"), "7 passes");
    }
}
