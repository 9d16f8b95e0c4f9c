//! Diagnostics as JSON for editors and the API. The shape is stable: fields are added, never changed.
//!
//! ```json
//! {
//!   "code": "E0203", "severity": "error", "title": "…",
//!   "file": "leads.route", "line": 25, "column": 27, "end_line": 25, "end_column": 32,
//!   "labels": [{ "file": "…", "line": 25, "column": 27, "end_line": 25, "end_column": 32,
//!                "text": "…", "primary": true }],
//!   "notes": [{ "kind": "fact", "text": "…" }],
//!   "fixes": [{ "title": "…", "sure": true, "edits": [{ "file": "…",
//!               "start": { "line": 25, "column": 27, "offset": 512 },
//!               "end": { "line": 25, "column": 32, "offset": 517 }, "replacement": "email" }] }]
//! }
//! ```
//!
//! Lines and columns start at 1; columns count Unicode scalar values; ends are exclusive; offsets are
//! bytes of the UTF-8 text from 0. `severity` is `error`, `warning` or `note`; the `kind` of a note is
//! `fact` or `help`. Several fixes are alternatives; the edits of one fix belong together and do not
//! overlap. `sure` is false where a fix adds something that only a person can decide. A message without a
//! place has `null` for `file` and all four numbers.

use serde_json::{Value, json};

use super::{Diagnostic, Edit, Fix, Label, Note};
use crate::{
    source::{Place, Source},
    span::Span,
};

/// One message as a JSON object with lines, columns and edits.
#[must_use]
pub fn to_json(diagnostic: &Diagnostic, sources: &[Source]) -> Value {
    let mut object = if diagnostic.labels.is_empty() {
        place_of(None, Place { line: 0, column: 0 }, Place { line: 0, column: 0 })
    } else {
        place(diagnostic.span(), sources)
    };
    let labels: Vec<Value> = diagnostic.labels.iter().map(|label| label_to_json(label, sources)).collect();
    let notes: Vec<Value> = diagnostic.notes.iter().map(note_to_json).collect();
    let fixes: Vec<Value> = diagnostic.fixes.iter().map(|fix| fix_to_json(fix, sources)).collect();
    if let Value::Object(fields) = &mut object {
        fields.insert("code".to_owned(), json!(diagnostic.code));
        fields.insert("severity".to_owned(), json!(diagnostic.severity));
        fields.insert("title".to_owned(), json!(diagnostic.title));
        fields.insert("labels".to_owned(), Value::Array(labels));
        fields.insert("notes".to_owned(), Value::Array(notes));
        fields.insert("fixes".to_owned(), Value::Array(fixes));
    }
    object
}

fn source_of(span: Span, sources: &[Source]) -> Option<&Source> {
    sources.iter().find(|source| source.id == span.source)
}

fn place(span: Span, sources: &[Source]) -> Value {
    match source_of(span, sources) {
        Some(source) => place_of(Some(&source.name), source.place(span.start), source.place(span.end)),
        None => place_of(None, Place { line: 0, column: 0 }, Place { line: 0, column: 0 }),
    }
}

fn place_of(file: Option<&str>, start: Place, end: Place) -> Value {
    match file {
        Some(file) => json!({
            "file": file,
            "line": start.line, "column": start.column,
            "end_line": end.line, "end_column": end.column,
        }),
        None => json!({ "file": null, "line": null, "column": null, "end_line": null, "end_column": null }),
    }
}

fn label_to_json(label: &Label, sources: &[Source]) -> Value {
    let mut object = place(label.span, sources);
    if let Value::Object(fields) = &mut object {
        fields.insert("text".to_owned(), json!(label.text));
        fields.insert("primary".to_owned(), json!(label.primary));
    }
    object
}

fn note_to_json(note: &Note) -> Value {
    match note {
        Note::Fact(text) => json!({ "kind": "fact", "text": text }),
        Note::Help(text) => json!({ "kind": "help", "text": text }),
    }
}

fn fix_to_json(fix: &Fix, sources: &[Source]) -> Value {
    let edits: Vec<Value> = fix.edits.iter().map(|edit| edit_to_json(edit, sources)).collect();
    json!({ "title": fix.title, "sure": fix.sure, "edits": edits })
}

fn edit_to_json(edit: &Edit, sources: &[Source]) -> Value {
    let source = source_of(edit.span, sources);
    let end = |offset: u32| {
        let place = source.map_or(Place { line: 1, column: 1 }, |source| source.place(offset));
        json!({ "line": place.line, "column": place.column, "offset": offset })
    };
    json!({
        "file": source.map(|source| &*source.name),
        "start": end(edit.span.start),
        "end": end(edit.span.end),
        "replacement": edit.replacement,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::to_json;
    use crate::{Diagnostic, Source, SourceId, Span, diagnostic::Code};

    #[test]
    fn the_shape_is_the_documented_one() {
        let sources = [Source::new(SourceId(3), "a.route", "é: lead.emial\n")];
        let span = Span::new(SourceId(3), 9, 14);
        let diagnostic = Diagnostic::error(Code::E0203, "no such field")
            .at(span, "did you mean `email`?")
            .note("a fact")
            .help("do it")
            .fix("replace it", [(span, "email".to_owned())]);
        assert_eq!(
            to_json(&diagnostic, &sources),
            json!({
                "code": "E0203", "severity": "error", "title": "no such field",
                "file": "a.route", "line": 1, "column": 9, "end_line": 1, "end_column": 14,
                "labels": [{
                    "file": "a.route", "line": 1, "column": 9, "end_line": 1, "end_column": 14,
                    "text": "did you mean `email`?", "primary": true,
                }],
                "notes": [{ "kind": "fact", "text": "a fact" }, { "kind": "help", "text": "do it" }],
                "fixes": [{
                    "title": "replace it",
                    "sure": true,
                    "edits": [{
                        "file": "a.route",
                        "start": { "line": 1, "column": 9, "offset": 9 },
                        "end": { "line": 1, "column": 14, "offset": 14 },
                        "replacement": "email",
                    }],
                }],
            })
        );
    }

    #[test]
    fn a_message_without_a_place_says_so() {
        let json = to_json(&Diagnostic::error(Code::E0203, "x"), &[]);
        assert_eq!((&json["file"], &json["line"]), (&json!(null), &json!(null)));
    }
}
