//! Rules, groups and their guards.

use super::Lowering;
use crate::{
    ast::{Expr, Group, Guard, Let, On, Otherwise, Rule as RuleItem, Text, With},
    parse::{
        errors,
        rules::{Node, Rule},
    },
    span::{Ident, Span},
};

/// What was read of a rule's head, each part with the place of the first one.
#[derive(Default)]
struct Head {
    on: Option<On>,
    resource: Option<Text>,
    resource_id: Option<Text>,
    only: Option<(Vec<Ident>, Span)>,
    lets: Vec<Let>,
    guard: GuardParts,
    with: Option<With>,
}

/// `when` and `unless` while they are collected.
#[derive(Default)]
pub(super) struct GuardParts {
    when: Option<(Expr, Span)>,
    unless: Option<(Expr, Span)>,
    unless_first: bool,
}

impl GuardParts {
    pub(super) fn finish(self) -> Guard {
        let expr = |part: Option<(Expr, Span)>| part.map(|(expr, _)| expr);
        Guard { when: expr(self.when), unless: expr(self.unless), unless_first: self.unless_first }
    }
}

impl Lowering<'_> {
    /// Takes a `when` or an `unless` into `parts`.
    pub(super) fn guard(&mut self, parts: &mut GuardParts, node: &Node<'_>) {
        let span = self.span(node);
        let expr = self.inner_expr(node, 0);
        let when = node.as_rule() == Rule::when;
        let (mine, other) =
            if when { (&mut parts.when, &parts.unless) } else { (&mut parts.unless, &parts.when) };
        if let Some((first, place)) = mine {
            let report = errors::two_guards(*place, first, span, &expr, when);
            self.report(report);
            return;
        }
        if !when && other.is_none() {
            parts.unless_first = true;
        }
        *mine = Some((expr, span));
    }

    pub(super) fn rule(&mut self, node: &Node<'_>) -> RuleItem {
        let span = self.span(node);
        let docs = self.docs.remove(&span.range().start).unwrap_or_default();
        let name = self.named(node, Rule::ident);
        let mut head = Head::default();
        let mut body = Vec::new();
        for child in node.clone().into_inner() {
            if let Some(statement) = self.statement(&child) {
                body.push(statement);
            } else {
                self.head_part(&mut head, &child, !body.is_empty());
            }
        }
        let on = head.on.unwrap_or_else(|| {
            self.report(errors::empty::rule_without_on(&name));
            On { patterns: vec![], alias: None, span: name.span.tail() }
        });
        if body.is_empty() {
            self.report(errors::empty::rule(&name));
        }
        RuleItem {
            docs,
            name,
            on,
            resource: head.resource,
            resource_id: head.resource_id,
            only: head.only.map(|(names, _)| names).unwrap_or_default(),
            lets: head.lets,
            guard: head.guard.finish(),
            with: head.with,
            body,
            span,
        }
    }

    /// One line of a rule's head. `late` says that a statement came before it.
    fn head_part(&mut self, head: &mut Head, node: &Node<'_>, late: bool) {
        let span = self.span(node);
        let word = match node.as_rule() {
            Rule::on => "on",
            Rule::resource => "resource",
            Rule::resource_id => "resource_id",
            Rule::only => "only",
            Rule::let_name => "let",
            Rule::when => "when",
            Rule::unless => "unless",
            Rule::with => "with",
            _ => return,
        };
        if late {
            self.report(errors::part_too_late(span, word));
        }
        let seen = match node.as_rule() {
            Rule::on => head.on.as_ref().map(|on| on.span),
            Rule::resource => head.resource.as_ref().map(|text| text.span),
            Rule::resource_id => head.resource_id.as_ref().map(|text| text.span),
            Rule::only => head.only.as_ref().map(|(_, span)| *span),
            Rule::with => head.with.as_ref().map(|with| with.span),
            _ => None,
        };
        if seen.is_some() {
            self.report(errors::twice(span, seen, &format!("`{word}`")));
            return;
        }
        match node.as_rule() {
            Rule::on => head.on = Some(self.on(node)),
            Rule::resource => head.resource = Some(self.required_text(node, "`resource`")),
            Rule::resource_id => head.resource_id = Some(self.required_text(node, "`resource_id`")),
            Rule::only => head.only = Some((self.idents(node), span)),
            Rule::let_name => {
                let name = self.named(node, Rule::ident);
                self.check_binding(&name);
                head.lets.push(Let { name, value: self.inner_expr(node, 0) });
            }
            Rule::with => head.with = Some(self.with(node)),
            _ => self.guard(&mut head.guard, node),
        }
    }

    fn on(&mut self, node: &Node<'_>) -> On {
        let patterns = node.clone().into_inner().filter(|child| child.as_rule() == Rule::pattern);
        let patterns = patterns.map(|child| self.pattern(&child)).collect();
        let alias = self.alias_in(node);
        On { patterns, alias, span: self.span(node) }
    }

    /// The name after `as`.
    fn alias_in(&mut self, node: &Node<'_>) -> Option<Ident> {
        let alias = node.clone().into_inner().find(|child| child.as_rule() == Rule::ident)?;
        let alias = self.ident(&alias);
        self.check_binding(&alias);
        Some(alias)
    }

    pub(super) fn with(&mut self, node: &Node<'_>) -> With {
        let mut names = self.idents(node).into_iter();
        let record = node.clone().into_inner().find(|child| child.as_rule() == Rule::record);
        let (policy, argument) = (names.next(), names.next());
        let settings = record.map(|record| self.record(&record, 0));
        With { policy, argument, settings, span: self.span(node) }
    }

    pub(super) fn group(&mut self, node: &Node<'_>) -> Group {
        let name = self.named(node, Rule::ident);
        let mut rules = Vec::new();
        let mut otherwise: Option<Otherwise> = None;
        for child in node.clone().into_inner() {
            let span = self.span(&child);
            match child.as_rule() {
                Rule::rule_item => {
                    if let Some(otherwise) = &otherwise {
                        self.report(errors::after_otherwise(span, otherwise.span, "rule"));
                    }
                    rules.push(self.rule(&child));
                }
                Rule::otherwise if otherwise.is_some() => {
                    let first = otherwise.as_ref().map(|first| first.span);
                    self.report(errors::twice(span, first, "`otherwise`"));
                }
                Rule::otherwise => otherwise = Some(self.otherwise(&child)),
                _ => {}
            }
        }
        if rules.is_empty() {
            self.report(errors::empty::group(&name));
        }
        Group { name, rules, otherwise }
    }

    pub(super) fn otherwise(&mut self, node: &Node<'_>) -> Otherwise {
        let alias = self.alias_in(node);
        let body = self.block_in(node, "otherwise");
        Otherwise { alias, body, span: self.span(node) }
    }
}
