//! `fanwise check`: messages about rule files, without a server.

use std::path::PathBuf;

use compiler::world::World;
use grammar::diagnostic::{Colour, Severity, to_json};
use serde_json::json;

use super::{Output, bundle};
use crate::out::{Exit, Out, colour_wanted, failed, many, say};
use crate::rules::{Messages, rendered};

/// Arguments of `fanwise check`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Rule files, or folders of them
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Check for this environment only, such as `production`
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,

    /// How messages are written: text to stderr, JSON to stdout
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

/// Shows messages to people, when there are any.
pub(super) fn show_messages(messages: &Messages) {
    if !messages.is_empty() {
        say(&messages.text_for_terminal());
    }
}

/// Runs it.
#[must_use]
pub(super) fn run(arguments: &Arguments) -> Exit {
    let bundle = match bundle::read(&arguments.paths) {
        Ok(bundle) => bundle,
        Err(error) => return failed(&error.to_string()),
    };
    let checked = compiler::check(&bundle, &World::offline(arguments.environment.as_deref()));
    let count = |severity| checked.diagnostics.iter().filter(|one| one.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let files = checked.sources.len();
    match arguments.output {
        Output::Text => {
            let colour = if colour_wanted() { Colour::On } else { Colour::Off };
            let text = rendered(&checked.diagnostics, &checked.sources, colour);
            if !text.is_empty() {
                say(&text);
            }
            let verdict = verdict(errors, warnings, files);
            say(&format!("{verdict}{}", unchecked_words(errors, checked.program.unchecked)));
        }
        Output::Json => {
            let diagnostics: Vec<_> =
                checked.diagnostics.iter().map(|one| to_json(one, &checked.sources)).collect();
            let document = json!({
                "files": files, "errors": errors, "warnings": warnings, "diagnostics": diagnostics,
                "unchecked": checked.program.unchecked,
            });
            if let Err(error) = Out::default().text(&format!("{document}\n")) {
                return failed(&format!("stdout cannot be written: {error}"));
            }
        }
    }
    if errors > 0 { Exit::RuleErrors } else { Exit::Ok }
}

/// How many fields have no declared type; of rules with errors not all are known.
fn unchecked_words(errors: usize, unchecked: usize) -> String {
    match (errors, unchecked) {
        (1.., _) | (_, 0) => String::new(),
        (_, unchecked) => format!("; {} unchecked", many(unchecked, "field")),
    }
}

fn verdict(errors: usize, warnings: usize, files: usize) -> String {
    let (errors_text, warnings_text) = (many(errors, "error"), many(warnings, "warning"));
    match (errors, warnings) {
        (0, 0) => format!("{} checked, no mistakes", many(files, "file")),
        (0, _) => format!("{} checked, {warnings_text}", many(files, "file")),
        (_, 0) => errors_text,
        _ => format!("{errors_text}, {warnings_text}"),
    }
}
