//! Meshes: rules, with the connections and default mappings they use.
//!
//! After the shapes that its public clients read (`Rule`, `Connection`, `MappingSchema`). A Meshes rule
//! binds one event name to one action of one connection; a connection has one mapping for all its rules.

mod deliver;
mod mapping;

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::json::{self, Pointer};
use super::text::{self, Names, quoted};
use super::{ImportError, Imported, Notes, check_size, finish};
use crate::catalogue::Catalogue;

/// A connection of the source.
struct Connection {
    /// Its name in the file.
    name: String,
    integration: String,
    /// Whether a webhook posts the payload alone.
    raw: bool,
}

/// Everything but the rules.
#[derive(Default)]
struct Known {
    /// By Meshes' id.
    connections: HashMap<String, Connection>,
    /// In the order in which the file declares them.
    order: Vec<String>,
    /// By the connection's id.
    mappings: HashMap<String, Vec<mapping::Field>>,
}

/// Imports rules: an object with `rules`, `connections` and `mappings` (each a list, or a page with
/// `records`), a list of rules alone, or one rule. The catalogue says which actions can be delivered;
/// a delivery that this build does not know stands as a comment.
///
/// # Errors
/// When the source is no JSON, or no such rules.
pub fn import(source: &str, catalogue: &Catalogue) -> Result<Imported, ImportError> {
    check_size(source)?;
    let mut notes = Notes::default();
    let document = json::read(source, &mut notes)?;
    let root = Pointer::default();
    let mut known = Known::default();
    let mut names = Names::default();
    for (at, value) in records(document.get("connections"), &root.key("connections"))? {
        known.connection(value, &at, &mut names)?;
    }
    for (at, value) in records(document.get("mappings"), &root.key("mappings"))? {
        known.mapping(value, &at)?;
    }
    let rules = match document.get("rules") {
        Some(rules) => records(Some(rules), &root.key("rules"))?,
        None if document.get("event").is_some() => vec![(root, &document)],
        None if document.is_array() || document.get("records").is_some() => records(Some(&document), &root)?,
        None => return Err(root.invalid("there are no `rules`")),
    };
    let mut names_of_rules = Names::default();
    let mut written = String::new();
    for (at, value) in rules {
        written.push_str(&rule(
            value,
            &at,
            &mut known,
            &mut names,
            &mut names_of_rules,
            catalogue,
            &mut notes,
        )?);
        written.push('\n');
    }
    let head = format!("# Imported from Meshes.\n{}", notes.comments());
    finish(&[&head, &known.declarations(catalogue), &written], catalogue.clone(), notes)
}

/// The elements of a list or of a page of one.
fn records<'v>(value: Option<&'v Value>, at: &Pointer) -> Result<Vec<(Pointer, &'v Value)>, ImportError> {
    let (at, items) = match value {
        None => return Ok(Vec::new()),
        Some(Value::Array(items)) => (at.clone(), items),
        Some(page) => match page.get("records") {
            Some(Value::Array(items)) => (at.key("records"), items),
            _ => return Err(at.invalid("this must be a list, or a page with `records`")),
        },
    };
    Ok(items.iter().enumerate().map(|(index, item)| (at.index(index), item)).collect())
}

fn members<'v>(value: &'v Value, at: &Pointer, what: &str) -> Result<&'v Map<String, Value>, ImportError> {
    value.as_object().ok_or_else(|| at.invalid(format!("{what} must be an object")))
}

fn string<'v>(
    members: &'v Map<String, Value>,
    key: &str,
    at: &Pointer,
) -> Result<Option<&'v str>, ImportError> {
    match members.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(at.key(key).invalid(format!("`{key}` must be a text"))),
    }
}

fn required<'v>(members: &'v Map<String, Value>, key: &str, at: &Pointer) -> Result<&'v str, ImportError> {
    let text = string(members, key, at)?.filter(|text| !text.is_empty());
    text.ok_or_else(|| at.invalid(format!("`{key}` is missing")))
}

impl Known {
    fn connection(&mut self, value: &Value, at: &Pointer, names: &mut Names) -> Result<(), ImportError> {
        let members = members(value, at, "a connection")?;
        let id = required(members, "id", at)?;
        let integration = required(members, "type", at)?.to_owned();
        let name = names.give(string(members, "name", at)?.unwrap_or(&integration), "connection_1");
        let mode = members.get("metadata").and_then(|metadata| metadata.get("payload_mode"));
        let raw = mode.and_then(Value::as_str) == Some("raw");
        self.add(id, Connection { name, integration, raw });
        Ok(())
    }

