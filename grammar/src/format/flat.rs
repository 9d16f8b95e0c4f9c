//! Expressions on one line, with parentheses where the tree needs them.

use super::Printer;
use super::literal::{key, pattern, quoted};
use crate::ast::{
    ArithmeticOp, CompareOp, ConnectiveKind, Entry, Expr, ExprKind, LogicOp, QuantifierKind, Record,
    RegexPattern, TestKind,
};

/// How tightly something binds, loosest first. An expression in a place for something tighter needs
/// parentheses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Bond {
    Logic,
    Not,
    Compare,
    /// `each … : body`, which takes what follows with it.
    Each,
    Chain,
    Sum,
    Product,
    Signed,
    Path,
}

/// What an expression binds like.
pub(super) fn bond(expr: &Expr) -> Bond {
    match &expr.kind {
        ExprKind::Logic { .. } => Bond::Logic,
        ExprKind::Not(_) => Bond::Not,
        ExprKind::Compare { .. } | ExprKind::Test { .. } | ExprKind::Regex { .. } => Bond::Compare,
        ExprKind::Each { .. } => Bond::Each,
        ExprKind::Pipe { .. } | ExprKind::Capture { .. } | ExprKind::Else { .. } => Bond::Chain,
        ExprKind::Arithmetic { op, .. } => of_operator(op.node),
        ExprKind::Negate(_) => Bond::Signed,
        _ => Bond::Path,
    }
}

pub(super) fn of_operator(op: ArithmeticOp) -> Bond {
    match op {
        ArithmeticOp::Add | ArithmeticOp::Subtract => Bond::Sum,
        ArithmeticOp::Multiply | ArithmeticOp::Divide => Bond::Product,
    }
}

/// The bond that the right side of an operator needs.
pub(super) fn right_of(op: ArithmeticOp) -> Bond {
    match of_operator(op) {
        Bond::Sum => Bond::Product,
        _ => Bond::Signed,
    }
}

