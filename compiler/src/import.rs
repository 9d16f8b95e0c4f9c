//! Other products' rules as readable rule text: EventBridge patterns, Meshes rules, Segment FQL.
//!
//! An import is a beginning, not a translation for machines: the text is meant to be read, changed and
//! kept. What cannot be said in rule text stands in it as a comment, and in [`Imported::notes`].

mod json;
mod layout;
mod mend;
mod text;

pub mod eventbridge;
pub mod fql;
pub mod meshes;

use std::sync::Arc;

use crate::catalogue::Catalogue;
use crate::world::Limits;

/// What an import gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// A complete rule file.
    pub text: String,
    /// What was left out or reads differently, in the order of the source.
    pub notes: Vec<ImportNote>,
}

/// Something that a person should look at after the import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportNote {
    /// Where it stands in the source.
    pub at: Place,
    /// What it is, as one sentence without a final period.
    pub text: String,
}

/// A place in the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A JSON pointer (RFC 6901); empty is the whole document.
    Pointer(String),
    /// A line and a column, both from 1; columns count characters.
    Line {
        /// The line.
        line: usize,
        /// The column.
        column: usize,
    },
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Pointer(pointer) if pointer.is_empty() => f.write_str("the document"),
            Self::Pointer(pointer) => f.write_str(pointer),
            Self::Line { line, column } => write!(f, "{line}:{column}"),
        }
    }
}

/// Why nothing could be imported. Each says what the source product itself would refuse, or a bound of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// The source is no JSON.
    #[error("this is not JSON: {0}")]
    Json(String),
    /// The source product would refuse it.
    #[error("{at}: {reason}")]
    Invalid {
        /// Where.
        at: Place,
        /// Why, in a few words.
        reason: String,
    },
    /// The source is fine, and too big or too deep for one rule file.
    #[error("{at}: {reason}")]
    TooLarge {
        /// Where.
        at: Place,
        /// Which bound, with its number.
        reason: String,
    },
}

impl ImportError {
    fn invalid(at: Place, reason: impl Into<String>) -> Self {
        Self::Invalid { at, reason: reason.into() }
    }

    fn too_large(at: Place, reason: impl Into<String>) -> Self {
        Self::TooLarge { at, reason: reason.into() }
    }
}

/// The notes of an import while it is made.
#[derive(Default)]
struct Notes(Vec<ImportNote>);

impl Notes {
    fn add(&mut self, at: Place, text: impl Into<String>) {
        let note = ImportNote { at, text: text.into() };
        if !self.0.contains(&note) {
            self.0.push(note);
        }
    }

    /// The notes as comments for the head of the file.
    fn comments(&self) -> String {
        let mut out = String::new();
        for note in &self.0 {
            // A source's own words may hold line breaks; a comment may not.
            let line = match &note.at {
                Place::Pointer(pointer) if pointer.is_empty() => note.text.clone(),
                at => format!("{at}: {}", note.text),
            };
            let line = line.replace(['\n', '\r'], " ");
            out.push_str(&text::comment(&line));
        }
        out
    }
}

/// Refuses a source that could only become a file above the limit.
fn check_size(source: &str) -> Result<(), ImportError> {
    let bytes_max = Limits::default().file_bytes_max;
    if source.len() <= bytes_max {
        return Ok(());
    }
    let reason = format!("{} bytes, and {bytes_max} are allowed", source.len());
    Err(ImportError::too_large(Place::Pointer(String::new()), reason))
}

/// Puts a file together, looks at its size, and takes out what the checker would refuse.
fn finish(parts: &[&str], catalogue: Catalogue, mut notes: Notes) -> Result<Imported, ImportError> {
    let mut text = String::from("edition 2026\n");
    for part in parts.iter().map(|part| part.trim_end()).filter(|part| !part.is_empty()) {
        text.push('\n');
        text.push_str(part);
        text.push('\n');
    }
    check_size(&text)?;
    let text = mend::mend(text, &Arc::new(catalogue), &mut notes);
    Ok(Imported { text, notes: notes.0 })
}
