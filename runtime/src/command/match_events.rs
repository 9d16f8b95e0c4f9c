//! `fanwise match`: rules over a file of events, offline, one JSON line per event.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use compiler::trace::Trace;
use compiler::world::World;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::bundle;
use super::check::show_messages;
use crate::api::problem::Problem;
use crate::ingest::envelope::{EPOCH, Envelope};
use crate::limits::LINE_BYTES_MAX;
use crate::out::{Exit, Out, Written, failed};
use crate::rules::{Decided, Engine, Owed, Rules};

/// Arguments of `fanwise match`.
///
/// An event is `{"event","resource"?,"resource_id"?,"payload","id"?,"time"?}`. One without a time
/// happened at 1970-01-01T00:00:00Z and one without an id is `line-N`, so that the same files give
/// the same output.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A rule file, or a folder of them
    #[arg(long, value_name = "PATH")]
    rules: PathBuf,

    /// A file with one event per line; `-` is stdin
    #[arg(long, value_name = "FILE")]
    events: PathBuf,

    /// Say also why each rule did or did not match
    #[arg(long)]
    trace: bool,

    /// Decide with the interpreter only, without compiled code
    #[arg(long)]
    no_jit: bool,

    /// The environment that rules are compiled for; without it the first one that they name
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
}

/// What is said about one event.
#[derive(Serialize)]
struct Line<'a> {
    line: u64,
    #[serde(rename = "type")]
    kind: &'a str,
    rules: Vec<&'a str>,
    deliveries: Vec<Shown<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<Trace>,
}

/// What is said about one delivery.
#[derive(Serialize)]
struct Shown<'a> {
    rule: &'a str,
    connection: &'a str,
    action: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

/// What is said about a line that is no event.
#[derive(Serialize)]
struct Bad {
    line: u64,
    error: Value,
}

/// Runs it.
#[must_use]
pub(super) fn run(arguments: &Arguments) -> Exit {
    let bundle = match bundle::read(std::slice::from_ref(&arguments.rules)) {
        Ok(bundle) => bundle,
        Err(error) => return failed(&error.to_string()),
    };
    let rules = match Rules::compile(&bundle, &World::offline(arguments.environment.as_deref())) {
        Ok(rules) => rules,
        Err(refused) => {
            show_messages(&refused);
            return Exit::RuleErrors;
        }
    };
    show_messages(&rules.warnings);
    rules.speed_up(if arguments.no_jit { Engine::Interpreter } else { Engine::Compiled });
    let events: Box<dyn BufRead> = if arguments.events == Path::new("-") {
        Box::new(BufReader::new(io::stdin()))
    } else {
        match File::open(&arguments.events) {
            Ok(file) => Box::new(BufReader::with_capacity(256 << 10, file)),
            Err(error) => {
                return failed(&format!("`{}` cannot be read: {error}", arguments.events.display()));
            }
        }
    };
    match all(&rules, events, arguments.trace) {
        Ok(exit) => exit,
        Err(error) => failed(&format!("input or output failed: {error}")),
    }
}

fn all(rules: &Rules, mut events: Box<dyn BufRead>, trace: bool) -> io::Result<Exit> {
    let mut out = Out::default();
    let mut exit = Exit::Ok;
    let mut text = Vec::new();
    for line in 1.. {
        text.clear();
        let read = events.by_ref().take(LINE_BYTES_MAX as u64 + 1).read_until(b'\n', &mut text)?;
        if read == 0 {
            break;
        }
        let too_long = text.len() > LINE_BYTES_MAX && !text.ends_with(b"\n");
        if too_long {
            skip_line(&mut *events)?;
        } else if text.trim_ascii().is_empty() {
            continue;
        }
        let said = if too_long {
            Err(crate::api::body::too_large(LINE_BYTES_MAX))
        } else {
            one(rules, line, text.trim_ascii(), trace)
        };
        let said = said.or_else(|problem| {
            exit = Exit::Failed;
            serde_json::to_string(&Bad { line, error: problem.to_json() }).map_err(io::Error::other)
        })?;
        if out.line(&said)? == Written::ReaderGone {
            return Ok(exit);
        }
    }
    let _ = out.flush()?;
    Ok(exit)
}

/// Decides one event and says what came of it.
fn one(rules: &Rules, line: u64, text: &[u8], trace: bool) -> Result<String, Problem> {
    let envelope = Envelope::read(text, "")?;
    let id = format!("line-{line}");
    let event = envelope.event(&id, EPOCH);
    let unreadable = |error: compiler::json::JsonError| {
        crate::api::fields::invalid_json(&error.problem.to_string(), error.offset)
    };
    let Decided { rules: matched, deliveries, .. } =
        rules.decide(&event, &rules.stand_ins()).map_err(unreadable)?;
    let traced =
        if trace { Some(rules.trace(&event, &rules.stand_ins()).map_err(unreadable)?) } else { None };
    let said = Line {
        line,
        kind: &envelope.kind,
        rules: matched.iter().map(|rule| &**rule).collect(),
        deliveries: deliveries.iter().map(shown).collect(),
        trace: traced,
    };
    serde_json::to_string(&said).map_err(|error| Problem::internal("writing the line", &error))
}

fn shown(owed: &Owed) -> Shown<'_> {
    let input = owed.input.as_ref().ok().and_then(|input| serde_json::from_str(input).ok());
    Shown {
        rule: &owed.rule,
        connection: &owed.connection,
        action: &owed.action,
        input,
        error: owed.input.as_ref().err().map(|why| &**why),
    }
}

fn skip_line(events: &mut dyn BufRead) -> io::Result<()> {
    loop {
        let buffer = events.fill_buf()?;
        let (used, ended) = match buffer.iter().position(|byte| *byte == b'\n') {
            Some(at) => (at + 1, true),
            None => (buffer.len(), buffer.is_empty()),
        };
        events.consume(used);
        if ended {
            return Ok(());
        }
    }
}
