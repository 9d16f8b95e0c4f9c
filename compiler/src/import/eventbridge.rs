//! Amazon EventBridge event patterns, alone or inside the rules that hold them.

mod condition;
mod pattern;

use serde_json::{Map, Value};

use self::condition::{VALUE, Writer};
use super::json::{self, Pointer};
use super::layout::Cond;
use super::text::{self, Names};
use super::{ImportError, Imported, Notes, check_size, finish};
use crate::catalogue::Catalogue;

/// The connection that imported rules deliver to.
const CONNECTION: &str = "receiver";

/// How to read a pattern.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The rule's name when the source gives none.
    pub rule: Option<String>,
    /// What is known of the events.
    pub events: Events,
    /// Write every path also with dots inside names (`"state.status"`), because EventBridge cannot
    /// tell such an event from a nested one. Without it only names that the pattern itself writes
    /// with a dot get both spellings.
    pub joined_names: bool,
    /// An event of the kind that the pattern is about. What is a single value in it is read as one and
    /// no longer as a list, which makes the conditions shorter and no longer the same for every event.
    pub example: Option<Value>,
}

/// What is known of the events that a pattern is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Events {
    /// They have EventBridge's envelope: `source`, `detail-type` and so on are texts and always there,
    /// `detail` is an object.
    #[default]
    EventBridge,
    /// Nothing: the same pattern language over other JSON, as in Pipes.
    AnyJson,
}

/// A rule in the source.
struct Found<'v> {
    name: String,
    description: Vec<&'v str>,
    enabled: bool,
    at: Pointer,
    pattern: Value,
}

/// Imports a pattern, a rule with its `EventPattern`, or the answer of `list-rules`.
///
/// # Errors
/// When the source is no JSON, when EventBridge would refuse a pattern, or when a bound of rule files
/// does not hold it.
pub fn import(source: &str, options: &Options) -> Result<Imported, ImportError> {
    check_size(source)?;
    let mut notes = Notes::default();
    let document = json::read(source, &mut notes)?;
    let found = find(&document, options, &mut notes)?;
    let mut names = Names::default();
    let mut rules = String::new();
    let mut asks_for_values = false;
    if options.example.is_some() {
        let text =
            "written for events like the example: what is a single value there is never a list or null";
        notes.add(Pointer::default().place(), text);
    }
    for one in found {
        let pattern = pattern::read(&one.pattern, &one.at)?;
        let mut writer = Writer::new(options, &mut notes);
        let condition = writer.pattern(&pattern)?;
        let needs_value = writer.asks_for_values;
        let name = names.give(&one.name, "imported_pattern");
        let written = rule(&name, &one.description, &condition);
        rules.push('\n');
        if one.enabled {
            asks_for_values |= needs_value;
            rules.push_str(&written);
        } else {
            notes.add(
                one.at.place(),
                format!("the rule `{}` is switched off and stands as a comment", one.name),
            );
            rules.push_str(&text::commented(&written, 0));
        }
    }
    let value = if asks_for_values { VALUE_PREDICATE.replace("NAME", VALUE) } else { String::new() };
    let head = format!("# Imported from EventBridge.\n{}", notes.comments());
    let connection = format!("connection {CONNECTION}: webhook");
    finish(&[&head, &connection, &value, rules.trim_start()], Catalogue::shipped(), notes)
}

const VALUE_PREDICATE: &str = "\
## What `exists` asks in EventBridge: null is a value, an object is none.
predicate NAME(value: any) = (value is null or value is present) and (value | keys) is missing
";

fn rule(name: &str, description: &[&str], condition: &Cond) -> String {
    let mut out = String::new();
    for line in description {
        out.push_str(&format!("## {line}\n"));
    }
    let (when, unless) = condition.clone().split();
    let guards = Cond::guards(when.as_ref(), unless.as_ref());
    out.push_str(&format!("rule {name} {{\n  on **\n{guards}  deliver {CONNECTION}.send_webhook\n}}\n"));
    out
}

fn find<'v>(
    document: &'v Value,
    options: &Options,
    notes: &mut Notes,
) -> Result<Vec<Found<'v>>, ImportError> {
    let at = Pointer::default();
    let fallback = options.rule.clone().unwrap_or_else(|| "imported_pattern".to_owned());
    let is_named = |rule: &Value| rule.get("Name").is_some_and(Value::is_string);
    let rules = document.get("Rules").and_then(Value::as_array).filter(|rules| rules.iter().any(is_named));
    if let Some(rules) = rules {
        let at = at.key("Rules");
        let mut found = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            found.extend(as_rule(rule, &at.index(index), &fallback, notes)?);
        }
        return Ok(found);
    }
    if is_rule(document) {
        return Ok(as_rule(document, &at, &fallback, notes)?.into_iter().collect());
    }
    Ok(vec![Found { name: fallback, description: Vec::new(), enabled: true, at, pattern: document.clone() }])
}

/// Whether a document holds a pattern rather than being one, in which every value is an object or a list.
fn is_rule(document: &Value) -> bool {
    let Value::Object(members) = document else { return false };
    let plain = |key: &str| members.get(key).is_some_and(Value::is_string);
    members.contains_key("EventPattern") && (plain("EventPattern") || plain("Name") || plain("State"))
}

fn as_rule<'v>(
    rule: &'v Value,
    at: &Pointer,
    fallback: &str,
    notes: &mut Notes,
) -> Result<Option<Found<'v>>, ImportError> {
    let Value::Object(members) = rule else { return Err(at.invalid("a rule must be an object")) };
    let string = |key: &str| members.get(key).and_then(Value::as_str);
    let name = string("Name").unwrap_or(fallback).to_owned();
    let below = at.key("EventPattern");
    let pattern = match members.get("EventPattern") {
        None => {
            notes.add(at.place(), format!("`{name}` has no event pattern; schedules are not imported"));
            return Ok(None);
        }
        Some(Value::String(text)) => {
            serde_json::from_str(text).map_err(|error| below.invalid(format!("this is not JSON: {error}")))?
        }
        Some(pattern) => pattern.clone(),
    };
    left_out(members, at, notes);
    let description = string("Description").unwrap_or_default().lines().map(str::trim).collect();
    let enabled = string("State").is_none_or(|state| state.starts_with("ENABLED"));
    Ok(Some(Found { name, description, enabled, at: below, pattern }))
}

fn left_out(members: &Map<String, Value>, at: &Pointer, notes: &mut Notes) {
    for key in ["Targets", "ScheduleExpression"] {
        if members.contains_key(key) {
            let text = format!("`{key}` is not imported; say in `deliver` where the events go");
            notes.add(at.key(key).place(), text);
        }
    }
}
