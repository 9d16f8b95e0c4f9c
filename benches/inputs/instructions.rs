//! Instructions that extracting, matching and checking take, and whether they became more.
//!
//! Times differ from machine to machine and from minute to minute; the number of instructions hardly does.
//! Each work runs under valgrind's callgrind, which counts only inside [`counted_pass`], and the counts are
//! held against those in `instructions.txt`.

#![expect(clippy::print_stdout, reason = "a program for people")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::Instant;

use compiler::matcher::{Indexed, Interpreter, Jit, Matcher};
use compiler::plan::Plan;
use compiler::slots::Level;
use inputs::hooks::hooks;
use inputs::{Memory, Shape, asking, bundle, extract, parcels, plan, rules, run, world};

/// A count that is so much above the recorded one is a regression, in percent.
const TOLERANCE_PERCENT: f64 = 3.0;

/// The events of a pass.
const EVENTS: usize = 500;

/// How often each work is done to be timed.
const TIMED_PASSES: usize = 60;

/// The rules that are checked in a pass.
const CHECKED_RULES: usize = 100;

/// A work by its name.
struct Work {
    name: &'static str,
    /// What a count is divided by.
    unit: &'static str,
    prepare: fn() -> Prepared,
}

/// Something that can be done often, and how many units it is.
struct Prepared {
    units: usize,
    pass: Box<dyn FnMut() -> usize>,
}

const WORKS: [Work; 14] = [
    Work { name: "extract one early path, strict", unit: "event", prepare: || paths(EARLY, Level::Strict) },
    Work { name: "extract one early path, fast", unit: "event", prepare: || paths(EARLY, Level::Fast) },
    Work { name: "extract one late path, strict", unit: "event", prepare: || paths(LATE, Level::Strict) },
    Work { name: "extract one late path, fast", unit: "event", prepare: || paths(LATE, Level::Fast) },
    Work { name: "extract three paths, strict", unit: "event", prepare: || paths(THREE, Level::Strict) },
    Work { name: "extract three paths, full", unit: "event", prepare: || paths(THREE, Level::Full) },
    Work { name: "extract one path of a webhook, strict", unit: "event", prepare: webhooks },
    Work { name: "match 1,000 equalities", unit: "event", prepare: || matching(Shape::Equality, 1_000) },
    Work { name: "match 1,000 conjunctions", unit: "event", prepare: || matching(Shape::Conjunction, 1_000) },
    Work { name: "match 1,000 ends", unit: "event", prepare: || matching(Shape::Ends, 1_000) },
    Work { name: "match 1,000 disjunctions", unit: "event", prepare: || matching(Shape::Disjunction, 1_000) },
    Work { name: "match 10 conjunctions, interpreter", unit: "event", prepare: interpreted },
    Work { name: "check 100 conjunctions", unit: "rule", prepare: checking },
    Work { name: "index 1,000 conjunctions", unit: "rule", prepare: indexing },
];

const EARLY: &[&str] = &["properties.MAPBLKLOT"];
const LATE: &[&str] = &["geometry.type"];
const THREE: &[&str] = &["properties.MAPBLKLOT", "properties.STREET", "properties.ODD_EVEN"];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => compare(false),
        ["--update"] => compare(true),
        ["--time"] => time(),
        ["run", name] => match WORKS.iter().find(|work| work.name == *name) {
            Some(work) => {
                let mut prepared = (work.prepare)();
                // What is made when something is first asked for is not counted.
                black_box((prepared.pass)());
                black_box(counted_pass(&mut prepared));
                println!("{}", prepared.units);
                ExitCode::SUCCESS
            }
            None => usage(),
        },
        _ => usage(),
    }
}

fn usage() -> ExitCode {
    println!("usage: instructions [--update | --time]");
    ExitCode::from(2)
}

/// The function that callgrind counts in, by its name.
#[inline(never)]
fn counted_pass(prepared: &mut Prepared) -> usize {
    (prepared.pass)()
}

