//! The straightforward matcher: asks every rule of the event's type. What it answers is right.

use super::{Matcher, Matches};
use crate::eval::{Facts, Frame};
use crate::hir::Rule;

/// Walks conditions as the checker left them. It uses nothing that makes the other matchers fast, so
/// that they can be held against it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Interpreter;

impl Interpreter {
    pub(super) fn holds(facts: &Facts<'_, '_>, rule: &Rule) -> bool {
        Frame::new(*facts, &rule.lets, rule.locals).answer(&rule.condition).is_yes()
    }
}

impl Matcher for Interpreter {
    fn matches(&self, facts: &Facts<'_, '_>, out: &mut Matches) {
        facts.plan.index.rules(facts.event, &mut out.candidates);
        out.collect(facts, |id| facts.plan.rule(id).is_some_and(|rule| Self::holds(facts, rule)));
    }
}
