//! The text of one rule file, and the way from a byte offset to a line and a column.

use crate::span::{SourceId, Span};

/// One file of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its position in the bundle.
    pub id: SourceId,
    /// Its path inside the bundle, with `/`, as messages show it.
    pub name: Box<str>,
    /// Its text. A byte-order mark is part of it; the grammar skips one.
    pub text: Box<str>,
    /// Byte offset of the start of each line.
    lines: Vec<u32>,
}

/// A place for people: both numbers start at 1, and columns count characters, not bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Line, from 1.
    pub line: u32,
    /// Column in Unicode scalar values, from 1.
    pub column: u32,
}

impl Source {
    /// Takes a file's name and text.
    #[must_use]
    pub fn new(id: SourceId, name: impl Into<Box<str>>, text: impl Into<Box<str>>) -> Self {
        let text = text.into();
        let starts = text.bytes().enumerate().filter(|&(_, byte)| byte == b'\n');
        let lines = std::iter::once(0).chain(starts.map(|(at, _)| u32::try_from(at + 1).unwrap_or(u32::MAX)));
        Self { id, name: name.into(), lines: lines.collect(), text }
    }

    /// The line and column of a byte offset. Past the end it is the end.
    #[must_use]
    pub fn place(&self, offset: u32) -> Place {
        let line = self.lines.partition_point(|&start| start <= offset).max(1);
        let start = self.lines.get(line - 1).copied().unwrap_or(0) as usize;
        let upto = self.text.get(start..offset as usize).unwrap_or_default();
        let column = upto.chars().count() + 1;
        Place {
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: u32::try_from(column).unwrap_or(u32::MAX),
        }
    }

    /// The line of a byte offset, from 1. Cheaper than [`place`](Self::place), whatever the line's length.
    #[must_use]
    pub fn line_of(&self, offset: u32) -> u32 {
        u32::try_from(self.lines.partition_point(|&start| start <= offset).max(1)).unwrap_or(u32::MAX)
    }

    /// The text of a line, from 1, without its line break.
    #[must_use]
    pub fn line(&self, line: u32) -> &str {
        let at = |number: u32| self.lines.get(number as usize).map(|&start| start as usize);
        let start = line.checked_sub(1).and_then(at).unwrap_or(self.text.len());
        let end = at(line).unwrap_or(self.text.len());
        self.text.get(start..end).unwrap_or_default().trim_end_matches(['\n', '\r'])
    }

    /// The text under a span; empty when the span is not of this text.
    #[must_use]
    pub fn slice(&self, span: Span) -> &str {
        self.text.get(span.range()).unwrap_or_default()
    }

    /// How many lines there are, at least 1.
    #[must_use]
    pub fn line_count(&self) -> u32 {
        u32::try_from(self.lines.len()).unwrap_or(u32::MAX)
    }
}
