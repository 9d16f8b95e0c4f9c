//! `fanwise journal`: checks, repairs or prints the journal of a server that is stopped.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::Output;
use crate::journal::check::{Damage, Report, check};
use crate::journal::disk::{Disk, Folder};
use crate::journal::repair::{Repaired, confirm, repair};
use crate::journal::{Lsn, Position};
use crate::node::checkpoint::{Seen, is_checkpoint, look, remove_unusable};
use crate::out::{Exit, Out, Written, complain, harmless, say};
use crate::record::{Owed, Record};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Commands {
    /// Read everything and check every checksum; ends with 1 when something is damaged
    Verify(Verify),
    /// Put damaged ranges aside, so that the server starts with the rest
    Repair(Repair),
    /// Print the records, without payloads, inputs and answers
    Dump(Dump),
}

#[derive(Debug, clap::Args)]
pub(super) struct Verify {
    /// The server's data folder, or its `journal` folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// How the result is written
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

#[derive(Debug, clap::Args)]
pub(super) struct Repair {
    /// The server's data folder, or its `journal` folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Copy damaged bytes to `quarantine-…` files beside the journal; records in them are lost
    #[arg(long, required = true)]
    quarantine: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct Dump {
    /// The server's data folder, or its `journal` folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Only records from this number on
    #[arg(long, value_name = "LSN", default_value_t = 0)]
    from: Lsn,
    /// Only records of this workspace
    #[arg(long, value_name = "ID")]
    workspace: Option<String>,
    /// How records are written
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

pub(super) fn run(command: &Commands) -> Exit {
    let (folder, result) = match command {
        Commands::Verify(arguments) => (&arguments.folder, verify(arguments)),
        Commands::Repair(arguments) => (&arguments.folder, put_aside(&arguments.folder)),
        Commands::Dump(arguments) => (&arguments.folder, dump(arguments)),
    };
    result.unwrap_or_else(|error| {
        complain(&format!("{}: {error}", harmless(&folder.display().to_string())));
        Exit::Failed
    })
}

type Result = std::result::Result<Exit, Box<dyn std::error::Error>>;

/// The journal's folder, for this process alone.
fn take(folder: &Path) -> std::io::Result<Folder> {
    let inner = folder.join("journal");
    let folder = if inner.is_dir() { inner } else { folder.to_owned() };
    let taken = Folder::take_existing(&folder)?;
    if !taken.list()?.iter().any(|name| name.ends_with(".segment") || is_checkpoint(name)) {
        return Err(std::io::Error::other("there is no journal in it"));
    }
    Ok(taken)
}

fn verify(arguments: &Verify) -> Result {
    let disk = take(&arguments.folder)?;
    let mut unreadable = 0_u64;
    let report =
        check(&disk, &mut |_, _, bytes| unreadable += u64::from(Record::from_bytes(bytes).is_err()))?;
    let checkpoints = look(&disk)?;
    let mut out = Out::default();
    let written = match arguments.output {
        Output::Json => out.line(&report_json(&report, &checkpoints, unreadable).to_string())?,
        Output::Text => {
            let mut written = Written::Yes;
            for line in report_text(&report, &checkpoints, unreadable) {
                written = out.line(&line)?;
            }
            written
        }
    };
    if written == Written::Yes {
        let _ = out.flush()?;
    }
    let whole = report.damage.is_empty() && unreadable == 0 && lost_behind(&report, &checkpoints).is_none();
    // A damaged checkpoint costs a longer start and nothing else.
    Ok(if whole { Exit::Ok } else { Exit::Failed })
}

/// The records that a checkpoint was made of and that are behind the journal's end.
fn lost_behind(report: &Report, checkpoints: &[Seen]) -> Option<(u64, u64)> {
    let made_of = checkpoints.iter().filter_map(|seen| seen.holds.as_ref().ok()).map(|(_, _, lsn)| *lsn);
    made_of.max().filter(|lsn| *lsn > report.next_lsn).map(|lsn| (report.next_lsn, lsn))
}

fn report_text(report: &Report, checkpoints: &[Seen], unreadable: u64) -> Vec<String> {
    let mut lines = Vec::new();
    for Damage { file, offset, until, lsn, lsn_until, what, .. } in &report.damage {
        lines.push(format!(
            "{file}: damaged from byte {offset} to {until}, records {lsn} to {lsn_until}: {what}"
        ));
    }
    for Seen { name, holds } in checkpoints {
        lines.push(match holds {
            Ok((pending, names, lsn)) => {
                format!("{name}: whole, {pending} pending deliveries, {names} names, up to record {lsn}")
            }
            Err(why) => format!("{name}: cannot be used: {why}; a start reads more of the journal instead"),
        });
    }
    let lost = lost_behind(report, checkpoints);
    if let Some((from, until)) = lost {
        lines.push(format!("records {from} to {until} are missing: a checkpoint was made of them"));
    }
    if let Some((file, offset)) = &report.torn_at {
        lines.push(format!("{file}: a write was cut short at byte {offset}; nothing was promised about it"));
    }
    if report.put_aside > 0 {
        lines.push(format!("{} records were put aside by an earlier repair", report.put_aside));
    }
    if unreadable > 0 {
        lines.push(format!("{unreadable} records are of a version that this program does not read"));
    }
    let state = if report.damage.is_empty() && lost.is_none() { "whole" } else { "damaged" };
    let (segments, records, first, next) =
        (report.segments, report.records, report.first_lsn, report.next_lsn);
    lines.push(format!("the journal is {state}: {segments} segments, {records} records, {first} to {next}"));
    lines
}

fn report_json(report: &Report, checkpoints: &[Seen], unreadable: u64) -> Value {
    let damage: Vec<Value> = report.damage.iter().map(damage_json).collect();
    let missing = lost_behind(report, checkpoints);
    let checkpoints: Vec<Value> = checkpoints
        .iter()
        .map(|Seen { name, holds }| match holds {
            Ok((pending, names, lsn)) => {
                json!({ "file": name, "pending": pending, "names": names, "lsn": lsn })
            }
            Err(why) => json!({ "file": name, "error": why }),
        })
        .collect();
    let torn = report.torn_at.as_ref().map(|(file, offset)| json!({ "file": file, "offset": offset }));
    json!({
        "whole": report.damage.is_empty() && missing.is_none(),
        "segments": report.segments,
        "records": report.records,
        "first_lsn": report.first_lsn,
        "next_lsn": report.next_lsn,
        "put_aside": report.put_aside,
        "unreadable": unreadable,
        "damage": damage,
        "missing": missing.map(|(from, until)| json!({ "lsn": from, "lsn_until": until })),
        "torn": torn,
        "checkpoints": checkpoints,
    })
}

fn damage_json(damage: &Damage) -> Value {
    let Damage { file, offset, until, lsn, lsn_until, what, .. } = damage;
    json!({ "file": file, "offset": offset, "until": until, "lsn": lsn, "lsn_until": lsn_until, "what": what })
}

fn put_aside(folder: &Path) -> Result {
    let disk = take(folder)?;
    let seed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_nanos();
    let done = repair(&disk, u64::try_from(seed & u128::from(u64::MAX))?)?;
    let ranges: Vec<&Damage> = done.iter().map(|done| &done.damage).collect();
    let checkpoints = look(&disk)?;
    let report = check(&disk, &mut |_, _, _| {})?;
    let missing = lost_behind(&report, &checkpoints);
    let removed = remove_unusable(&disk, &ranges, report.next_lsn)?;
    confirm(&disk)?;
    for Repaired { damage, quarantine, kept, lost } in &done {
        let Damage { file, offset, until, lsn, lsn_until, what, .. } = damage;
        say(&format!(
            "{file}: bytes {offset} to {until} ({what}) are in {quarantine} now; of records {lsn} to {lsn_until}, \
             {lost} are lost and {kept} were kept"
        ));
    }
    for name in removed {
        say(&format!(
            "{name} cannot be used any more and was removed; the next start reads more of the journal"
        ));
    }
    if let Some((from, until)) = missing {
        say(&format!(
            "records {from} to {until} are missing at the end: events or outcomes in them are gone"
        ));
    }
    if done.is_empty() && missing.is_none() {
        say("nothing is damaged; nothing was changed");
    } else if !done.is_empty() {
        let lost = done.iter().map(|done| done.lost).sum::<u64>();
        say(&format!(
            "the journal is whole again without {lost} records: events or outcomes that were in them are gone"
        ));
    }
    Ok(Exit::Ok)
}

fn dump(arguments: &Dump) -> Result {
    let disk = take(&arguments.folder)?;
    let mut out = Out::default();
    let mut result = Ok(Written::Yes);
    let report = check(&disk, &mut |position, lsn, bytes| {
        let going = matches!(result, Ok(Written::Yes));
        if !going || lsn < arguments.from {
            return;
        }
        let record = Record::from_bytes(bytes);
        let line = match (&record, &arguments.workspace) {
            (Ok(record), Some(wanted)) if workspace_of(record) != wanted => return,
            (Err(_), Some(_)) => return,
            (Ok(record), _) => shown(record, position, lsn),
            (Err(_), None) => json!({ "lsn": lsn, "kind": "unknown", "bytes": bytes.len() }),
        };
        result = match arguments.output {
            Output::Json => out.line(&line.to_string()),
            Output::Text => out.line(&as_text(&line)),
        };
    })?;
    if result? == Written::Yes {
        let _ = out.flush()?;
    }
    for Damage { file, offset, lsn, lsn_until, .. } in &report.damage {
        complain(&format!("{file} is damaged at byte {offset}; records {lsn} to {lsn_until} are not shown"));
    }
    Ok(if report.damage.is_empty() { Exit::Ok } else { Exit::Failed })
}

fn workspace_of(record: &Record) -> &str {
    match record {
        Record::Accepted(owed) | Record::Replayed(owed) => owed.event.workspace.as_str(),
        Record::Carried(carried) => carried.owed.event.workspace.as_str(),
        Record::Started { workspace, .. }
        | Record::Finished { workspace, .. }
        | Record::Settled { workspace, .. } => workspace.as_str(),
    }
}

/// A record without anything that a workspace may want to keep to itself.
fn shown(record: &Record, position: Position, lsn: Lsn) -> Value {
    let mut line = json!({ "lsn": lsn, "segment": position.segment, "offset": position.offset });
    let rest = match record {
        Record::Accepted(owed) => owed_json("accepted", owed),
        Record::Replayed(owed) => owed_json("replayed", owed),
        Record::Carried(carried) => {
            let mut shown = owed_json("carried", &carried.owed);
            let waits = carried.waits.iter();
            let waits = waits.map(|waits| json!({ "attempts": waits.attempts, "due_at": waits.due_at }));
            if let Value::Object(fields) = &mut shown {
                fields.insert("waits".into(), waits.collect());
            }
            shown
        }
        Record::Started { workspace, delivery, attempt, at, .. } => {
            json!({ "kind": "started", "workspace": workspace, "delivery": delivery, "attempt": attempt, "at": at })
        }
        Record::Finished { workspace, attempt, state } => json!({
            "kind": "finished", "workspace": workspace, "delivery": attempt.delivery, "attempt": attempt.number,
            "at": attempt.started_at, "took_micros": attempt.took_micros, "outcome": attempt.outcome,
            "status": attempt.status, "state": state,
        }),
        Record::Settled { workspace, delivery, state, at } => {
            json!({ "kind": "settled", "workspace": workspace, "delivery": delivery, "state": state, "at": at })
        }
    };
    if let (Value::Object(line), Value::Object(rest)) = (&mut line, rest) {
        line.extend(rest);
    }
    line
}

fn owed_json(kind: &str, owed: &Owed) -> Value {
    let deliveries = owed.deliveries.iter().map(|delivery| {
        json!({
            "id": delivery.id, "rule": delivery.rule, "connection": delivery.connection,
            "action": delivery.action, "due_at": delivery.due_at, "mapped": delivery.input.is_ok(),
            "skipped": delivery.skipped,
        })
    });
    json!({
        "kind": kind, "workspace": owed.event.workspace, "event": owed.event.id, "type": owed.event.kind,
        "received_at": owed.event.received_at, "payload_bytes": owed.event.payload.len(),
        "deliveries": deliveries.collect::<Vec<_>>(),
    })
}

/// One line for people: number, kind, and the rest as `name=value`.
fn as_text(line: &Value) -> String {
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut text = format!("{:>10} {:<9}", plain(&line["lsn"]), plain(&line["kind"]));
    for (name, value) in line.as_object().into_iter().flatten() {
        if !["lsn", "kind"].contains(&name.as_str()) {
            text.push_str(&format!(" {name}={}", plain(value)));
        }
    }
    harmless(&text)
}
