//! Diagnostics as text for a terminal.
//!
//! The title, then the lines it speaks of with markers below them, then notes and fixes:
//!
//! ```text
//! error[E0203]: `Lead` has no field called `emial`
//!    ┌─ leads.route:25:27
//!    │
//! 25 │     email:           lead.emial | lower
//!    │                           ^^^^^ did you mean `email`?
//!    │
//!    = fix: replace `emial` with `email`
//! ```

mod line;

use std::collections::BTreeMap;

use line::{Line, Mark};

use super::{Diagnostic, Label, Note, Severity, width::harmless};
use crate::{
    source::Source,
    span::{SourceId, Span},
};

/// Characters of one line of prose; user text inside could be of any length.
const PROSE_CHARS_MAX: usize = 400;

/// Whether the text carries terminal colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// Plain text.
    Off,
    /// ANSI colours.
    On,
}

/// The parts that have a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Paint {
    Error,
    Warning,
    Note,
    Title,
    Gutter,
    Fix,
}

impl Paint {
    fn of(severity: Severity) -> Self {
        match severity {
            Severity::Error => Self::Error,
            Severity::Warning => Self::Warning,
            Severity::Note => Self::Note,
        }
    }

    /// The parameters of the escape sequence "select graphic rendition" (ECMA-48).
    fn parameters(self) -> &'static str {
        match self {
            Self::Error => "1;31",
            Self::Warning => "1;33",
            Self::Note => "1;36",
            Self::Title => "1",
            Self::Gutter => "34",
            Self::Fix => "1;32",
        }
    }
}

impl Colour {
    fn paint(self, paint: Paint, text: &str) -> String {
        match self {
            Self::On if !text.is_empty() => format!("\u{1b}[{}m{text}\u{1b}[0m", paint.parameters()),
            _ => text.to_owned(),
        }
    }
}

/// Writes one message with the lines it speaks of. Every line ends with a line break.
#[must_use]
pub fn render(diagnostic: &Diagnostic, sources: &[Source], colour: Colour) -> String {
    let paint = Paint::of(diagnostic.severity);
    let kind = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    let head = colour.paint(paint, &format!("{kind}[{}]", diagnostic.code));
    let title = colour.paint(Paint::Title, &format!(": {}", harmless(&diagnostic.title, PROSE_CHARS_MAX)));
    let page = Page { sources, colour, paint, gutter: gutter(diagnostic, sources) };
    let mut text = format!("{head}{title}\n");
    page.snippets(&mut text, diagnostic);
    page.notes(&mut text, diagnostic);
    text
}

fn source_of(sources: &[Source], id: SourceId) -> Option<&Source> {
    sources.iter().find(|source| source.id == id)
}

/// Columns of the largest line number.
fn gutter(diagnostic: &Diagnostic, sources: &[Source]) -> usize {
    let line = |label: &Label| {
        source_of(sources, label.span.source).map(|source| source.place(label.span.start).line)
    };
    let largest = diagnostic.labels.iter().filter_map(line).max().unwrap_or(1);
    largest.to_string().len().max(2)
}

/// What the parts of one message share.
struct Page<'a> {
    sources: &'a [Source],
    colour: Colour,
    paint: Paint,
    gutter: usize,
}

