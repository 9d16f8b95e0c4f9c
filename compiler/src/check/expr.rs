//! Values: one function per kind of expression, and literals.

use grammar::{Span, ast};
use jiff::SignedDuration;

use super::Checker;
use super::scope::Typed;
use crate::hir::{CondKind, Expr};
use crate::messages::types as messages;
use crate::ternary::Ternary;
use crate::types::{Kind, Type};
use crate::value::Value;

impl Checker<'_> {
    /// Checks an expression as a value.
    pub(super) fn value(&mut self, expr: &ast::Expr) -> Typed {
        let span = expr.span;
        match &expr.kind {
            ast::ExprKind::Bool(truth) => Typed::constant(Value::Bool(*truth), Type::Bool, span),
            ast::ExprKind::Null => Typed::constant(Value::Null, Type::Null, span),
            ast::ExprKind::Int(digits) => self.int(digits, span),
            ast::ExprKind::Decimal(digits) => self.decimal(digits, span),
            ast::ExprKind::Percent(digits) => self.percent(digits, span),
            ast::ExprKind::Duration(millis) => {
                let millis = i64::try_from(*millis).unwrap_or(i64::MAX);
                let length = SignedDuration::from_millis(millis);
                Typed::constant(Value::Duration(length), Type::Duration, span)
            }
            ast::ExprKind::Date(written) => self.date(written, span),
            ast::ExprKind::DateTime(written) => self.datetime(written, span),
            ast::ExprKind::Text(text) => self.template(text),
            ast::ExprKind::Name(name) => self.name(name),
            ast::ExprKind::Field { base, name, .. } => self.field(base, name, span),
            ast::ExprKind::Index { base, index } => self.index(base, index, span),
            ast::ExprKind::Paren(inner) => Typed { span, ..self.value(inner) },
            ast::ExprKind::Negate(inner) => self.negate(inner, span),
            ast::ExprKind::Arithmetic { left, op, right } => self.arithmetic(left, op, right, span),
            ast::ExprKind::Pipe { subject, transform, args } => self.pipe(subject, transform, args, span),
            ast::ExprKind::Capture { subject, pattern, group } => self.capture(subject, pattern, group, span),
            ast::ExprKind::Else { subject, fallback } => self.otherwise(subject, fallback, span),
            ast::ExprKind::Choose { arms, otherwise } => self.choose(arms, otherwise.as_deref(), span),
            ast::ExprKind::Each { binding, list, filter, body } => {
                self.each(binding, list, filter.as_deref(), body, span)
            }
            ast::ExprKind::List(items) => self.list(items, span),
            ast::ExprKind::Record(record) => self.record(record),
            ast::ExprKind::Not(_)
            | ast::ExprKind::Logic { .. }
            | ast::ExprKind::Compare { .. }
            | ast::ExprKind::Test { .. }
            | ast::ExprKind::Regex { .. }
            | ast::ExprKind::Connective { .. }
            | ast::ExprKind::Quantifier { .. } => self.condition_value(expr),
            ast::ExprKind::Broken => Typed::broken(span),
        }
    }

    /// A condition as a value: unknown is missing.
    fn condition_value(&mut self, expr: &ast::Expr) -> Typed {
        let answer = self.unguarded(|checker| checker.condition(expr));
        let ty = if answer.loose.is_empty() { Type::Bool } else { Type::Bool.optional() };
        match answer.cond.kind {
            CondKind::Constant(Ternary::Yes) => Typed::constant(Value::Bool(true), Type::Bool, expr.span),
            CondKind::Constant(Ternary::No) => Typed::constant(Value::Bool(false), Type::Bool, expr.span),
            CondKind::Constant(Ternary::Unknown) => {
                Typed::constant(Value::Missing, Type::Bool.optional(), expr.span)
            }
            _ => Typed::computed(Expr::Condition(Box::new(answer.cond)), ty, expr.span),
        }
    }

    /// Checks something that decides about no delivery by itself, so that negations need no warning.
    pub(super) fn unguarded<T>(&mut self, inner: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::replace(&mut self.rule.guarding, false);
        let result = inner(self);
        self.rule.guarding = before;
        result
    }

    /// Notes a value whose type is only known while running; with `strict` that is a mistake.
    pub(super) fn note_unchecked(&mut self, span: Span) {
        if self.unchecked.insert(span) && self.world.strict {
            self.report(messages::unchecked_is_refused(span));
        }
    }

    /// Reports a value of a kind that does not fit. No message for broken and unchecked values.
    pub(super) fn wants(&mut self, value: &Typed, kinds: &[Kind], what: &str) -> bool {
        let kind = value.ty.kind();
        if kind == Kind::Any || kinds.contains(&kind) {
            return true;
        }
        self.report(messages::wrong_kind(value.span, what, kinds, kind, self.label(value)));
        false
    }

    /// The declared field behind a value, for a second label.
    pub(super) fn label(&self, value: &Typed) -> Option<(Span, Box<str>)> {
        let origin = value.origin.as_ref()?;
        Some((origin.type_span?, origin.name.clone()))
    }
}