    fn add(&mut self, id: &str, connection: Connection) {
        if self.connections.insert(id.to_owned(), connection).is_none() {
            self.order.push(id.to_owned());
        }
    }

    fn mapping(&mut self, value: &Value, at: &Pointer) -> Result<(), ImportError> {
        let (value, at) = match value.get("mapping") {
            Some(inner) => (inner, at.key("mapping")),
            None => (value, at.clone()),
        };
        let members = members(value, &at, "a mapping")?;
        let connection = required(members, "connection_id", &at)?;
        let at = at.key("schema");
        let Some(schema) = members.get("schema") else { return Err(at.invalid("`schema` is missing")) };
        self.mappings.insert(connection.to_owned(), mapping::read(schema, &at)?);
        Ok(())
    }

    /// `connection NAME: INTEGRATION`; one that this build does not know is a comment.
    fn declarations(&self, catalogue: &Catalogue) -> String {
        let mut out = String::new();
        for connection in self.order.iter().filter_map(|id| self.connections.get(id)) {
            let line = format!("connection {}: {}", connection.name, connection.integration);
            let known = catalogue.integrations.contains_key(connection.integration.as_str());
            out.push_str(&if known {
                format!("{line}\n")
            } else {
                text::comment(&line.replace(['\n', '\r'], " "))
            });
        }
        out
    }
}

fn rule(
    value: &Value,
    at: &Pointer,
    known: &mut Known,
    names: &mut Names,
    names_of_rules: &mut Names,
    catalogue: &Catalogue,
    notes: &mut Notes,
) -> Result<String, ImportError> {
    let members = members(value, at, "a rule")?;
    let event = required(members, "event", at)?;
    let id = required(members, "connection", at)?;
    if !known.connections.contains_key(id) {
        let Some(integration) = string(members, "type", at)? else {
            return Err(at.key("connection").invalid("this connection is not among `connections`"));
        };
        let name = names.give(integration, "connection_1");
        known.add(id, Connection { name, integration: integration.to_owned(), raw: false });
    }
    let Some(connection) = known.connections.get(id) else { return Ok(String::new()) };
    let name = names_of_rules.give(&format!("{event}_to_{}", connection.name), "imported_rule");
    let mut lines = Vec::new();
    if let Some(id) = string(members, "id", at)? {
        lines.push(format!("## Meshes rule {}.", id.replace(['\n', '\r'], " ")));
    }
    lines.push(format!("rule {name} {{"));
    lines.push(format!("  on {event}"));
    if let Some(resource) = string(members, "resource", at)? {
        lines.push(format!("  resource {}", quoted(&literal_glob(resource))));
    }
    if let Some(resource_id) = string(members, "resource_id", at)? {
        let at = at.key("resource_id");
        let fits = |one: char| one.is_ascii_alphanumeric() || matches!(one, '.' | '_' | ':' | '-');
        if resource_id.len() > 64 || !resource_id.chars().all(fits) {
            return Err(at.invalid("letters, digits and `._:-`, at most 64 of them"));
        }
        lines.push(format!("  resource_id {}", quoted(resource_id)));
    }
    let mapping = known.mappings.get(id).map(Vec::as_slice);
    lines.extend(deliver::lines(members, at, connection, mapping, catalogue, notes)?);
    lines.push("}\n".to_owned());
    let written = lines.join("\n");
    if !is_event_type(event) {
        let text =
            format!("`{event}` cannot be an event type here: letters, digits, `_` and `-`, joined by dots");
        notes.add(at.key("event").place(), text);
        return Ok(text::commented(&written, 0));
    }
    if members.get("active") == Some(&Value::Bool(false)) {
        notes.add(at.key("active").place(), format!("`{name}` is switched off and stands as a comment"));
        return Ok(text::commented(&written, 0));
    }
    Ok(written)
}

fn is_event_type(event: &str) -> bool {
    let fits = |one: char| one.is_ascii_alphanumeric() || matches!(one, '_' | '-');
    event.split('.').all(|segment| !segment.is_empty() && segment.chars().all(fits))
}

/// A resource is compared as a whole there, and is a glob here.
fn literal_glob(text: &str) -> String {
    let mut out = String::new();
    for one in text.chars() {
        match one {
            '*' | '?' | '[' => out.extend(['[', one, ']']),
            '\\' => out.push_str("\\\\"),
            one => out.push(one),
        }
    }
    out
}
