//! Conditions that are never yes: parts that hold together for no event at all.

use std::cmp::Ordering;

use grammar::{Diagnostic, Diagnostics, Span};

use super::Checker;
use crate::hir::{Comparison, Cond, CondKind, EnvelopeField, Expr, LetId, LocalId, PathId, Set};
use crate::messages::bounds as messages;
use crate::ternary::Ternary;
use crate::value::Value;

/// A condition that is never yes.
#[derive(Clone, Debug)]
pub(super) struct Never {
    /// The part that cannot hold.
    pub(super) span: Span,
    /// What it contradicts; `None` when it is never yes by itself.
    pub(super) other: Option<Span>,
}

/// What one part asks of a value, as far as it can be held against another part.
enum Wants<'c> {
    Missing,
    Equal(&'c Value<'static>),
    OneOf(&'c [Value<'static>]),
    Order(Comparison, &'c Value<'static>),
    /// Anything that a missing value does not answer with yes.
    Present,
}

/// What is read, when two readings of it are the same value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Subject {
    Path(PathId),
    Envelope(EnvelopeField),
    Local(LocalId),
    Let(LetId),
}

impl Checker<'_> {
    /// Notes a condition that is never yes. Whether it is said depends on the other environments.
    pub(super) fn never_yes(&mut self, condition: &Cond) {
        if self.quiet == 0 {
            self.never.extend(never(condition));
        }
    }
}

/// Where a condition can be yes for no event, if that can be seen.
fn never(condition: &Cond) -> Option<Never> {
    match &condition.kind {
        CondKind::Constant(Ternary::No | Ternary::Unknown) => {
            Some(Never { span: condition.span, other: None })
        }
        CondKind::All(parts) => {
            let mut flat = Vec::new();
            flatten(parts, &mut flat);
            flat.iter().find_map(|part| never(part)).or_else(|| contradiction(&flat))
        }
        // Where every alternative is impossible, the first one says enough.
        CondKind::Any(parts) if !parts.is_empty() => {
            let impossible: Option<Vec<Never>> = parts.iter().map(never).collect();
            impossible?.into_iter().next()
        }
        _ => None,
    }
}

fn flatten<'c>(parts: &'c [Cond], flat: &mut Vec<&'c Cond>) {
    for part in parts {
        match &part.kind {
            CondKind::All(inner) => flatten(inner, flat),
            _ => flat.push(part),
        }
    }
}

/// Two parts of which at most one is yes.
fn contradiction(parts: &[&Cond]) -> Option<Never> {
    let known: Vec<(Subject, Wants<'_>, Span)> = parts
        .iter()
        .filter_map(|part| wants(part).map(|(subject, wants)| (subject, wants, part.span)))
        .collect();
    for (at, (subject, later, span)) in known.iter().enumerate() {
        for (other, earlier, first) in known.iter().take(at) {
            if subject == other && excludes(earlier, later) {
                return Some(Never { span: *span, other: Some(*first) });
            }
        }
    }
    None
}

fn wants(cond: &Cond) -> Option<(Subject, Wants<'_>)> {
    match &cond.kind {
        CondKind::Not(inner) => match &inner.kind {
            CondKind::Present(subject) => Some((subject_of(subject)?, Wants::Missing)),
            _ => None,
        },
        CondKind::Present(subject) => Some((subject_of(subject)?, Wants::Present)),
        CondKind::Compare { op, left, right: Expr::Constant(value), fold: false } => {
            let wants = match op {
                Comparison::Equal => Wants::Equal(value),
                Comparison::NotEqual => Wants::Present,
                order => Wants::Order(*order, value),
            };
            Some((subject_of(left)?, wants))
        }
        CondKind::In { subject, set: Set::Constant(set), fold: false } if !set.has_networks() => {
            Some((subject_of(subject)?, Wants::OneOf(set.values())))
        }
        _ => None,
    }
}

fn subject_of(expr: &Expr) -> Option<Subject> {
    Some(match expr {
        Expr::Read(path) => Subject::Path(*path),
        Expr::Envelope(field) => Subject::Envelope(*field),
        Expr::Local(local) => Subject::Local(*local),
        Expr::Let(name) => Subject::Let(*name),
        // A declared type that JSON has no kind for: the same path converts to the same value.
        Expr::Convert(inner, _) => return subject_of(inner),
        _ => return None,
    })
}

/// Whether no value satisfies both.
fn excludes(one: &Wants<'_>, two: &Wants<'_>) -> bool {
    match (one, two) {
        (Wants::Missing, Wants::Missing) => false,
        (Wants::Missing, _) | (_, Wants::Missing) => true,
        (Wants::Present, _) | (_, Wants::Present) => false,
        (Wants::Equal(value), other) | (other, Wants::Equal(value)) => !may_be(value, other),
        (Wants::OneOf(values), other) | (other, Wants::OneOf(values)) => {
            !values.iter().any(|value| may_be(value, other))
        }
        (Wants::Order(one, low), Wants::Order(two, high)) => apart((*one, low), (*two, high)),
    }
}

/// Whether a value can be what is wanted. In doubt it can.
fn may_be(value: &Value<'static>, wanted: &Wants<'_>) -> bool {
    match wanted {
        Wants::Missing => false,
        Wants::Present => true,
        Wants::Equal(other) => value.equals(other, false),
        Wants::OneOf(values) => values.iter().any(|other| value.equals(other, false)),
        Wants::Order(op, bound) => match value.order(bound) {
            None => true,
            Some(order) => holds(*op, order),
        },
    }
}

fn holds(op: Comparison, order: Ordering) -> bool {
    match op {
        Comparison::Equal => order.is_eq(),
        Comparison::NotEqual => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::LessEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterEqual => order.is_ge(),
    }
}

/// Whether two half-lines do not meet.
fn apart((one, low): (Comparison, &Value<'static>), (two, high): (Comparison, &Value<'static>)) -> bool {
    use Comparison::{Greater, GreaterEqual, Less, LessEqual};
    let Some(order) = low.order(high) else { return false };
    match (one, two) {
        (Greater | GreaterEqual, Less | LessEqual) => {
            order.is_gt() || order.is_eq() && (one == Greater || two == Less)
        }
        (Less | LessEqual, Greater | GreaterEqual) => {
            order.is_lt() || order.is_eq() && (one == Less || two == Greater)
        }
        _ => false,
    }
}

/// The messages for conditions that are never yes in any environment, where nothing else was `said`.
pub(super) fn reports(found: &[Vec<Never>], said: &Diagnostics) -> Vec<Diagnostic> {
    let Some((first, others)) = found.split_first() else { return Vec::new() };
    // With one environment folded in, what is always no here may be yes elsewhere.
    let lasting = |one: &&Never| one.other.is_some() || !others.is_empty();
    let everywhere =
        |one: &&Never| others.iter().all(|never| never.iter().any(|other| other.span == one.span));
    let meets = |one: Span, two: Span| one.source == two.source && one.start < two.end && two.start < one.end;
    let news = |one: &&Never| !said.iter().any(|said| meets(said.span(), one.span));
    let news = first.iter().filter(lasting).filter(everywhere).filter(news);
    news.map(|never| messages::never_yes(never.span, never.other)).collect()
}
