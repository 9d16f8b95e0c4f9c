//! Which names an expression mentions.

use std::collections::BTreeSet;

use grammar::ast;

/// Whether an expression reads `name` from around it.
pub(super) fn mentions(expr: &ast::Expr, name: &str) -> bool {
    let mut found = BTreeSet::new();
    names(expr, &mut found);
    found.contains(name)
}

/// Every name that an expression reads from around it.
pub(super) fn names<'e>(expr: &'e ast::Expr, found: &mut BTreeSet<&'e str>) {
    match &expr.kind {
        ast::ExprKind::Name(name) => drop(found.insert(&name.text)),
        ast::ExprKind::Text(text) => {
            for part in &text.parts {
                if let ast::TextPart::Hole(hole) = part {
                    names(hole, found);
                }
            }
        }
        ast::ExprKind::Field { base, .. }
        | ast::ExprKind::Paren(base)
        | ast::ExprKind::Not(base)
        | ast::ExprKind::Negate(base)
        | ast::ExprKind::Test { subject: base, .. }
        | ast::ExprKind::Capture { subject: base, .. }
        | ast::ExprKind::Connective { items: base, .. } => names(base, found),
        ast::ExprKind::Regex { subject, pattern, .. } => {
            if let ast::RegexPattern::Name(name) = pattern {
                found.insert(&name.text);
            }
            names(subject, found);
        }
        ast::ExprKind::Index { base, index: other }
        | ast::ExprKind::Compare { left: base, right: other, .. }
        | ast::ExprKind::Arithmetic { left: base, right: other, .. }
        | ast::ExprKind::Else { subject: base, fallback: other } => {
            names(base, found);
            names(other, found);
        }
        ast::ExprKind::Logic { terms, .. } | ast::ExprKind::List(terms) => {
            terms.iter().for_each(|term| names(term, found));
        }
        ast::ExprKind::Pipe { subject, args, .. } => {
            names(subject, found);
            args.iter().for_each(|arg| names(arg, found));
        }
        ast::ExprKind::Quantifier { binding, list, condition, .. } => {
            names(list, found);
            inside(&[condition], binding, found);
        }
        ast::ExprKind::Each { binding, list, filter, body } => {
            names(list, found);
            let inner: Vec<&ast::Expr> = filter.as_deref().into_iter().chain([&**body]).collect();
            inside(&inner, binding, found);
        }
        ast::ExprKind::Choose { arms, otherwise } => {
            for arm in arms {
                names(&arm.condition, found);
                names(&arm.value, found);
            }
            otherwise.iter().for_each(|value| names(value, found));
        }
        ast::ExprKind::Record(record) => {
            for entry in &record.entries {
                let (ast::Entry::Field { value, .. } | ast::Entry::Spread(value)) = entry;
                names(value, found);
            }
        }
        ast::ExprKind::Bool(_)
        | ast::ExprKind::Null
        | ast::ExprKind::Int(_)
        | ast::ExprKind::Decimal(_)
        | ast::ExprKind::Percent(_)
        | ast::ExprKind::Duration(_)
        | ast::ExprKind::Date(_)
        | ast::ExprKind::DateTime(_)
        | ast::ExprKind::Broken => {}
    }
}

/// What is read below a name of its own.
fn inside<'e>(inner: &[&'e ast::Expr], binding: &str, found: &mut BTreeSet<&'e str>) {
    let mut below = BTreeSet::new();
    inner.iter().for_each(|expr| names(expr, &mut below));
    below.remove(binding);
    found.extend(below);
}
