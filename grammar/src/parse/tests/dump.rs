//! Expressions as short text, so that a test shows at a glance how one was read.

use crate::ast::{
    ArithmeticOp, ConnectiveKind, Entry, Expr, ExprKind, LogicOp, QuantifierKind, RegexPattern, TextPart,
};

/// `(and a (> b 1))` and the like.
pub(super) fn dump(expr: &Expr) -> String {
    match &expr.kind {
        ExprKind::Bool(value) => value.to_string(),
        ExprKind::Null => "null".to_owned(),
        ExprKind::Int(digits) | ExprKind::Decimal(digits) => digits.to_string(),
        ExprKind::Percent(digits) => format!("{digits}%"),
        ExprKind::Duration(value) => format!("{value}ms"),
        ExprKind::Date(text) | ExprKind::DateTime(text) => format!("@{text}"),
        ExprKind::Text(text) => {
            let part = |part: &TextPart| match part {
                TextPart::Chars(chars) => format!("{chars:?}"),
                TextPart::Hole(expr) => format!("{{{}}}", dump(expr)),
            };
            let parts: Vec<String> = text.parts.iter().map(part).collect();
            format!("{}<{}>", if text.block { "block" } else { "text" }, parts.join(" "))
        }
        ExprKind::Name(name) => name.to_string(),
        ExprKind::Field { base, name, quoted } => {
            let name = if *quoted { format!("{:?}", &*name.text) } else { name.to_string() };
            format!("{}.{name}", dump(base))
        }
        ExprKind::Index { base, index } => format!("{}[{}]", dump(base), dump(index)),
        ExprKind::Paren(inner) => format!("({})", dump(inner)),
        ExprKind::Not(inner) => format!("(not {})", dump(inner)),
        ExprKind::Negate(inner) => format!("(- {})", dump(inner)),
        ExprKind::Logic { op, terms } => {
            let word = if *op == LogicOp::And { "and" } else { "or" };
            format!("({word} {})", all(terms))
        }
        ExprKind::Arithmetic { left, op, right } => {
            let sign = match op.node {
                ArithmeticOp::Add => "+",
                ArithmeticOp::Subtract => "-",
                ArithmeticOp::Multiply => "*",
                ArithmeticOp::Divide => "/",
            };
            format!("({sign} {} {})", dump(left), dump(right))
        }
        ExprKind::Pipe { subject, transform, args } if args.is_empty() => {
            format!("(| {} {transform})", dump(subject))
        }
        ExprKind::Pipe { subject, transform, args } => {
            format!("(| {} {transform} {})", dump(subject), all(args))
        }
        ExprKind::Capture { subject, pattern, group } => {
            format!("(capture {} {:?} {:?})", dump(subject), pattern.node, group.node)
        }
        ExprKind::Else { subject, fallback } => format!("(else {} {})", dump(subject), dump(fallback)),
        ExprKind::List(items) => format!("[{}]", all(items)),
        ExprKind::Broken => "broken".to_owned(),
        other => condition(other),
    }
}

fn condition(kind: &ExprKind) -> String {
    match kind {
        ExprKind::Compare { left, op, right, ignoring_case } => {
            let case = if ignoring_case.is_some() { " nocase" } else { "" };
            format!("({:?} {} {}{case})", op.node, dump(left), dump(right))
        }
        ExprKind::Test { subject, test, negated } => {
            let not = if *negated { "not " } else { "" };
            format!("({not}{:?} {})", test.node, dump(subject))
        }
        ExprKind::Regex { subject, negated, pattern, ignoring_case } => {
            let not = if *negated { "not " } else { "" };
            let case = if ignoring_case.is_some() { " nocase" } else { "" };
            let pattern = match pattern {
                RegexPattern::Literal(text) => format!("{:?}", text.node),
                RegexPattern::Name(name) => name.to_string(),
            };
            format!("({not}regex {} {pattern}{case})", dump(subject))
        }
        ExprKind::Connective { kind, items } => {
            let word = match kind {
                ConnectiveKind::All => "all",
                ConnectiveKind::Any => "any",
                ConnectiveKind::None => "none",
            };
            format!("({word}-of {})", dump(items))
        }
        ExprKind::Quantifier { kind, binding, list, condition } => {
            let word = match kind {
                QuantifierKind::Any => "any",
                QuantifierKind::Every => "every",
                QuantifierKind::No => "no",
            };
            format!("({word} {binding} {} {})", dump(list), dump(condition))
        }
        ExprKind::Choose { arms, otherwise } => {
            let mut parts: Vec<String> =
                arms.iter().map(|arm| format!("{}: {}", dump(&arm.condition), dump(&arm.value))).collect();
            parts.extend(otherwise.iter().map(|rest| format!("_: {}", dump(rest))));
            format!("(choose {})", parts.join(", "))
        }
        ExprKind::Each { binding, list, filter, body } => {
            let filter = filter.as_ref().map_or(String::new(), |filter| format!(" if {}", dump(filter)));
            format!("(each {binding} {}{filter} {})", dump(list), dump(body))
        }
        ExprKind::Record(record) => {
            let entry = |entry: &Entry| match entry {
                Entry::Field { key, value } => format!("{key}: {}", dump(value)),
                Entry::Spread(base) => format!("..{}", dump(base)),
            };
            let entries: Vec<String> = record.entries.iter().map(entry).collect();
            format!("{{{}}}", entries.join(", "))
        }
        _ => unreachable!("dump has the rest"),
    }
}

fn all(exprs: &[Expr]) -> String {
    exprs.iter().map(dump).collect::<Vec<_>>().join(" ")
}
