//! `fanwise fmt`: rule files in the one style.

use std::fs;
use std::io::Read;
use std::path::PathBuf;

use grammar::diagnostic::Colour;
use grammar::{Source, SourceId};

use super::bundle;
use super::replace::replace;
use crate::out::{Exit, Out, colour_wanted, complain, say};
use crate::rules::rendered;

/// Arguments of `fanwise fmt`.
#[derive(Debug, clap::Args)]
#[command(after_help = "A file with mistakes is left as it is. With `-` stdin is formatted to stdout.")]
pub(super) struct Arguments {
    /// Rule files, or folders of them; `-` reads stdin
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Change nothing, and fail when a file would change
    #[arg(long)]
    check: bool,
}

/// What came of one text.
enum Formatted {
    Same,
    Other(String),
    Broken,
}

/// Runs it.
#[must_use]
pub(super) fn run(arguments: &Arguments) -> Exit {
    if let [path] = arguments.paths.as_slice()
        && path.as_os_str() == "-"
    {
        return stdin(arguments.check);
    }
    let files = match bundle::rule_files(&arguments.paths) {
        Ok(files) => files,
        Err(error) => {
            complain(&error.to_string());
            return Exit::Failed;
        }
    };
    let (mut other, mut broken) = (0, 0);
    for path in &files {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => {
                complain(&format!("`{}` cannot be read: {error}", path.display()));
                return Exit::Failed;
            }
        };
        match formatted(&path.to_string_lossy(), &text) {
            Formatted::Same => {}
            Formatted::Broken => broken += 1,
            Formatted::Other(_) if arguments.check => {
                other += 1;
                say(&format!("would change: {}", path.display()));
            }
            Formatted::Other(text) => {
                other += 1;
                if let Err(error) = replace(path, &text) {
                    complain(&format!("`{}` cannot be written: {error}", path.display()));
                    return Exit::Failed;
                }
                say(&format!("formatted: {}", path.display()));
            }
        }
    }
    match (broken, other) {
        (1.., _) => Exit::RuleErrors,
        (0, 1..) if arguments.check => Exit::Failed,
        _ => Exit::Ok,
    }
}

fn stdin(check: bool) -> Exit {
    let mut text = String::new();
    if let Err(error) = std::io::stdin().read_to_string(&mut text) {
        complain(&format!("stdin cannot be read: {error}"));
        return Exit::Failed;
    }
    let text = match formatted("stdin", &text) {
        Formatted::Broken => return Exit::RuleErrors,
        Formatted::Other(_) if check => return Exit::Failed,
        Formatted::Other(text) => text,
        Formatted::Same => text,
    };
    match if check { Ok(()) } else { Out::default().text(&text).map(drop) } {
        Ok(()) => Exit::Ok,
        Err(error) => {
            complain(&format!("stdout cannot be written: {error}"));
            Exit::Failed
        }
    }
}

/// Formats a text; its mistakes are shown.
fn formatted(name: &str, text: &str) -> Formatted {
    let source = Source::new(SourceId(0), name, text);
    match grammar::format::format(&source) {
        Ok(other) if other == text => Formatted::Same,
        Ok(other) => Formatted::Other(other),
        Err(diagnostics) => {
            let colour = if colour_wanted() { Colour::On } else { Colour::Off };
            say(&rendered(&diagnostics, &[source], colour));
            Formatted::Broken
        }
    }
}
