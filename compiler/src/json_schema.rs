//! JSON Schema to types: the subset of draft 2020-12 that describes event payloads.
//!
//! Source of the meaning of keywords: JSON Schema Core and Validation, draft 2020-12. What is not
//! understood is noted, never ignored silently: such a part is looked at while running.

mod places;

use std::sync::Arc;

use grammar::{Diagnostic, Ident, Source, Span};
use serde_json::{Map, Value};

use crate::messages::names as messages;
use crate::types::{FieldType, RecordType, Type};
use places::Places;

/// Keywords that only describe and change no type.
const DESCRIBING: &[&str] = &[
    "$schema",
    "$id",
    "$comment",
    "$anchor",
    "$defs",
    "definitions",
    "title",
    "description",
    "examples",
    "default",
    "deprecated",
    "readOnly",
    "writeOnly",
];

/// Keywords that are understood.
const UNDERSTOOD: &[&str] = &[
    "type",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "maxItems",
    "enum",
    "const",
    "format",
    "$ref",
    "allOf",
    "oneOf",
    "anyOf",
];

/// Schemas inside each other, `$ref` included.
const DEPTH_MAX: usize = 32;

/// Parts of one schema, each counted as often as it is referred to. A schema that refers to itself
/// twice would otherwise double with every level.
const PARTS_MAX: usize = 10_000;

/// What a JSON Schema says.
pub(crate) struct Read {
    /// The payload's type.
    pub(crate) ty: Type,
    /// What could not be read or understood.
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// The type that a schema file describes, as far as it can be read; `sources` are the files that it
/// may refer to. What is wrong with the file is for the checker to say.
#[must_use]
pub fn type_of(name: &Ident, from: Span, source: &Source, sources: &[Source]) -> Type {
    read(name, from, source, sources).ty
}

/// Reads a schema file of the bundle.
pub(crate) fn read(name: &Ident, from: Span, source: &Source, sources: &[Source]) -> Read {
    let root: Value = match serde_json::from_str(&source.text) {
        Ok(root) => root,
        Err(error) => {
            let told = messages::schema_is_no_json(from, &source.name, error.line(), error.column());
            return Read { ty: Type::Broken, diagnostics: vec![told] };
        }
    };
    let mut reader = Reader { from, diagnostics: Vec::new(), sources, depth: 0, parts: 0 };
    let file = File { source, root: &root, places: Places::of(source) };
    let ty = match reader.schema(&file, "", &root) {
        Type::Record(record) => {
            let span = file.places.key("").or(record.span);
            Type::Record(Arc::new(RecordType {
                name: Some(name.text.clone()),
                span,
                ..record.as_ref().clone()
            }))
        }
        other => other,
    };
    Read { ty, diagnostics: reader.diagnostics }
}

struct File<'s> {
    source: &'s Source,
    root: &'s Value,
    places: Places,
}

struct Reader<'s> {
    /// Where the import stands.
    from: Span,
    diagnostics: Vec<Diagnostic>,
    sources: &'s [Source],
    depth: usize,
    /// Parts read so far.
    parts: usize,
}

