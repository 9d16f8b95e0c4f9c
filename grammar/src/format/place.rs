//! Where a comment can stand inside an expression: between the elements of something that can be tall.

use crate::ast::{Entry, Expr, ExprKind, Record, TypeExpr, TypeKind};
use crate::span::Span;

/// Whether a comment at `at` has a line of its own inside an expression.
pub(super) fn in_expr(expr: &Expr, at: u32) -> bool {
    match &expr.kind {
        ExprKind::Record(record) => in_record(record, at),
        ExprKind::List(items) | ExprKind::Logic { terms: items, .. } => in_gap(expr.span, items, at),
        ExprKind::Choose { arms, otherwise } => {
            let arms = arms.iter().flat_map(|arm| [&arm.condition, &arm.value]);
            let parts: Vec<&Expr> = arms.chain(otherwise.as_deref()).collect();
            match parts.iter().find(|part| covers(part.span, at)) {
                Some(part) => in_expr(part, at),
                None => covers(expr.span, at) && !between_condition_and_value(expr, at),
            }
        }
        _ => expr.any_part(|part| covers(part.span, at) && in_expr(part, at)),
    }
}

/// The same for a record.
pub(super) fn in_record(record: &Record, at: u32) -> bool {
    if !covers(record.span, at) {
        return false;
    }
    for entry in &record.entries {
        let (whole, value) = match entry {
            Entry::Field { key, value } => (key.span.to(value.span), value),
            Entry::Spread(base) => (base.span, base),
        };
        if covers(whole, at) {
            return in_expr(value, at);
        }
    }
    // An empty record has no lines.
    !record.entries.is_empty()
}

/// The same for elements in brackets.
pub(super) fn in_gap(whole: Span, items: &[Expr], at: u32) -> bool {
    match items.iter().find(|item| covers(item.span, at)) {
        Some(item) => in_expr(item, at),
        None => covers(whole, at) && !items.is_empty(),
    }
}

fn between_condition_and_value(expr: &Expr, at: u32) -> bool {
    let ExprKind::Choose { arms, .. } = &expr.kind else { return false };
    arms.iter().any(|arm| arm.condition.span.end <= at && at < arm.value.span.start)
}

fn covers(span: Span, at: u32) -> bool {
    span.start <= at && at < span.end
}

/// Whether a comment at `at` has a line of its own inside a type: between the fields of a record.
pub(super) fn in_type(ty: &TypeExpr, at: u32) -> bool {
    match &ty.kind {
        TypeKind::Named(_) | TypeKind::OneOf(_) => false,
        TypeKind::List { of: inner, .. } | TypeKind::Map(inner) | TypeKind::Paren(inner) => {
            in_type(inner, at)
        }
        TypeKind::Record(record) => match record.fields.iter().find(|field| covers(field.span, at)) {
            Some(field) => in_type(&field.ty, at),
            None => covers(record.span, at) && !record.fields.is_empty(),
        },
    }
}
