//! Comparisons and tests, and the ways people write them elsewhere.

use super::{Lowering, broken};
use crate::{
    ast::{CompareOp, Expr, ExprKind, LogicOp, RegexPattern, TestKind},
    parse::{
        errors,
        habits::Foreign,
        rules::{Node, Rule},
    },
    span::{Span, Spanned},
};

/// A comparison without its left side, and where `ignoring case` is written.
type Tail<'i> = (Node<'i>, Option<Span>);

impl Lowering<'_> {
    pub(super) fn comparison(&mut self, node: Node<'_>, depth: usize) -> Expr {
        let span = self.span(&node);
        let mut left = None;
        let mut tails: Vec<Tail<'_>> = Vec::new();
        for child in node.into_inner() {
            match child.as_rule() {
                Rule::chain => left = Some(self.chain(child, depth + 1)),
                Rule::compare_tail => tails.push((child, None)),
                Rule::ignoring => {
                    let ignoring = self.span(&child);
                    if let Some(tail) = tails.last_mut() {
                        tail.1 = Some(ignoring);
                    }
                }
                _ => {}
            }
        }
        let Some(left) = left else { return broken(span) };
        if let Some(bare) = self.bare.take() {
            return self.bare_quantifier(bare, left, tails, depth);
        }
        self.compared(left, tails, span, depth)
    }

    /// A quantifier whose condition has no parentheses: what seems to be compared with the whole
    /// quantifier belongs to its condition.
    fn bare_quantifier(&mut self, bare: Span, left: Expr, tails: Vec<Tail<'_>>, depth: usize) -> Expr {
        let ExprKind::Quantifier { kind, binding, list, condition } = left.kind else {
            self.report(errors::satisfies_without_parens(bare));
            let span = left.span;
            return self.compared(left, tails, span, depth);
        };
        let condition = self.compared(*condition, tails, left.span, depth + 1);
        self.report(errors::satisfies_without_parens(condition.span));
        let span = left.span.to(condition.span);
        let condition = Box::new(condition);
        Expr { kind: ExprKind::Quantifier { kind, binding, list, condition }, span }
    }

    /// `left` with all comparisons behind it; more than one is reported.
    fn compared(&mut self, left: Expr, tails: Vec<Tail<'_>>, span: Span, depth: usize) -> Expr {
        let chained = tails.get(1).map(|(second, _)| self.span(second));
        let mut tails = tails.into_iter();
        let Some((tail, ignoring)) = tails.next() else { return left };
        let first = self.compare(left, tail, ignoring, depth);
        let Some(second) = chained else { return first };
        let middle = right_of(&first);
        self.report(errors::chained_comparison(self.source, span, &first, middle.as_ref(), second));
        // `1 < x < 3` is read on as `1 < x and x < 3`.
        let mut terms = vec![first];
        for (tail, ignoring) in tails {
            let left = terms.last().and_then(right_of).unwrap_or_else(|| broken(span));
            terms.push(self.compare(left, tail, ignoring, depth));
        }
        Expr { kind: ExprKind::Logic { op: LogicOp::And, terms }, span }
    }

    /// `left` with the comparison that follows it.
    pub(super) fn compare(
        &mut self,
        left: Expr,
        tail: Node<'_>,
        ignoring: Option<Span>,
        depth: usize,
    ) -> Expr {
        let end = ignoring.unwrap_or_else(|| self.span(&tail));
        let span = left.span.to(end);
        let mut op: Option<Spanned<CompareOp>> = None;
        let mut chains = Vec::new();
        let mut between = None;
        for child in tail.into_inner() {
            match child.as_rule() {
                Rule::is_test => return self.is_test(left, &child, ignoring, span),
                Rule::regex_cmp => return self.regex(left, &child, ignoring, span),
                Rule::chain => chains.push(self.chain(child, depth + 1)),
                Rule::between => between = Some(self.span(&child)),
                Rule::kw_and => {}
                _ => op = Some(self.compare_op(&child)),
            }
        }
        if let Some(word) = between {
            return self.between(left, chains, word, span);
        }
        let (Some(op), Some(right)) = (op, chains.pop()) else { return broken(span) };
        if let ExprKind::Else { subject, .. } = &right.kind
            && never_missing(&subject.kind)
        {
            self.report(errors::else_after_literal(self.source, &left, &right, subject));
        }
        let (left, right) = (Box::new(left), Box::new(right));
        Expr { kind: ExprKind::Compare { left, op, right, ignoring_case: ignoring }, span }
    }

    /// `x between a and b` is `x >= a and x <= b`.
    fn between(&mut self, left: Expr, mut chains: Vec<Expr>, word: Span, span: Span) -> Expr {
        let (Some(high), Some(low)) = (chains.pop(), chains.pop()) else { return broken(span) };
        self.report(errors::between(self.source, span, word, [&left, &low, &high]));
        let side = |op: CompareOp, right: Expr| {
            let span = left.span.to(right.span);
            let op = Spanned { node: op, span: word };
            let (left, right) = (Box::new(left.clone()), Box::new(right));
            Expr { kind: ExprKind::Compare { left, op, right, ignoring_case: None }, span }
        };
        let terms = vec![side(CompareOp::GreaterEqual, low), side(CompareOp::LessEqual, high)];
        Expr { kind: ExprKind::Logic { op: LogicOp::And, terms }, span }
    }

    fn compare_op(&mut self, node: &Node<'_>) -> Spanned<CompareOp> {
        let span = self.span(node);
        let inner: Vec<Rule> = node.clone().into_inner().map(|inner| inner.as_rule()).collect();
        let written = node.as_str();
        let negated = inner.contains(&Rule::kw_not) || written.starts_with("doesn");
        let (op, foreign) = match node.as_rule() {
            Rule::is_eq => (CompareOp::Is, None),
            Rule::is_not => (CompareOp::IsNot, None),
            Rule::eq_symbol => (CompareOp::Is, Some(Foreign::Is)),
            Rule::ne_symbol => (CompareOp::IsNot, Some(Foreign::IsNot)),
            Rule::lt => (CompareOp::Less, None),
            Rule::gt => (CompareOp::Greater, None),
            Rule::le => (CompareOp::LessEqual, (written == "≤").then_some(Foreign::LessEqual)),
            Rule::ge => (CompareOp::GreaterEqual, (written == "≥").then_some(Foreign::GreaterEqual)),
            Rule::in_list => (CompareOp::In, None),
            Rule::not_in => (CompareOp::NotIn, None),
            Rule::is_in if negated => (CompareOp::NotIn, Some(Foreign::IsNotIn)),
            Rule::is_in => (CompareOp::In, Some(Foreign::IsIn)),
            Rule::does => {
                let op = word_op(&verb_rules(node), negated);
                (op, Some(Foreign::Does(op)))
            }
            _ => (word_op(&inner, negated), None),
        };
        if let Some(foreign) = foreign {
            self.habit(span, foreign);
        }
        Spanned { node: op, span }
    }

    fn is_test(&mut self, subject: Expr, node: &Node<'_>, ignoring: Option<Span>, span: Span) -> Expr {
        let mut negated = false;
        let mut test = TestKind::Missing;
        for child in node.clone().into_inner() {
            match child.as_rule() {
                Rule::kw_not => negated = true,
                Rule::kw_present => test = TestKind::Present,
                Rule::kw_null => test = TestKind::Null,
                Rule::kw_empty => test = TestKind::Empty,
                _ => {}
            }
        }
        if let Some(ignoring) = ignoring {
            self.report(errors::ignoring_case_without_text(ignoring));
        }
        let test = Spanned { node: test, span: self.span(node) };
        Expr { kind: ExprKind::Test { subject: Box::new(subject), test, negated }, span }
    }

    fn regex(&mut self, subject: Expr, node: &Node<'_>, ignoring_case: Option<Span>, span: Span) -> Expr {
        let mut negated = false;
        let mut pattern = None;
        for child in node.clone().into_inner() {
            match child.as_rule() {
                Rule::kw_not => negated = true,
                Rule::regex_text => pattern = Some(RegexPattern::Literal(self.pattern_text(&child))),
                Rule::ident => pattern = Some(RegexPattern::Name(self.ident(&child))),
                _ => {}
            }
        }
        let Some(pattern) = pattern else { return broken(span) };
        let subject = Box::new(subject);
        Expr { kind: ExprKind::Regex { subject, negated, pattern, ignoring_case }, span }
    }
}