impl Page<'_> {
    fn margin(&self, sign: &str) -> String {
        let spaces = " ".repeat(self.gutter + 1);
        format!("{spaces}{}", self.colour.paint(Paint::Gutter, sign))
    }

    /// The file of the message first, then others in the order of their labels.
    fn snippets(&self, text: &mut String, diagnostic: &Diagnostic) {
        let mut files: Vec<SourceId> = vec![diagnostic.span().source];
        for label in &diagnostic.labels {
            if !files.contains(&label.span.source) {
                files.push(label.span.source);
            }
        }
        let mut shown = false;
        for file in files {
            let labels: Vec<&Label> =
                diagnostic.labels.iter().filter(|label| label.span.source == file).collect();
            let (Some(source), Some(first)) = (source_of(self.sources, file), labels.first()) else {
                continue;
            };
            let own = file == diagnostic.span().source;
            let span = if own { diagnostic.span() } else { first.span };
            if shown {
                text.push_str(&format!("{}\n", self.margin("│")));
            }
            self.snippet(text, source, span, &labels);
            shown = true;
        }
        if shown && !(diagnostic.notes.is_empty() && diagnostic.fixes.is_empty()) {
            text.push_str(&format!("{}\n", self.margin("│")));
        }
    }

    fn snippet(&self, text: &mut String, source: &Source, span: Span, labels: &[&Label]) {
        let place = source.place(span.start);
        let name = harmless(&source.name, PROSE_CHARS_MAX);
        text.push_str(&format!("{} {name}:{}:{}\n", self.margin("┌─"), place.line, place.column));
        text.push_str(&format!("{}\n", self.margin("│")));
        let mut lines: BTreeMap<u32, Vec<&Label>> = BTreeMap::new();
        for label in labels {
            lines.entry(source.place(label.span.start).line).or_default().push(label);
        }
        let mut before: Option<u32> = None;
        for (number, labels) in lines {
            if before.is_some_and(|before| number > before + 1) {
                text.push_str(&format!("{}\n", self.margin("·")));
            }
            self.line(text, source, number, &labels);
            before = Some(number);
        }
    }

    fn line(&self, text: &mut String, source: &Source, number: u32, labels: &[&Label]) {
        let start = line_start(source, labels);
        let marks = labels.iter().map(|label| {
            let from = label.span.range().start.saturating_sub(start);
            let until = label.span.range().end.saturating_sub(start);
            Mark::new(from, until, label.primary, harmless(&label.text, PROSE_CHARS_MAX))
        });
        let line = Line::new(source.line(number), marks.collect());
        let digits = format!("{number:>width$}", width = self.gutter);
        let drawn = format!("{} {} {}", self.colour.paint(Paint::Gutter, &digits), self.bar(), line.drawn());
        text.push_str(drawn.trim_end());
        text.push('\n');
        for row in line.rows() {
            text.push_str(&self.margin("│"));
            let mut column = 0;
            for piece in &row {
                text.push_str(&" ".repeat((piece.column + 1).saturating_sub(column)));
                let paint = if piece.primary { self.paint } else { Paint::Gutter };
                text.push_str(&self.colour.paint(paint, &piece.text));
                column = piece.column + 1 + piece.width;
            }
            text.push('\n');
        }
    }

    fn bar(&self) -> String {
        self.colour.paint(Paint::Gutter, "│")
    }

    /// Facts, fixes, help. A single fix comes last: it is what to do.
    fn notes(&self, text: &mut String, diagnostic: &Diagnostic) {
        let fixes = diagnostic.fixes.len();
        let fact = |note: &&Note| matches!(note, Note::Fact(_));
        let facts = diagnostic.notes.iter().filter(fact);
        let help = diagnostic.notes.iter().filter(|note| !fact(note));
        facts.for_each(|note| self.note(text, note));
        let help: Vec<&Note> = help.collect();
        if fixes <= 1 {
            help.iter().for_each(|note| self.note(text, note));
        }
        for (at, fix) in diagnostic.fixes.iter().enumerate() {
            let head = if fixes == 1 { "fix:".to_owned() } else { format!("fix {}:", at + 1) };
            let head = self.colour.paint(Paint::Fix, &head);
            text.push_str(&format!(
                "{} {head} {}\n",
                self.margin("="),
                harmless(&fix.title, PROSE_CHARS_MAX)
            ));
        }
        if fixes > 1 {
            help.iter().for_each(|note| self.note(text, note));
        }
    }

    fn note(&self, text: &mut String, note: &Note) {
        let (head, words) = match note {
            Note::Fact(words) => (String::new(), words),
            Note::Help(words) => (format!("{} ", self.colour.paint(Paint::Note, "help:")), words),
        };
        text.push_str(&format!("{} {head}{}\n", self.margin("="), harmless(words, PROSE_CHARS_MAX)));
    }
}

/// The byte offset of the line that these labels start on.
fn line_start(source: &Source, labels: &[&Label]) -> usize {
    let at = labels.first().map_or(0, |label| label.span.range().start);
    source.text.get(..at).and_then(|upto| upto.rfind('\n')).map_or(0, |at| at + 1)
}

#[cfg(test)]
mod tests;
