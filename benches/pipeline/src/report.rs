//! What was measured: lines while it runs, then Markdown and JSON.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::server::Used;

/// What the design asks for.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    /// At least.
    AtLeast(f64),
    /// At most.
    AtMost(f64),
}

/// One number.
struct Row {
    part: &'static str,
    what: String,
    value: f64,
    unit: &'static str,
    goal: Option<Goal>,
}

/// What one event costs the server in one part.
struct Cost {
    what: String,
    events: u64,
    used: Used,
}

/// All of it.
#[derive(Default)]
pub struct Report {
    rows: Vec<Row>,
    costs: Vec<Cost>,
    remarks: Vec<String>,
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
        let row = Row { part, what, value, unit, goal };
        println!("{}", row.line());
        self.rows.push(row);
    }

    /// Adds what the server used for so many events; gives microseconds of processor time per event.
    pub fn cost(&mut self, what: impl Into<String>, events: u64, used: Used) -> f64 {
        let cost = Cost { what: what.into(), events: events.max(1), used };
        println!("{}", cost.line());
        let micros = cost.per_event(cost.used.seconds);
        self.costs.push(cost);
        micros
    }

    /// Adds a sentence.
    pub fn remark(&mut self, text: impl Into<String>) {
        let text = text.into();
        println!("{text}");
        self.remarks.push(text);
    }

    /// The whole as Markdown.
    #[must_use]
    pub fn markdown(&self, about: &str) -> String {
        let mut text = format!(
            "# The pipeline, measured\n\n{about}\n\n| part | what | measured | goal | reached |\n|---|---|---:|---:|---|\n"
        );
        for row in &self.rows {
            let _ = writeln!(text, "{}", row.line());
        }
        text.push_str(
            "\n## What one event costs the server\n\nProcessor microseconds per event, by thread.\n\n",
        );
        text.push_str("| what | events | in all | by thread | reads and writes | sleeps |\n|---|---:|---:|---|---:|---:|\n");
        for cost in &self.costs {
            let _ = writeln!(text, "{}", cost.line());
        }
        if !self.remarks.is_empty() {
            text.push_str("\n## Remarks\n\n");
        }
        for remark in &self.remarks {
            let _ = writeln!(text, "- {remark}");
        }
        text
    }

    /// The whole as JSON.
    #[must_use]
    pub fn json(&self, about: &str) -> Value {
        let rows = self.rows.iter().map(|row| {
            let goal = row.goal.map(|goal| match goal {
                Goal::AtLeast(bound) => json!({ "at_least": bound }),
                Goal::AtMost(bound) => json!({ "at_most": bound }),
            });
            json!({
                "part": row.part, "what": row.what, "value": row.value, "unit": row.unit, "goal": goal,
                "reached": row.reached(),
            })
        });
        let costs = self.costs.iter().map(|cost| {
            let threads = cost.used.threads.iter();
            let threads: serde_json::Map<String, Value> =
                threads.map(|(name, seconds)| (name.clone(), cost.per_event(*seconds).into())).collect();
            json!({
                "what": cost.what, "events": cost.events, "micros": cost.per_event(cost.used.seconds),
                "micros_by_thread": threads,
                "reads_and_writes": (cost.used.calls.0 + cost.used.calls.1) as f64 / cost.events as f64,
                "sleeps": cost.used.sleeps as f64 / cost.events as f64,
            })
        });
        json!({
            "about": about,
            "rows": rows.collect::<Vec<_>>(),
            "costs": costs.collect::<Vec<_>>(),
            "remarks": self.remarks,
        })
    }

    /// Writes both into a folder.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn write(&self, folder: &Path, about: &str) -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join("pipeline.md"), self.markdown(about))?;
        std::fs::write(folder.join("pipeline.json"), format!("{:#}\n", self.json(about)))
    }
}

impl Row {
    fn reached(&self) -> Option<bool> {
        self.goal.map(|goal| match goal {
            Goal::AtLeast(bound) => self.value >= bound,
            Goal::AtMost(bound) => self.value <= bound,
        })
    }

    fn line(&self) -> String {
        let goal = match self.goal {
            None => String::new(),
            Some(Goal::AtLeast(bound)) => format!("≥ {}", number(bound)),
            Some(Goal::AtMost(bound)) => format!("≤ {}", number(bound)),
        };
        let reached = match self.reached() {
            None => "",
            Some(true) => "yes",
            Some(false) => "no",
        };
        format!(
            "| {} | {} | {} {} | {goal} | {reached} |",
            self.part,
            self.what,
            number(self.value),
            self.unit
        )
    }
}

impl Cost {
    fn per_event(&self, seconds: f64) -> f64 {
        seconds * 1e6 / self.events as f64
    }

    fn line(&self) -> String {
        let mut threads: Vec<_> =
            self.used.threads.iter().map(|(name, used)| (name, self.per_event(*used))).collect();
        threads.retain(|(_, micros)| *micros >= 0.05);
        threads.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        let threads: Vec<_> = threads.iter().map(|(name, micros)| format!("{name} {micros:.1}")).collect();
        let calls = self.used.calls.0 + self.used.calls.1;
        format!(
            "| {} | {} | {:.1} µs | {} | {:.2} | {:.2} |",
            self.what,
            number(self.events as f64),
            self.per_event(self.used.seconds),
            threads.join(", "),
            calls as f64 / self.events as f64,
            self.used.sleeps as f64 / self.events as f64
        )
    }
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
