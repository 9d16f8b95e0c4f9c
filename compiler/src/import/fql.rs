//! Segment's FQL: what destination filters and subscription triggers are written in.

mod condition;
mod glob;
mod parse;
mod token;

use serde_json::Value;

use self::condition::{Guard, Refusal};
use super::json::{self, Pointer};
use super::layout::Cond;
use super::text::{self, Names};
use super::{ImportError, Imported, Notes, check_size, finish};
use crate::catalogue::Catalogue;

/// The connection that imported rules deliver to.
const CONNECTION: &str = "receiver";

/// A statement and what is said around it.
struct Filter {
    name: String,
    statement: String,
    enabled: bool,
    /// Whether the events that it is true for are the ones left out.
    drops: bool,
}

/// Imports a statement, or a destination filter as JSON (`if`, `title`, `enabled`, `actions`).
///
/// # Errors
/// When the statement cannot be read, or a bound of rule files does not hold it.
pub fn import(source: &str) -> Result<Imported, ImportError> {
    check_size(source)?;
    let mut notes = Notes::default();
    let filter = filter(source, &mut notes)?;
    let expr = parse::parse(&filter.statement)?;
    let name = Names::default().give(&filter.name, "imported_filter");
    let mut head = String::from("# Imported from Segment, where it says:\n");
    head.push_str(&text::commented(&filter.statement, 0).replace("# ", "#   "));
    let rule = match condition::guard(&expr, filter.drops, &mut notes) {
        Ok(guard) => {
            let rule = rule(&name, &guard);
            if filter.enabled { rule } else { text::commented(&rule, 0) }
        }
        // A condition with a part missing would send what nobody asked for, so nothing is sent.
        Err(Refusal::Unsaid(at, reason)) => {
            notes.add(at, format!("{reason}; without it the rule would send too much, so there is none"));
            String::new()
        }
        Err(Refusal::Error(error)) => return Err(error),
    };
    head.push_str(&notes.comments());
    finish(&[&head, &format!("connection {CONNECTION}: webhook"), &rule], Catalogue::shipped(), notes)
}

fn rule(name: &str, guard: &Guard) -> String {
    let guards = Cond::guards(guard.when.as_ref(), guard.unless.as_ref());
    format!("rule {name} {{\n  on **\n{guards}  deliver {CONNECTION}.send_webhook\n}}\n")
}

fn filter(source: &str, notes: &mut Notes) -> Result<Filter, ImportError> {
    if !source.trim_start().starts_with('{') {
        let name = "imported_filter".to_owned();
        return Ok(Filter { name, statement: source.trim().to_owned(), enabled: true, drops: false });
    }
    let document = json::read(source, notes)?;
    let at = Pointer::default();
    let Some(statement) = document.get("if").and_then(Value::as_str) else {
        return Err(at.key("if").invalid("a filter has its statement in `if`"));
    };
    let name = document.get("title").and_then(Value::as_str).unwrap_or("imported_filter").to_owned();
    let enabled = document.get("enabled") != Some(&Value::Bool(false));
    if !enabled {
        notes.add(at.key("enabled").place(), "the filter is switched off and stands as a comment");
    }
    let mut drops = false;
    let at = at.key("actions");
    let actions = document.get("actions").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for (index, action) in actions.iter().enumerate() {
        let kind = action.get("type").and_then(Value::as_str).unwrap_or_default();
        if kind.eq_ignore_ascii_case("drop") || kind.eq_ignore_ascii_case("drop_event") {
            drops = true;
        } else {
            let text = format!("the action `{kind}` is not imported; shape the input in `deliver` instead");
            notes.add(at.index(index).place(), text);
        }
    }
    Ok(Filter { name, statement: statement.trim().to_owned(), enabled, drops })
}
