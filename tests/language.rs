//! Runs the language book: every example is checked, and where it says what is sent, it is sent.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use compiler::world::World;
use grammar::diagnostic::{Colour, Severity, render};
use harness::engine::{Engine, bundle};
use harness::markdown::{Part, parts};
use serde_json::Value;

/// Fewer examples than this, and the book was not read.
const EXAMPLES_MIN: usize = 20;

#[test]
fn the_book_tells_the_truth() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../grammar/book");
    let entries = fs::read_dir(folder).expect("the book").flatten().map(|entry| entry.path());
    let mut chapters: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|end| end == "md")).collect();
    chapters.sort();
    let (mut examples, mut failures) = (0, Vec::new());
    for path in chapters {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        examples += chapter(&name, &fs::read_to_string(&path).expect("UTF-8"), &mut failures);
    }
    println!("{examples} examples");
    assert!(failures.is_empty(), "\n{}", failures.join("\n\n"));
    assert!(examples >= EXAMPLES_MIN, "only {examples} examples");
}

/// Every example file, with the schemas and fixtures beside it, and every folder with rules is a bundle
/// that checks; its own tests hold.
#[test]
fn the_examples_hold() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../grammar/examples");
    let mut shared = Vec::new();
    for beside in ["schemas", "fixtures"] {
        collect(&folder.join(beside), &folder, &mut shared);
    }
    let mut bundles = Vec::new();
    for entry in fs::read_dir(&folder).expect("the examples").flatten() {
        let (path, mut files) = (entry.path(), Vec::new());
        if path.is_file() {
            files.clone_from(&shared);
            collect(&path, &folder, &mut files);
        } else {
            collect(&path, &path, &mut files);
        }
        files.sort();
        if files.iter().any(|(name, _)| name.ends_with(".route")) {
            bundles.push((entry.file_name().to_string_lossy().into_owned(), files));
        }
    }
    bundles.sort();
    let (mut tests, mut failures) = (0, Vec::new());
    for (name, files) in bundles {
        let bundle = bundle(files.iter().map(|(path, text)| (path.as_str(), text.as_str())));
        let world = World::offline(None);
        let run = compiler::simulate::run_tests(&bundle, &world);
        tests += run.results.len();
        let errors = run.diagnostics.iter().filter(|one| one.severity == Severity::Error);
        failures.extend(
            errors
                .chain(run.failures())
                .map(|one| format!("{name}\n{}", render(one, &run.sources, Colour::Off))),
        );
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n\n"));
    println!("{tests} tests");
    assert!(tests > 0);
}

/// The files at or below a path, named from `base`.
fn collect(path: &Path, base: &Path, files: &mut Vec<(String, String)>) {
    if path.is_dir() {
        fs::read_dir(path).expect("a folder").flatten().for_each(|entry| collect(&entry.path(), base, files));
    } else {
        let name = path.strip_prefix(base).expect("below").to_string_lossy().replace('\\', "/");
        files.push((name, fs::read_to_string(path).expect("UTF-8")));
    }
}

fn chapter(name: &str, text: &str, failures: &mut Vec<String>) -> usize {
    let (mut route, mut events, mut examples) = (String::new(), String::new(), 0);
    for part in parts(text) {
        let Part::Fence { info, text, line } = part else { continue };
        match info.as_str() {
            "route" => {
                examples += 1;
                if let Err(error) = diagnostics_are_as_said(&text) {
                    failures.push(format!("{name}:{line}: {error}"));
                }
                route = text;
            }
            "events" => events = text,
            "deliveries" => {
                if let Err(error) = deliveries_are_as_said(&route, &events, &text) {
                    failures.push(format!("{name}:{line}: {error}"));
                }
            }
            _ => {}
        }
    }
    examples
}

/// Errors, failures of the example's own tests among them, stand exactly where `# error: CODE` says; a
/// warning that is not named is no failure.
fn diagnostics_are_as_said(text: &str) -> Result<(), String> {
    let mut said = BTreeSet::new();
    for (at, line) in text.lines().enumerate() {
        for word in ["# error: ", "# warning: "] {
            if let Some((_, code)) = line.split_once(word) {
                said.insert((at + 1, code.trim().to_owned()));
            }
        }
    }
    let world = World::offline(None);
    let run = compiler::simulate::run_tests(&bundle([("example.route", text)]), &world);
    let mut seen = BTreeSet::new();
    let mut unexpected = Vec::new();
    for one in run.diagnostics.iter().chain(run.failures()) {
        let line = run.sources.first().map_or(0, |source| source.place(one.span().start).line as usize);
        let key = (line, one.code.to_string());
        if !said.contains(&key) && one.severity == Severity::Error {
            unexpected.push(render(one, &run.sources, Colour::Off));
        }
        seen.insert(key);
    }
    let missing: Vec<String> =
        said.difference(&seen).map(|(line, code)| format!("line {line}: no {code}")).collect();
    if missing.is_empty() && unexpected.is_empty() {
        return Ok(());
    }
    Err(format!("{}\n{}", missing.join("\n"), unexpected.join("\n")))
}

fn deliveries_are_as_said(route: &str, events: &str, expected: &str) -> Result<(), String> {
    let engine = Engine::new(&bundle([("example.route", route)]))?;
    for (at, (event, line)) in events.lines().zip(expected.lines()).enumerate() {
        let expected: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let actual = engine.line(at + 1, event)?;
        if actual != expected {
            return Err(format!("event {}\n  expected {expected}\n  actual   {actual}", at + 1));
        }
    }
    Ok(())
}
