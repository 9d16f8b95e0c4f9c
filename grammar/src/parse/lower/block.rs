//! Block text: the first line break and the common indentation go.
//!
//! As in Java's text blocks, lines of nothing but spaces do not count for the indentation, except the
//! last one: where the closing quotation marks stand on a line of their own, they count, too.

use super::Lowering;
use crate::{
    ast::{Text, TextPart},
    parse::rules::{Node, Rule},
};

/// A line break in block text; a carriage return before it is dropped.
const BREAK: char = '\n';

impl Lowering<'_> {
    pub(super) fn block(&mut self, node: &Node<'_>, depth: usize) -> Text {
        let span = self.span(node);
        let children: Vec<Node<'_>> = node.clone().into_inner().collect();
        let indent = common_indent(&children);
        let mut parts = Vec::new();
        let mut run = String::new();
        // Whether the next character is the first one of a line, so that indentation goes.
        let mut line_start = false;
        for (number, child) in children.iter().enumerate() {
            if child.as_rule() == Rule::hole {
                if !run.is_empty() {
                    parts.push(TextPart::Chars(std::mem::take(&mut run).into()));
                }
                parts.push(TextPart::Hole(self.inner_expr(child, depth + 1)));
                line_start = false;
                continue;
            }
            let mut written = child.as_str();
            let mut offset = self.span_start(child);
            if number == 0 {
                let dropped = first_break(written);
                line_start = dropped > 0;
                written = written.get(dropped..).unwrap_or_default();
                offset += u32::try_from(dropped).unwrap_or(0);
            }
            for line in written.split_inclusive(BREAK) {
                let cut = if line_start { blank_prefix(line).min(indent) } else { 0 };
                let kept = line.get(cut..).unwrap_or_default();
                let shifted = offset + u32::try_from(cut).unwrap_or(0);
                // A carriage return that is written as an escape is meant.
                let (kept, end) = kept.strip_suffix("\r\n").map_or((kept, ""), |kept| (kept, "\n"));
                run.push_str(&self.unescaped(kept, shifted));
                run.push_str(end);
                offset += u32::try_from(line.len()).unwrap_or(0);
                line_start = line.ends_with(BREAK);
            }
        }
        if !run.is_empty() {
            parts.push(TextPart::Chars(run.into()));
        }
        Text { parts, block: true, span }
    }

    fn span_start(&self, node: &Node<'_>) -> u32 {
        self.span(node).start
    }
}

/// Bytes up to and with the first line break, when only spaces stand before it.
fn first_break(written: &str) -> usize {
    match written.find(BREAK) {
        Some(at) if written.get(..at).is_some_and(|head| head.trim().is_empty()) => at + 1,
        _ => 0,
    }
}

/// Spaces and tabs at the start of a line.
fn blank_prefix(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '\t']).len()
}

/// The least indentation of the lines that count.
fn common_indent(children: &[Node<'_>]) -> usize {
    let mut least: Option<usize> = None;
    let mut note = |indent: usize| least = Some(least.map_or(indent, |least| least.min(indent)));
    let last = children.len().saturating_sub(1);
    for (number, child) in children.iter().enumerate() {
        if child.as_rule() == Rule::hole {
            continue;
        }
        let mut lines = child.as_str().split(BREAK).peekable();
        // What stands on the line of the opening quotation marks, or behind a hole, starts no line.
        lines.next();
        while let Some(line) = lines.next() {
            let indent = blank_prefix(line);
            let blank = line.trim().is_empty();
            // The last piece of a run goes on in a hole, or ends the text.
            let closing = lines.peek().is_none() && number == last;
            let before_hole = lines.peek().is_none() && number < last;
            if !blank || closing || before_hole {
                note(indent);
            }
        }
    }
    least.unwrap_or(0)
}
