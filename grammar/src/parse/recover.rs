//! The next mistakes of an item that could not be read.
//!
//! Pest stops at its first error. The smallest part around it (an entry of a record, a value of a
//! list, a line) is replaced by spaces, which keeps every offset, and the item is read again.

use super::scan::{Kind, Scan, Token};
use crate::keywords::is_reserved;

/// Times that one item is read again. People mend a few mistakes at a time.
pub(super) const ROUNDS_MAX: usize = 12;

/// What has to go so that an error goes away, as a byte range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Replaced by spaces.
    Blank(usize, usize),
    /// A text with a bad hole: replaced by a text without holes.
    Text(usize, usize),
    /// A word of the language where a name belongs: replaced by a name.
    Name(usize, usize),
}

impl Part {
    /// Replaces the part in `text`, which starts at `base`, with every offset kept, and says where it ends.
    pub(super) fn remove(self, text: &mut String, base: usize) -> usize {
        let (Self::Blank(from, until) | Self::Text(from, until) | Self::Name(from, until)) = self;
        let (start, end) = (from.saturating_sub(base), until.saturating_sub(base));
        match self {
            Self::Blank(..) => blank(text, start, end),
            Self::Text(..) => quote(text, start, end),
            Self::Name(..) if text.get(start..end).is_some() => {
                text.replace_range(start..end, &"_".repeat(end - start));
            }
            Self::Name(..) => {}
        }
        until
    }
}

/// The part around the error at `at`, within `start..end` of the item.
pub(super) fn part_around(scan: &Scan, text: &str, at: usize, start: usize, end: usize) -> Option<Part> {
    let first = scan.index_from(start);
    let last = scan.index_from(end);
    let tokens = scan.tokens.get(first..last)?;
    let around = tokens.iter().take_while(|token| token.start < at);
    let mut around = around.filter(|token| token.kind == Kind::Text && token.end > at);
    if let Some(outermost) = around.next() {
        return Some(Part::Text(outermost.start, outermost.end));
    }
    let mut here = tokens.partition_point(|token| token.start < at).min(tokens.len().checked_sub(1)?);
    // An error at a closing bracket, or at a line that begins as lines do, belongs to what stands before.
    let blameless = |token: &Token| {
        let word = text.get(token.start..token.end).unwrap_or_default();
        closes(token, text) || (token.first && token.kind == Kind::Word && is_reserved(word))
    };
    if tokens.get(here).is_some_and(blameless) {
        here = here.saturating_sub(1);
    }
    let from = backwards(tokens, text, here);
    let until = forwards(tokens, text, from, here);
    // The words that open the item stay, or nothing of it could be read.
    if from < 2 || until <= from {
        return None;
    }
    let (from, until) = (tokens.get(from)?.start, tokens.get(until.checked_sub(1)?)?.end);
    Some(Part::Blank(from, until))
}

fn opens(token: &Token) -> bool {
    token.kind == Kind::Open
}

fn closes(token: &Token, text: &str) -> bool {
    token.kind == Kind::Close
        || (token.kind == Kind::TextEnd && text.get(token.start..token.end) == Some("}"))
}

fn is_comma(token: &Token, text: &str) -> bool {
    text.get(token.start..token.end) == Some(",")
}

/// The first token of the part: after an opening bracket or a comma, or at the start of a line.
fn backwards(tokens: &[Token], text: &str, here: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = here;
    loop {
        let Some(token) = tokens.get(at) else { return at };
        if closes(token, text) {
            depth += 1;
        } else if opens(token) {
            match depth.checked_sub(1) {
                Some(less) => depth = less,
                // Empty braces and brackets can be read, empty parentheses cannot.
                None if text.get(token.start..token.end) != Some("(") => return at + 1,
                None => {}
            }
        } else if depth == 0 && is_comma(token, text) && at < here {
            return at + 1;
        }
        if depth == 0 && token.first {
            return at;
        }
        match at.checked_sub(1) {
            Some(before) => at = before,
            None => return 0,
        }
    }
}

/// One past the last token of the part: before a closing bracket, a comma or the next line.
fn forwards(tokens: &[Token], text: &str, from: usize, here: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = from;
    while let Some(token) = tokens.get(at) {
        if opens(token) {
            depth += 1;
        } else if closes(token, text) {
            match depth.checked_sub(1) {
                Some(less) => depth = less,
                None => return at,
            }
        } else if depth == 0 && at >= here && is_comma(token, text) {
            return at + 1;
        } else if depth == 0 && at > here && token.first {
            return at;
        }
        at += 1;
    }
    at
}

/// `text` with the bytes of a range replaced by spaces; line breaks stay.
pub(super) fn blank(text: &mut String, from: usize, until: usize) {
    let Some(part) = text.get(from..until) else { return };
    let mut spaces = String::with_capacity(part.len());
    push_blank(&mut spaces, part);
    text.replace_range(from..until, &spaces);
}

/// Appends as many spaces as `part` has bytes; line breaks stay.
pub(super) fn push_blank(text: &mut String, part: &str) {
    text.extend(part.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
}

/// `text` with the bytes of a range replaced by a text literal of the same length.
pub(super) fn quote(text: &mut String, from: usize, until: usize) {
    let length = until.saturating_sub(from);
    if length < 2 || text.get(from..until).is_none() {
        return blank(text, from, until);
    }
    let literal = format!("\"{}\"", " ".repeat(length - 2));
    text.replace_range(from..until, &literal);
}
