//! The tree as JSON: rules for machines to write and read, the same tree as the text's.
//!
//! Places in the text and `#` comments have no JSON form; `##` descriptions have. The shape is
//! published as JSON Schema 2020-12 in `rules.schema.json`. Two trees are equal but for places
//! exactly when their JSON forms are.

use crate::ast::{File, ItemKind};

/// Why a tree has no JSON form, or a JSON value no tree.
#[derive(Debug)]
pub enum JsonFormError {
    /// The tree holds text that could not be read.
    Broken,
    /// The value is not of the published shape; the words say where and why.
    Shape(serde_json::Error),
}

impl std::fmt::Display for JsonFormError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Broken => f.write_str("the file has mistakes, so it has no JSON form"),
            Self::Shape(error) => write!(f, "not rules in JSON form: {error}"),
        }
    }
}

impl std::error::Error for JsonFormError {}

/// The JSON form of a tree.
///
/// # Errors
/// Part of the tree is broken.
pub fn to_json(file: &File) -> Result<serde_json::Value, JsonFormError> {
    if file.items.iter().any(|item| matches!(item.kind, ItemKind::Broken)) {
        return Err(JsonFormError::Broken);
    }
    serde_json::to_value(file).map_err(|_| JsonFormError::Broken)
}

/// The tree of a JSON form. Its places are all empty; print it and parse the text to have some.
///
/// # Errors
/// The value is not of the published shape.
pub fn from_json(value: &serde_json::Value) -> Result<File, JsonFormError> {
    serde::Deserialize::deserialize(value).map_err(JsonFormError::Shape)
}
