//! Which rules hold for an event.

mod index;
mod indexed;
mod interpret;
#[cfg(feature = "jit")]
mod jit;
mod source;
mod table;

pub use indexed::Indexed;
pub use interpret::Interpreter;
#[cfg(feature = "jit")]
pub use jit::{Jit, JitError, Stats};

use crate::eval::Facts;
use crate::hir::RuleId;

/// Answers which rules of a plan hold for an event. Every implementation gives the same answers; the
/// [`Interpreter`] says what they are.
pub trait Matcher: Send + Sync {
    /// Puts the rules that select the event and whose condition is yes into `out`, in written order.
    /// Of a group only the first such rule is given.
    fn matches(&self, facts: &Facts<'_, '_>, out: &mut Matches);
}

/// The rules that hold for an event, in written order. Kept between events, it allocates nothing.
#[derive(Clone, Debug, Default)]
pub struct Matches {
    /// The rules.
    pub rules: Vec<RuleId>,
    /// Memory for the rules that are tried.
    candidates: Vec<RuleId>,
    /// Memory for what is looked up.
    memory: index::Memory,
    /// Memory for what compiled code compares.
    #[cfg(feature = "jit")]
    cells: Vec<[i64; 2]>,
}

impl Matches {
    /// Tries the candidates: `holds` says whether a rule's condition is yes.
    fn collect(&mut self, facts: &Facts<'_, '_>, mut holds: impl FnMut(RuleId) -> bool) {
        self.rules.clear();
        let mut decided = Vec::new();
        for &id in &self.candidates {
            let Some(rule) = facts.plan.rule(id) else { continue };
            if rule.group.is_some_and(|group| decided.contains(&group))
                || !rule.selects_resource(facts.event)
                || !holds(id)
            {
                continue;
            }
            decided.extend(rule.group);
            self.rules.push(id);
        }
    }
}
