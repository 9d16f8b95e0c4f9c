//! Byte offsets to the editor's lines and columns, and back.

use grammar::Span;
use lsp_types::{Position, PositionEncodingKind, Range};

/// How an editor counts columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// Bytes.
    Utf8,
    /// Units of two bytes, as every editor can: an emoji is two.
    #[default]
    Utf16,
}

impl Encoding {
    /// The best one of those that the editor offers.
    #[must_use]
    pub fn negotiate(offered: Option<&[PositionEncodingKind]>) -> Self {
        match offered {
            Some(kinds) if kinds.contains(&PositionEncodingKind::UTF8) => Self::Utf8,
            _ => Self::Utf16,
        }
    }

    /// Its name in the protocol.
    #[must_use]
    pub fn kind(self) -> PositionEncodingKind {
        match self {
            Self::Utf8 => PositionEncodingKind::UTF8,
            Self::Utf16 => PositionEncodingKind::UTF16,
        }
    }
}

/// A text with its line starts.
#[derive(Clone, Debug)]
pub struct Text {
    text: Box<str>,
    /// Byte offset of the start of each line; `\n`, `\r\n` and a lone `\r` end one, as the protocol says.
    starts: Vec<usize>,
    encoding: Encoding,
}

impl Text {
    /// Finds the lines of a text.
    #[must_use]
    pub fn new(text: impl Into<Box<str>>, encoding: Encoding) -> Self {
        let text = text.into();
        let bytes = text.as_bytes();
        let ends_line = |(at, byte): &(usize, &u8)| {
            **byte == b'\n' || (**byte == b'\r' && bytes.get(at + 1) != Some(&b'\n'))
        };
        let ends = bytes.iter().enumerate().filter(ends_line).map(|(at, _)| at + 1);
        let starts = std::iter::once(0).chain(ends).collect();
        Self { text, starts, encoding }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The place of a byte; past the end it is the end.
    #[must_use]
    pub fn position(&self, offset: usize) -> Position {
        let offset = offset.min(self.text.len());
        let line = self.starts.partition_point(|&start| start <= offset).saturating_sub(1);
        let start = self.starts.get(line).copied().unwrap_or_default();
        let before = self.text.get(start..offset).unwrap_or_default();
        let column = match self.encoding {
            Encoding::Utf8 => before.len(),
            Encoding::Utf16 => before.chars().map(char::len_utf16).sum(),
        };
        let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Position { line: small(line), character: small(column) }
    }

    /// The byte at a place. Past the end of its line it is the end of the line, and inside a
    /// character it is the character's start.
    #[must_use]
    pub fn offset(&self, position: Position) -> usize {
        let Some(&start) = self.starts.get(position.line as usize) else {
            return self.text.len();
        };
        let end = self.starts.get(position.line as usize + 1).copied().unwrap_or(self.text.len());
        let line = self.text.get(start..end).unwrap_or_default().trim_end_matches(['\n', '\r']);
        let mut column = 0;
        for (at, one) in line.char_indices() {
            let width = match self.encoding {
                Encoding::Utf8 => one.len_utf8(),
                Encoding::Utf16 => one.len_utf16(),
            };
            if column + width > position.character as usize {
                return start + at;
            }
            column += width;
        }
        start + line.len()
    }

    /// A byte range as the editor writes it.
    #[must_use]
    pub fn range(&self, bytes: std::ops::Range<usize>) -> Range {
        Range { start: self.position(bytes.start), end: self.position(bytes.end) }
    }

    /// A span of this text as the editor writes it.
    #[must_use]
    pub fn range_of(&self, span: Span) -> Range {
        self.range(span.range())
    }

    /// The text after an edit; without a range it is replaced.
    #[must_use]
    pub fn edited(&self, range: Option<Range>, replacement: &str) -> Self {
        let Some(range) = range else {
            return Self::new(replacement, self.encoding);
        };
        let start = self.offset(range.start);
        let end = self.offset(range.end).max(start);
        let mut text = String::with_capacity(self.text.len() + replacement.len());
        text.push_str(self.text.get(..start).unwrap_or_default());
        text.push_str(replacement);
        text.push_str(self.text.get(end..).unwrap_or_default());
        Self::new(text, self.encoding)
    }
}

#[cfg(test)]
mod tests {
    use lsp_types::{Position, Range};

    use super::{Encoding, Text};

    #[test]
    fn an_emoji_is_two_units_wide() {
        let text = Text::new("a🚨b\r\nü = \"🚨\"\rlast", Encoding::Utf16);
        for (offset, line, character) in
            [(0, 0, 0), (1, 0, 1), (5, 0, 3), (6, 0, 4), (8, 1, 0), (10, 1, 1), (20, 2, 0)]
        {
            let place = Position { line, character };
            assert_eq!(text.position(offset), place, "byte {offset}");
            assert_eq!(text.offset(place), offset, "{place:?}");
        }
        assert_eq!(text.offset(Position { line: 0, character: 2 }), 1, "inside the emoji");
        assert_eq!(text.offset(Position { line: 0, character: 99 }), 6, "past the end of the line");
        assert_eq!(text.offset(Position { line: 9, character: 0 }), text.as_str().len());
    }

    #[test]
    fn bytes_are_bytes() {
        let text = Text::new("a🚨b", Encoding::Utf8);
        assert_eq!(text.position(5), Position { line: 0, character: 5 });
        assert_eq!(text.offset(Position { line: 0, character: 5 }), 5);
    }

    #[test]
    fn an_edit_replaces_what_the_editor_means() {
        let text = Text::new("x \"🚨\" y", Encoding::Utf16);
        let range =
            Range { start: Position { line: 0, character: 3 }, end: Position { line: 0, character: 5 } };
        assert_eq!(text.edited(Some(range), "ok").as_str(), "x \"ok\" y");
        assert_eq!(text.edited(None, "new").as_str(), "new");
    }
}
