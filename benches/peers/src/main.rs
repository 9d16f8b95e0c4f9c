//! Fanwise beside other rule engines: the same rules and the same events, in one run.
//!
//! For each shape and number of rules every engine is built, its matches are compared with a naive
//! evaluator, and only then are all of them timed, in turns, on one thread's processor time.

mod clock;
mod engines;
mod events;
mod fields;
mod measure;
mod naive;
mod options;
mod plot;
mod report;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use engines::Task;
use events::Events;
use inputs::shapes::{Source, rules};
use measure::{History, Row, cell};
use options::Options;
use serde_json::json;

#[global_allocator]
static ALLOCATOR: clock::Counting = clock::Counting;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("{problem}\n\n{}", options::USAGE);
            return ExitCode::from(2);
        }
    };
    measure::keep_panics();
    let mut rows = Vec::new();
    let mut about_sets = Vec::new();
    for source in [Source::Parcels, Source::Hooks] {
        let sets = events::sets(source, &options.sets);
        if sets.is_empty() {
            continue;
        }
        for (name, events) in &sets {
            let (mean, median, high) = events.sizes();
            println!(
                "{name}: {} events, {} bytes; mean {mean}, median {median}, 99th percentile {high}",
                report::count(events.len()),
                report::count(events.total_bytes())
            );
            about_sets.push(json!({
                "set": name, "events": events.len(), "bytes": events.total_bytes(),
                "mean": mean, "median": median, "p99": high,
            }));
        }
        run(&options, source, &sets, &mut rows);
    }
    print!("{}", report::remarks(&rows));
    if let Some(folder) = &options.out
        && let Err(error) = write(Path::new(folder), &rows, &about_sets)
    {
        eprintln!("{folder}: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Runs all shapes and numbers of rules about one source; prints each shape's tables when it is done.
fn run(options: &Options, source: Source, sets: &[(&'static str, Events)], rows: &mut Vec<Row>) {
    for &shape in &options.shapes {
        let mut candidates = engines::all();
        let mut history = History::default();
        for &count in &options.counts {
            let rules = rules(source, shape, count);
            let task = Task { source, shape, rules: &rules, limits: options.limits };
            eprintln!("{source:?}, shape {}, {} rules", shape.letter(), report::count(count));
            rows.extend(cell(options, &task, sets, &mut candidates, &mut history));
        }
        for (name, _) in sets {
            print!("{}", report::table(rows, name, source, shape));
        }
        print!("{}", report::build_table(rows, source, shape));
    }
}

fn write(folder: &Path, rows: &[Row], sets: &[serde_json::Value]) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    let about = json!({
        "processor": processor(),
        "time": "thread processor time, median of the rounds",
        "sets": sets,
        "versions": VERSIONS.map(|(name, version)| format!("{name} {version}")),
    });
    let text = serde_json::to_string_pretty(&report::json(rows, about))?;
    fs::write(folder.join("side-by-side.json"), text + "\n")?;
    for (set, source) in [("hot", Source::Parcels), ("llc", Source::Parcels), ("github", Source::Hooks)] {
        if let Some(picture) = plot::svg(rows, set, source) {
            fs::write(folder.join(format!("side-by-side-{set}.svg")), picture)?;
        }
    }
    Ok(())
}

/// The peers' versions, as the manifest pins them.
const VERSIONS: [(&str, &str); 5] = [
    ("quamina", "0.7.0"),
    ("wirefilter-engine", "0.6.1"),
    ("a-tree", "0.6.1"),
    ("cel", "0.15.0"),
    ("vrl", "0.38.0"),
];

fn processor() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    line.split_once(':').map(|(_, name)| String::from(name.trim()))
}
