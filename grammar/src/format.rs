//! A tree as text, in the one style there is.
//!
//! Two spaces for each level, at most [`WIDTH`] columns where the words allow it, one element a line
//! where something does not fit. What the author decides: a record, list or `choose` whose first element
//! stands on a line of its own stays tall, and one blank line between two things stays. Comments stay
//! beside what they stood beside. Formatting twice is formatting once, and the tree stays the same; tests
//! hold both against every sample and against generated trees.

mod comment;
mod expr;
mod flat;
mod item;
mod literal;
mod place;
mod record;
mod rule;
#[cfg(test)]
mod tests;
mod types;

use crate::ast::File;
use crate::span::Span;
use crate::{Diagnostics, Source};

/// Columns of a line, where the words allow it.
pub const WIDTH: usize = 110;

/// Spaces of one level.
const STEP: usize = 2;

/// Formats a file.
///
/// # Errors
/// The text has mistakes: a file that cannot be read is left as it is. The messages come back.
pub fn format(source: &Source) -> Result<String, Diagnostics> {
    let parsed = crate::parse(source);
    if parsed.diagnostics.has_errors() {
        return Err(parsed.diagnostics);
    }
    Ok(text(&parsed.file, Some(source)))
}

/// A tree as text. Without the text that it was read from, nothing but the tree decides; a tree with
/// broken parts gives text that cannot be read, either.
#[must_use]
pub fn text(file: &File, source: Option<&Source>) -> String {
    let mut printer = Printer {
        source,
        comments: file.comments.iter().map(|comment| (comment.span, false)).collect(),
        done: 0,
        out: String::new(),
        indent: 0,
        last: 0,
    };
    printer.file(file);
    printer.out
}

/// The text so far, and what is still to be placed in it.
struct Printer<'a> {
    source: Option<&'a Source>,
    /// Every `#` comment in written order, and whether it was printed.
    comments: Vec<(Span, bool)>,
    /// The first ones of them that were all printed.
    done: usize,
    out: String,
    /// Spaces before a line.
    indent: usize,
    /// Where the text ends in the source that was printed last.
    last: u32,
}

impl Printer<'_> {
    fn push(&mut self, text: &str) {
        self.out.push_str(text);
    }

    /// Begins a line.
    fn line(&mut self) {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        self.out.extend(std::iter::repeat_n(' ', self.indent));
    }

    /// Begins a line after an empty one.
    fn blank(&mut self) {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
    }

    /// Columns of the line so far.
    fn column(&self) -> usize {
        self.out.chars().rev().take_while(|&letter| letter != '\n').count()
    }

    /// Whether so much more text fits on this line.
    fn fits(&self, text: &str, behind: usize) -> bool {
        self.column() + width(text) + behind <= WIDTH
    }

    /// Prints `inner` one level deeper.
    fn deeper(&mut self, inner: impl FnOnce(&mut Self)) {
        self.indent += STEP;
        inner(self);
        self.indent -= STEP;
    }

    /// The text under a span, when there is any.
    fn written(&self, span: Span) -> Option<&str> {
        let text = self.source?.slice(span);
        (!text.is_empty()).then_some(text)
    }

    /// Whether the author began a line with what stands at `start`.
    fn begins_line(&self, start: u32) -> bool {
        let before = self.source.and_then(|source| source.text.get(..start as usize)).unwrap_or_default();
        let kept = before.trim_end();
        before.get(kept.len()..).is_some_and(|gap| gap.contains('\n'))
    }
}

/// Columns of a text on one line.
fn width(text: &str) -> usize {
    text.chars().count()
}
