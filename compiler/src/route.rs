//! What is sent: the bodies of the rules that hold, evaluated to plain data.
//!
//! Nothing here can fail. A delivery whose input could not be made is still a delivery, and says why;
//! what exceeds a limit is an [`Overflow`], so that nothing just disappears.

mod body;
mod fit;
mod input;
mod settings;

use std::sync::Arc;

use grammar::Span;

pub use fit::fits;
pub use input::{FieldError, FieldProblem, InputError};
pub use settings::{Dedupe, DeliverySettings, Limit, LimitKey};

use crate::eval::{Facts, Frame};
use crate::hir::{GroupId, RuleId};
use crate::matcher::Matches;
use crate::world::Limits;

/// What came of an event.
#[derive(Clone, Debug, Default)]
pub struct Routed {
    /// The names of the rules that hold, and of the groups whose `otherwise` was taken, in written order.
    pub matched: Vec<Arc<str>>,
    /// What is owed, in written order.
    pub deliveries: Vec<Delivery>,
    /// The rules that sent nothing on purpose.
    pub ignored: Vec<Ignored>,
    /// Deliveries outside their rule's share.
    pub sampled_out: Vec<SampledOut>,
    /// What exceeded a limit.
    pub overflow: Vec<Overflow>,
}

/// One obligation: this event, to this connection, this action, this input.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The rule that owes it, or the group whose `otherwise` does.
    pub rule: Arc<str>,
    /// The connection's name in rules.
    pub connection: Arc<str>,
    /// Its integration.
    pub integration: Arc<str>,
    /// The action.
    pub action: Arc<str>,
    /// What tells it from the event's other deliveries, and stays the same when the event is routed
    /// again: `rule/connection.action/label-or-position`, in a loop with `/element` behind it.
    pub key: Box<str>,
    /// The action's input as JSON text, or why there is none.
    pub input: Result<Box<str>, InputError>,
    /// Optional fields that were left out because their value could not be made.
    pub skipped_fields: Vec<FieldError>,
    /// Its settings.
    pub settings: DeliverySettings,
    /// Where it is written.
    pub span: Span,
}

/// A rule that matched and sent nothing on purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// The rule.
    pub rule: Arc<str>,
    /// Why, as it says.
    pub reason: Option<Arc<str>>,
}

/// A delivery that its `sample` leaves out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampledOut {
    /// The rule.
    pub rule: Arc<str>,
    /// The connection.
    pub connection: Arc<str>,
    /// The action.
    pub action: Arc<str>,
    /// Its key, as a delivery's.
    pub key: Box<str>,
}

/// Something that a limit cut off. It becomes one dead letter, which can be replayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overflow {
    /// The rule, or the group.
    pub rule: Arc<str>,
    /// What was cut off.
    pub kind: OverflowKind,
}

/// What a limit cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverflowKind {
    /// Elements of a `for each` beyond its limit.
    Elements {
        /// How many were taken.
        taken: u64,
        /// How many more passed.
        left: u64,
    },
    /// Deliveries beyond what one event may cause.
    Deliveries {
        /// How many were left out.
        left: u64,
    },
    /// Deliveries beyond the bytes that one event may cause.
    Bytes {
        /// How many were left out.
        left: u64,
    },
}

/// Evaluates the rules that hold.
///
/// Of a group only the first of them counts, and its `otherwise` is taken when none of its rules holds
/// and one of them selects the event.
#[must_use]
pub fn route(facts: &Facts<'_, '_>, matches: &Matches, limits: &Limits) -> Routed {
    let mut router = body::Router::new(*facts, limits);
    for part in parts(facts, matches) {
        match part {
            Part::Rule(id) => {
                let Some(rule) = facts.plan.rule(id) else { continue };
                let frame = Frame::new(*facts, &rule.lets, rule.locals);
                router.run(&rule.name, &frame, &rule.body);
            }
            Part::Otherwise(id) => {
                let Some(group) = facts.plan.group(id) else { continue };
                let Some(otherwise) = &group.otherwise else { continue };
                let frame = Frame::new(*facts, &[], otherwise.locals);
                router.run(&group.name, &frame, &otherwise.body);
            }
        }
    }
    router.routed
}

enum Part {
    Rule(RuleId),
    Otherwise(GroupId),
}

/// What is run, in written order: a group's `otherwise` comes behind its last rule.
fn parts(facts: &Facts<'_, '_>, matches: &Matches) -> Vec<Part> {
    let mut decided: Vec<GroupId> = Vec::new();
    let mut parts: Vec<((RuleId, bool), Part)> = Vec::new();
    for &id in &matches.rules {
        let group = facts.plan.rule(id).and_then(|rule| rule.group);
        if group.is_some_and(|group| decided.contains(&group)) {
            continue;
        }
        decided.extend(group);
        parts.push(((id, false), Part::Rule(id)));
    }
    for (id, rule) in facts.plan.index.groups(facts.event) {
        let selects = || facts.plan.rule(rule).is_some_and(|rule| rule.selects_resource(facts.event));
        if decided.contains(&id) || !selects() {
            continue;
        }
        decided.push(id);
        let last = facts.plan.group(id).and_then(|group| group.rules.iter().max().copied());
        parts.push(((last.unwrap_or(rule), true), Part::Otherwise(id)));
    }
    parts.sort_by_key(|&(place, _)| place);
    parts.into_iter().map(|(_, part)| part).collect()
}

#[cfg(test)]
mod tests;
