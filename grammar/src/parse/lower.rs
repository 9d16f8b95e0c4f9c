//! Pairs of pest to the tree: what every part of lowering shares.
//!
//! Lowering walks pairs in written order and takes what it knows by rule. A child that should be
//! there and is not becomes a broken node: the grammar makes that impossible, and no panic is worth it.

mod block;
mod calls;
mod compare;
mod expr;
mod item;
mod literal;
mod number;
mod primary;
mod rule;
mod statement;
mod test;
mod text;
mod types;

use std::collections::BTreeMap;

use super::{
    errors,
    habits::{Foreign, Habits},
    limits::RECURSION_MAX,
    rules::{Node, Rule},
};
use crate::{
    Diagnostic, Source,
    ast::{Doc, Expr, ExprKind, ItemKind},
    span::{Ident, Span, Spanned},
};

/// Descriptions by the byte offset of what they describe.
pub(super) type Docs = BTreeMap<usize, Vec<Doc>>;

/// One file on its way to a tree.
pub(super) struct Lowering<'s> {
    pub(super) source: &'s Source,
    /// Descriptions that nothing took yet.
    pub(super) docs: Docs,
    /// Operators from other languages, reported together at the end.
    pub(super) habits: Habits,
    pub(super) found: Vec<Diagnostic>,
    /// Where the text that pest saw starts in the source.
    base: usize,
    recursion: u32,
    /// The quantifier read last, when its condition stands without parentheses.
    bare: Option<Span>,
}

impl<'s> Lowering<'s> {
    pub(super) fn new(source: &'s Source, docs: Docs) -> Self {
        let habits = Habits::default();
        Self { source, docs, habits, found: Vec::new(), base: 0, recursion: 0, bare: None }
    }

    /// Lowers one item that pest found at `base` of the source.
    pub(super) fn lower(&mut self, node: Node<'_>, base: usize) -> (ItemKind, Span) {
        self.base = base;
        self.recursion = 0;
        let span = self.span(&node);
        (self.item(node), span)
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.found.push(diagnostic);
    }

    /// The place of a node. Pest counts the white space before an absent optional part; a span ends
    /// where its last token ends.
    /// A node's place, without the white space that pest counts to it.
    fn span(&self, node: &Node<'_>) -> Span {
        let start = self.base + node.as_span().start();
        let written = node.as_str();
        let in_text = matches!(node.as_rule(), Rule::chars | Rule::block_chars);
        let solid = if in_text { written } else { written.trim_ascii_end() };
        Span::new(self.source.id, start, start + solid.len())
    }

    fn ident(&self, node: &Node<'_>) -> Ident {
        Ident { text: node.as_str().into(), span: self.span(node) }
    }

    /// The ident of a missing child; never seen.
    fn nameless(&self, near: Span) -> Ident {
        Ident { text: "".into(), span: near.tail() }
    }

    /// The first child with this rule, as a name.
    fn named(&self, node: &Node<'_>, rule: Rule) -> Ident {
        let child = node.clone().into_inner().find(|child| child.as_rule() == rule);
        child.map_or_else(|| self.nameless(self.span(node)), |child| self.ident(&child))
    }

    /// Notes an operator from another language.
    fn habit(&mut self, span: Span, foreign: Foreign) {
        self.habits.note(span, foreign);
    }

    /// Runs `walk` one level deeper, or reports that there are too many levels.
    fn deeper(&mut self, span: Span, walk: impl FnOnce(&mut Self) -> Expr) -> Expr {
        if self.recursion >= RECURSION_MAX {
            self.report(errors::limit::nesting(span.head()));
            return broken(span);
        }
        self.recursion += 1;
        let expr = walk(self);
        self.recursion -= 1;
        expr
    }

    /// A whole number of a limit or a count.
    fn count(&mut self, node: &Node<'_>) -> Spanned<u64> {
        let span = self.span(node);
        let digits = node.as_str().replace('_', "");
        let value = digits.parse().unwrap_or_else(|_| {
            self.report(errors::number::count_too_large(span, node.as_str()));
            u64::MAX
        });
        Spanned { node: value, span }
    }
}

/// A node that could not be read.
fn broken(span: Span) -> Expr {
    Expr { kind: ExprKind::Broken, span }
}