impl Reader<'_> {
    fn place(&self, file: &File, pointer: &str) -> Span {
        file.places.key(pointer).unwrap_or(self.from)
    }

    /// The type of the schema at a pointer of a file.
    fn schema(&mut self, file: &File, pointer: &str, schema: &Value) -> Type {
        if self.parts >= PARTS_MAX {
            return Type::Any;
        }
        self.parts += 1;
        if self.depth >= DEPTH_MAX || self.parts >= PARTS_MAX {
            let place = self.place(file, pointer);
            self.diagnostics.push(messages::schema_too_deep(place, DEPTH_MAX));
            self.parts = PARTS_MAX;
            return Type::Any;
        }
        self.depth += 1;
        let ty = match schema {
            Value::Object(keywords) => self.object(file, pointer, keywords),
            Value::Bool(true) => Type::Any,
            _ => {
                let place = self.place(file, pointer);
                self.diagnostics.push(messages::schema_part_not_understood(place, "this part"));
                Type::Any
            }
        };
        self.depth -= 1;
        ty
    }

    fn object(&mut self, file: &File, pointer: &str, keywords: &Map<String, Value>) -> Type {
        for keyword in keywords.keys() {
            if !UNDERSTOOD.contains(&&**keyword) && !DESCRIBING.contains(&&**keyword) {
                let place = self.place(file, &format!("{pointer}/{keyword}"));
                self.diagnostics.push(messages::schema_part_not_understood(place, keyword));
            }
        }
        for choice in ["oneOf", "anyOf"] {
            if keywords.contains_key(choice) {
                let place = self.place(file, &format!("{pointer}/{choice}"));
                self.diagnostics.push(messages::schema_choice_is_any(place, choice));
                return Type::Any;
            }
        }
        if let Some(Value::String(target)) = keywords.get("$ref") {
            return self.reference(file, pointer, target);
        }
        if let Some(Value::Array(parts)) = keywords.get("allOf") {
            return self.all_of(file, pointer, keywords, parts);
        }
        if let Some(ty) = strings(keywords) {
            return ty;
        }
        match keywords.get("type") {
            Some(Value::String(kind)) => self.of_kind(file, pointer, keywords, kind),
            Some(Value::Array(kinds)) => self.of_kinds(file, pointer, keywords, kinds),
            _ if keywords.contains_key("properties") => self.of_kind(file, pointer, keywords, "object"),
            _ => Type::Any,
        }
    }

    /// `["string", "null"]` is an optional text; other mixtures are looked at while running.
    fn of_kinds(
        &mut self,
        file: &File,
        pointer: &str,
        keywords: &Map<String, Value>,
        kinds: &[Value],
    ) -> Type {
        let null = kinds.iter().any(|kind| kind == "null");
        let mut others = kinds.iter().filter_map(Value::as_str).filter(|kind| *kind != "null");
        match (others.next(), others.next()) {
            (Some(only), None) => {
                let ty = self.of_kind(file, pointer, keywords, only);
                if null { ty.optional() } else { ty }
            }
            _ => {
                let place = self.place(file, &format!("{pointer}/type"));
                self.diagnostics.push(messages::schema_choice_is_any(place, "type"));
                Type::Any
            }
        }
    }

    fn of_kind(&mut self, file: &File, pointer: &str, keywords: &Map<String, Value>, kind: &str) -> Type {
        match kind {
            "string" => self.string(file, pointer, keywords),
            "integer" => Type::Int,
            "number" => Type::Decimal,
            "boolean" => Type::Bool,
            "null" => Type::Any,
            "array" => {
                let at = format!("{pointer}/items");
                let of = keywords.get("items").map_or(Type::Any, |items| self.schema(file, &at, items));
                Type::List { of: Arc::new(of), limit: keywords.get("maxItems").and_then(Value::as_u64) }
            }
            "object" => self.record(file, pointer, keywords),
            _ => {
                let place = self.place(file, &format!("{pointer}/type"));
                self.diagnostics.push(messages::schema_part_not_understood(place, &format!("type: {kind}")));
                Type::Any
            }
        }
    }

    fn string(&mut self, file: &File, pointer: &str, keywords: &Map<String, Value>) -> Type {
        match keywords.get("format").and_then(Value::as_str) {
            None => Type::Text,
            Some("email" | "idn-email") => Type::Email,
            Some("uri" | "url" | "iri") => Type::Url,
            Some("uuid") => Type::Uuid,
            Some("date") => Type::Date,
            Some("date-time") => Type::DateTime,
            Some("duration") => Type::Duration,
            Some("ipv4" | "ipv6") => Type::Ip,
            Some(other) => {
                let place = self.place(file, &format!("{pointer}/format"));
                self.diagnostics
                    .push(messages::schema_part_not_understood(place, &format!("format: {other}")));
                Type::Text
            }
        }
    }

    fn record(&mut self, file: &File, pointer: &str, keywords: &Map<String, Value>) -> Type {
        let further = keywords.get("additionalProperties");
        let Some(Value::Object(properties)) = keywords.get("properties") else {
            let of = match further {
                Some(schema @ Value::Object(_)) => {
                    self.schema(file, &format!("{pointer}/additionalProperties"), schema)
                }
                _ => Type::Any,
            };
            return Type::Map(Arc::new(of));
        };
        let required: Vec<&str> = match keywords.get("required") {
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let mut fields = Vec::new();
        for (name, schema) in properties {
            let at = format!("{pointer}/properties/{}", escaped(name));
            let ty = self.schema(file, &at, schema);
            let ty = if required.contains(&&**name) { ty } else { ty.optional() };
            let text = |keyword: &str| schema.get(keyword).and_then(Value::as_str).unwrap_or_default();
            let deprecated = schema.get("deprecated").and_then(Value::as_bool).unwrap_or_default();
            fields.push(FieldType {
                name: name.as_str().into(),
                ty,
                sensitive: schema.get("x-sensitive").and_then(Value::as_bool).unwrap_or_default(),
                deprecated: deprecated.then(|| text("description").into()),
                docs: text("description").into(),
                span: file.places.key(&at),
                type_span: file.places.key(&at),
            });
        }
        // Without a word about further fields JSON Schema allows them; a payload type that says
        // nothing is taken at its word, so that a slip in a field's name is found.
        let open = matches!(further, Some(Value::Bool(true) | Value::Object(_)));
        let span = file.places.key(pointer);
        Type::Record(Arc::new(RecordType { name: None, fields, open, span }))
    }

    fn all_of(&mut self, file: &File, pointer: &str, keywords: &Map<String, Value>, parts: &[Value]) -> Type {
        let mut records = Vec::new();
        for (at, part) in parts.iter().enumerate() {
            records.push(self.schema(file, &format!("{pointer}/allOf/{at}"), part));
        }
        if keywords.contains_key("properties") {
            records.push(self.record(file, pointer, keywords));
        }
        let mut merged: Vec<FieldType> = Vec::new();
        let mut open = false;
        for ty in records {
            let Type::Record(record) = ty else {
                let place = self.place(file, &format!("{pointer}/allOf"));
                self.diagnostics.push(messages::schema_choice_is_any(place, "allOf"));
                return Type::Any;
            };
            open |= record.open;
            for field in &record.fields {
                match merged.iter_mut().find(|one| one.name == field.name) {
                    // Both hold, so what one of them requires is required.
                    Some(known) if known.ty.is_optional() => *known = field.clone(),
                    Some(_) => {}
                    None => merged.push(field.clone()),
                }
            }
        }
        let span = file.places.key(pointer);
        Type::Record(Arc::new(RecordType { name: None, fields: merged, open, span }))
    }

    /// `#/$defs/Address`, `address.json`, `address.json#/$defs/City`
    fn reference(&mut self, file: &File, pointer: &str, target: &str) -> Type {
        let place = self.place(file, &format!("{pointer}/$ref"));
        let (path, fragment) = target.split_once('#').unwrap_or((target, ""));
        if path.is_empty() {
            return match file.root.pointer(fragment) {
                Some(schema) => self.schema(file, fragment, schema),
                None => self.missing_target(place, target),
            };
        }
        let folder = file.source.name.rsplit_once('/').map_or("", |(folder, _)| folder);
        let full = joined(folder, path);
        let Some(source) = self.sources.iter().find(|source| *source.name == *full) else {
            return self.missing_target(place, target);
        };
        let Ok(root) = serde_json::from_str::<Value>(&source.text) else {
            return self.missing_target(place, target);
        };
        let other = File { source, root: &root, places: Places::of(source) };
        match root.pointer(fragment) {
            Some(schema) => self.schema(&other, fragment, schema),
            None => self.missing_target(place, target),
        }
    }

    fn missing_target(&mut self, place: Span, target: &str) -> Type {
        self.diagnostics.push(messages::schema_reference_leads_nowhere(place, target));
        Type::Broken
    }
}

/// `enum` and `const` of strings.
fn strings(keywords: &Map<String, Value>) -> Option<Type> {
    if let Some(Value::String(only)) = keywords.get("const") {
        return Some(Type::OneOf(Arc::from([only.as_str().into()])));
    }
    let Some(Value::Array(values)) = keywords.get("enum") else { return None };
    let null = values.iter().any(Value::is_null);
    let texts: Option<Vec<Box<str>>> =
        values.iter().filter(|value| !value.is_null()).map(|value| value.as_str().map(Box::from)).collect();
    let ty = Type::OneOf(texts?.into());
    Some(if null { ty.optional() } else { ty })
}

/// A name as part of a JSON pointer (RFC 6901).
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// A relative path below a folder, without `.` and `..`.
fn joined(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}
