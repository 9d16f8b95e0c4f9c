//! The first part of a condition that was not yes, or a whole one that was, and what it saw.

use grammar::Span;

use super::{Cause, SEEN_CHARS_MAX, Seen, place};
use crate::eval::Frame;
use crate::hir::{Cond, CondKind, Expr, ListId, Needles, RecordEntry, Set, TemplatePart};
use crate::ternary::Ternary;
use crate::value::{Value, write_json};

/// Goes into what must hold altogether, up to the first part that does not.
pub(crate) fn first<'a>(frame: &Frame<'a, '_>, condition: &'a Cond) -> Cause {
    let mut part = condition;
    while let CondKind::All(parts) = &part.kind {
        match parts.iter().find(|part| !frame.answer(part).is_yes()) {
            Some(inner) => part = inner,
            None => break,
        }
    }
    cause(frame, part, part.span)
}

/// A condition that holds, with everything it read; `None` when it reads nothing.
pub(super) fn whole<'a>(frame: &Frame<'a, '_>, condition: &'a Cond) -> Option<Cause> {
    // From `when` to the end of `unless`, where a rule has both.
    let span = match &condition.kind {
        CondKind::All(parts) => parts.iter().fold(condition.span, |span, part| {
            let behind = part.span.source == span.source && part.span.start >= span.start;
            if behind { span.to(part.span) } else { span }
        }),
        _ => condition.span,
    };
    Some(cause(frame, condition, span)).filter(|cause| !cause.seen.is_empty())
}

fn cause<'a>(frame: &Frame<'a, '_>, part: &'a Cond, span: Span) -> Cause {
    let sources = &frame.facts.plan.program.sources;
    let source = sources.iter().find(|source| source.id == span.source);
    let mut looker = Looker { frame, seen: Vec::new() };
    looker.cond(part);
    Cause {
        answer: match frame.answer(part) {
            Ternary::Yes => "yes",
            Ternary::No => "no",
            Ternary::Unknown => "unknown",
        },
        text: source.map(|source| source.slice(span).into()).unwrap_or_default(),
        place: place(&frame.facts, span),
        span,
        seen: looker.seen,
    }
}

/// The beginning of a text, with `…` when something was cut off.
pub(super) fn cut(text: &str) -> String {
    match text.char_indices().nth(SEEN_CHARS_MAX) {
        Some((at, _)) => text.get(..at).unwrap_or_default().to_owned() + "…",
        None => text.to_owned(),
    }
}

/// Collects what a condition reads.
struct Looker<'f, 'a, 'e> {
    frame: &'f Frame<'a, 'e>,
    seen: Vec<Seen>,
}

impl<'a> Looker<'_, 'a, '_> {
    fn look(&mut self, expr: &'a Expr) {
        let path = self.frame.describe(expr);
        if self.seen.iter().any(|seen| seen.path == path) {
            return;
        }
        let value = match &*self.frame.value(expr) {
            Value::Missing => None,
            value => {
                let mut json = String::new();
                write_json(value, &mut json);
                Some(cut(&json).into())
            }
        };
        self.seen.push(Seen { path, value });
    }

    fn expr(&mut self, expr: &'a Expr) {
        match expr {
            // What a let computed is of more interest than what it read.
            Expr::Read(_) | Expr::Envelope(_) | Expr::Let(_) => self.look(expr),
            Expr::Constant(_) | Expr::Local(_) => {}
            // A part of something read says more than the whole.
            Expr::Field(inner, _) if !mentions_local(inner) => self.look(expr),
            Expr::Field(inner, _) | Expr::Walk(inner, _) | Expr::Convert(inner, _) | Expr::Negate(inner) => {
                self.expr(inner);
            }
            Expr::Capture { subject, .. } => self.expr(subject),
            Expr::Index(a, b) | Expr::Arithmetic(_, a, b) | Expr::Else(a, b) => {
                self.expr(a);
                self.expr(b);
            }
            Expr::Transform { subject, args, .. } => {
                self.expr(subject);
                args.iter().for_each(|arg| self.expr(arg));
            }
            Expr::Choose(arms, otherwise) => {
                for (guard, value) in arms {
                    self.cond(guard);
                    self.expr(value);
                }
                otherwise.iter().for_each(|value| self.expr(value));
            }
            Expr::Each { list, .. } => self.expr(list),
            Expr::List(elements) => elements.iter().for_each(|element| self.expr(element)),
            Expr::Record(entries) => entries.iter().for_each(|entry| match entry {
                RecordEntry::Field(_, value) | RecordEntry::Spread(value) => self.expr(value),
            }),
            Expr::Template(parts) => parts.iter().for_each(|part| match part {
                TemplatePart::Chars(_) => {}
                TemplatePart::Hole(hole) => self.expr(hole),
            }),
            Expr::Condition(cond) => self.cond(cond),
        }
    }

    /// A list that the workspace keeps is only worth a word when it does not.
    fn list(&mut self, id: ListId) {
        let facts = &self.frame.facts;
        let Some(list) = facts.plan.program.lists.get(id.0 as usize) else { return };
        let there = facts.plan.list(id).is_some() || facts.lists.contains(&list.name, "", false).is_some();
        let path: Box<str> = format!("list {}", list.name).into();
        if !there && self.seen.iter().all(|seen| seen.path != path) {
            self.seen.push(Seen { path, value: None });
        }
    }

    fn cond(&mut self, cond: &'a Cond) {
        match &cond.kind {
            CondKind::Constant(_) => {}
            CondKind::All(parts) | CondKind::Any(parts) => parts.iter().for_each(|part| self.cond(part)),
            CondKind::Not(inner) | CondKind::Unless(inner) => self.cond(inner),
            CondKind::Truth(expr) | CondKind::Present(expr) | CondKind::Null(expr) => self.expr(expr),
            CondKind::Compare { left, right, .. } => {
                self.expr(left);
                self.expr(right);
            }
            CondKind::Empty { subject, .. }
            | CondKind::Glob { subject, .. }
            | CondKind::Regex { subject, .. } => self.expr(subject),
            CondKind::In { subject, set, .. } => {
                self.expr(subject);
                match set {
                    Set::Computed(list) => self.expr(list),
                    Set::Outside(list) => self.list(*list),
                    Set::Constant(_) | Set::Schedule(_) => {}
                }
            }
            CondKind::Contains { subject, needles, .. } | CondKind::Affix { subject, needles, .. } => {
                self.expr(subject);
                if let Needles::One(needle) = needles {
                    self.expr(needle);
                }
            }
            // The elements differ, so the list says what there is to say.
            CondKind::Quantifier { list, .. } => self.expr(list),
        }
    }
}

fn mentions_local(expr: &Expr) -> bool {
    match expr {
        Expr::Local(_) => true,
        Expr::Field(inner, _) | Expr::Convert(inner, _) => mentions_local(inner),
        _ => false,
    }
}
