//! Why each rule did or did not match, with the values seen.
//!
//! A trace is made on demand, by asking the interpreter again; the hot path records nothing.

mod cause;
mod render;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub(crate) use cause::first as first_not_yes;
use grammar::Span;
use serde::Serialize;

use crate::eval::{Facts, Frame};
use crate::hir::{GroupId, Rule};
use crate::matcher::{Interpreter, Matcher, Matches};
use crate::ternary::Ternary;
use crate::value::Value;
use crate::world::Limits;

/// What every rule of a bundle made of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trace {
    /// Per rule, in written order; a group's `otherwise` behind its last rule.
    pub rules: Vec<RuleTrace>,
    /// What is odd about the payload.
    pub notes: Vec<Note>,
}

/// What one rule made of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleTrace {
    /// The rule's name, or that of the group whose `otherwise` this is.
    pub rule: Arc<str>,
    /// Where its name is written; `None` when the source is not at hand.
    pub place: Option<Place>,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// A place in a rule file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file's path in the bundle.
    pub file: Box<str>,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
}

/// What came of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// The event's type fits none of its patterns.
    OtherType {
        /// The patterns.
        patterns: Vec<Arc<str>>,
    },
    /// The event's resource or resource id does not fit.
    OtherResource {
        /// `resource` or `resource_id`.
        field: &'static str,
        /// What the rule asks for.
        pattern: Arc<str>,
        /// What the event has.
        seen: Option<Box<str>>,
    },
    /// Its condition was no or unknown.
    NotMatched {
        /// The first part that was not yes.
        because: Cause,
    },
    /// A rule of its group, or one of it where this is its `otherwise`, came first.
    SkippedBy {
        /// That rule.
        by: Arc<str>,
    },
    /// It holds and sends nothing on purpose.
    Ignored {
        /// Why, as it says.
        reason: Option<Arc<str>>,
    },
    /// It holds.
    Matched {
        /// Its whole condition; `None` when there is none that reads anything.
        #[serde(skip_serializing_if = "Option::is_none")]
        because: Option<Cause>,
    },
}

/// A condition that was yes, or the part of one that was not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// `yes`, `no` or `unknown`.
    pub answer: &'static str,
    /// As it is written; empty when the source is not at hand.
    pub text: Box<str>,
    /// Where.
    pub place: Option<Place>,
    /// The same place as bytes.
    #[serde(skip)]
    pub span: Span,
    /// What it read, in the order in which it is written, each once.
    pub seen: Vec<Seen>,
}

/// A value that a condition read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// The payload's path, a fact such as `event.resource`, or what a reader would call it.
    pub path: Box<str>,
    /// The value as JSON, cut after [`SEEN_CHARS_MAX`] characters; `None` when it is missing.
    pub value: Option<Box<str>>,
}

/// So many characters of a seen value are shown.
pub const SEEN_CHARS_MAX: usize = 200;

/// Something odd about a payload that changes what rules see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "note", rename_all = "snake_case")]
pub enum Note {
    /// A key that occurs more than once in its object; the last value counts.
    DuplicateKey {
        /// The path.
        path: Box<str>,
    },
    /// A number with more digits than can be compared or computed with; it counts as missing.
    UnreadableNumber {
        /// The path.
        path: Box<str>,
        /// As written, cut after [`SEEN_CHARS_MAX`] characters.
        digits: Box<str>,
    },
}

