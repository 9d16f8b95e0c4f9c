//! Conditions. A missing value makes the answer unknown, and so it stays under `not`.

use std::cmp::Ordering;

use grammar::ast::{ConnectiveKind, QuantifierKind};
use memchr::memmem;

use super::Frame;
use crate::hir::{Comparison, Cond, CondKind, Container, End, Expr, Needles, Set};
use crate::pattern::{NeedleSet, fold};
use crate::ternary::Ternary::{self, No, Unknown, Yes};
use crate::value::Value;

impl<'a, 'e> Frame<'a, 'e> {
    /// The answer of a condition.
    pub(crate) fn answer(&self, cond: &'a Cond) -> Ternary {
        match &cond.kind {
            CondKind::Constant(answer) => *answer,
            CondKind::All(parts) => self.least(parts),
            CondKind::Any(parts) => self.greatest(parts),
            CondKind::Not(inner) => !self.answer(inner),
            CondKind::Unless(inner) => Ternary::from(!self.answer(inner).is_yes()),
            CondKind::Truth(expr) => truth(&self.value(expr)),
            CondKind::Compare { op, left, right, fold } => {
                compare(*op, &self.value(left), &self.value(right), *fold)
            }
            CondKind::Present(expr) => Ternary::from(!self.value(expr).is_missing()),
            CondKind::Null(expr) => Ternary::from(matches!(*self.value(expr), Value::Null)),
            CondKind::Empty { subject, missing } => empty(&self.value(subject), *missing),
            CondKind::In { subject, set, fold } => self.is_in(subject, set, *fold),
            CondKind::Contains { subject, needles, container, fold } => {
                self.contains(subject, needles, *container, *fold)
            }
            CondKind::Affix { end, subject, needles, fold } => self.affix(*end, subject, needles, *fold),
            CondKind::Glob { subject, how, globs } => self.about_text(&self.value(subject), *how, |text| {
                let mut fits = globs.iter().map(|glob| glob.matches(text));
                match how {
                    ConnectiveKind::All => fits.all(|fits| fits),
                    ConnectiveKind::Any => fits.any(|fits| fits),
                    ConnectiveKind::None => !fits.any(|fits| fits),
                }
            }),
            CondKind::Regex { subject, regex } => {
                self.about_text(&self.value(subject), ConnectiveKind::Any, |text| regex.is_match(text))
            }
            CondKind::Quantifier { kind, local, list, condition } => {
                let ask = || {
                    let list = self.value(list);
                    // `each` runs until something answers; the best so far is the answer otherwise.
                    let (stop, mut answer) = match kind {
                        QuantifierKind::Any | QuantifierKind::No => (Yes, No),
                        QuantifierKind::Every => (No, Yes),
                    };
                    self.each(*local, &list, |_| {
                        let one = self.answer(condition);
                        answer = if stop == Yes { answer.or(one) } else { answer.and(one) };
                        (answer == stop).then_some(())
                    });
                    if *kind == QuantifierKind::No { !answer } else { answer }
                };
                self.answer_once(cond, ask)
            }
        }
    }

    /// The least answer; stops at the first no, because nothing is less.
    fn least(&self, parts: &'a [Cond]) -> Ternary {
        let mut least = Yes;
        for part in parts {
            least = least.and(self.answer(part));
            if least == No {
                break;
            }
        }
        least
    }

    fn greatest(&self, parts: &'a [Cond]) -> Ternary {
        let mut greatest = No;
        for part in parts {
            greatest = greatest.or(self.answer(part));
            if greatest == Yes {
                break;
            }
        }
        greatest
    }

    fn is_in(&self, subject: &'a Expr, set: &'a Set, fold: bool) -> Ternary {
        let value = self.value(subject);
        if value.is_missing() {
            return Unknown;
        }
        match set {
            Set::Constant(set) => set.contains(&value),
            Set::Computed(list) => self.is_element(list, &value, fold),
            Set::Outside(id) => {
                let Some(text) = list_text(&value) else { return No };
                let known = match self.facts.plan.list(*id) {
                    Some(list) => Some(list.contains(&text, fold)),
                    None => {
                        let list = self.facts.plan.program.lists.get(id.0 as usize);
                        list.and_then(|list| self.facts.lists.contains(&list.name, &text, fold))
                    }
                };
                known.map_or(Unknown, Ternary::from)
            }
            Set::Schedule(id) => match (&*value, self.facts.plan.program.schedules.get(id.0 as usize)) {
                (Value::Instant(at), Some(schedule)) => Ternary::from(schedule.is_open(*at)),
                _ => No,
            },
        }
    }

    /// Membership in a list from the event: unknown when the list is missing, no when it is no list.
    fn is_element(&self, list: &'a Expr, value: &Value<'e>, fold: bool) -> Ternary {
        if let Some(set) = self.hashed_once(list, fold) {
            return Ternary::from(set.contains(value, fold));
        }
        match &*self.value(list) {
            Value::Missing | Value::Null | Value::Unreadable(_) => Unknown,
            Value::List(elements) => {
                Ternary::from(elements.iter().any(|element| element.equals(value, fold)))
            }
            _ => No,
        }
    }

