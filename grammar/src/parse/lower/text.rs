//! Text: escapes, holes, and names in quotation marks.

use super::Lowering;
use crate::{
    ast::{Text, TextPart},
    parse::{
        errors,
        limits::{PATTERN_CHARS_MAX, TEXT_BYTES_MAX},
        rules::{Node, Rule},
    },
    span::{Ident, Span, Spanned},
};

impl Lowering<'_> {
    /// The text inside a part such as `resource "…"`.
    pub(super) fn text_in(&mut self, node: &Node<'_>) -> Option<Text> {
        let wanted =
            |child: &Node<'_>| matches!(child.as_rule(), Rule::text | Rule::block_text | Rule::odd_text);
        let child = node.clone().into_inner().find(wanted)?;
        Some(self.text_at(&child, 0))
    }

    /// The same where holes make no sense; `what` names the part for the message.
    pub(super) fn fixed_text_in(&mut self, node: &Node<'_>, what: &str) -> Option<Text> {
        let text = self.text_in(node)?;
        let hole = text.parts.iter().find_map(|part| match part {
            TextPart::Hole(expr) => Some(expr.span),
            TextPart::Chars(_) => None,
        });
        if let Some(hole) = hole {
            self.report(errors::text::hole_in_fixed_text(hole, what));
        }
        Some(text)
    }

    /// A text of any kind.
    pub(super) fn text_at(&mut self, node: &Node<'_>, depth: usize) -> Text {
        let span = self.span(node);
        if node.as_str().len() > TEXT_BYTES_MAX {
            self.report(errors::limit::text(span.head(), node.as_str().len()));
        }
        match node.as_rule() {
            Rule::block_text => self.block(node, depth),
            Rule::odd_text => {
                let inside = self.odd_quotes(node);
                let parts = if inside.is_empty() { vec![] } else { vec![TextPart::Chars(inside)] };
                Text { parts, block: false, span }
            }
            _ => {
                let mut parts = Vec::new();
                for child in node.clone().into_inner() {
                    match child.as_rule() {
                        Rule::chars => {
                            let chars = self.unescaped(child.as_str(), self.span(&child).start);
                            parts.push(TextPart::Chars(chars.into()));
                        }
                        Rule::hole => parts.push(TextPart::Hole(self.inner_expr(&child, depth + 1))),
                        _ => {}
                    }
                }
                Text { parts, block: false, span }
            }
        }
    }

    /// Text in quotation marks from elsewhere, reported.
    fn odd_quotes(&mut self, node: &Node<'_>) -> Box<str> {
        let span = self.span(node);
        let written = node.as_str();
        let mut letters = written.chars();
        letters.next();
        letters.next_back();
        let inside = letters.as_str();
        self.report(errors::text::odd_quotes(span, inside));
        inside.into()
    }

    /// `"…"` without holes.
    pub(super) fn plain(&mut self, node: &Node<'_>) -> Spanned<Box<str>> {
        let span = self.span(node);
        if node.as_rule() == Rule::odd_text {
            return Spanned { node: self.odd_quotes(node), span };
        }
        let inside = node.as_str().trim_start_matches('"');
        let inside = inside.strip_suffix('"').unwrap_or(inside);
        Spanned { node: self.unescaped(inside, span.start + 1).into(), span }
    }

    /// A field name in quotation marks.
    pub(super) fn quoted_name(&mut self, node: &Node<'_>) -> Ident {
        let Spanned { node: text, span } = self.plain(node);
        Ident { text, span }
    }

    /// A pattern: only `\"` is special.
    pub(super) fn pattern_text(&mut self, node: &Node<'_>) -> Spanned<Box<str>> {
        let span = self.span(node);
        let inside = node.as_str().strip_prefix('"').unwrap_or_default();
        let pattern = unquoted(inside.strip_suffix('"').unwrap_or(inside));
        let length = pattern.chars().count();
        if length > PATTERN_CHARS_MAX {
            self.report(errors::limit::pattern(span.head(), length));
        }
        Spanned { node: pattern.into(), span }
    }

    /// Resolves escapes. `start` is the offset of the first character in the source.
    pub(super) fn unescaped(&mut self, written: &str, start: u32) -> String {
        let mut text = String::with_capacity(written.len());
        let mut rest = written;
        while let Some(at) = rest.find('\\') {
            let (before, escape) = rest.split_at_checked(at).unwrap_or((rest, ""));
            text.push_str(before);
            let offset = start as usize + (written.len() - escape.len());
            let (letter, length) = self.escape(escape, offset);
            text.extend(letter);
            rest = escape.get(length..).unwrap_or_default();
        }
        text.push_str(rest);
        text
    }

    /// The character of the escape at the start of `written`, and the escape's length.
    fn escape(&mut self, written: &str, offset: usize) -> (Option<char>, usize) {
        let Some(letter) = written.chars().nth(1) else { return (None, written.len()) };
        let simple = match letter {
            '"' | '\\' | '{' | '}' => Some(letter),
            'n' => Some('\n'),
            't' => Some('\t'),
            _ => None,
        };
        if simple.is_some() {
            return (simple, 2);
        }
        let place = |length: usize| Span::new(self.source.id, offset, offset + length);
        let code = written.strip_prefix("\\u{").and_then(|tail| tail.split_once('}')).map(|(code, _)| code);
        let hexadecimal = |code: &&str| !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_hexdigit());
        if let Some(code) = code.filter(hexadecimal) {
            let length = code.len() + "\\u{}".len();
            let found = u32::from_str_radix(code, 16).ok().and_then(char::from_u32);
            if found.is_none() {
                self.report(errors::text::no_such_character(place(length), code));
            }
            return (found, length);
        }
        let length = 1 + letter.len_utf8();
        self.report(errors::text::unknown_escape(place(length), letter));
        (Some(letter), length)
    }
}

/// Raw text with `\"` made `"`.
fn unquoted(inside: &str) -> String {
    let mut text = String::with_capacity(inside.len());
    let mut letters = inside.chars();
    while let Some(letter) = letters.next() {
        match (letter, letters.clone().next()) {
            ('\\', Some('"')) => {}
            // The second of a pair: it must not start an escape of its own.
            ('\\', Some(next)) => {
                text.push('\\');
                text.push(next);
                letters.next();
            }
            (other, _) => text.push(other),
        }
    }
    text
}
