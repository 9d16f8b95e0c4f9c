//! The matcher that is ready at once: finds the few rules that may hold, and walks their conditions.

use std::sync::Arc;

use super::index::Index;
use super::{Interpreter, Matcher, Matches};
use crate::eval::Facts;
use crate::hir::RuleId;
use crate::plan::Plan;

/// The rules of a plan, indexed by what events show.
#[derive(Debug)]
pub struct Indexed {
    plan: Arc<Plan>,
    index: Index,
}

impl Indexed {
    /// Indexes the rules of a plan, in a time that `cargo bench -p fanwise-benches --bench checking` prints.
    #[must_use]
    pub fn new(plan: &Arc<Plan>) -> Self {
        Self { plan: Arc::clone(plan), index: Index::new(&plan.program.rules) }
    }

    /// Bytes that the index takes, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.index.bytes()
    }

    /// The plan.
    #[must_use]
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// How many rules are tried for an event.
    #[must_use]
    pub fn tried(&self, facts: &Facts<'_, '_>) -> usize {
        let mut matches = Matches::default();
        self.index.candidates(facts, &mut matches.memory, &mut matches.candidates);
        matches.candidates.len()
    }

    /// Whether it is about the plan that is asked about. An index of another plan would lose rules.
    pub(super) fn is_of(&self, plan: &Plan) -> bool {
        let same = std::ptr::eq(plan, &*self.plan);
        debug_assert!(same, "a matcher is asked about the plan that it was made of");
        same
    }

    /// Tries the candidates: `holds` says whether a rule's condition is yes.
    #[inline]
    pub(super) fn collect(
        &self,
        facts: &Facts<'_, '_>,
        out: &mut Matches,
        holds: impl FnMut(RuleId) -> bool,
    ) {
        let Matches { candidates, memory, .. } = out;
        self.index.candidates(facts, memory, candidates);
        if candidates.is_empty() {
            out.rules.clear();
        } else {
            out.collect(facts, holds);
        }
    }
}

impl Matcher for Indexed {
    fn matches(&self, facts: &Facts<'_, '_>, out: &mut Matches) {
        if !self.is_of(facts.plan) {
            return Interpreter.matches(facts, out);
        }
        self.collect(facts, out, |id| {
            facts.plan.rule(id).is_some_and(|rule| Interpreter::holds(facts, rule))
        });
    }
}
