//! Comments and blank lines: before, behind and between what is printed.

use super::Printer;
use crate::ast::Doc;
use crate::span::Span;

impl Printer<'_> {
    /// Begins the line of an element that covers `span`: comments before it and inside it that have no
    /// place of their own, a blank line where the author left one, descriptions.
    pub(super) fn lead(&mut self, span: Span, docs: &[Doc], first: bool, placed: &dyn Fn(u32) -> bool) {
        let start = docs.first().map_or(span.start, |doc| doc.span.start);
        let mut first = first;
        let due = self.due(span.end, |comment| comment < start || !placed(comment));
        for comment in due {
            if !first && self.blank_before(comment.start) {
                self.blank();
            }
            first = false;
            let last = self.last;
            self.comment_line(comment);
            if comment.start >= start {
                // Moved up from inside: what stands before the element is still before it.
                self.last = last;
            }
        }
        if !first && self.blank_before(start) {
            self.blank();
        }
        for doc in docs {
            self.line();
            self.push(if doc.text.is_empty() { "##" } else { "## " });
            let text = doc.text.trim_end().to_owned();
            self.push(&text);
        }
        self.line();
    }

    /// The line of an element whose comments inside are printed with its parts.
    pub(super) fn lead_block(&mut self, span: Span, docs: &[Doc], first: bool) {
        self.lead(span, docs, first, &|_| true);
    }

    /// The line of an element; `placed` says whether a comment inside has a place of its own.
    pub(super) fn lead_with(&mut self, span: Span, first: bool, placed: &dyn Fn(u32) -> bool) {
        self.lead(span, &[], first, placed);
    }

    /// Ends an element: a comment behind it on its line stays there.
    pub(super) fn trail(&mut self, end: u32) {
        self.last = self.last.max(end);
        let Some(source) = self.source else { return };
        let first = self.comments.partition_point(|(span, _)| span.start < end);
        let next = self.comments.get_mut(first).filter(|(_, used)| !used);
        let Some((span, used)) = next else { return };
        let between = source.text.get(end as usize..span.start as usize).unwrap_or_default();
        let words = between.trim_matches([' ', '\t', ',']);
        if matches!(words, "" | "and" | "or") {
            *used = true;
            let (text, end) = (source.slice(*span).trim_end(), span.end);
            self.out.push(' ');
            self.out.push_str(text);
            self.last = self.last.max(end);
        }
    }

    /// Comments before the end of a block, each on its line. Says whether there were any.
    pub(super) fn rest(&mut self, end: u32, first: bool) -> bool {
        let due = self.due(end, |_| true);
        let mut first = first;
        let some = !due.is_empty();
        for comment in due {
            if !first && self.blank_before(comment.start) {
                self.blank();
            }
            first = false;
            self.comment_line(comment);
        }
        some
    }

    /// Whether a comment that is not printed yet stands in a span.
    pub(super) fn has_comment(&self, span: Span, wanted: impl Fn(u32) -> bool) -> bool {
        let first = self.comments.partition_point(|(comment, _)| comment.start < span.start);
        let inside = self.comments.iter().skip(first).take_while(|(comment, _)| comment.start < span.end);
        inside.into_iter().any(|(comment, used)| !used && wanted(comment.start))
    }

    /// Takes the comments before `end` that are wanted and not printed yet.
    fn due(&mut self, end: u32, wanted: impl Fn(u32) -> bool) -> Vec<Span> {
        let mut due = Vec::new();
        let open = self.comments.iter_mut().skip(self.done).take_while(|(span, _)| span.start < end);
        for (span, used) in open.filter(|(span, used)| !used && wanted(span.start)) {
            *used = true;
            due.push(*span);
        }
        self.done += self.comments.iter().skip(self.done).take_while(|(_, used)| *used).count();
        due
    }

    /// A comment on its line. Two signs would make a description of it, if it was none.
    fn comment_line(&mut self, comment: Span) {
        self.line();
        let text = self.source.map(|source| source.slice(comment).trim_end()).unwrap_or_default();
        let text = format!("#{}", text.trim_start_matches('#'));
        self.push(&text);
        self.last = self.last.max(comment.end);
    }

    /// Whether the author left a blank line between what was printed last and `start`.
    pub(super) fn blank_before(&self, start: u32) -> bool {
        self.blank_between(self.last, start)
    }

    /// Whether a blank line stands between two places.
    pub(super) fn blank_between(&self, end: u32, start: u32) -> bool {
        let between = self.source.and_then(|source| source.text.get(end as usize..start as usize));
        let mut lines = between.unwrap_or_default().split('\n').skip(1).peekable();
        while let Some(line) = lines.next() {
            if line.trim().is_empty() && lines.peek().is_some() {
                return true;
            }
        }
        false
    }
}