/// Asks every rule about an event, and says why it answered as it did.
#[must_use]
pub fn trace(facts: &Facts<'_, '_>) -> Trace {
    let mut matches = Matches::default();
    Interpreter.matches(facts, &mut matches);
    let routed = crate::route::route(facts, &matches, &Limits::default());
    let program = &facts.plan.program;
    let mut rules = Vec::with_capacity(program.rules.len());
    for (rule, at) in program.rules.iter().zip(0..) {
        let ignored = routed.ignored.iter().find(|ignored| ignored.rule == rule.name);
        let winner = rule.group.and_then(|group| winner(facts, &matches, group)).filter(|first| first.0 < at);
        let outcome = if let Some(outcome) = not_selected(facts, rule) {
            outcome
        } else if let Some(by) = winner.and_then(|first| facts.plan.rule(first)) {
            Outcome::SkippedBy { by: Arc::clone(&by.name) }
        } else if let Some(ignored) = ignored {
            Outcome::Ignored { reason: ignored.reason.clone() }
        } else {
            let frame = Frame::new(*facts, &rule.lets, rule.locals);
            match frame.answer(&rule.condition) {
                Ternary::Yes => Outcome::Matched { because: cause::whole(&frame, &rule.condition) },
                _ => Outcome::NotMatched { because: cause::first(&frame, &rule.condition) },
            }
        };
        rules.push(RuleTrace { rule: Arc::clone(&rule.name), place: place(facts, rule.span), outcome });
        otherwise(facts, &matches, &routed.matched, at, &mut rules);
    }
    Trace { rules, notes: notes(facts) }
}

/// The line of a group's `otherwise`, behind the group's last rule.
fn otherwise(
    facts: &Facts<'_, '_>,
    matches: &Matches,
    matched: &[Arc<str>],
    at: u32,
    rules: &mut Vec<RuleTrace>,
) {
    for (group, id) in facts.plan.program.groups.iter().zip(0..) {
        let last = group.rules.iter().max().is_some_and(|last| last.0 == at);
        if group.otherwise.is_none() || !last {
            continue;
        }
        let by = winner(facts, matches, GroupId(id)).and_then(|rule| facts.plan.rule(rule));
        let outcome = match by {
            Some(by) => Outcome::SkippedBy { by: Arc::clone(&by.name) },
            None if matched.contains(&group.name) => Outcome::Matched { because: None },
            None => {
                let selections = group.rules.iter().filter_map(|&rule| facts.plan.rule(rule));
                let patterns = selections.flat_map(|rule| rule.selects.patterns.iter());
                Outcome::OtherType { patterns: patterns.map(|pattern| Arc::clone(&pattern.text)).collect() }
            }
        };
        rules.push(RuleTrace { rule: Arc::clone(&group.name), place: place(facts, group.span), outcome });
    }
}

/// The rule of a group that sends.
fn winner(facts: &Facts<'_, '_>, matches: &Matches, group: GroupId) -> Option<crate::hir::RuleId> {
    matches
        .rules
        .iter()
        .copied()
        .find(|&id| facts.plan.rule(id).is_some_and(|rule| rule.group == Some(group)))
}

fn not_selected(facts: &Facts<'_, '_>, rule: &Rule) -> Option<Outcome> {
    let event = facts.event;
    if !rule.selects_kind(event.kind) {
        let patterns = rule.selects.patterns.iter().map(|pattern| Arc::clone(&pattern.text));
        return Some(Outcome::OtherType { patterns: patterns.collect() });
    }
    let fields = [
        ("resource", &rule.selects.resource, event.resource),
        ("resource_id", &rule.selects.resource_id, event.resource_id),
    ];
    fields.into_iter().find_map(|(field, glob, seen)| {
        let glob = glob.as_ref().filter(|glob| !seen.is_some_and(|seen| glob.matches(seen)))?;
        Some(Outcome::OtherResource { field, pattern: Arc::clone(&glob.text), seen: seen.map(Box::from) })
    })
}

fn place(facts: &Facts<'_, '_>, span: Span) -> Option<Place> {
    let source = facts.plan.program.sources.iter().find(|source| source.id == span.source)?;
    let at = source.place(span.start);
    Some(Place { file: source.name.clone(), line: at.line, column: at.column })
}

fn notes(facts: &Facts<'_, '_>) -> Vec<Note> {
    let plan = facts.plan;
    let mut notes: Vec<Note> = Vec::new();
    for names in facts.slots.duplicates(&plan.paths) {
        let note = Note::DuplicateKey { path: names.join(".").into() };
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    for (path, id) in plan.program.paths.iter().zip(0..) {
        if let Value::Unreadable(digits) = facts.slots.value(&plan.paths, crate::hir::PathId(id)) {
            let digits = cause::cut(digits).into();
            notes.push(Note::UnreadableNumber { path: path.0.join(".").into(), digits });
        }
    }
    notes
}
