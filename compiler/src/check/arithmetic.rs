//! Exact arithmetic on numbers, instants and lengths of time.

use grammar::ast::{self, ArithmeticOp};
use grammar::{Diagnostic, Span, Spanned};

use super::Checker;
use super::fold;
use super::scope::Typed;
use crate::hir::Expr;
use crate::messages::{names, types as messages};
use crate::types::{Kind, Type};
use crate::value::Value;

impl Checker<'_> {
    /// `- x`
    pub(super) fn negate(&mut self, inner: &ast::Expr, span: Span) -> Typed {
        let value = self.value(inner);
        if value.ty.is_broken() || !self.wants(&value, &[Kind::Number, Kind::Duration], "a minus sign") {
            return Typed::broken(span);
        }
        let ty = value.ty.clone();
        if let Some(constant) = fold::negate(&value) {
            return Typed::constant(constant, ty, span);
        }
        let needs = value.needs.clone();
        Typed { needs, ..Typed::computed(Expr::Negate(Box::new(value.expr)), ty, span) }
    }

    /// `a + b` and its kin.
    pub(super) fn arithmetic(
        &mut self,
        left: &ast::Expr,
        op: &Spanned<ArithmeticOp>,
        right: &ast::Expr,
        span: Span,
    ) -> Typed {
        if let Some(told) = self.a_field_with_a_dash(left, op, right, span) {
            self.report(told);
            return Typed::broken(span);
        }
        let one = self.value(left);
        let two = self.value(right);
        if one.ty.is_broken() || two.ty.is_broken() {
            return Typed::broken(span);
        }
        let Some(ty) = self.result(&one, op, &two) else { return Typed::broken(span) };
        let optional = one.ty.is_optional() || two.ty.is_optional();
        let ty = if optional { ty.optional() } else { ty };
        if let Some(constant) = fold::arithmetic(op.node, &one, &two) {
            if matches!(constant, Value::Missing) && !optional {
                self.report(messages::no_result(op.span, op.node));
            }
            return Typed::constant(constant, ty, span);
        }
        let needs = one.needs.iter().chain(&two.needs).cloned().collect();
        let sensitive = one.sensitive.clone().or_else(|| two.sensitive.clone());
        let expr = Expr::Arithmetic(op.node, Box::new(one.expr), Box::new(two.expr));
        Typed { needs, sensitive, ..Typed::computed(expr, ty, span) }
    }

    /// `lead.x-id` is read as a subtraction, and `lead."x-id"` was meant.
    fn a_field_with_a_dash(
        &self,
        left: &ast::Expr,
        op: &Spanned<ArithmeticOp>,
        right: &ast::Expr,
        span: Span,
    ) -> Option<Diagnostic> {
        let (ast::ExprKind::Field { base, name, .. }, ast::ExprKind::Name(rest)) = (&left.kind, &right.kind)
        else {
            return None;
        };
        let joined = left.span.end == op.span.start && op.span.end == right.span.start;
        let known =
            self.scope.iter().any(|one| one.name == rest.text) || self.names.values.contains_key(&*rest.text);
        if op.node != ArithmeticOp::Subtract || !joined || known {
            return None;
        }
        let meant = format!("{}.\"{name}-{rest}\"", self.written(base.span));
        Some(names::field_with_a_dash(span, &meant))
    }

    fn result(&mut self, one: &Typed, op: &Spanned<ArithmeticOp>, two: &Typed) -> Option<Type> {
        use ArithmeticOp::{Add, Divide, Multiply, Subtract};
        let ints = *one.ty.required() == Type::Int && *two.ty.required() == Type::Int;
        Some(match (one.ty.kind(), op.node, two.ty.kind()) {
            (Kind::Number, Add | Subtract | Multiply, Kind::Number) if ints => Type::Int,
            (Kind::Number, _, Kind::Number) => Type::Decimal,
            (Kind::Any, _, Kind::Number | Kind::Any) | (Kind::Number, _, Kind::Any) => Type::Any,
            (Kind::Any, Add | Subtract, Kind::Duration | Kind::Instant) => Type::Any,
            (Kind::Instant | Kind::Duration, Add | Subtract, Kind::Any) => Type::Any,
            (Kind::Duration, Multiply | Divide, Kind::Number | Kind::Any) => Type::Duration,
            (Kind::Number | Kind::Any, Multiply, Kind::Duration) => Type::Duration,
            (Kind::Instant, Subtract, Kind::Instant) => Type::Duration,
            (Kind::Instant, Add | Subtract, Kind::Duration) => Type::DateTime,
            (Kind::Duration, Add, Kind::Instant) => Type::DateTime,
            (Kind::Duration, Add | Subtract, Kind::Duration) => Type::Duration,
            (Kind::Duration, Divide, Kind::Duration) => Type::Decimal,
            (left, Add, right) if left == Kind::Text || right == Kind::Text => {
                let [one, two] = [one.span, two.span].map(|span| (span, self.written(span)));
                self.report(messages::text_is_joined_with_holes(op.span, one, two));
                return None;
            }
            (left, _, right) => {
                self.report(messages::cannot_calculate(op, (one.span, left), (two.span, right)));
                return None;
            }
        })
    }
}