/// Counts everything and says what became more; or records it.
fn compare(update: bool) -> ExitCode {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("instructions.txt");
    let recorded = recorded(&std::fs::read_to_string(&file).unwrap_or_default());
    let mut text =
        String::from("# instructions per unit: cargo run --release -p fanwise-inputs -- --update\n");
    let mut worse = 0;
    println!("{:<40} {:>10} {:>10} {:>8}", "instructions", "recorded", "now", "");
    for Work { name, unit, .. } in WORKS {
        let now = match count(name) {
            Ok(now) => now,
            Err(why) => {
                println!("{name}: {why}");
                return ExitCode::from(2);
            }
        };
        let _ = writeln!(text, "{now:>10.1}  per {unit}: {name}");
        let before = recorded.get(name).copied();
        let change = before.map_or(0.0, |before| 100.0 * (now - before) / before);
        let verdict = match before {
            None if !update => "not recorded",
            _ if change > TOLERANCE_PERCENT => "worse",
            _ if change < -TOLERANCE_PERCENT => "better",
            _ => "",
        };
        worse += usize::from(matches!(verdict, "not recorded" | "worse"));
        let shown = before.map_or_else(String::new, |before| format!("{before:.1}"));
        println!("{name:<40} {shown:>10} {now:>10.1} {change:>+7.1}% {verdict}");
    }
    if update {
        if let Err(why) = std::fs::write(&file, text) {
            println!("{}: {why}", file.display());
            return ExitCode::from(2);
        }
        return ExitCode::SUCCESS;
    }
    if worse > 0 {
        println!("{worse} above what is recorded by more than {TOLERANCE_PERCENT} %; --update records them");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// The fastest of many passes of each work, in nanoseconds per unit: a hint, where `instructions` is a
/// count. A minimum hides what a busy machine adds.
fn time() -> ExitCode {
    for Work { name, unit, prepare } in WORKS {
        let mut prepared = prepare();
        let passes = (0..TIMED_PASSES).map(|_| {
            let start = Instant::now();
            black_box((prepared.pass)());
            start.elapsed()
        });
        let fastest = passes.min().unwrap_or_default();
        println!("{:>10.1} ns per {unit}: {name}", fastest.as_nanos() as f64 / prepared.units as f64);
    }
    ExitCode::SUCCESS
}

fn recorded(text: &str) -> BTreeMap<String, f64> {
    let lines = text.lines().filter_map(|line| {
        let (count, rest) = line.trim().split_once("  per ")?;
        let (_, name) = rest.split_once(": ")?;
        Some((name.to_owned(), count.parse().ok()?))
    });
    lines.collect()
}

/// Instructions per unit of a work.
fn count(name: &str) -> Result<f64, String> {
    let this = std::env::current_exe().map_err(|why| why.to_string())?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no", "--toggle-collect=*counted_pass*"])
        .args(["--callgrind-out-file=/dev/null", "--smc-check=none"])
        .arg(this)
        .args(["run", name])
        // A hash table's seed is drawn anew in every process, an environment's size moves the stack.
        .env_clear()
        .output()
        .map_err(|why| format!("valgrind does not start: {why}"))?;
    let log = String::from_utf8_lossy(&output.stderr);
    let collected = log.lines().find_map(|line| line.split_once("Collected : "));
    let collected = collected.and_then(|(_, count)| count.trim().parse::<f64>().ok());
    let units = String::from_utf8_lossy(&output.stdout).trim().parse::<f64>().ok();
    match (collected, units) {
        (Some(collected), Some(units)) if collected > 0.0 => Ok(collected / units),
        _ => Err(format!("valgrind gives no count\n{log}")),
    }
}

fn extracting(plan: Arc<Plan>, level: Level, events: Vec<String>) -> Prepared {
    let mut memory = Memory::default();
    let units = events.len();
    let pass = move || {
        for event in &events {
            let slots = black_box(extract(&plan, level, event, &mut memory));
            memory.keep(slots);
        }
        units
    };
    Prepared { units, pass: Box::new(pass) }
}

fn paths(paths: &[&str], level: Level) -> Prepared {
    extracting(asking(paths), level, parcels(EVENTS))
}

fn webhooks() -> Prepared {
    extracting(asking(&["repository.full_name"]), Level::Strict, hooks())
}

fn deciding(plan: Arc<Plan>, matcher: Box<dyn Matcher>) -> Prepared {
    let events = parcels(EVENTS);
    let mut memory = Memory::default();
    let pass = move || {
        let hits = events.iter().map(|event| run(&plan, &*matcher, Level::Strict, event, &mut memory));
        hits.sum()
    };
    Prepared { units: EVENTS, pass: Box::new(pass) }
}

fn matching(shape: Shape, count: usize) -> Prepared {
    let plan = plan(&rules(shape, count));
    let jit = Jit::compile(&Arc::new(Indexed::new(&plan))).expect("this processor is supported");
    deciding(plan, Box::new(jit))
}

fn interpreted() -> Prepared {
    deciding(plan(&rules(Shape::Conjunction, 10)), Box::new(Interpreter))
}

fn checking() -> Prepared {
    let (bundle, world) = (bundle(&rules(Shape::Conjunction, CHECKED_RULES)), world());
    let pass = move || black_box(compiler::check(&bundle, &world)).sources.len();
    Prepared { units: CHECKED_RULES, pass: Box::new(pass) }
}

fn indexing() -> Prepared {
    let plan = plan(&rules(Shape::Conjunction, 1_000));
    let pass = move || black_box(Indexed::new(&plan)).bytes();
    Prepared { units: 1_000, pass: Box::new(pass) }
}
