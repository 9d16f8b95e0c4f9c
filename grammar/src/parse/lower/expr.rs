//! Logic, arithmetic, transforms: everything around a value.

use super::{Lowering, broken};
use crate::{
    ast::{ArithmeticOp, ChooseArm, Expr, ExprKind, LogicOp},
    parse::{
        errors,
        habits::Foreign,
        limits::EXPRESSION_DEPTH_MAX,
        rules::{Node, Rule},
    },
    span::{Span, Spanned},
};

/// `expr` and its operators on one level.
struct Level {
    terms: Vec<Expr>,
    ops: Vec<Spanned<LogicOp>>,
}

impl Lowering<'_> {
    /// The root of an expression.
    pub(super) fn expr(&mut self, node: Node<'_>) -> Expr {
        self.logic(node, 0)
    }

    /// The expression inside `node`, at `depth` steps from the root.
    pub(super) fn inner_expr(&mut self, node: &Node<'_>, depth: usize) -> Expr {
        let inner = node.clone().into_inner().find(|child| child.as_rule() == Rule::expr);
        match inner {
            Some(inner) => self.logic(inner, depth),
            None => broken(self.span(node)),
        }
    }

    pub(super) fn logic(&mut self, node: Node<'_>, depth: usize) -> Expr {
        let span = self.span(&node);
        self.deeper(span, |me| me.logic_inside(node, depth))
    }

    fn logic_inside(&mut self, node: Node<'_>, depth: usize) -> Expr {
        let whole = self.span(&node);
        let mut level = Level { terms: Vec::new(), ops: Vec::new() };
        let mut ternary = None;
        for child in node.into_inner() {
            match child.as_rule() {
                Rule::unary => level.terms.push(self.unary(child, depth + 1)),
                Rule::logic => level.ops.push(self.logic_op(&child)),
                Rule::ternary => ternary = Some(child),
                _ => {}
            }
        }
        let condition = self.joined(level, whole);
        match ternary {
            Some(ternary) => self.ternary(condition, ternary, whole, depth),
            None => condition,
        }
    }

    fn logic_op(&mut self, node: &Node<'_>) -> Spanned<LogicOp> {
        let span = self.span(node);
        let inner = node.clone().into_inner().next().map(|inner| inner.as_rule());
        let (op, foreign) = match inner {
            Some(Rule::kw_or) => (LogicOp::Or, None),
            Some(Rule::or_symbol) => (LogicOp::Or, Some(Foreign::Or)),
            Some(Rule::and_symbol) => (LogicOp::And, Some(Foreign::And)),
            _ => (LogicOp::And, None),
        };
        if let Some(foreign) = foreign {
            self.habit(span, foreign);
        }
        Spanned { node: op, span }
    }

    fn joined(&mut self, level: Level, whole: Span) -> Expr {
        let Level { mut terms, ops } = level;
        let Some(first) = ops.first() else {
            return terms.pop().unwrap_or_else(|| broken(whole));
        };
        let op = first.node;
        if ops.iter().all(|other| other.node == op) {
            return logic_of(op, terms, whole);
        }
        self.report(errors::mixed_logic(self.source, &terms, &ops));
        // Read on as if `and` bound tighter, so that mistakes inside the terms are found, too.
        let mut groups: Vec<Vec<Expr>> = Vec::new();
        let mut joins = std::iter::once(LogicOp::Or).chain(ops.iter().map(|op| op.node));
        for term in terms {
            match (joins.next(), groups.last_mut()) {
                (Some(LogicOp::And), Some(group)) => group.push(term),
                _ => groups.push(vec![term]),
            }
        }
        let groups = groups.into_iter().map(|group| logic_of(LogicOp::And, group, whole)).collect();
        logic_of(LogicOp::Or, groups, whole)
    }

    /// `a ? b : c`, which is `choose` here.
    fn ternary(&mut self, condition: Expr, node: Node<'_>, whole: Span, depth: usize) -> Expr {
        let span = self.span(&node);
        let mut values = Vec::new();
        for child in node.into_inner().filter(|child| child.as_rule() == Rule::expr) {
            values.push(self.logic(child, depth + 1));
        }
        let (Some(no), Some(yes)) = (values.pop(), values.pop()) else { return broken(whole) };
        let span = condition.span.to(span);
        self.report(errors::branch::ternary(self.source, span, &condition, &yes, &no));
        let arms = vec![ChooseArm { condition, value: yes }];
        Expr { kind: ExprKind::Choose { arms, otherwise: Some(Box::new(no)) }, span }
    }

    pub(super) fn unary(&mut self, node: Node<'_>, depth: usize) -> Expr {
        let span = self.span(&node);
        let mut negated = false;
        for child in node.into_inner() {
            match child.as_rule() {
                Rule::not => negated = true,
                Rule::bang => {
                    let bang = self.span(&child);
                    self.habit(bang, Foreign::Not);
                    negated = true;
                }
                Rule::comparison => return self.comparison(child, depth),
                Rule::unary if negated => {
                    return self.deeper(span, |me| {
                        let inner = Box::new(me.unary(child, depth + 1));
                        Expr { kind: ExprKind::Not(inner), span }
                    });
                }
                Rule::unary => return self.unary(child, depth),
                _ => {}
            }
        }
        broken(span)
    }

    /// Whether the expression may grow by `links` more steps; reports it when not.
    pub(super) fn has_room(&mut self, span: Span, depth: usize, links: usize) -> bool {
        let fits = depth + links <= EXPRESSION_DEPTH_MAX;
        if !fits {
            self.report(errors::limit::depth(span.head()));
        }
        fits
    }

    /// `sum`, then transforms and stand-ins from left to right.
    pub(super) fn chain(&mut self, node: Node<'_>, depth: usize) -> Expr {
        let span = self.span(&node);
        let links = node.clone().into_inner().skip(1);
        let links = links.filter(|child| matches!(child.as_rule(), Rule::transform | Rule::sum)).count();
        if !self.has_room(span, depth, links) {
            return broken(span);
        }
        let mut value: Option<Expr> = None;
        let mut left = links;
        for child in node.into_inner() {
            let at = depth + left;
            match (child.as_rule(), value.take()) {
                (Rule::sum, None) => value = Some(self.sum(child, at)),
                (Rule::sum, Some(subject)) => {
                    left -= 1;
                    let fallback = Box::new(self.sum(child, at));
                    let span = subject.span.to(fallback.span);
                    let kind = ExprKind::Else { subject: Box::new(subject), fallback };
                    value = Some(Expr { kind, span });
                }
                (Rule::transform, Some(subject)) => {
                    left -= 1;
                    value = Some(self.transform(subject, child, at));
                }
                (Rule::coalesce, other) => {
                    let span = self.span(&child);
                    self.habit(span, Foreign::Else);
                    value = other;
                }
                (_, other) => value = other,
            }
        }
        value.unwrap_or_else(|| broken(span))
    }

    pub(super) fn sum(&mut self, node: Node<'_>, depth: usize) -> Expr {
        self.arithmetic(node, depth, Rule::product, Self::product)
    }

    fn product(&mut self, node: Node<'_>, depth: usize) -> Expr {
        self.arithmetic(node, depth, Rule::signed, Self::signed)
    }

    /// Operands of one strength, joined from left to right.
    fn arithmetic(
        &mut self,
        node: Node<'_>,
        depth: usize,
        operand: Rule,
        lower: fn(&mut Self, Node<'_>, usize) -> Expr,
    ) -> Expr {
        let span = self.span(&node);
        let operands = node.clone().into_inner().filter(|child| child.as_rule() == operand).count();
        let mut links = operands.saturating_sub(1);
        if !self.has_room(span, depth, links) {
            return broken(span);
        }
        let mut value: Option<Expr> = None;
        let mut op = None;
        for child in node.into_inner() {
            if child.as_rule() != operand {
                op = arithmetic_op(child.as_rule()).map(|op| Spanned { node: op, span: self.span(&child) });
                continue;
            }
            let right = lower(self, child, depth + links);
            value = Some(match (value.take(), op.take()) {
                (Some(left), Some(op)) => {
                    links = links.saturating_sub(1);
                    let span = left.span.to(right.span);
                    let (left, right) = (Box::new(left), Box::new(right));
                    Expr { kind: ExprKind::Arithmetic { left, op, right }, span }
                }
                _ => right,
            });
        }
        value.unwrap_or_else(|| broken(span))
    }

    fn signed(&mut self, node: Node<'_>, depth: usize) -> Expr {
        let span = self.span(&node);
        let mut negative = false;
        for child in node.into_inner() {
            match child.as_rule() {
                Rule::minus => negative = true,
                Rule::postfix if negative => {
                    let inner = Box::new(self.postfix(child, depth + 1));
                    return Expr { kind: ExprKind::Negate(inner), span };
                }
                Rule::postfix => return self.postfix(child, depth),
                _ => {}
            }
        }
        broken(span)
    }
}

fn logic_of(op: LogicOp, mut terms: Vec<Expr>, whole: Span) -> Expr {
    if terms.len() == 1 {
        return terms.pop().unwrap_or_else(|| broken(whole));
    }
    let span = match (terms.first(), terms.last()) {
        (Some(first), Some(last)) => first.span.to(last.span),
        _ => whole,
    };
    Expr { kind: ExprKind::Logic { op, terms }, span }
}

fn arithmetic_op(rule: Rule) -> Option<ArithmeticOp> {
    match rule {
        Rule::plus => Some(ArithmeticOp::Add),
        Rule::minus => Some(ArithmeticOp::Subtract),
        Rule::times => Some(ArithmeticOp::Multiply),
        Rule::divide => Some(ArithmeticOp::Divide),
        _ => None,
    }
}
