//! `fanwise bench`: how long events take with somebody's own rules, and what workspaces cost.

mod build;
mod events;
mod measure;
mod report;
mod workspaces;

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::bundle;
use crate::config::{COMPILED_BYTES_MAX, PayloadChecks};
use crate::limits::WORKSPACES_MAX;
use crate::out::{Exit, Out, complain, failed};
use build::{Built, NotBuilt};
use events::Events;

/// Arguments of `fanwise bench`.
///
/// Events are read as by `fanwise match`. The naive interpreter, the index and the compiled code must
/// agree on them before anything is timed. Times are wall-clock medians, one thread; compare what one
/// run prints, and give it a quiet machine.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A rule file, or a folder of them
    #[arg(long, value_name = "PATH", required_unless_present = "workspaces", requires = "events")]
    rules: Option<PathBuf>,

    /// A file with one event per line
    #[arg(long, value_name = "FILE", requires = "rules")]
    events: Option<PathBuf>,

    /// How much of an event is checked before rules are asked
    #[arg(long, value_enum, default_value = "strict")]
    level: PayloadChecks,

    /// How data is written
    #[arg(long, value_enum, default_value = "table")]
    output: BenchOutput,

    /// Times all events are run; medians are shown
    #[arg(long, default_value_t = 7, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    passes: u32,

    /// The environment that rules are compiled for; without it the first one that they name
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,

    /// Measure this many workspaces in one process, with made-up rules, in place of events
    #[arg(long, value_name = "COUNT", conflicts_with = "rules",
          value_parser = clap::value_parser!(u32).range(1..=WORKSPACES_MAX as i64))]
    workspaces: Option<u32>,

    /// Rules of each workspace
    #[arg(long, default_value_t = 20, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=5_000))]
    rules_each: u32,

    /// Workspaces that get a first event, spread over all
    #[arg(long, default_value_t = 2_000, value_name = "COUNT")]
    woken: u32,

    /// As for `fanwise serve`
    #[arg(long, default_value_t = COMPILED_BYTES_MAX, value_name = "BYTES")]
    compiled_bytes_max: u64,
}

/// How data is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum BenchOutput {
    /// For people.
    Table,
    /// For machines.
    Json,
}

/// Runs it.
#[must_use]
pub(super) fn run(arguments: &Arguments) -> Exit {
    let text = match (arguments.workspaces, &arguments.rules, &arguments.events) {
        (Some(count), _, _) => of_workspaces(arguments, count),
        (None, Some(rules), Some(events)) => of_events(arguments, rules, events),
        (None, _, _) => return Exit::Usage,
    };
    let text = match text {
        Ok(text) => text,
        Err(exit) => return exit,
    };
    if let Err(error) = Out::default().text(&text) {
        complain(&format!("stdout cannot be written: {error}"));
        return Exit::Failed;
    }
    Exit::Ok
}

fn of_workspaces(arguments: &Arguments, count: u32) -> Result<String, Exit> {
    let wanted = workspaces::Wanted {
        workspaces: count,
        rules_each: arguments.rules_each,
        woken: arguments.woken.clamp(1, count),
        compiled_bytes_max: arguments.compiled_bytes_max,
    };
    let measured = workspaces::measure(&wanted).map_err(|error| failed(&error))?;
    Ok(match arguments.output {
        BenchOutput::Table => measured.to_string(),
        BenchOutput::Json => json(&measured)?,
    })
}

fn of_events(arguments: &Arguments, rules: &Path, events: &Path) -> Result<String, Exit> {
    let bundle = bundle::read(&[rules.to_path_buf()]).map_err(|error| failed(&error.to_string()))?;
    let built = Built::new(&bundle, arguments.environment.as_deref()).map_err(|error| match error {
        NotBuilt::Refused(messages) => {
            super::check::show_messages(&messages);
            Exit::RuleErrors
        }
        NotBuilt::NoCode(error) => failed(&format!("conditions cannot be compiled here: {error}")),
    })?;
    let text = events::read(events).map_err(|error| failed(&error))?;
    let events = Events::of(&text).map_err(|error| failed(&error))?;
    let measured = measure::measure(&built, &events, arguments.level.into(), arguments.passes);
    let measured = measured.map_err(|error| failed(&error))?;
    Ok(match arguments.output {
        BenchOutput::Table => measured.to_string(),
        BenchOutput::Json => json(&measured)?,
    })
}

fn json(measured: &impl serde::Serialize) -> Result<String, Exit> {
    let text = serde_json::to_string_pretty(measured).map_err(|error| failed(&error.to_string()))?;
    Ok(text + "\n")
}
