//! Runs `conformance/*.md`: every case with the interpreter and with compiled code.

use std::fs;
use std::path::{Path, PathBuf};

use harness::engine::{Engine, bundle};
use harness::markdown::{Part, parts};
use serde_json::Value;

/// Fewer cases than this, and the folder was not read.
const CASES_MIN: usize = 300;

/// What one file held.
#[derive(Default)]
struct Tally {
    cases: usize,
    failures: Vec<String>,
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance");
    let entries = fs::read_dir(folder).expect("the conformance folder").flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|end| end == "md")).collect();
    files.sort();
    files.retain(|path| path.file_name().is_some_and(|name| name != "README.md"));
    files
}

#[test]
fn every_case_has_its_answer() {
    let mut tally = Tally::default();
    for path in files() {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        run_file(&name, &fs::read_to_string(&path).expect("UTF-8"), &mut tally);
    }
    println!("{} cases, {} failures", tally.cases, tally.failures.len());
    assert!(tally.failures.is_empty(), "\n{}", tally.failures.join("\n\n"));
    assert!(tally.cases >= CASES_MIN, "only {} cases", tally.cases);
}

fn run_file(name: &str, text: &str, tally: &mut Tally) {
    let parts = parts(text);
    let mut preamble = String::new();
    let mut route: Option<String> = None;
    let mut events = String::new();
    let mut level = 1;
    for part in &parts {
        match part {
            Part::Heading(at, _) => level = *at,
            Part::Fence { info, text, .. } if info == "route" && level == 1 => preamble.clone_from(text),
            Part::Fence { info, text, .. } if info == "route" => route = Some(text.clone()),
            Part::Fence { info, text, .. } if info == "events" => events.clone_from(text),
            Part::Fence { info, text, line } if info == "deliveries" => {
                let rules = route.as_deref().unwrap_or(&preamble);
                tally.whole(&format!("{name}:{line}"), rules, &events, text);
            }
            Part::Fence { .. } => {}
            Part::Table { header, rows } => {
                for (line, cells) in rows {
                    tally.row(&format!("{name}:{line}"), &preamble, header, cells);
                }
            }
        }
    }
}

impl Tally {
    fn whole(&mut self, place: &str, rules: &str, events: &str, expected: &str) {
        let engine = match Engine::new(&bundle([("case.route", rules)])) {
            Ok(engine) => engine,
            Err(error) => return self.failures.push(format!("{place}: {error}")),
        };
        for (at, (event, line)) in events.lines().zip(expected.lines()).enumerate() {
            self.cases += 1;
            let expected: Value = serde_json::from_str(line).expect("an expected line is JSON");
            match engine.line(at + 1, event) {
                Ok(actual) if actual == expected => {}
                Ok(actual) => self
                    .failures
                    .push(format!("{place}: event {}\n  expected {expected}\n  actual   {actual}", at + 1)),
                Err(error) => self.failures.push(format!("{place}: event {}: {error}", at + 1)),
            }
        }
        if events.lines().count() != expected.lines().count() {
            self.failures.push(format!("{place}: as many lines are expected as there are events"));
        }
    }

    fn row(&mut self, place: &str, preamble: &str, header: &[String], cells: &[String]) {
        let [first, payload, expected] = cells else {
            return self.failures.push(format!("{place}: a row has three cells"));
        };
        self.cases += 1;
        let condition = header.first().is_some_and(|name| name == "condition");
        let answer = if condition {
            condition_answer(preamble, first, payload)
        } else {
            value(preamble, first, payload)
        };
        match answer {
            Ok(actual) if actual == *expected || same_json(&actual, expected) => {}
            Ok(actual) => self
                .failures
                .push(format!("{place}: `{first}` with `{payload}` is {actual}, expected {expected}")),
            Err(error) => self.failures.push(format!("{place}: `{first}`: {error}")),
        }
    }
}

/// JSON values with digits compared as written.
fn same_json(left: &str, right: &str) -> bool {
    let read = |text: &str| serde_json::from_str::<Value>(text).ok();
    read(left).is_some() && read(left) == read(right)
}

fn declarations(preamble: &str) -> String {
    let head = if preamble.is_empty() { "edition 2026\n" } else { preamble };
    format!("{head}\nconnection out: webhook\n")
}

fn condition_answer(preamble: &str, condition: &str, payload: &str) -> Result<String, String> {
    let rules = format!(
        "{}rule answers_yes {{ on t as p when {condition} deliver out.send_webhook {{ body: 1 }} }}\n\
         rule answers_no {{ on t as p when not ({condition}) deliver out.send_webhook {{ body: 0 }} }}\n",
        declarations(preamble)
    );
    let engine = Engine::new(&bundle([("case.route", rules.as_str())]))?;
    let line = engine.line(1, &event(payload))?;
    let rules = line["rules"].as_array().cloned().unwrap_or_default();
    match rules.iter().filter_map(Value::as_str).collect::<Vec<_>>().as_slice() {
        ["answers_yes"] => Ok("yes".to_owned()),
        ["answers_no"] => Ok("no".to_owned()),
        [] => Ok("unknown".to_owned()),
        other => Err(format!("matched {other:?}")),
    }
}

fn value(preamble: &str, expression: &str, payload: &str) -> Result<String, String> {
    let rules = format!(
        "{}rule gives {{ on t as p deliver out.send_webhook {{ body: {{ value: {expression} }} }} }}\n",
        declarations(preamble)
    );
    let engine = Engine::new(&bundle([("case.route", rules.as_str())]))?;
    let line = engine.line(1, &event(payload))?;
    let delivery = &line["deliveries"][0];
    if let Some(error) = delivery.get("error") {
        return Err(error.to_string());
    }
    let value = delivery["input"]["body"].get("value");
    Ok(value.map_or_else(|| "missing".to_owned(), Value::to_string))
}

fn event(payload: &str) -> String {
    format!("{{\"event\":\"t\",\"payload\":{payload}}}")
}
