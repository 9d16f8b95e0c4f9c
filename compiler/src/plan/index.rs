//! From an event's type and resource to the rules that may select it.

use std::collections::HashMap;

use crate::event::Event;
use crate::hir::{GroupId, Program, Rule, RuleId, Segment};

/// Rules by what they select. The answer holds every rule that selects the event, and may hold others:
/// the rule's own globs decide.
#[derive(Debug, Default)]
pub struct Index {
    rules: Trie<RuleId>,
    /// Groups with an `otherwise`, under each rule's patterns.
    groups: Trie<(GroupId, RuleId)>,
}

impl Index {
    pub(super) fn new(program: &Program) -> Self {
        let mut index = Self::default();
        for (rule, at) in program.rules.iter().zip(0..) {
            index.rules.insert(rule, RuleId(at));
        }
        for (group, at) in program.groups.iter().zip(0..) {
            if group.otherwise.is_none() {
                continue;
            }
            for &id in &group.rules {
                if let Some(rule) = program.rules.get(id.0 as usize) {
                    index.groups.insert(rule, (GroupId(at), id));
                }
            }
        }
        index
    }

    /// The rules that an event may be for, in written order, each once.
    pub fn candidates(&self, event: &Event<'_>, out: &mut Vec<RuleId>) {
        out.clear();
        self.rules.find(event, out);
        out.sort_unstable();
        out.dedup();
    }

    /// The groups with an `otherwise` that an event may be for, each with one of its rules.
    pub(crate) fn groups(&self, event: &Event<'_>) -> Vec<(GroupId, RuleId)> {
        let mut found = Vec::new();
        self.groups.find(event, &mut found);
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// Event types by segment, with wildcards.
#[derive(Debug)]
struct Trie<T> {
    nodes: Vec<TrieNode<T>>,
}

#[derive(Debug)]
struct TrieNode<T> {
    words: HashMap<Box<str>, usize>,
    /// `*`
    one: Option<usize>,
    /// Patterns that end here.
    here: Posting<T>,
    /// Patterns that go on with `**`.
    rest: Posting<T>,
}

/// What is found at one place, by the literal resource it asks for.
#[derive(Debug)]
struct Posting<T> {
    any: Vec<T>,
    by_id: HashMap<Box<str>, Vec<T>>,
    by_resource: HashMap<Box<str>, Vec<T>>,
}

impl<T> Default for Trie<T> {
    fn default() -> Self {
        Self { nodes: vec![TrieNode::default()] }
    }
}

impl<T> Default for TrieNode<T> {
    fn default() -> Self {
        Self { words: HashMap::new(), one: None, here: Posting::default(), rest: Posting::default() }
    }
}

impl<T> Default for Posting<T> {
    fn default() -> Self {
        Self { any: Vec::new(), by_id: HashMap::new(), by_resource: HashMap::new() }
    }
}

impl<T: Copy> Trie<T> {
    fn insert(&mut self, rule: &Rule, item: T) {
        for pattern in &rule.selects.patterns {
            let mut at = 0;
            let mut rest = false;
            for segment in &pattern.segments {
                match segment {
                    Segment::Rest => rest = true,
                    Segment::One => at = self.step(at, None),
                    Segment::Word(word) => at = self.step(at, Some(word)),
                }
            }
            if let Some(node) = self.nodes.get_mut(at) {
                if rest { &mut node.rest } else { &mut node.here }.insert(rule, item);
            }
        }
    }

    /// The node behind a word or a `*`, made when there is none.
    fn step(&mut self, at: usize, word: Option<&str>) -> usize {
        let fresh = self.nodes.len();
        let Some(node) = self.nodes.get_mut(at) else { return at };
        let next = match word {
            Some(word) => *node.words.entry(word.into()).or_insert(fresh),
            None => *node.one.get_or_insert(fresh),
        };
        if next == fresh {
            self.nodes.push(TrieNode::default());
        }
        next
    }

    fn find(&self, event: &Event<'_>, out: &mut Vec<T>) {
        self.find_from(0, Some(event.kind), event, out);
    }

    /// At most two ways lead on from each segment, and the length of types is bounded where events are
    /// accepted; patterns that share a prefix share its nodes.
    fn find_from(&self, at: usize, kind: Option<&str>, event: &Event<'_>, out: &mut Vec<T>) {
        let Some(node) = self.nodes.get(at) else { return };
        let Some(kind) = kind else { return node.here.find(event, out) };
        node.rest.find(event, out);
        let (word, rest) = kind.split_once('.').map_or((kind, None), |(word, rest)| (word, Some(rest)));
        if let Some(&next) = node.words.get(word) {
            self.find_from(next, rest, event, out);
        }
        if let Some(next) = node.one {
            self.find_from(next, rest, event, out);
        }
    }
}

impl<T: Copy> Posting<T> {
    fn insert(&mut self, rule: &Rule, item: T) {
        let literal = |glob: &Option<crate::pattern::Glob>| {
            glob.as_ref().filter(|glob| !glob.fold).and_then(|glob| glob.literal().map(Box::from))
        };
        // An id is rarer than what it is an id of.
        if let Some(id) = literal(&rule.selects.resource_id) {
            self.by_id.entry(id).or_default().push(item);
        } else if let Some(resource) = literal(&rule.selects.resource) {
            self.by_resource.entry(resource).or_default().push(item);
        } else {
            self.any.push(item);
        }
    }

    fn find(&self, event: &Event<'_>, out: &mut Vec<T>) {
        out.extend_from_slice(&self.any);
        let by_id = event.resource_id.and_then(|id| self.by_id.get(id));
        let by_resource = event.resource.and_then(|resource| self.by_resource.get(resource));
        out.extend(by_id.into_iter().chain(by_resource).flatten());
    }
}
