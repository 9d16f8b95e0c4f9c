//! Comparisons: equality, order, and which of the others is meant.

use grammar::{Span, Spanned, ast};

use super::Checker;
use super::condition::Answer;
use super::fit::Operand;
use super::fold;
use super::names::Named;
use super::scope::{Proof, Typed};
use crate::hir::{Comparison, CondKind};
use crate::messages::types as messages;
use crate::types::{Kind, Type};

/// Whether texts are folded before they are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    /// As they are.
    Exact,
    /// By Unicode simple case folding.
    Ignored,
}

impl Case {
    /// As the checked tree writes it.
    pub(super) fn folds(self) -> bool {
        self == Self::Ignored
    }
}

impl Checker<'_> {
    /// `left op right`
    pub(super) fn compare(
        &mut self,
        left: &ast::Expr,
        op: &Spanned<ast::CompareOp>,
        right: &ast::Expr,
        ignoring_case: Option<Span>,
        span: Span,
    ) -> Answer {
        let case = if ignoring_case.is_some() { Case::Ignored } else { Case::Exact };
        use ast::CompareOp as Op;
        let (answer, negated) = match op.node {
            Op::Is => (self.equality(left, right, Comparison::Equal, case, span), false),
            // Equality mirrors itself: no double negation in the tree.
            Op::IsNot => return self.inequality(left, right, case, span),
            Op::Less => (self.order(left, right, Comparison::Less, op.span, span), false),
            Op::LessEqual => (self.order(left, right, Comparison::LessEqual, op.span, span), false),
            Op::Greater => (self.order(left, right, Comparison::Greater, op.span, span), false),
            Op::GreaterEqual => (self.order(left, right, Comparison::GreaterEqual, op.span, span), false),
            Op::In => (self.membership(left, right, case, span), false),
            Op::NotIn => (self.membership(left, right, case, span), true),
            Op::Contains => (self.contains(left, right, case, span), false),
            Op::NotContains => (self.contains(left, right, case, span), true),
            Op::StartsWith => (self.affix(left, right, crate::hir::End::Start, case, span), false),
            Op::NotStartsWith => (self.affix(left, right, crate::hir::End::Start, case, span), true),
            Op::EndsWith => (self.affix(left, right, crate::hir::End::Finish, case, span), false),
            Op::NotEndsWith => (self.affix(left, right, crate::hir::End::Finish, case, span), true),
            Op::Matches => (self.glob(left, right, case, span), false),
            Op::NotMatches => (self.glob(left, right, case, span), true),
        };
        if !negated {
            return answer;
        }
        self.negation_of(&answer, span);
        answer.negated(span)
    }

    fn inequality(&mut self, left: &ast::Expr, right: &ast::Expr, case: Case, span: Span) -> Answer {
        let answer = if self.predicate_named(right).is_some() {
            self.equality(left, right, Comparison::Equal, case, span).negated(span)
        } else {
            self.equality(left, right, Comparison::NotEqual, case, span)
        };
        self.negation_of(&answer, span);
        answer
    }

    /// A predicate on the right of `is`.
    fn predicate_named(&self, right: &ast::Expr) -> Option<(&ast::Predicate, Span)> {
        match &right.kind {
            ast::ExprKind::Paren(inner) => self.predicate_named(inner),
            ast::ExprKind::Name(name) if !self.scope.iter().any(|one| one.name == name.text) => {
                match self.names.values.get(&*name.text) {
                    Some(Named::Predicate(predicate)) => Some((predicate, name.span)),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn equality(
        &mut self,
        left: &ast::Expr,
        right: &ast::Expr,
        op: Comparison,
        case: Case,
        span: Span,
    ) -> Answer {
        if let ast::ExprKind::Name(name) = &right.kind {
            let shadowed = self.scope.iter().any(|one| one.name == name.text);
            if let Some(Named::Predicate(predicate)) =
                self.names.values.get(&*name.text).copied().filter(|_| !shadowed)
            {
                return self.apply(predicate, left, name.span, span);
            }
        }
        let one = self.value(left);
        let two = match self.is_environment(left).then(|| self.environment_name(right)).flatten() {
            Some(named) => named,
            None => self.value(right),
        };
        let one = self.adapt(one, &two.ty);
        let two = self.adapt(two, &one.ty);
        if one.ty.is_broken() || two.ty.is_broken() {
            return Answer::broken(span);
        }
        if !self.comparable(&one, &two) || !self.can_occur(&one, &two) || !self.can_occur(&two, &one) {
            return mistaken(&one, &two, span);
        }
        self.case_matters(&one, &two, case);
        if case == Case::Exact {
            self.folded_side(left, &two);
            self.folded_side(right, &one);
        }
        self.compared(one, two, op, case, span)
    }

    /// `<` and its kin.
    fn order(
        &mut self,
        left: &ast::Expr,
        right: &ast::Expr,
        op: Comparison,
        op_span: Span,
        span: Span,
    ) -> Answer {
        let one = self.value(left);
        let two = self.value(right);
        let one = self.adapt(one, &two.ty);
        let two = self.adapt(two, &one.ty);
        if one.ty.is_broken() || two.ty.is_broken() {
            return Answer::broken(span);
        }
        if !self.comparable(&one, &two) {
            return mistaken(&one, &two, span);
        }
        for side in [&one, &two] {
            if !side.ty.kind().has_order() {
                self.report(messages::no_order(op_span, side.span, side.ty.kind(), self.label(side)));
                return mistaken(&one, &two, span);
            }
        }
        self.compared(one, two, op, Case::Exact, span)
    }

    fn compared(&mut self, one: Typed, two: Typed, op: Comparison, case: Case, span: Span) -> Answer {
        if let Some(answer) = fold::compare(&one, &two, op, case) {
            return Answer::constant(answer, span);
        }
        let loose = [&one, &two].into_iter().filter_map(|side| self.loose(side)).collect();
        let proof = Proof::compared(one.needs.iter().chain(&two.needs).cloned());
        let fold = case.folds();
        let kind = CondKind::Compare { op, left: one.expr, right: two.expr, fold };
        Answer { proof, loose, ..Answer::new(kind, span) }
    }

    /// Values of different kinds never compare: that is a mistake, not an answer.
    fn comparable(&mut self, one: &Typed, two: &Typed) -> bool {
        let (left, right) = (one.ty.kind(), two.ty.kind());
        if left == right || [left, right].contains(&Kind::Any) || [left, right].contains(&Kind::Null) {
            return true;
        }
        // The caret sits on a literal when there is one: that is what gets changed.
        let (wrong, other) = if one.as_constant().is_some() { (one, two) } else { (two, one) };
        let operand = |side: &Typed| Operand {
            span: side.span,
            kind: side.ty.kind(),
            literal: side.as_constant().cloned(),
            declared: self.label(side),
        };
        self.report(messages::kinds_differ(&operand(wrong), &operand(other)));
        false
    }

    /// A text that is none of the values that the other side can have.
    pub(super) fn can_occur(&mut self, side: &Typed, other: &Typed) -> bool {
        let (Type::OneOf(values), Some(text)) = (side.ty.required(), other.as_text()) else { return true };
        if side.as_constant().is_some() || values.iter().any(|value| &**value == text) {
            return true;
        }
        let declared = self.label(side).map(|(span, _)| self.place_name(span));
        let subject = self.written(side.span);
        self.report(messages::never_that(other.span, subject, text, values, declared.as_deref()));
        false
    }

    /// `ignoring case` says something about texts only.
    pub(super) fn case_matters(&mut self, one: &Typed, two: &Typed, case: Case) {
        let texts =
            |side: &Typed| matches!(side.ty.kind(), Kind::Any | Kind::Text | Kind::List | Kind::Record);
        if case == Case::Ignored && !(texts(one) && texts(two)) {
            let wrong = if texts(one) { two } else { one };
            self.report(messages::case_of_no_text(wrong.span, wrong.ty.kind()));
        }
    }

    /// `(x | lower) contains "Admin"` can never be yes.
    pub(super) fn folded_side(&mut self, expr: &ast::Expr, other: &Typed) {
        let Some(transform) = last_transform(expr) else { return };
        let Some(text) = other.as_text() else { return };
        let changes = match transform {
            "lower" => text.chars().any(char::is_uppercase),
            "upper" => text.chars().any(char::is_lowercase),
            _ => false,
        };
        if changes {
            self.report(messages::folded_away(other.span, text, transform));
        }
    }
}

/// A comparison that is a mistake. It was meant to compare, so it proves what comparing proves: what
/// follows is not blamed for the same mistake.
fn mistaken(one: &Typed, two: &Typed, span: Span) -> Answer {
    let proof = Proof::compared(one.needs.iter().chain(&two.needs).cloned());
    Answer { proof, ..Answer::broken(span) }
}

fn last_transform(expr: &ast::Expr) -> Option<&str> {
    match &expr.kind {
        ast::ExprKind::Paren(inner) => last_transform(inner),
        ast::ExprKind::Pipe { transform, .. } => Some(transform),
        _ => None,
    }
}
