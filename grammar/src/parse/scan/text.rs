//! The part of the scan that reads text, with its holes, and finds where one is not closed.

use super::{Fault, ITEM_WORDS, Kind, NESTING_MAX, Scanner, is_word};

/// An open bracket or text.
#[derive(Clone, Copy, Debug)]
pub(super) enum Frame {
    Bracket {
        bracket: char,
        at: usize,
        /// Whether it is the `{` of a hole in a text.
        hole: bool,
        /// Of the line it stands on.
        indent: usize,
    },
    Text {
        start: usize,
        /// The index of its token, whose end is set when the text closes.
        token: usize,
        block: bool,
        /// Its last `{`.
        brace: Option<usize>,
    },
}

/// Bytes of the escape that `text` begins with. The braces of `\u{…}` are no hole.
fn escape_length(text: &str) -> usize {
    if let Some(code) = text.strip_prefix("\\u{") {
        let digits = code.find(|letter: char| !letter.is_ascii_hexdigit()).unwrap_or(code.len());
        if code.get(digits..).is_some_and(|tail| tail.starts_with('}')) {
            return "\\u{}".len() + digits;
        }
    }
    let escaped = text.chars().nth(1).filter(|&letter| letter != '\n');
    1 + escaped.map_or(0, char::len_utf8)
}

const BLOCK: &str = "\"\"\"";

/// A text is never longer, so block text in a hole is looked for no further than this.
const INNER_BYTES_MAX: usize = 16 << 10;

/// What a value may follow inside a hole.
const BEFORE_VALUE: &[char] = &['{', '(', '[', ',', ':', '+', '<', '>', '='];
const BEFORE_VALUE_WORDS: &[&str] =
    &["else", "is", "not", "in", "contains", "with", "and", "or", "of", "when", "where", "matches"];

/// What may follow a value inside a hole.
const AFTER_VALUE: &[char] = &['}', ')', ']', ',', '|', '+', '<', '>', '='];
const AFTER_VALUE_WORDS: &[&str] =
    &["else", "is", "not", "in", "contains", "starts", "ends", "and", "or", "when", "otherwise", "ignoring"];

/// What is open while the end of a block text is looked for.
enum Open {
    Block,
    Line,
    Brace,
}

/// Where a block text ends whose inside `text` begins with, in so many bytes at most, and how many bytes
/// were looked at.
fn block_end(text: &str, bytes_max: usize) -> (Option<usize>, usize) {
    let mut open = vec![Open::Block];
    let mut at = 0;
    while at < bytes_max.min(text.len()) && open.len() <= 3 * NESTING_MAX {
        let Some(rest) = text.get(at..) else {
            at += 1;
            continue;
        };
        let quotes = rest.starts_with(BLOCK);
        at += match (open.last(), rest.as_bytes().first()) {
            (Some(Open::Block | Open::Line), Some(b'\\')) => escape_length(rest),
            (Some(Open::Block | Open::Line), Some(b'{')) => {
                open.push(Open::Brace);
                1
            }
            (Some(Open::Block), Some(b'"')) if quotes && !rest.starts_with("\"\"\"\"") => {
                open.pop();
                if open.is_empty() {
                    return (Some(at + BLOCK.len()), at + BLOCK.len());
                }
                BLOCK.len()
            }
            (Some(Open::Line), Some(b'"' | b'\n')) => {
                open.pop();
                1
            }
            (Some(Open::Brace), Some(b'"')) => {
                open.push(if quotes { Open::Block } else { Open::Line });
                if quotes { BLOCK.len() } else { 1 }
            }
            (Some(Open::Brace), Some(b'{')) => {
                open.push(Open::Brace);
                1
            }
            (Some(Open::Brace), Some(b'}')) => {
                open.pop();
                1
            }
            _ => 1,
        };
    }
    (None, at)
}