impl Printer<'_> {
    pub(super) fn flat(&self, expr: &Expr) -> String {
        match &expr.kind {
            ExprKind::Bool(yes) => yes.to_string(),
            ExprKind::Null => "null".to_owned(),
            ExprKind::Int(digits) | ExprKind::Decimal(digits) => self.number(expr.span, digits, ""),
            ExprKind::Percent(digits) => self.number(expr.span, digits, "%"),
            ExprKind::Duration(millis) => self.duration(expr.span, *millis),
            ExprKind::Date(text) | ExprKind::DateTime(text) => text.to_string(),
            ExprKind::Text(text) => self.text_line(text),
            ExprKind::Name(name) => name.to_string(),
            ExprKind::Field { base, name, quoted: yes } => {
                let name = if *yes { quoted(name) } else { name.to_string() };
                format!("{}.{name}", self.flat_in(base, Bond::Path))
            }
            ExprKind::Index { base, index } => {
                format!("{}[{}]", self.flat_in(base, Bond::Path), self.flat(index))
            }
            ExprKind::Paren(inner) => format!("({})", self.flat(inner)),
            ExprKind::Not(inner) => format!("not {}", self.flat_in(inner, Bond::Not)),
            ExprKind::Negate(inner) => format!("-{}", self.flat_in(inner, Bond::Path)),
            ExprKind::Logic { op, terms } => {
                let terms: Vec<String> = terms.iter().map(|term| self.flat_in(term, Bond::Not)).collect();
                terms.join(&format!(" {} ", logic(*op)))
            }
            ExprKind::Compare { left, .. } => {
                format!("{} {}", self.flat_in(left, Bond::Each), self.flat_tail(expr))
            }
            ExprKind::Test { subject, .. } | ExprKind::Regex { subject, .. } => {
                format!("{} {}", self.flat_in(subject, Bond::Each), self.flat_tail(expr))
            }
            ExprKind::Arithmetic { left, op, right } => {
                let (left, right) =
                    (self.flat_in(left, of_operator(op.node)), self.flat_in(right, right_of(op.node)));
                format!("{left} {} {right}", arithmetic(op.node))
            }
            ExprKind::Pipe { subject, transform, args } => {
                let mut out = format!("{} | {transform}", self.flat_in(subject, Bond::Chain));
                if !args.is_empty() {
                    out.push_str(&format!("({})", self.flat_all(args)));
                }
                out
            }
            ExprKind::Capture { subject, pattern: text, group } => {
                let (text, group) = (pattern(&text.node), quoted(&group.node));
                format!("{} | capture({text}, {group})", self.flat_in(subject, Bond::Chain))
            }
            ExprKind::Else { subject, fallback } => {
                format!("{} else {}", self.flat_in(subject, Bond::Chain), self.flat_in(fallback, Bond::Sum))
            }
            ExprKind::Connective { kind, items } => format!("{} {}", connective(*kind), self.flat(items)),
            ExprKind::Quantifier { kind, binding, list, condition } => {
                let list = self.flat_in(list, Bond::Each);
                let kind = quantifier(*kind);
                format!("{kind} {binding} in {list} satisfies ({})", self.flat(condition))
            }
            ExprKind::Choose { arms, otherwise } => {
                let mut parts: Vec<String> = arms
                    .iter()
                    .map(|arm| format!("when {}: {}", self.flat(&arm.condition), self.flat(&arm.value)))
                    .collect();
                parts.extend(otherwise.as_ref().map(|rest| format!("otherwise: {}", self.flat(rest))));
                format!("choose {{ {} }}", parts.join(", "))
            }
            ExprKind::Each { body, .. } => {
                format!("{} {}", self.flat_each(expr), self.flat_in(body, Bond::Each))
            }
            ExprKind::List(items) => format!("[{}]", self.flat_all(items)),
            ExprKind::Record(record) => self.flat_record(record),
            ExprKind::Broken => String::new(),
        }
    }

    /// In a place for something that binds as tightly as `least`.
    pub(super) fn flat_in(&self, expr: &Expr, least: Bond) -> String {
        if bond(expr) < least { format!("({})", self.flat(expr)) } else { self.flat(expr) }
    }

    fn flat_all(&self, items: &[Expr]) -> String {
        let items: Vec<String> = items.iter().map(|item| self.flat(item)).collect();
        items.join(", ")
    }

    pub(super) fn flat_record(&self, record: &Record) -> String {
        let entry = |entry: &Entry| match entry {
            Entry::Field { key: name, value } => format!("{}: {}", key(name), self.flat(value)),
            Entry::Spread(base) => format!("..{}", self.flat_in(base, Bond::Path)),
        };
        let entries: Vec<String> = record.entries.iter().map(entry).collect();
        if entries.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", entries.join(", ")) }
    }

    /// `each x in xs where c:`
    pub(super) fn flat_each(&self, expr: &Expr) -> String {
        let ExprKind::Each { binding, list, filter, .. } = &expr.kind else { return String::new() };
        let filter = filter.as_ref().map(|filter| format!(" where {}", self.flat(filter)));
        let list = self.flat_in(list, Bond::Each);
        format!("each {binding} in {list}{}:", filter.unwrap_or_default())
    }

    /// A comparison without its left side, as tests write it.
    pub(super) fn flat_tail(&self, expr: &Expr) -> String {
        let case = |flag: &Option<_>| if flag.is_some() { " ignoring case" } else { "" };
        match &expr.kind {
            ExprKind::Compare { op, right, ignoring_case, .. } => {
                let right = self.flat_in(right, Bond::Each);
                format!("{} {right}{}", compare(op.node), case(ignoring_case))
            }
            ExprKind::Test { test, negated, .. } => {
                let kind = match test.node {
                    TestKind::Missing => "missing",
                    TestKind::Present => "present",
                    TestKind::Null => "null",
                    TestKind::Empty => "empty",
                };
                format!("is {}{kind}", if *negated { "not " } else { "" })
            }
            ExprKind::Regex { negated, pattern: text, ignoring_case, .. } => {
                let text = match text {
                    RegexPattern::Literal(text) => pattern(&text.node),
                    RegexPattern::Name(name) => name.to_string(),
                };
                let not = if *negated { "not " } else { "" };
                format!("{not}matches regex {text}{}", case(ignoring_case))
            }
            _ => String::new(),
        }
    }
}

pub(super) fn logic(op: LogicOp) -> &'static str {
    match op {
        LogicOp::And => "and",
        LogicOp::Or => "or",
    }
}

pub(super) fn arithmetic(op: ArithmeticOp) -> &'static str {
    match op {
        ArithmeticOp::Add => "+",
        ArithmeticOp::Subtract => "-",
        ArithmeticOp::Multiply => "*",
        ArithmeticOp::Divide => "/",
    }
}

pub(super) fn connective(kind: ConnectiveKind) -> &'static str {
    match kind {
        ConnectiveKind::All => "all of",
        ConnectiveKind::Any => "any of",
        ConnectiveKind::None => "none of",
    }
}

pub(super) fn quantifier(kind: QuantifierKind) -> &'static str {
    match kind {
        QuantifierKind::Any => "any",
        QuantifierKind::Every => "every",
        QuantifierKind::No => "no",
    }
}

pub(super) fn compare(op: CompareOp) -> &'static str {
    match op {
        CompareOp::Is => "is",
        CompareOp::IsNot => "is not",
        CompareOp::Less => "<",
        CompareOp::LessEqual => "<=",
        CompareOp::Greater => ">",
        CompareOp::GreaterEqual => ">=",
        CompareOp::In => "in",
        CompareOp::NotIn => "not in",
        CompareOp::Contains => "contains",
        CompareOp::NotContains => "not contains",
        CompareOp::StartsWith => "starts with",
        CompareOp::NotStartsWith => "not starts with",
        CompareOp::EndsWith => "ends with",
        CompareOp::NotEndsWith => "not ends with",
        CompareOp::Matches => "matches",
        CompareOp::NotMatches => "not matches",
    }
}