/// The rules inside `does_verb` that tell which comparison it is.
fn verb_rules(node: &Node<'_>) -> Vec<Rule> {
    node.clone().into_inner().flatten().map(|inner| inner.as_rule()).collect()
}

fn word_op(rules: &[Rule], negated: bool) -> CompareOp {
    let any = |wanted: &[Rule]| rules.iter().any(|rule| wanted.contains(rule));
    match negated {
        false if any(&[Rule::starts_with, Rule::start_verb]) => CompareOp::StartsWith,
        false if any(&[Rule::ends_with, Rule::end_verb]) => CompareOp::EndsWith,
        false if any(&[Rule::matches, Rule::match_verb]) => CompareOp::Matches,
        false => CompareOp::Contains,
        true if any(&[Rule::starts_with, Rule::start_verb]) => CompareOp::NotStartsWith,
        true if any(&[Rule::ends_with, Rule::end_verb]) => CompareOp::NotEndsWith,
        true if any(&[Rule::matches, Rule::match_verb]) => CompareOp::NotMatches,
        true => CompareOp::NotContains,
    }
}

/// Whether this is a literal that is always there.
fn never_missing(kind: &ExprKind) -> bool {
    match kind {
        ExprKind::Text(text) => text.plain().is_some(),
        ExprKind::Bool(_)
        | ExprKind::Int(_)
        | ExprKind::Decimal(_)
        | ExprKind::Percent(_)
        | ExprKind::Duration(_)
        | ExprKind::Date(_)
        | ExprKind::DateTime(_)
        | ExprKind::List(_)
        | ExprKind::Record(_) => true,
        _ => false,
    }
}

/// The right side of a comparison.
fn right_of(expr: &Expr) -> Option<Expr> {
    match &expr.kind {
        ExprKind::Compare { right, .. } => Some((**right).clone()),
        _ => None,
    }
}
