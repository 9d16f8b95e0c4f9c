//! Results as Markdown tables and as JSON.

use std::fmt::Write as _;

use inputs::shapes::{Shape, Source};
use serde_json::{Value, json};

use crate::engines::Side;
use crate::measure::Row;

/// What a shape asks, as tables say it.
pub fn title(shape: Shape) -> &'static str {
    match shape {
        Shape::Equality => "(a) equality on one field",
        Shape::Conjunction => "(b) equality, range and prefix",
        Shape::Ends => "(c) suffixes and globs",
        Shape::Disjunction => "(d) disjunction and two negations",
    }
}

/// A time as people read it, from ns.
pub fn time(ns: f64) -> String {
    match ns {
        ns if ns < 1e3 => format!("{ns:.0} ns"),
        ns if ns < 1e4 => format!("{:.2} µs", ns / 1e3),
        ns if ns < 1e6 => format!("{:.1} µs", ns / 1e3),
        ns if ns < 1e9 => format!("{:.1} ms", ns / 1e6),
        ns => format!("{:.1} s", ns / 1e9),
    }
}

/// A number with separators.
pub fn count(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The rows' engines, each once, in their order.
pub fn engines<'r>(rows: impl IntoIterator<Item = &'r Row>) -> Vec<&'static str> {
    let mut names = Vec::new();
    for row in rows {
        if !names.contains(&row.engine) {
            names.push(row.engine);
        }
    }
    names
}

/// The numbers of rules, ascending.
pub fn counts<'r>(rows: impl IntoIterator<Item = &'r Row>) -> Vec<usize> {
    let mut counts: Vec<_> = rows.into_iter().map(|row| row.rules).collect();
    counts.sort_unstable();
    counts.dedup();
    counts
}

/// An engine's time in a set.
pub fn ns(row: &Row, set: &str) -> Option<f64> {
    row.times.iter().find(|timing| timing.set == set).map(|timing| timing.ns)
}

/// The table of one set and shape: engines by number of rules, the ratios of the best peer to ours last.
pub fn table(rows: &[Row], set: &str, source: Source, shape: Shape) -> String {
    let rows: Vec<_> = rows.iter().filter(|row| row.source == source && row.shape == shape).collect();
    let here = |row: &&&Row| row.why.as_ref().is_none_or(|why| why.short != "–");
    let names = engines(rows.iter().filter(here).copied());
    let ours = engines(rows.iter().filter(|row| row.side == Side::Ours).copied());
    let mut text = format!("\n### {}, {set}\n\n| rules |", title(shape));
    for name in &names {
        let _ = write!(text, " {name} |");
    }
    let _ = writeln!(text, " best peer | its time ÷ ours, by our rows |");
    let _ = writeln!(text, "|---:|{}---|---:|", "---:|".repeat(names.len()));
    for rules in counts(rows.iter().copied()) {
        let line: Vec<_> = rows.iter().filter(|row| row.rules == rules).copied().collect();
        let _ = write!(text, "| {} |", count(rules));
        for name in &names {
            let _ = write!(text, " {} |", entry(&line, name, set));
        }
        let peers = line.iter().filter(|row| row.side == Side::Peer);
        let best = peers.filter_map(|row| ns(row, set).map(|ns| (row.engine, ns)));
        let Some((best, best_ns)) = best.min_by(|one, two| one.1.total_cmp(&two.1)) else {
            let _ = writeln!(text, " none | |");
            continue;
        };
        let ratio = |name: &&str| {
            let own = line.iter().find(|row| row.engine == *name).and_then(|row| ns(row, set));
            own.map_or(String::from("–"), |own| format!("{:.2}×", best_ns / own))
        };
        let _ = writeln!(text, " {best} | {} |", ours.iter().map(ratio).collect::<Vec<_>>().join(" / "));
    }
    text
}