impl Scanner<'_> {
    /// A quotation mark outside of text.
    pub(super) fn quotation(&mut self) {
        let block = self.rest().starts_with(BLOCK);
        let in_block = || self.frames.iter().any(|frame| matches!(frame, Frame::Text { block: true, .. }));
        if block && in_block() && !self.begins_inner_block() {
            // The outer text ends here, and its hole was none.
            self.close_block_in_hole();
        } else if !block && self.is_pattern() {
            self.raw();
        } else if self.rest().starts_with("\"\"") && !block {
            self.push(Kind::Text, 2);
        } else {
            let frame = Frame::Text { start: self.at, token: self.found.tokens.len(), block, brace: None };
            self.push(Kind::Text, if block { BLOCK.len() } else { 1 });
            self.frames.push(frame);
        }
    }

    /// Whether the three quotation marks here, in a hole of block text, begin another one: a value may
    /// stand here, and the text that would begin ends where a hole goes on.
    fn begins_inner_block(&mut self) -> bool {
        let before = self.found.tokens.last().filter(|token| token.kind != Kind::Number);
        let word = before.and_then(|token| self.text.get(token.start..token.end)).unwrap_or_default();
        if !(BEFORE_VALUE_WORDS.contains(&word) || word.ends_with(BEFORE_VALUE)) {
            return false;
        }
        let ahead = self.text.get(self.at + BLOCK.len()..).unwrap_or_default();
        let (end, seen) = block_end(ahead, INNER_BYTES_MAX.min(self.ahead_left));
        self.ahead_left = self.ahead_left.saturating_sub(seen);
        let Some(behind) = end.and_then(|end| ahead.get(end..)) else { return false };
        let behind = behind.trim_start();
        behind.starts_with(AFTER_VALUE)
            || AFTER_VALUE_WORDS.contains(&behind.split(|letter| !is_word(letter)).next().unwrap_or_default())
    }

    /// Whether the text that starts here is a pattern: after `regex`, or as first argument of `capture`.
    fn is_pattern(&self) -> bool {
        let word = |back: usize| {
            let token = self.found.tokens.len().checked_sub(back).and_then(|at| self.found.tokens.get(at));
            token.and_then(|token| self.text.get(token.start..token.end)).unwrap_or_default()
        };
        (word(1) == "regex" && word(2) == "matches")
            || (word(1) == "(" && word(2) == "capture" && word(3) == "|")
    }

    /// A text in which nothing but `\"` is special.
    fn raw(&mut self) {
        let rest = self.rest();
        let mut letters = rest.char_indices().skip(1);
        while let Some((at, letter)) = letters.next() {
            match letter {
                '"' => return self.push(Kind::Raw, at + 1),
                '\n' => break,
                '\\' if !rest.get(at + 1..).is_some_and(|tail| tail.starts_with('\n')) => {
                    letters.next();
                }
                _ => {}
            }
        }
        let end = self.at + rest.find('\n').unwrap_or(rest.len());
        self.fault(Fault::UnclosedText { start: self.at, end, block: false });
        self.push(Kind::Raw, end - self.at);
    }

    /// Text in quotation marks that are not ours.
    pub(super) fn odd_text(&mut self, quote: char) {
        let rest = self.rest();
        let inside = rest.get(quote.len_utf8()..).unwrap_or_default();
        let closes = |letter: char| match quote {
            '\'' | '`' => letter == quote,
            _ => matches!(letter, '“' | '”' | '"'),
        };
        match inside.find(|letter| closes(letter) || letter == '\n') {
            Some(at) if !inside.get(at..).is_some_and(|tail| tail.starts_with('\n')) => {
                let close = inside.get(at..).and_then(|tail| tail.chars().next()).map_or(1, char::len_utf8);
                self.push(Kind::OddText, quote.len_utf8() + at + close);
            }
            _ => {
                self.found
                    .faults
                    .push(Fault::OddCharacter { start: self.at, end: self.at + quote.len_utf8() });
                self.push(Kind::Symbol, quote.len_utf8());
            }
        }
    }

    /// Characters of the innermost text up to a hole or to its end.
    pub(super) fn text_characters(&mut self) {
        let Some(&Frame::Text { block, token, .. }) = self.frames.last() else { return };
        let rest = self.rest();
        let special = |letter: char| matches!(letter, '"' | '\\' | '{') || (letter == '\n' && !block);
        let Some(length) = rest.find(special) else {
            self.at = self.text.len();
            return;
        };
        let (before, here) = rest.split_at_checked(length).unwrap_or((rest, ""));
        if let Some(line) = before.rfind('\n') {
            self.line_start = self.at + line + 1;
        }
        self.at += length;
        if here.starts_with('\\') {
            self.at += escape_length(here);
        } else if here.starts_with('{') {
            if let Some(Frame::Text { brace, .. }) = self.frames.last_mut() {
                *brace = Some(self.at);
            }
            if self.lost {
                self.at += 1;
            } else {
                self.open('{', true);
            }
        } else if here.starts_with('\n') {
            self.line_ends_in_text();
        } else if !block {
            self.close_text(token, 1);
        } else if here.starts_with(BLOCK) && !here.starts_with("\"\"\"\"") {
            self.close_text(token, BLOCK.len());
        } else {
            self.at += 1;
        }
    }

    fn close_text(&mut self, token: usize, length: usize) {
        self.frames.pop();
        let end = self.at + length;
        let last = token + 1 == self.found.tokens.len();
        if let Some(opened) = self.found.tokens.get_mut(token) {
            opened.end = end;
        }
        if last {
            self.at = end;
        } else {
            self.push(Kind::TextEnd, length);
        }
        self.first = false;
    }

    /// The line ends inside a text of one line.
    fn line_ends_in_text(&mut self) {
        if let Some(outermost) = self.outermost_line_text() {
            self.give_up_text(outermost);
        }
    }

    /// The line ended inside a hole: no hole of a text of one line spans lines.
    pub(super) fn line_ends_in_hole(&mut self) {
        if let Some(outermost) = self.outermost_line_text() {
            self.at -= 1;
            self.give_up_text(outermost);
        }
    }

    fn outermost_line_text(&self) -> Option<usize> {
        self.frames.iter().position(|frame| matches!(frame, Frame::Text { block: false, .. }))
    }

    /// Ends the text in frame `outermost` at the end of this line and reports it.
    fn give_up_text(&mut self, outermost: usize) {
        let Some(&Frame::Text { start, token, brace, .. }) = self.frames.get(outermost) else { return };
        let inside_hole = self.frames.len() > outermost + 1;
        self.frames.truncate(outermost);
        let end = self.text.get(..self.at).unwrap_or_default().trim_end_matches('\r').len();
        let again = self.given_up == self.at;
        self.given_up = self.at;
        // With no second quotation mark on the line, it is the text that is not closed.
        let lone = brace.filter(|_| inside_hole && !again).and_then(|brace| {
            let quote = self.text.get(brace..end)?.find('"')?;
            Some((brace, brace + quote + 1))
        });
        let end = match lone {
            Some((brace, close)) => {
                self.fault(Fault::LoneBrace { start, end: close, brace });
                close
            }
            None => {
                self.fault(Fault::UnclosedText { start, end, block: false });
                end
            }
        };
        self.end_text_at(token, end);
    }

    /// Makes the text with this token end at `end`; what follows is read again as code.
    fn end_text_at(&mut self, token: usize, end: usize) {
        self.found.tokens.truncate(token + 1);
        let start = self.found.tokens.get(token).map_or(end, |opened| opened.start);
        self.found.remarks.retain(|remark| remark.start < start);
        if let Some(opened) = self.found.tokens.get_mut(token) {
            opened.end = end;
        }
        self.at = end;
        self.first = false;
    }

    /// At the end of the file inside block text: the text ends where the next item seems to begin.
    pub(super) fn unclosed_block(&mut self) {
        let Some(&Frame::Text { start, token, block: true, .. }) =
            self.frames.iter().find(|frame| matches!(frame, Frame::Text { block: true, .. }))
        else {
            return;
        };
        let from = start + BLOCK.len();
        let mut line = from;
        let end = loop {
            let tail = self.text.get(line..).unwrap_or_default();
            let Some(next) = tail.find('\n') else { break self.text.len() };
            line += next + 1;
            let word =
                self.text.get(line..).unwrap_or_default().split([' ', '\n']).next().unwrap_or_default();
            if ITEM_WORDS.contains(&word) {
                break line;
            }
        };
        self.frames.clear();
        self.fault(Fault::UnclosedText { start, end, block: true });
        self.end_text_at(token, end);
        self.first = true;
        self.line_start = end;
    }

    fn close_block_in_hole(&mut self) {
        let position = self.frames.iter().rposition(|frame| matches!(frame, Frame::Text { block: true, .. }));
        let Some((position, &Frame::Text { start, token, brace, .. })) =
            position.and_then(|at| Some((at, self.frames.get(at)?)))
        else {
            return;
        };
        self.frames.truncate(position);
        let end = self.at + BLOCK.len();
        self.fault(Fault::LoneBrace { start, end, brace: brace.unwrap_or(start) });
        self.end_text_at(token, end);
    }
}
