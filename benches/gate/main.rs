//! Instructions per event, counted by valgrind, against what they were.
//!
//! `gate check` fails when a case takes over 5 % more instructions than `baseline.txt` says, and
//! `gate write` writes that file. Times differ from machine to machine; counts do not, given the same
//! compiler and vector instructions. Where these are others, the gate says so and passes.

mod cases;
#[path = "../city.rs"]
mod city;
mod count;
#[path = "../numbers.rs"]
mod numbers;
#[path = "../shapes.rs"]
#[expect(dead_code, reason = "other engines' rules are made of it, too")]
mod shapes;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use count::NotCounted;
pub(crate) use numbers::Numbers;

/// Hundredths by which a count may grow.
const TOLERANCE: u64 = 5;

const BASELINE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/baseline.txt");

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["case", name] => cases::run(name),
        ["check"] => with_counts(check),
        ["write"] => with_counts(write),
        _ => {
            eprintln!("usage: gate check | gate write");
            ExitCode::from(2)
        }
    }
}

fn with_counts(then: impl FnOnce(&[(&'static str, u64)]) -> Result<(), String>) -> ExitCode {
    let done = match count::all() {
        Err(NotCounted::NotHere(why)) => {
            println!("instruction counts are not compared: {why}");
            Ok(())
        }
        Err(NotCounted::Failed(why)) => Err(why),
        Ok(counts) => then(&counts),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}

fn write(counts: &[(&'static str, u64)]) -> Result<(), String> {
    let mut text = String::from("# Instructions per event: x86-64 with AVX2, as valgrind 3.19 offers it.\n");
    for (name, count) in counts {
        text += &format!("{name} {count}\n");
    }
    fs::write(BASELINE, text).map_err(|error| format!("{BASELINE} cannot be written: {error}"))
}

fn check(counts: &[(&'static str, u64)]) -> Result<(), String> {
    let text = fs::read_to_string(Path::new(BASELINE));
    let text = text.map_err(|error| format!("{BASELINE} cannot be read: {error}"))?;
    let known: BTreeMap<&str, u64> = text
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter_map(|(name, count)| Some((name, count.parse().ok()?)))
        .collect();
    let mut slower = Vec::new();
    for &(name, count) in counts {
        let Some(&before) = known.get(name) else { return Err(format!("{name} is not in {BASELINE}")) };
        let change = (count as f64 / before.max(1) as f64 - 1.0) * 100.0;
        println!("{name:<24} {count:>8} instructions per event, {change:+.1} %");
        if count * 100 > before * (100 + TOLERANCE) {
            slower.push(name);
        }
    }
    if slower.is_empty() {
        return Ok(());
    }
    Err(format!(
        "more than {TOLERANCE} % more instructions: {}; if that is meant, run `gate write`",
        slower.join(", ")
    ))
}
