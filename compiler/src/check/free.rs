//! Which names an expression mentions.

use grammar::ast;

/// Whether an expression reads `name` from around it.
pub(super) fn mentions(expr: &ast::Expr, name: &str) -> bool {
    let inner = |expr: &ast::Expr| mentions(expr, name);
    match &expr.kind {
        ast::ExprKind::Name(ident) => &*ident.text == name,
        ast::ExprKind::Text(text) => text.parts.iter().any(|part| match part {
            ast::TextPart::Hole(hole) => inner(hole),
            ast::TextPart::Chars(_) => false,
        }),
        ast::ExprKind::Field { base, .. }
        | ast::ExprKind::Paren(base)
        | ast::ExprKind::Not(base)
        | ast::ExprKind::Negate(base)
        | ast::ExprKind::Test { subject: base, .. }
        | ast::ExprKind::Regex { subject: base, .. }
        | ast::ExprKind::Capture { subject: base, .. }
        | ast::ExprKind::Connective { items: base, .. } => inner(base),
        ast::ExprKind::Index { base, index: other }
        | ast::ExprKind::Compare { left: base, right: other, .. }
        | ast::ExprKind::Arithmetic { left: base, right: other, .. }
        | ast::ExprKind::Else { subject: base, fallback: other } => inner(base) || inner(other),
        ast::ExprKind::Logic { terms, .. } | ast::ExprKind::List(terms) => terms.iter().any(inner),
        ast::ExprKind::Pipe { subject, args, .. } => inner(subject) || args.iter().any(inner),
        ast::ExprKind::Quantifier { binding, list, condition, .. } => {
            inner(list) || (&*binding.text != name && inner(condition))
        }
        ast::ExprKind::Each { binding, list, filter, body } => {
            let hidden = &*binding.text == name;
            inner(list) || (!hidden && (filter.as_deref().is_some_and(inner) || inner(body)))
        }
        ast::ExprKind::Choose { arms, otherwise } => {
            let arm = |arm: &ast::ChooseArm| inner(&arm.condition) || inner(&arm.value);
            arms.iter().any(arm) || otherwise.as_deref().is_some_and(inner)
        }
        ast::ExprKind::Record(record) => record.entries.iter().any(|entry| match entry {
            ast::Entry::Field { value, .. } => inner(value),
            ast::Entry::Spread(base) => inner(base),
        }),
        ast::ExprKind::Bool(_)
        | ast::ExprKind::Null
        | ast::ExprKind::Int(_)
        | ast::ExprKind::Decimal(_)
        | ast::ExprKind::Percent(_)
        | ast::ExprKind::Duration(_)
        | ast::ExprKind::Date(_)
        | ast::ExprKind::DateTime(_)
        | ast::ExprKind::Broken => false,
    }
}
