//! From an event's type to the rules and groups that select it.
//!
//! Nothing clever: the matchers that are fast have an index of their own.

use std::collections::HashMap;

use crate::event::Event;
use crate::hir::{EventPattern, GroupId, Program, RuleId, Segment};

/// Rules and groups by the event types that they select.
#[derive(Debug, Default)]
pub struct Index {
    rules: Types<RuleId>,
    /// Groups with an `otherwise`, under each rule's patterns.
    groups: Types<(GroupId, RuleId)>,
}

/// Patterns in full, and those with wildcards.
#[derive(Debug)]
struct Types<T> {
    exact: HashMap<Box<str>, Vec<T>>,
    wild: Vec<(EventPattern, Vec<T>)>,
    /// Where a pattern is among the wild ones.
    places: HashMap<EventPattern, usize>,
}

impl<T> Default for Types<T> {
    fn default() -> Self {
        Self { exact: HashMap::new(), wild: Vec::new(), places: HashMap::new() }
    }
}

impl Index {
    pub(super) fn new(program: &Program) -> Self {
        let mut index = Self::default();
        for (rule, at) in program.rules.iter().zip(0..) {
            rule.selects.patterns.iter().for_each(|pattern| index.rules.insert(pattern, RuleId(at)));
        }
        for (group, at) in program.groups.iter().zip(0..) {
            if group.otherwise.is_none() {
                continue;
            }
            for &id in &group.rules {
                let patterns = program.rules.get(id.0 as usize).map(|rule| &rule.selects.patterns);
                for pattern in patterns.into_iter().flat_map(|patterns| patterns.iter()) {
                    index.groups.insert(pattern, (GroupId(at), id));
                }
            }
        }
        index
    }

    /// The rules one of whose patterns fits the event's type, in written order, each once.
    pub fn rules(&self, event: &Event<'_>, out: &mut Vec<RuleId>) {
        out.clear();
        self.rules.find(event.kind, out);
    }

    /// Whether there is a group with an `otherwise` that an event may be for.
    pub(crate) fn has_group(&self, event: &Event<'_>) -> bool {
        let Types { exact, wild, .. } = &self.groups;
        exact.contains_key(event.kind) || wild.iter().any(|(pattern, _)| pattern.fits(event.kind))
    }

    /// The groups with an `otherwise` that an event may be for, each with one of its rules.
    pub(crate) fn groups(&self, event: &Event<'_>) -> Vec<(GroupId, RuleId)> {
        let mut found = Vec::new();
        self.groups.find(event.kind, &mut found);
        found
    }
}

impl<T: Copy + Ord> Types<T> {
    fn insert(&mut self, pattern: &EventPattern, item: T) {
        if pattern.segments.iter().all(|segment| matches!(segment, Segment::Word(_))) {
            self.exact.entry(Box::from(&*pattern.text)).or_default().push(item);
            return;
        }
        let at = *self.places.entry(pattern.clone()).or_insert_with(|| {
            self.wild.push((pattern.clone(), Vec::new()));
            self.wild.len() - 1
        });
        self.wild.iter_mut().skip(at).take(1).for_each(|(_, items)| items.push(item));
    }

    fn find(&self, kind: &str, out: &mut Vec<T>) {
        out.extend(self.exact.get(kind).into_iter().flatten());
        for (_, items) in self.wild.iter().filter(|(pattern, _)| pattern.fits(kind)) {
            out.extend_from_slice(items);
        }
        out.sort_unstable();
        out.dedup();
    }
}
