//! The action of a Meshes rule as a delivery.

use serde_json::{Map, Value};

use super::super::json::Pointer;
use super::super::text::{WIDTH, commented, key, quoted};
use super::super::{ImportError, Notes};
use super::mapping::{Field, OnError, template};
use super::{Connection, members, required};
use crate::catalogue::{Action, Catalogue};

/// What Meshes calls `id` and `template` goes by more telling names here; the first that the action has.
const ALIASES: &[(&str, &[&str])] = &[
    (
        "id",
        &[
            "channel", "template", "list", "tag", "segment", "group", "campaign", "meeting", "webinar",
            "property",
        ],
    ),
    ("template", &["text", "body"]),
    ("body", &["text", "html"]),
];

/// One field of the input.
struct Entry {
    key: String,
    value: String,
}

/// `deliver …` for the body of a rule, two spaces in.
pub(super) fn lines(
    rule: &Map<String, Value>,
    at: &Pointer,
    connection: &Connection,
    mapping: Option<&[Field]>,
    catalogue: &Catalogue,
    notes: &mut Notes,
) -> Result<Vec<String>, ImportError> {
    let at = at.key("metadata");
    let metadata = members(rule.get("metadata").unwrap_or(&Value::Null), &at, "`metadata`")?;
    let action_name = required(metadata, "action", &at)?;
    let integration = connection.integration.as_str();
    let Some(action) = catalogue.action(integration, action_name) else {
        let entries = entries(metadata, &at, mapping, None, notes)?;
        let text = format!("`{integration}` has no action `{action_name}` in this build");
        return Ok(refused(connection, action_name, &entries, &text, &at, notes));
    };
    let entries = if integration == "webhook" {
        if mapping.is_none() && !connection.raw {
            let text = "the wrapped body has no `time_sent` here, and `time_created` is a date and time, not milliseconds";
            notes.add(at.place(), text);
        }
        webhook(connection, mapping)
    } else {
        entries(metadata, &at, mapping, Some(action), notes)?
    };
    let lacks = |field: &&crate::catalogue::Field| {
        field.required && !entries.iter().any(|one| *one.key == *field.name)
    };
    if let Some(field) = action.fields.iter().find(lacks) {
        let text = format!("`{integration}` {action_name} needs `{}`, and no mapping gives it", field.name);
        return Ok(refused(connection, action_name, &entries, &text, &at, notes));
    }
    let fails = mapping.is_some_and(|fields| fields.iter().any(|field| field.on_error == OnError::Fail));
    if fails {
        let text = "one field of the mapping fails the whole action, so every field does here";
        notes.add(at.place(), text);
    }
    Ok(deliver(connection, action_name, &entries, fails).lines().map(str::to_owned).collect())
}

/// A delivery that cannot be made: nothing is sent, and what would have been stands as a comment.
fn refused(
    connection: &Connection,
    action: &str,
    entries: &[Entry],
    why: &str,
    at: &Pointer,
    notes: &mut Notes,
) -> Vec<String> {
    notes.add(at.place(), why);
    let written = deliver(connection, action, entries, false);
    let lines: Vec<&str> = written.lines().map(|line| line.strip_prefix("  ").unwrap_or(line)).collect();
    let comment = commented(&lines.join("\n"), 0);
    let comment = comment.lines().map(|line| format!("  {line}"));
    [format!("  ignore {}", quoted(why))].into_iter().chain(comment).collect()
}

fn deliver(connection: &Connection, action: &str, entries: &[Entry], fails: bool) -> String {
    let head = format!("  deliver {}.{action}", connection.name);
    let with = if fails { " with { on_field_error: \"fail\" }" } else { "" };
    if entries.is_empty() {
        return format!("{head}{with}");
    }
    let short: Vec<String> = entries.iter().map(|one| format!("{}: {}", one.key, one.value)).collect();
    let short = format!("{head} {{ {} }}{with}", short.join(", "));
    if short.chars().count() <= WIDTH && !short.contains('\n') {
        return short;
    }
    let mut out = format!("{head} {{\n");
    let widest = entries.iter().map(|one| one.key.chars().count()).max().unwrap_or_default();
    for one in entries {
        let gap = " ".repeat(widest.saturating_sub(one.key.chars().count()));
        out.push_str(&format!("    {}: {gap}{}\n", one.key, one.value));
    }
    out.push_str(&format!("  }}{with}"));
    out
}

fn webhook(connection: &Connection, mapping: Option<&[Field]>) -> Vec<Entry> {
    let record = |entries: Vec<(String, String)>| {
        let widest = entries.iter().map(|(key, _)| key.chars().count()).max().unwrap_or_default();
        let line = |(key, value): &(String, String)| {
            let gap = " ".repeat(widest.saturating_sub(key.chars().count()));
            format!("      {key}: {gap}{value}\n")
        };
        let lines: String = entries.iter().map(line).collect();
        vec![Entry { key: "body".to_owned(), value: format!("{{\n{lines}    }}") }]
    };
    match mapping {
        Some(fields) => record(fields.iter().map(|field| (key(&field.dest), field.value.clone())).collect()),
        None if connection.raw => Vec::new(),
        None => {
            let wrapped = [
                ("uuid", "event.id"),
                ("event", "event.type"),
                ("resource", "event.resource"),
                ("resource_id", "event.resource_id"),
                ("payload", "payload"),
                ("time_created", "event.received_at"),
            ];
            record(wrapped.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec())
        }
    }
}

fn entries(
    metadata: &Map<String, Value>,
    at: &Pointer,
    mapping: Option<&[Field]>,
    action: Option<&Action>,
    notes: &mut Notes,
) -> Result<Vec<Entry>, ImportError> {
    let takes = |name: &str| action.is_none_or(|action| action.open || has(action, name));
    let mut out: Vec<Entry> = Vec::new();
    for (name, value) in metadata.iter().filter(|(name, _)| *name != "action") {
        let at = at.key(name);
        let Some(text) = value.as_str() else {
            return Err(at.invalid("the metadata of a rule holds texts"));
        };
        let field = named(name, action);
        if takes(field) {
            let value = template(text, &at, notes);
            out.push(Entry { key: key(field), value });
        } else {
            notes.add(at.place(), format!("the action takes no `{name}` here; it said {}", quoted(text)));
        }
    }
    for field in mapping.unwrap_or_default() {
        if field.on_error == OnError::Warn {
            notes
                .add(field.at.place(), "a field that fails is left out; the trace says so, nobody is warned");
        }
        if !takes(&field.dest) {
            notes.add(field.at.place(), format!("the action takes no field `{}`", field.dest));
        } else if !out.iter().any(|one| one.key == key(&field.dest)) {
            out.push(Entry { key: key(&field.dest), value: field.value.clone() });
        }
    }
    // Every action that writes a person finds it by the payload's `email`, mapped or not.
    for person in ["email", "to"] {
        let needed = action
            .is_some_and(|action| action.fields.iter().any(|field| field.required && *field.name == *person));
        if needed && !out.iter().any(|one| one.key == person) {
            out.push(Entry { key: person.to_owned(), value: "payload.email".to_owned() });
        }
    }
    Ok(out)
}

fn has(action: &Action, name: &str) -> bool {
    action.fields.iter().any(|field| *field.name == *name)
}

fn named<'n>(name: &'n str, action: Option<&Action>) -> &'n str {
    let Some(action) = action.filter(|action| !has(action, name)) else { return name };
    let aliases =
        ALIASES.iter().find(|(alias, _)| *alias == name).map(|(_, names)| *names).unwrap_or_default();
    aliases.iter().copied().find(|alias| has(action, alias)).unwrap_or(name)
}
