//! What was measured: lines while it runs, then JSON, and Markdown made of it.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::options::PARTS;
use crate::server::Used;

/// What the design asks for.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    /// At least.
    AtLeast(f64),
    /// At most.
    AtMost(f64),
}

/// All of it.
#[derive(Default)]
pub struct Report {
    /// Numbers and costs as the JSON has them.
    rows: Vec<Value>,
    costs: Vec<Value>,
    remarks: Vec<String>,
    part: &'static str,
}

impl Report {
    /// Adds a number without a goal.
    pub fn row(&mut self, part: &'static str, what: impl Into<String>, value: f64, unit: &'static str) {
        self.add(part, what.into(), value, unit, None);
    }

    /// Adds a number with its goal.
    pub fn goal(
        &mut self,
        part: &'static str,
        what: impl Into<String>,
        value: f64,
        unit: &'static str,
        goal: Goal,
    ) {
        self.add(part, what.into(), value, unit, Some(goal));
    }

    fn add(&mut self, part: &'static str, what: String, value: f64, unit: &'static str, goal: Option<Goal>) {
        let reached = goal.map(|goal| match goal {
            Goal::AtLeast(bound) => value >= bound,
            Goal::AtMost(bound) => value <= bound,
        });
        let goal = goal.map(|goal| match goal {
            Goal::AtLeast(bound) => json!({ "at_least": bound }),
            Goal::AtMost(bound) => json!({ "at_most": bound }),
        });
        let row = json!({
            "part": part, "what": what, "value": value, "unit": unit, "goal": goal, "reached": reached,
        });
        println!("{}", row_line(&row));
        self.part = part;
        self.rows.push(row);
    }

    /// Adds what the server used for so many events of the part that the last number is of; gives
    /// microseconds of processor time per event.
    pub fn cost(&mut self, what: impl Into<String>, events: u64, used: Used) -> f64 {
        let each = |amount: f64| amount / events.max(1) as f64;
        let threads: serde_json::Map<String, Value> =
            used.threads.iter().map(|(name, seconds)| (name.clone(), each(seconds * 1e6).into())).collect();
        let micros = each(used.seconds * 1e6);
        let cost = json!({
            "part": self.part, "what": what.into(), "events": events, "micros": micros,
            "micros_by_thread": threads, "reads_and_writes": each((used.calls.0 + used.calls.1) as f64),
            "sleeps": each(used.sleeps as f64),
        });
        println!("{}", cost_line(&cost));
        self.costs.push(cost);
        micros
    }

    /// Adds a sentence.
    pub fn remark(&mut self, text: impl Into<String>) {
        let text = text.into();
        println!("{text}");
        self.remarks.push(text);
    }

    /// The whole as JSON. Each part says how it was run.
    #[must_use]
    pub fn json(&self, about: &str, command: &str) -> Value {
        let mut runs = serde_json::Map::new();
        for part in self.rows.iter().filter_map(|row| row["part"].as_str()) {
            runs.insert(part.to_owned(), json!({ "command": command, "about": about }));
        }
        json!({ "runs": runs, "rows": self.rows, "costs": self.costs, "remarks": self.remarks })
    }

    /// Writes both into a folder. Parts that were not run keep what an earlier run has written there.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn write(&self, folder: &Path, about: &str, command: &str) -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        let before = std::fs::read(folder.join("pipeline.json")).ok();
        let before = before.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let all = beside(before.unwrap_or(Value::Null), self.json(about, command));
        std::fs::write(folder.join("pipeline.md"), markdown(&all))?;
        std::fs::write(folder.join("pipeline.json"), format!("{all:#}\n"))
    }
}

/// A run beside those parts of an earlier one that it does not repeat, in the usual order.
fn beside(before: Value, now: Value) -> Value {
    let again = |item: &Value| item["part"].as_str().is_some_and(|part| now["runs"].get(part).is_some());
    let list = |of: &Value, name: &str| of[name].as_array().cloned().unwrap_or_default();
    let both = |name: &str| {
        let kept = list(&before, name).into_iter().filter(|item| !again(item));
        let mut all: Vec<Value> = kept.chain(list(&now, name)).collect();
        let order = |item: &Value| PARTS.iter().position(|part| item["part"] == **part);
        all.sort_by_key(order);
        all
    };
    let mut runs = before["runs"].as_object().cloned().unwrap_or_default();
    runs.extend(now["runs"].as_object().cloned().unwrap_or_default());
    json!({ "runs": runs, "rows": both("rows"), "costs": both("costs"), "remarks": now["remarks"] })
}

/// What a run has written as JSON, as Markdown.
#[must_use]
pub fn markdown(all: &Value) -> String {
    let list = |name: &str| all[name].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut text = String::from(
        "# The pipeline, measured\n\n| part | what | measured | goal | reached |\n|---|---|---:|---:|---|\n",
    );
    for row in list("rows") {
        let _ = writeln!(text, "{}", row_line(row));
    }
    text.push_str("\n## What one event costs the server\n\nProcessor microseconds per event, by thread.\n\n");
    text.push_str(
        "| what | events | in all | by thread | reads and writes | sleeps |\n|---|---:|---:|---|---:|---:|\n",
    );
    for cost in list("costs") {
        let _ = writeln!(text, "{}", cost_line(cost));
    }
    text.push_str("\n## Where the numbers come from\n\n");
    for (part, run) in all["runs"].as_object().into_iter().flatten() {
        let said = |name: &str| run[name].as_str().unwrap_or_default().to_owned();
        let _ = writeln!(text, "- {part}: `{}`. {}", said("command"), said("about"));
    }
    if !list("remarks").is_empty() {
        text.push_str("\n## Remarks\n\n");
    }
    for remark in list("remarks") {
        let _ = writeln!(text, "- {}", remark.as_str().unwrap_or_default());
    }
    text
}

fn row_line(row: &Value) -> String {
    let text = |name: &str| row[name].as_str().unwrap_or_default();
    let bound = |name: &str| row["goal"][name].as_f64().map(number);
    let goal = match (bound("at_least"), bound("at_most")) {
        (Some(bound), _) => format!("≥ {bound}"),
        (None, Some(bound)) => format!("≤ {bound}"),
        (None, None) => String::new(),
    };
    let reached = match row["reached"].as_bool() {
        None => "",
        Some(true) => "yes",
        Some(false) => "no",
    };
    let value = number(row["value"].as_f64().unwrap_or(f64::NAN));
    format!("| {} | {} | {value} {} | {goal} | {reached} |", text("part"), text("what"), text("unit"))
}

fn cost_line(cost: &Value) -> String {
    let value = |name: &str| cost[name].as_f64().unwrap_or(f64::NAN);
    let threads = cost["micros_by_thread"].as_object().into_iter().flatten();
    let mut threads: Vec<(&String, f64)> =
        threads.map(|(name, micros)| (name, micros.as_f64().unwrap_or(0.0))).collect();
    threads.retain(|(_, micros)| *micros >= 0.05);
    threads.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    let threads: Vec<_> = threads.iter().map(|(name, micros)| format!("{name} {micros:.1}")).collect();
    format!(
        "| {} | {} | {:.1} µs | {} | {:.2} | {:.2} |",
        cost["what"].as_str().unwrap_or_default(),
        number(value("events")),
        value("micros"),
        threads.join(", "),
        value("reads_and_writes"),
        value("sleeps")
    )
}

/// A number as people read it: thousands apart, small ones with digits behind the point.
#[must_use]
pub fn number(value: f64) -> String {
    if value.abs() < 100.0 && value.fract() != 0.0 {
        return format!("{value:.2}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
