//! The command line.

use inputs::shapes::Shape;

use crate::engines::Limits;

/// What to run.
pub struct Options {
    /// Shapes of rules.
    pub shapes: Vec<Shape>,
    /// Numbers of rules, ascending.
    pub counts: Vec<usize>,
    /// Sets of events.
    pub sets: Vec<String>,
    /// Where building an engine stops.
    pub limits: Limits,
    /// Our rules are not built when the step before lets expect more seconds.
    pub build_seconds: f64,
    /// Seconds that the timing of one engine in one cell may take.
    pub cell_seconds: f64,
    /// Rounds of timing; the median of them is given.
    pub rounds: usize,
    /// An engine slower than this, in microseconds per event, is not asked with more rules.
    pub event_us_max: f64,
    /// The folder for results; nothing is written without one.
    pub out: Option<String>,
}

/// How it is used.
pub const USAGE: &str = "side-by-side [--quick] [--shapes a,b,c,d] [--rules 1,10,…] [--sets hot,llc,github]
             [--rounds N] [--cell-seconds S] [--add-seconds S] [--build-seconds S]
             [--memory-mib N] [--event-us-max N] [--out DIR | --no-write]";

impl Options {
    /// Reads arguments.
    pub fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut arguments: Vec<_> = arguments.collect();
        let quick = arguments.iter().any(|argument| argument == "--quick");
        arguments.retain(|argument| argument != "--quick");
        let mut options = if quick { Self::quick() } else { Self::full() };
        let mut rest = arguments.into_iter();
        while let Some(name) = rest.next() {
            if name == "--no-write" {
                options.out = None;
                continue;
            }
            let value = rest.next().ok_or_else(|| format!("{name} needs a value"))?;
            let number = || value.parse::<f64>().map_err(|error| format!("{name} {value}: {error}"));
            match name.as_str() {
                "--shapes" => options.shapes = list(&value, shape)?,
                "--rules" => options.counts = list(&value, count)?,
                "--sets" => options.sets = list(&value, set)?,
                "--rounds" => options.rounds = count(&value)?,
                "--cell-seconds" => options.cell_seconds = number()?,
                "--add-seconds" => options.limits.add_seconds = number()?,
                "--build-seconds" => options.build_seconds = number()?,
                "--memory-mib" => options.limits.bytes = count(&value)? << 20,
                "--event-us-max" => options.event_us_max = number()?,
                "--out" => options.out = Some(value),
                _ => return Err(format!("{name} is not known")),
            }
        }
        options.counts.sort_unstable();
        options.counts.dedup();
        Ok(options)
    }

    fn full() -> Self {
        Self {
            shapes: Shape::ALL.to_vec(),
            counts: vec![1, 10, 100, 1_000, 10_000, 100_000, 1_000_000],
            sets: ["hot", "llc", "github"].map(String::from).to_vec(),
            limits: Limits { add_seconds: 30.0, bytes: 10 << 30 },
            build_seconds: 120.0,
            cell_seconds: 1.0,
            rounds: 7,
            event_us_max: 20_000.0,
            out: Some(String::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../results"))),
        }
    }

    fn quick() -> Self {
        Self {
            counts: vec![1, 100, 10_000],
            limits: Limits { add_seconds: 2.0, bytes: 2 << 30 },
            build_seconds: 10.0,
            cell_seconds: 0.1,
            rounds: 5,
            event_us_max: 2_000.0,
            ..Self::full()
        }
    }
}

fn list<T>(text: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    text.split(',').map(|part| read(part.trim())).collect()
}

fn shape(text: &str) -> Result<Shape, String> {
    let found = Shape::ALL.into_iter().find(|shape| text == shape.letter().to_string());
    found.ok_or_else(|| format!("{text} is no shape: a, b, c or d"))
}

fn count(text: &str) -> Result<usize, String> {
    let number = text.replace('_', "").parse::<usize>().map_err(|error| format!("{text}: {error}"))?;
    if number == 0 { Err(String::from("0 is too few")) } else { Ok(number) }
}

fn set(text: &str) -> Result<String, String> {
    let known = ["hot", "llc", "github"].contains(&text);
    known.then(|| String::from(text)).ok_or_else(|| format!("{text} is no set: hot, llc or github"))
}