    fn contains(&self, subject: &'a Expr, needles: &'a Needles, container: Container, fold: bool) -> Ternary {
        let value = match needles {
            Needles::One(needle) => {
                let needle = self.value(needle);
                if needle.is_missing() {
                    return Unknown;
                }
                if let Some(set) = self.hashed_once(subject, fold) {
                    return Ternary::from(set.contains(&needle, fold));
                }
                let value = self.value(subject);
                match (&*value, &*needle) {
                    (Value::Text(text), Value::Text(_)) if !self.may_work(text.len()) => return Unknown,
                    (Value::Text(text), Value::Text(needle)) => {
                        return Ternary::from(has(text, needle, fold));
                    }
                    (Value::List(list), needle) => {
                        return Ternary::from(list.iter().any(|element| element.equals(needle, fold)));
                    }
                    _ => value,
                }
            }
            Needles::Several { how, set } => {
                let value = self.value(subject);
                match &*value {
                    Value::Text(text) if !self.may_work(text.len()) => return Unknown,
                    Value::Text(text) => return Ternary::from(set.within(*how, text)),
                    Value::List(list) => return Ternary::from(among(set, *how, list)),
                    _ => value,
                }
            }
        };
        match (value.is_missing(), container, needles) {
            (true, Container::Text | Container::Unchecked, _) => Unknown,
            // As in the empty list, or in a value of another kind: nothing is found.
            (_, _, Needles::One(_)) => No,
            (_, _, Needles::Several { how, set }) => Ternary::from(among(set, *how, &[])),
        }
    }

    fn affix(&self, end: End, subject: &'a Expr, needles: &'a Needles, fold: bool) -> Ternary {
        let value = self.value(subject);
        match needles {
            Needles::Several { how, set } => self.about_text(&value, *how, |text| match end {
                End::Start => set.starts(*how, text),
                End::Finish => set.ends(*how, text),
            }),
            Needles::One(needle) => match (&*value, &*self.value(needle)) {
                (value, needle) if value.is_missing() || needle.is_missing() => Unknown,
                (Value::Text(text), Value::Text(needle)) => Ternary::from(at_end(end, text, needle, fold)),
                _ => No,
            },
        }
    }

    /// A question about a text: unknown when it is missing; a value of another kind has none of what
    /// is asked for.
    fn about_text(&self, value: &Value<'_>, how: ConnectiveKind, ask: impl FnOnce(&str) -> bool) -> Ternary {
        match value {
            Value::Text(text) if self.may_work(text.len()) => Ternary::from(ask(text)),
            Value::Text(_) => Unknown,
            value if value.is_missing() => Unknown,
            _ => Ternary::from(how == ConnectiveKind::None),
        }
    }
}

/// A bool; unknown when missing, no for other kinds.
fn truth(value: &Value<'_>) -> Ternary {
    match value {
        Value::Bool(truth) => Ternary::from(*truth),
        value if value.is_missing() => Unknown,
        _ => No,
    }
}

/// Missing on either side is unknown, and so is an order between kinds.
pub(super) fn compare(op: Comparison, left: &Value<'_>, right: &Value<'_>, fold: bool) -> Ternary {
    if left.is_missing() || right.is_missing() {
        return Unknown;
    }
    let order =
        |fits: fn(Ordering) -> bool| left.order(right).map_or(Unknown, |order| Ternary::from(fits(order)));
    match op {
        Comparison::Equal => Ternary::from(left.equals(right, fold)),
        Comparison::NotEqual => Ternary::from(!left.equals(right, fold)),
        Comparison::Less => order(Ordering::is_lt),
        Comparison::LessEqual => order(Ordering::is_le),
        Comparison::Greater => order(Ordering::is_gt),
        Comparison::GreaterEqual => order(Ordering::is_ge),
    }
}

fn empty(value: &Value<'_>, missing: Ternary) -> Ternary {
    match value {
        Value::Missing | Value::Null | Value::Unreadable(_) => missing,
        Value::Text(text) => Ternary::from(text.is_empty()),
        Value::List(list) => Ternary::from(list.is_empty()),
        Value::Record(record) => Ternary::from(record.is_empty()),
        _ => No,
    }
}

/// Whether a text holds another.
pub(crate) fn has(text: &str, needle: &str, folded: bool) -> bool {
    let found = |text: &str, needle: &str| memmem::find(text.as_bytes(), needle.as_bytes()).is_some();
    if folded { found(&fold(text), &fold(needle)) } else { found(text, needle) }
}

/// Whether a text begins or ends with another.
pub(crate) fn at_end(end: End, text: &str, needle: &str, folded: bool) -> bool {
    let found = |text: &str, needle: &str| match end {
        End::Start => text.starts_with(needle),
        End::Finish => text.ends_with(needle),
    };
    if folded { found(&fold(text), &fold(needle)) } else { found(text, needle) }
}

fn among(set: &NeedleSet, how: ConnectiveKind, list: &[Value<'_>]) -> bool {
    set.among(how, list.iter().filter_map(Value::as_text))
}

/// Entries of lists outside the file are text; ids are often numbers in payloads.
fn list_text<'v>(value: &'v Value<'_>) -> Option<std::borrow::Cow<'v, str>> {
    match value {
        Value::Text(_) | Value::Int(_) => crate::value::to_text(value),
        _ => None,
    }
}
