//! What is wrong or doubtful in rule text, as a value: shown as text, as JSON or in an editor.
//!
//! House rules for wording (`LANGUAGE.md` section 8 of the design): the title says what is wrong in
//! the reader's words, in lower case, without a final period; user text stands in backticks; the
//! caret sits on the smallest wrong thing; *help* is one thing to do; a *fix* is an edit.

mod code;
mod json;
mod render;
mod width;

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

pub use code::{CODES, Code, CodeEntry};
pub use json::to_json;
pub use render::{Colour, render};

use crate::span::Span;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The bundle cannot go live.
    Error,
    /// It can, but read this.
    Warning,
    /// For information, such as a JSON Schema keyword that was not understood.
    Note,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Its number.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in one line.
    pub title: String,
    /// The places; the first one is the place of the message.
    pub labels: Vec<Label>,
    /// Lines under the text, in order.
    pub notes: Vec<Note>,
    /// Edits that would mend it; several are alternatives.
    pub fixes: Vec<Fix>,
}

/// A place with a few words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// The words; may be empty.
    pub text: String,
    /// Whether this is where the mistake is (`^`), or the other half of it (`-`).
    pub primary: bool,
}

/// A line under the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// A fact.
    Fact(String),
    /// One thing to do.
    Help(String),
}

/// An edit that a machine can make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What it does, for people: ``replace `emial` with `email` ``.
    pub title: String,
    /// The replacements; they do not overlap.
    pub edits: Vec<Edit>,
    /// Whether it does what was meant, as far as anybody can tell. One that is not adds something that
    /// only a person can decide: a condition, a text instead of a missing one.
    pub sure: bool,
}

/// One replacement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// What goes.
    pub span: Span,
    /// What comes.
    pub replacement: String,
}

impl Diagnostic {
    /// An error without a place yet; call [`at`](Self::at) next.
    #[must_use]
    pub fn error(code: Code, title: impl Into<String>) -> Self {
        Self::new(code, Severity::Error, title)
    }

    /// A warning without a place yet; call [`at`](Self::at) next.
    #[must_use]
    pub fn warning(code: Code, title: impl Into<String>) -> Self {
        Self::new(code, Severity::Warning, title)
    }

    /// A note without a place yet; call [`at`](Self::at) next.
    #[must_use]
    pub fn note_only(code: Code, title: impl Into<String>) -> Self {
        Self::new(code, Severity::Note, title)
    }

    fn new(code: Code, severity: Severity, title: impl Into<String>) -> Self {
        Self { code, severity, title: title.into(), labels: Vec::new(), notes: Vec::new(), fixes: Vec::new() }
    }

    /// Adds a caret. The first one is the place of the message.
    #[must_use]
    pub fn at(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into(), primary: true });
        self
    }

    /// Adds the other half of a contradiction.
    #[must_use]
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into(), primary: false });
        self
    }

    /// Adds a fact.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(Note::Fact(text.into()));
        self
    }

    /// Adds one thing to do.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.notes.push(Note::Help(text.into()));
        self
    }

    /// Adds an edit that does what was meant, unless others are added: then somebody has to choose.
    #[must_use]
    pub fn fix(self, title: impl Into<String>, edits: impl IntoIterator<Item = (Span, String)>) -> Self {
        self.with_fix(title.into(), edits, true)
    }

    /// Adds an edit that somebody has to want.
    #[must_use]
    pub fn offer(self, title: impl Into<String>, edits: impl IntoIterator<Item = (Span, String)>) -> Self {
        self.with_fix(title.into(), edits, false)
    }

    fn with_fix(
        mut self,
        title: String,
        edits: impl IntoIterator<Item = (Span, String)>,
        sure: bool,
    ) -> Self {
        let edits = edits.into_iter().map(|(span, replacement)| Edit { span, replacement }).collect();
        self.fixes.push(Fix { title, edits, sure });
        self
    }

    /// The fix that needs no choice: sure, the only one, and an edit.
    #[must_use]
    pub fn sure_fix(&self) -> Option<&Fix> {
        match self.fixes.as_slice() {
            [only] if only.sure && !only.edits.is_empty() => Some(only),
            _ => None,
        }
    }

    /// Where the message stands.
    #[must_use]
    pub fn span(&self) -> Span {
        let primary = self.labels.iter().find(|label| label.primary);
        primary.or(self.labels.first()).map(|label| label.span).unwrap_or_default()
    }
}

/// The messages of one check, in the order of their places.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    all: Vec<Diagnostic>,
    /// What is there already: a file can have as many mistakes as it has letters.
    seen: HashSet<(Code, Span)>,
}

/// More errors than this in one check are counted, not shown.
pub const DIAGNOSTICS_SHOWN_MAX: usize = 50;

impl Diagnostics {
    /// Adds one. The same code at the same place is taken once.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if self.seen.insert((diagnostic.code, diagnostic.span())) {
            self.all.push(diagnostic);
        }
    }

    /// Adds those of another check.
    pub fn extend(&mut self, others: impl IntoIterator<Item = Diagnostic>) {
        others.into_iter().for_each(|one| self.push(one));
    }

    /// Sorts by place.
    pub fn sort(&mut self) {
        self.all.sort_by_key(|one| (one.span(), one.severity, one.code));
    }

    /// Whether the bundle must not go live.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.all.iter().any(|one| one.severity == Severity::Error)
    }

    /// Every message.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.all.iter()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;
    fn into_iter(self) -> Self::IntoIter {
        self.all.into_iter()
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;
    fn into_iter(self) -> Self::IntoIter {
        self.all.iter()
    }
}