fn entry(line: &[&Row], name: &str, set: &str) -> String {
    let Some(row) = line.iter().find(|row| row.engine == name) else { return String::new() };
    match (ns(row, set), &row.why) {
        (Some(ns), _) => time(ns),
        (None, Some(why)) => String::from(why.short),
        (None, None) => String::new(),
    }
}

/// What adding rules took: time per rule, bytes per rule, and the first event where that builds something.
pub fn build_table(rows: &[Row], source: Source, shape: Shape) -> String {
    let rows: Vec<_> = rows
        .iter()
        .filter(|row| row.source == source && row.shape == shape && row.side != Side::Floor)
        .collect();
    let counts = counts(rows.iter().copied());
    let mut text = format!("\n### Build: {}, {source:?}\n\n| engine |", title(shape));
    for rules in &counts {
        let _ = write!(text, " {} |", count(*rules));
    }
    let _ = writeln!(text, "\n|---|{}", "---:|".repeat(counts.len()));
    for name in engines(rows.iter().copied()) {
        let _ = write!(text, "| {name} |");
        for rules in &counts {
            let row = rows.iter().find(|row| row.engine == name && row.rules == *rules);
            let entry = row.map_or(String::new(), |row| match (&row.facts, &row.why) {
                (Some(facts), _) => {
                    let each = time(facts.add_ns as f64 / row.rules as f64);
                    let bytes = count(facts.bytes / row.rules);
                    let first = if facts.first_ns > facts.add_ns / 10 && facts.first_ns > 1_000_000 {
                        format!(", first event {}", time(facts.first_ns as f64))
                    } else {
                        String::new()
                    };
                    format!("{each}, {bytes} B{first}; {} in all", time(facts.add_ns as f64))
                }
                (None, Some(why)) => String::from(why.short),
                (None, None) => String::new(),
            });
            let _ = write!(text, " {entry} |");
        }
        text.push('\n');
    }
    text
}

/// Why rows have no time, and differences with a known cause.
pub fn remarks(rows: &[Row]) -> String {
    let mut text = String::from("\n### Remarks\n\n");
    for row in rows {
        let head =
            format!("{}, {}, {} rules, {:?}", row.engine, row.shape.letter(), count(row.rules), row.source);
        if let Some(why) = row.why.as_ref().filter(|why| why.short != "–") {
            let _ = writeln!(text, "- {head}: {}: {}", why.short, why.long);
        }
        if let Some(remark) = row.facts.as_ref().and_then(|facts| facts.remark.as_ref()) {
            let _ = writeln!(text, "- {head}: {remark}");
        }
    }
    text
}

/// Everything.
pub fn json(rows: &[Row], about: Value) -> Value {
    let row = |row: &Row| {
        let times = row.times.iter().map(|timing| {
            json!({
                "set": timing.set,
                "ns_per_event": round(timing.ns),
                "fastest": round(timing.range.0),
                "slowest": round(timing.range.1),
                "events": timing.events,
            })
        });
        let facts = row.facts.as_ref().map(|facts| {
            json!({
                "add_ns_per_rule": round(facts.add_ns as f64 / row.rules as f64),
                "build_seconds": facts.add_ns as f64 / 1e9,
                "first_event_ns": facts.first_ns,
                "bytes_per_rule": round(facts.bytes as f64 / row.rules as f64),
                "events_compared": facts.compared,
                "matches": facts.matches,
                "remark": facts.remark,
            })
        });
        json!({
            "source": format!("{:?}", row.source).to_lowercase(),
            "shape": row.shape.letter().to_string(),
            "rules": row.rules,
            "engine": row.engine,
            "side": format!("{:?}", row.side).to_lowercase(),
            "times": times.collect::<Vec<_>>(),
            "build": facts,
            "without": row.why.as_ref().map(|why| json!({"short": why.short, "reason": why.long})),
        })
    };
    json!({"about": about, "rows": rows.iter().map(row).collect::<Vec<_>>()})
}

fn round(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}
