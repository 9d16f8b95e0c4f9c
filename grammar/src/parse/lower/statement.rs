//! Statements: what a rule does.

use super::{Lowering, broken, rule::GuardParts};
use crate::{
    ast::{Arm, ChooseStatement, Deliver, ForEach, Ignore, Otherwise, Statement},
    parse::{
        errors,
        rules::{Node, Rule},
    },
    span::{Ident, Span},
};

impl Lowering<'_> {
    /// The statement that `node` is, when it is one.
    pub(super) fn statement(&mut self, node: &Node<'_>) -> Option<Statement> {
        Some(match node.as_rule() {
            Rule::deliver => Statement::Deliver(self.deliver(node)),
            Rule::choose_stmt => Statement::Choose(self.choose_statement(node)),
            Rule::for_each => Statement::ForEach(self.for_each(node)),
            Rule::ignore => {
                let reason = self.fixed_text_in(node, "the reason after `ignore`");
                Statement::Ignore(Ignore { reason, span: self.span(node) })
            }
            _ => return None,
        })
    }

    /// The statements of the block inside `node`; `of` is the word the block belongs to.
    pub(super) fn block_in(&mut self, node: &Node<'_>, of: &str) -> Vec<Statement> {
        let Some(block) = node.clone().into_inner().find(|child| child.as_rule() == Rule::block) else {
            return Vec::new();
        };
        let span = self.span(&block);
        let mut body = Vec::new();
        for child in block.into_inner() {
            body.extend(self.statement(&child));
        }
        if body.is_empty() {
            self.report(errors::empty::block(span, of));
        }
        body
    }

    /// `connection.action` of a deliver or an expectation.
    pub(super) fn target(&mut self, node: &Node<'_>) -> (Ident, Ident) {
        let connection = self.named(node, Rule::ident);
        let action = node.clone().into_inner();
        let action =
            action.into_iter().find(|child| matches!(child.as_rule(), Rule::name | Rule::hyphen_name));
        let action = action.map_or_else(|| self.nameless(connection.span), |action| self.ident(&action));
        if action.contains('-') {
            self.report(errors::name::hyphen_in_action(action.span, &action));
        }
        (connection, action)
    }

    fn deliver(&mut self, node: &Node<'_>) -> Deliver {
        let span = self.span(node);
        let (connection, action) = self.target(node);
        let mut guard = GuardParts::default();
        let (mut label, mut input, mut with) = (None, None, None);
        for child in node.clone().into_inner() {
            let place = self.span(&child);
            // The order is label, guard, input, settings.
            let after = if with.is_some() { "`with`" } else { "the record" };
            let late = with.is_some() || input.is_some();
            match child.as_rule() {
                Rule::label => {
                    let name = self.named(&child, Rule::ident);
                    self.once(place, label.as_ref().map(|label: &Ident| label.span), late, "as", after);
                    label.get_or_insert(name);
                }
                Rule::when | Rule::unless => {
                    let word = if child.as_rule() == Rule::when { "when" } else { "unless" };
                    self.once(place, None, late, word, after);
                    self.guard(&mut guard, &child);
                }
                Rule::record => {
                    let record = self.record(&child, 0);
                    let first = input.as_ref().map(|record: &crate::ast::Record| record.span);
                    self.once(place, first, with.is_some(), "{ … }", after);
                    input.get_or_insert(record);
                }
                Rule::with => {
                    let settings = self.with(&child);
                    let first = with.as_ref().map(|with: &crate::ast::With| with.span);
                    self.once(place, first, false, "with", after);
                    with.get_or_insert(settings);
                }
                _ => {}
            }
        }
        Deliver { connection, action, label, guard: guard.finish(), input, with, span }
    }

    /// Reports a part of a deliver that was there before, or that stands behind what must follow it.
    fn once(&mut self, place: Span, first: Option<Span>, late: bool, word: &str, after: &str) {
        if first.is_some() {
            self.report(errors::twice(place, first, &format!("`{word}`")));
        } else if late {
            self.report(errors::part_of_deliver_too_late(place, word, after));
        }
    }

    fn choose_statement(&mut self, node: &Node<'_>) -> ChooseStatement {
        let span = self.span(node);
        let mut arms = Vec::new();
        let mut otherwise: Option<Otherwise> = None;
        for child in node.clone().into_inner() {
            let place = self.span(&child);
            match child.as_rule() {
                Rule::arm_stmt => {
                    if let Some(otherwise) = &otherwise {
                        self.report(errors::after_otherwise(place, otherwise.span, "arm"));
                    }
                    arms.push(self.arm(&child));
                }
                Rule::otherwise if otherwise.is_some() => {
                    let first = otherwise.as_ref().map(|first| first.span);
                    self.report(errors::twice(place, first, "`otherwise`"));
                }
                Rule::otherwise => {
                    let found = self.otherwise(&child);
                    if let Some(alias) = &found.alias {
                        self.report(errors::alias_outside_group(alias.span));
                    }
                    otherwise = Some(found);
                }
                _ => {}
            }
        }
        if arms.is_empty() {
            self.report(errors::empty::choose(span));
        }
        ChooseStatement { arms, otherwise, span }
    }

    fn arm(&mut self, node: &Node<'_>) -> Arm {
        let mut guard = GuardParts::default();
        for child in node.clone().into_inner() {
            if matches!(child.as_rule(), Rule::when | Rule::unless) {
                self.guard(&mut guard, &child);
            }
        }
        Arm { guard: guard.finish(), body: self.block_in(node, "when"), span: self.span(node) }
    }

    fn for_each(&mut self, node: &Node<'_>) -> ForEach {
        let span = self.span(node);
        let binding = self.named(node, Rule::ident);
        self.check_binding(&binding);
        let mut list = broken(span);
        let (mut filter, mut limit) = (None, None);
        for child in node.clone().into_inner() {
            match child.as_rule() {
                Rule::expr => list = self.expr(child),
                Rule::where_ => filter = Some(self.inner_expr(&child, 0)),
                Rule::limit => {
                    let count = child.into_inner().find(|part| part.as_rule() == Rule::count);
                    limit = count.map(|count| self.count(&count));
                }
                _ => {}
            }
        }
        ForEach { binding, list, filter, limit, body: self.block_in(node, "for each"), span }
    }
}
