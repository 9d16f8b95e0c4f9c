//! `fanwise test`: runs the tests that stand in rule files. No destination is called.

use std::path::PathBuf;

use compiler::simulate::{TestOutcome, TestRun, run_tests};
use compiler::world::World;
use grammar::diagnostic::{Colour, render, to_json};
use serde_json::{Value, json};

use super::{Output, bundle};
use crate::out::{Exit, Out, colour_wanted, failed, say};
use crate::rules::rendered;

/// Arguments of `fanwise test`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Rule files, or folders of them
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Run the tests that name no environment in this one; without it they run in every one
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,

    /// How results are written: text to stderr, JSON to stdout
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

/// Runs it.
#[must_use]
pub(super) fn run(arguments: &Arguments) -> Exit {
    let bundle = match bundle::read(&arguments.paths) {
        Ok(bundle) => bundle,
        Err(error) => return failed(&error.to_string()),
    };
    let run = run_tests(&bundle, &World::offline(arguments.environment.as_deref()));
    match arguments.output {
        Output::Text => say(&in_words(&run)),
        Output::Json => {
            if let Err(error) = Out::default().text(&format!("{}\n", in_json(&run))) {
                return failed(&format!("stdout cannot be written: {error}"));
            }
        }
    }
    match run.passed() {
        true => Exit::Ok,
        false if run.diagnostics.has_errors() => Exit::RuleErrors,
        false => Exit::Failed,
    }
}

fn in_words(run: &TestRun) -> String {
    let colour = if colour_wanted() { Colour::On } else { Colour::Off };
    if run.diagnostics.has_errors() {
        return format!("{}\n\nno test was run", rendered(&run.diagnostics, &run.sources, colour));
    }
    let mut lines = Vec::new();
    for failure in run.failures() {
        lines.push(format!("{}\n", render(failure, &run.sources, colour).trim_end()));
    }
    for result in &run.results {
        if let TestOutcome::NotRun(why) = result.outcome {
            lines.push(format!("not run: \"{}\" ({why})", result.title));
        }
    }
    lines.push(verdict(run));
    lines.join("\n")
}

/// `3 tests passed, 1 failed`
fn verdict(run: &TestRun) -> String {
    let count =
        |wanted: fn(&TestOutcome) -> bool| run.results.iter().filter(|one| wanted(&one.outcome)).count();
    let passed = count(|outcome| matches!(outcome, TestOutcome::Passed));
    let failed = count(|outcome| matches!(outcome, TestOutcome::Failed(_)));
    let not_run = count(|outcome| matches!(outcome, TestOutcome::NotRun(_)));
    if run.results.is_empty() {
        return "there are no tests in these files".to_owned();
    }
    let mut words = format!("{passed} {} passed", if passed == 1 { "test" } else { "tests" });
    for (number, word) in [(failed, "failed"), (not_run, "not run")] {
        if number > 0 {
            words.push_str(&format!(", {number} {word}"));
        }
    }
    words
}

fn in_json(run: &TestRun) -> Value {
    let tests = run.results.iter().map(|result| {
        let line = run.sources.iter().find(|source| source.id == result.span.source);
        let line = line.map(|source| source.line_of(result.span.start));
        let mut test = json!({ "title": &*result.title, "file": result.file, "line": line });
        let outcome = match &result.outcome {
            TestOutcome::Passed => "passed",
            TestOutcome::Failed(_) => "failed",
            TestOutcome::NotRun(_) => "not_run",
        };
        if let Value::Object(test) = &mut test {
            test.insert("outcome".to_owned(), outcome.into());
            match &result.outcome {
                TestOutcome::Failed(failure) => {
                    test.insert("diagnostic".to_owned(), to_json(failure, &run.sources));
                }
                TestOutcome::NotRun(why) => drop(test.insert("why".to_owned(), (*why).into())),
                TestOutcome::Passed => {}
            }
        }
        test
    });
    let diagnostics: Vec<Value> = run.diagnostics.iter().map(|one| to_json(one, &run.sources)).collect();
    json!({ "passed": run.passed(), "tests": tests.collect::<Vec<_>>(), "diagnostics": diagnostics })
}
