//! What an event is matched against: a checked program, its paths as slots, its rules as an index.
//!
//! A plan is plain data. Build it once per revision, share it behind an `Arc`, and drop it with the
//! last event that uses it.

mod index;
mod paths;

pub use index::Index;
pub use paths::Paths;
pub(crate) use paths::{Child, Fields, Name, NodeId, Tree};

use std::collections::HashSet;
use std::sync::Arc;

use crate::eval::Lists;
use crate::event::Event;
use crate::hir::{GroupId, ListId, Program, Rule, RuleId};
use crate::pattern::OutsideSet;

/// A program ready for events.
#[derive(Debug)]
pub struct Plan {
    /// The checked bundle.
    pub program: Program,
    /// The payload paths that are read.
    pub paths: Paths,
    /// Which rules an event is tried against.
    pub index: Index,
    /// The lists that the bundle holds, by [`ListId`]; `None` for those of the workspace.
    lists: Vec<Option<OutsideSet>>,
    /// What tests take for those of the workspace, by [`ListId`].
    stand_ins: Vec<Option<OutsideSet>>,
}

/// Makes a plan of a checked program.
#[must_use]
pub fn plan(program: Program) -> Plan {
    let paths = Paths::new(&program.paths, program.condition_paths);
    let index = Index::new(&program);
    let (lists, stand_ins) = program
        .lists
        .iter()
        .map(|list| {
            let entries = list.entries.clone().map(|entries| set_of(entries, list.folded));
            // No event of a server asks these: what is folded of them is folded when a test asks.
            (entries, list.stand_in.clone().map(OutsideSet::new))
        })
        .unzip();
    Plan { program, paths, index, lists, stand_ins }
}

/// What is asked ignoring case is folded here, so that no event does it.
fn set_of(entries: Arc<HashSet<Box<str>>>, folded: bool) -> OutsideSet {
    let set = OutsideSet::new(entries);
    if folded {
        set.fold();
    }
    set
}

/// What tests take for the lists that the workspace keeps: those of the bundle's folder `lists`.
pub struct StandIns<'p>(pub &'p Plan);

impl Lists for StandIns<'_> {
    fn contains(&self, list: &str, text: &str, ignoring_case: bool) -> Option<bool> {
        let Self(plan) = self;
        let at = plan.program.lists.iter().position(|one| *one.name == *list)?;
        Some(plan.stand_ins.get(at)?.as_ref()?.contains(text, ignoring_case))
    }
}

impl Plan {
    /// The rule of that id.
    #[must_use]
    pub fn rule(&self, id: RuleId) -> Option<&Rule> {
        self.program.rules.get(id.0 as usize)
    }

    /// The group of that id.
    #[must_use]
    pub fn group(&self, id: GroupId) -> Option<&crate::hir::Group> {
        self.program.groups.get(id.0 as usize)
    }

    /// Whether anything is sent for an event, as far as that can be said before it is evaluated.
    #[must_use]
    pub fn may_send(&self, event: &Event<'_>, matches: &crate::matcher::Matches) -> bool {
        !matches.rules.is_empty() || self.index.has_group(event)
    }

    /// The names of the lists that the workspace keeps, in the order of [`ListId`].
    pub fn kept_lists(&self) -> impl Iterator<Item = &Arc<str>> {
        self.program.lists.iter().filter(|list| list.entries.is_none()).map(|list| &list.name)
    }

    /// The list of that id, when the bundle holds it.
    pub(crate) fn list(&self, id: ListId) -> Option<&OutsideSet> {
        self.lists.get(id.0 as usize)?.as_ref()
    }
}

impl Rule {
    /// Whether the event's type, resource and resource id are ones that the rule selects.
    #[must_use]
    pub fn selects(&self, event: &Event<'_>) -> bool {
        self.selects_kind(event.kind) && self.selects_resource(event)
    }

    /// Whether the event type fits one of its patterns.
    #[must_use]
    pub fn selects_kind(&self, kind: &str) -> bool {
        self.selects.patterns.iter().any(|pattern| pattern.fits(kind))
    }

    /// Whether resource and resource id fit; an event without one fits no rule that names it.
    #[must_use]
    pub fn selects_resource(&self, event: &Event<'_>) -> bool {
        let fits = |glob: &Option<crate::pattern::Glob>, given: Option<&str>| match glob {
            Some(glob) => given.is_some_and(|given| glob.matches(given)),
            None => true,
        };
        fits(&self.selects.resource, event.resource) && fits(&self.selects.resource_id, event.resource_id)
    }
}

impl crate::hir::EventPattern {
    /// Whether an event type fits: `*` is one segment, `**` one or more.
    #[must_use]
    pub fn fits(&self, kind: &str) -> bool {
        use crate::hir::Segment;
        let mut parts = kind.split('.');
        for segment in &self.segments {
            let fits = match (segment, parts.next()) {
                (_, None) => return false,
                (Segment::Rest, Some(_)) => return true,
                (Segment::One, Some(_)) => true,
                (Segment::Word(word), Some(part)) => **word == *part,
            };
            if !fits {
                return false;
            }
        }
        parts.next().is_none()
    }
}

#[cfg(test)]
mod tests;
