//! The tree as JSON: rules for machines to write and read, the same tree as the text's.
//!
//! Places in the text and `#` comments have no JSON form; `##` descriptions have. The shape is
//! published as JSON Schema 2020-12 in `rules.schema.json`. Two trees are equal but for places
//! exactly when their JSON forms are.

use serde_json::Value;

use crate::ast::{File, ItemKind};

/// Why a tree has no JSON form, or a JSON value no tree.
#[derive(Debug)]
pub enum JsonFormError {
    /// The tree holds text that could not be read.
    Broken,
    /// The value is not of the published shape; the words say where and why.
    Shape(serde_json::Error),
    /// It is of the published shape, and still no text says it: a name with spaces, for example.
    Unwritable,
}

impl std::fmt::Display for JsonFormError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Broken => f.write_str("the file has mistakes, so it has no JSON form"),
            Self::Unwritable => f.write_str("no rule file says this: a name in it is none, or a number"),
            Self::Shape(error) => write!(f, "not rules in JSON form: {error}"),
        }
    }
}

impl std::error::Error for JsonFormError {}

/// The JSON form of a tree.
///
/// # Errors
/// Part of the tree is broken.
pub fn to_json(file: &File) -> Result<Value, JsonFormError> {
    if file.items.iter().any(|item| matches!(item.kind, ItemKind::Broken)) {
        return Err(JsonFormError::Broken);
    }
    serde_json::to_value(file).map_err(|_| JsonFormError::Broken)
}

/// The tree of a JSON form. Its places are all empty; print it and parse the text to have some.
///
/// # Errors
/// The value is not of the published shape.
pub fn from_json(value: &Value) -> Result<File, JsonFormError> {
    serde::Deserialize::deserialize(value).map_err(JsonFormError::Shape)
}

/// Rules in JSON form as text, in the one style. The text is read again and must give the same tree, so a
/// name that holds more than a name never becomes rules of its own.
///
/// # Errors
/// The value is not of the published shape, or no text says what it says.
pub fn to_text(value: &Value) -> Result<String, JsonFormError> {
    let mut file = from_json(value)?;
    for item in &mut file.items {
        if let ItemKind::Rule(rule) = &mut item.kind {
            // The description of a rule stands in two places, of which one is enough.
            if item.docs.is_empty() {
                item.docs.clone_from(&rule.docs);
            }
            rule.docs.clone_from(&item.docs);
        }
    }
    let text = crate::format::text(&file, None);
    let read = crate::parse(&crate::Source::new(crate::SourceId(0), "", text.as_str()));
    let (wanted, found) = (to_json(&file)?, to_json(&read.file)?);
    let same = without_parentheses(wanted) == without_parentheses(found);
    if same && !read.diagnostics.has_errors() { Ok(text) } else { Err(JsonFormError::Unwritable) }
}

/// A tree's JSON form without parentheses: text has some where a tree needs none.
fn without_parentheses(value: Value) -> Value {
    match value {
        Value::Object(mut map) => match map.remove("paren") {
            Some(inner) if map.is_empty() => without_parentheses(inner),
            inner => {
                map.extend(inner.map(|inner| ("paren".to_owned(), inner)));
                Value::Object(map.into_iter().map(|(key, value)| (key, without_parentheses(value))).collect())
            }
        },
        Value::Array(items) => Value::Array(items.into_iter().map(without_parentheses).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{JsonFormError, to_text};

    #[test]
    fn rules_in_json_become_text() {
        let rules = json!({ "edition": 2026, "items": [{ "kind": { "rule": {
            "docs": [{ "text": "Why." }],
            "name": "late",
            "on": { "patterns": [{ "text": "order.paid" }], "alias": "order" },
            "guard": { "when": { "compare": {
                "left": { "arithmetic": {
                    "left": { "arithmetic": { "left": { "int": "1" }, "op": "add", "right": { "int": "2" } } },
                    "op": "multiply",
                    "right": { "field": { "base": { "name": "order" }, "name": "count" } },
                } },
                "op": "greater",
                "right": { "int": "10" },
            } } },
            "body": [{ "ignore": { "reason": { "parts": [{ "chars": "too late" }] } } }],
        } } }] });
        let text = "edition 2026\n\n## Why.\nrule late {\n  on order.paid as order\n  when (1 + 2) * order.count > 10\n  \
                    ignore \"too late\"\n}\n";
        assert_eq!(to_text(&rules).unwrap(), text);
    }

    #[test]
    fn a_name_never_brings_rules_of_its_own() {
        for name in ["a { on x ignore } rule b", "", "when", "ä", "a\n"] {
            let rule =
                json!({ "name": name, "on": { "patterns": [{ "text": "x" }] }, "body": [{ "ignore": {} }] });
            let rules = json!({ "edition": null, "items": [{ "kind": { "rule": rule } }] });
            assert!(
                matches!(to_text(&rules), Err(JsonFormError::Unwritable | JsonFormError::Broken)),
                "{name}"
            );
        }
        assert!(matches!(to_text(&json!({ "items": 1 })), Err(JsonFormError::Shape(_))));
    }
}
