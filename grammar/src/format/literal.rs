//! Literals as text: as the author wrote them where that is known, and else in their shortest form.

use super::Printer;
use crate::ast::{Expr, Text, TextPart};
use crate::span::Span;

impl Printer<'_> {
    /// A number: as written, so that `10_000` keeps its underscore.
    pub(super) fn number(&self, span: Span, digits: &str, behind: &str) -> String {
        self.written(span).map_or_else(|| format!("{digits}{behind}"), str::to_owned)
    }

    /// A duration: as written, or in the largest units.
    pub(super) fn duration(&self, span: Span, millis: u64) -> String {
        self.written(span).map_or_else(|| length(millis), str::to_owned)
    }

    /// A text on one line.
    pub(super) fn text_line(&self, text: &Text) -> String {
        if !text.block
            && text.plain().is_some()
            && let Some(written) = self.written(text.span)
        {
            return written.to_owned();
        }
        let quotes = if text.block { "\"\"\"" } else { "\"" };
        let mut out = quotes.to_owned();
        for part in &text.parts {
            match part {
                TextPart::Chars(chars) => out.push_str(&escaped(chars, text.block)),
                TextPart::Hole(expr) => out.push_str(&self.hole(expr)),
            }
        }
        out + quotes
    }

    /// Block text over lines, each behind the current indentation.
    pub(super) fn text_block(&mut self, text: &Text) {
        let lines = self.block_lines(text);
        self.push("\"\"\"");
        let last = lines.len().saturating_sub(1);
        for (at, line) in lines.into_iter().enumerate() {
            if line.is_empty() && at < last {
                self.out.push('\n');
            } else {
                self.line();
                self.push(&line);
            }
        }
        self.push("\"\"\"");
    }

    /// The lines of block text. One that counts for the indentation begins with something solid, so that
    /// reading takes away what printing adds and no more.
    fn block_lines(&self, text: &Text) -> Vec<String> {
        let mut lines = vec![String::new()];
        for part in &text.parts {
            match part {
                TextPart::Chars(chars) => {
                    for (at, piece) in chars.split('\n').enumerate() {
                        if at > 0 {
                            lines.push(String::new());
                        }
                        let piece = block_escaped(piece);
                        lines.last_mut().into_iter().for_each(|line| line.push_str(&piece));
                    }
                }
                TextPart::Hole(expr) => {
                    let hole = self.hole(expr);
                    lines.last_mut().into_iter().for_each(|line| line.push_str(&hole));
                }
            }
        }
        let last = lines.len() - 1;
        let counts = |(at, line): &(usize, &String)| *at == last || !line.trim().is_empty();
        let solid = |line: &str| !line.starts_with([' ', '\t']);
        let counted = || lines.iter().enumerate().filter(counts);
        // The last line carries the closing quotation marks: empty, it is as solid as any.
        if !counted().any(|(_, line)| solid(line))
            && let Some(at) = counted().map(|(at, _)| at).next()
            && let Some(line) = lines.get_mut(at)
        {
            let rest = line.split_off(1);
            *line = format!("{}{rest}", if line == "\t" { "\\t" } else { "\\u{20}" });
        }
        lines
    }

    fn hole(&self, expr: &Expr) -> String {
        let inside = self.flat(expr);
        let space = if inside.starts_with('{') { " " } else { "" };
        format!("{{{space}{inside}{space}}}")
    }
}

/// Text without holes between quotation marks: a file's name, a value of a type, a key.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text, false))
}

/// A pattern between quotation marks: only `\"` is special in it.
pub(super) fn pattern(text: &str) -> String {
    let mut out = "\"".to_owned();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter == '"' {
            out.push('\\');
        }
        out.push(letter);
        if letter == '\\' {
            out.extend(letters.next());
        }
    }
    out + "\""
}

/// A key of a record or a schema.
pub(super) fn key(name: &str) -> String {
    if is_name(name) { name.to_owned() } else { quoted(name) }
}

/// Whether something can be written as a name; reserved words can where a field is meant.
pub(super) fn is_name(name: &str) -> bool {
    let mut letters = name.bytes();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && letters.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn escaped(text: &str, block: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '{' => out.push_str("\\{"),
            '\n' => out.push_str("\\n"),
            '\t' if !block => out.push_str("\\t"),
            other => push_visible(&mut out, other),
        }
    }
    out
}

/// A piece of block text without line breaks. Quotation marks stay where they cannot end the text.
fn block_escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if matches!(letters.peek(), None | Some('"')) => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '{' => out.push_str("\\{"),
            other => push_visible(&mut out, other),
        }
    }
    out
}

/// Characters that nobody sees, or that turn the text around them, by number.
fn push_visible(out: &mut String, letter: char) {
    let unseen = letter != '\t' && letter.is_control()
        || matches!(
            letter,
            '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}'
        );
    if unseen {
        out.push_str(&format!("\\u{{{:X}}}", u32::from(letter)));
    } else {
        out.push(letter);
    }
}

/// A length of time in the largest units: `1h30m`.
fn length(millis: u64) -> String {
    let mut rest = millis;
    let mut out = String::new();
    for (unit, size) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)] {
        if rest >= size {
            out.push_str(&format!("{}{unit}", rest / size));
            rest %= size;
        }
    }
    if out.is_empty() { "0s".to_owned() } else { out }
}
