//! `fanwise import`: rules of other products as a rule file.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use clap::ValueEnum;
use compiler::catalogue::Catalogue;
use compiler::import::eventbridge::{Events, Options};
use compiler::import::{ImportError, Imported, eventbridge, fql, meshes};

use crate::out::{Exit, Out, complain, harmless, say};

/// Arguments of `fanwise import`.
#[derive(Debug, clap::Args)]
#[command(after_help = "The rule file goes to stdout, what needs a look to stderr.")]
pub(super) struct Arguments {
    /// What the file holds
    #[arg(value_enum)]
    product: Product,

    /// The file; `-` reads stdin
    file: PathBuf,

    /// eventbridge: an event, as JSON, like those that the pattern is about; conditions become shorter
    #[arg(long, value_name = "FILE")]
    example: Option<PathBuf>,

    /// eventbridge: find names that hold a dot in the event, too
    #[arg(long)]
    joined_names: bool,

    /// eventbridge: the pattern is about other JSON than EventBridge's own events
    #[arg(long)]
    any_json: bool,

    /// eventbridge: the rule's name, when the file gives none
    #[arg(long, value_name = "NAME")]
    rule: Option<String>,
}

/// Whose rules they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Product {
    /// An event pattern of Amazon EventBridge, or rules with patterns
    Eventbridge,
    /// Rules, connections and mappings of Meshes
    Meshes,
    /// A statement or destination filter of Segment
    Fql,
}

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("`{path}` cannot be read: {source}")]
    Unreadable { path: String, source: io::Error },
    #[error("`{path}` is not JSON: {source}")]
    Example { path: String, source: serde_json::Error },
    #[error("`{path}`: {source}")]
    Refused { path: String, source: ImportError },
}

/// Runs it.
#[must_use]
pub(super) fn run(arguments: &Arguments) -> Exit {
    let imported = match imported(arguments) {
        Ok(imported) => imported,
        Err(failure) => {
            complain(&harmless(&failure.to_string()));
            return Exit::Failed;
        }
    };
    if let Err(error) = Out::default().text(&imported.text) {
        complain(&format!("stdout cannot be written: {error}"));
        return Exit::Failed;
    }
    for note in &imported.notes {
        say(&harmless(&format!("{}: {}", note.at, note.text)));
    }
    Exit::Ok
}

fn imported(arguments: &Arguments) -> Result<Imported, Failure> {
    let path = arguments.file.display().to_string();
    let source = read(&arguments.file)?;
    let imported = match arguments.product {
        Product::Eventbridge => eventbridge::import(&source, &options(arguments)?),
        Product::Meshes => meshes::import(&source, &Catalogue::shipped()),
        Product::Fql => fql::import(&source),
    };
    imported.map_err(|source| Failure::Refused { path, source })
}

fn options(arguments: &Arguments) -> Result<Options, Failure> {
    let example = match &arguments.example {
        None => None,
        Some(file) => {
            let path = file.display().to_string();
            let text = read(file)?;
            Some(serde_json::from_str(&text).map_err(|source| Failure::Example { path, source })?)
        }
    };
    let events = if arguments.any_json { Events::AnyJson } else { Events::EventBridge };
    let joined_names = arguments.joined_names;
    Ok(Options { rule: arguments.rule.clone(), events, joined_names, example })
}

fn read(file: &Path) -> Result<String, Failure> {
    let text = if file == Path::new("-") {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        fs::read_to_string(file)
    };
    text.map_err(|source| Failure::Unreadable { path: file.display().to_string(), source })
}
