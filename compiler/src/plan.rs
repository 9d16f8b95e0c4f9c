//! What an event is matched against: a checked program, its paths as slots, its rules as an index.
//!
//! A plan is plain data. Build it once per revision, share it behind an `Arc`, and drop it with the
//! last event that uses it.

mod index;
mod paths;

pub use index::Index;
pub use paths::Paths;
pub(crate) use paths::{Name, NodeId, Tree};

use std::sync::Arc;

use grammar::Span;

use crate::event::Event;
use crate::hir::{GroupId, ListId, Program, Rule, RuleId};
use crate::pattern::OutsideSet;

/// A program ready for events.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The checked bundle.
    pub program: Arc<Program>,
    /// The payload paths that are read.
    pub paths: Arc<Paths>,
    /// Which rules an event is tried against.
    pub index: Arc<Index>,
    /// The lists that the bundle holds, by [`ListId`]; `None` for those of the workspace.
    lists: Arc<[Option<OutsideSet>]>,
    /// The rules and groups that are not asked any more.
    gone: Option<Arc<Gone>>,
}

/// Rules and groups that another plan has taken the place of, a bit for each.
#[derive(Debug)]
struct Gone {
    rules: Box<[u64]>,
    groups: Box<[u64]>,
}

/// Makes a plan of a checked program.
#[must_use]
pub fn plan(program: Program) -> Plan {
    let paths = Arc::new(Paths::new(&program.paths, program.condition_paths));
    let index = Arc::new(Index::new(&program));
    let lists = program.lists.iter().map(|list| list.entries.clone().map(OutsideSet::new)).collect();
    Plan { program: Arc::new(program), paths, index, lists, gone: None }
}

impl Plan {
    /// The rule of that id, unless it is gone.
    #[must_use]
    #[inline]
    pub fn rule(&self, id: RuleId) -> Option<&Rule> {
        match &self.gone {
            Some(gone) if is_set(&gone.rules, id.0) => None,
            _ => self.program.rules.get(id.0 as usize),
        }
    }

    /// The group of that id, unless it is gone.
    #[must_use]
    pub fn group(&self, id: GroupId) -> Option<&crate::hir::Group> {
        match &self.gone {
            Some(gone) if is_set(&gone.groups, id.0) => None,
            _ => self.program.groups.get(id.0 as usize),
        }
    }

    /// The same plan without the rules and groups of some files. It shares everything with this one, and
    /// matchers of the one are matchers of the other.
    #[must_use]
    pub fn without(&self, files: &[&str]) -> Self {
        let program = &self.program;
        let sources: Vec<bool> =
            program.sources.iter().map(|source| files.contains(&&*source.name)).collect();
        let is_gone = |span: Span| sources.get(usize::from(span.source.0)).copied().unwrap_or(false);
        let gone = Gone {
            rules: bits(program.rules.iter().map(|rule| is_gone(rule.span))),
            groups: bits(program.groups.iter().map(|group| is_gone(group.span))),
        };
        Self { gone: Some(Arc::new(gone)), ..self.clone() }
    }

    /// Whether matchers of the one answer for the other.
    #[must_use]
    pub(crate) fn shares_rules(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.program, &other.program)
    }

    /// Whether anything is sent for an event, as far as that can be said before it is evaluated.
    #[must_use]
    pub fn may_send(&self, event: &Event<'_>, matches: &crate::matcher::Matches) -> bool {
        !matches.rules.is_empty() || self.index.has_group(event)
    }

    /// The list of that id, when the bundle holds it.
    pub(crate) fn list(&self, id: ListId) -> Option<&OutsideSet> {
        self.lists.get(id.0 as usize)?.as_ref()
    }
}

fn bits(of: impl Iterator<Item = bool>) -> Box<[u64]> {
    let mut words = Vec::new();
    for (set, at) in of.zip(0_u32..) {
        if at % u64::BITS == 0 {
            words.push(0);
        }
        if let Some(word) = words.last_mut() {
            *word |= u64::from(set) << (at % u64::BITS);
        }
    }
    words.into()
}

fn is_set(words: &[u64], at: u32) -> bool {
    words.get((at / u64::BITS) as usize).is_some_and(|word| word >> (at % u64::BITS) & 1 == 1)
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
