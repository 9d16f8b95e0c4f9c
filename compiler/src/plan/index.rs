//! From an event to the rules that may hold for it.

use std::collections::HashMap;

use super::access::{Access, Source, choose};
use crate::eval::Facts;
use crate::event::Event;
use crate::hir::{GroupId, Program, Rule, RuleId, Segment};
use crate::value::Key;

/// Rules by what they select: the event's type, then a literal resource id or resource, then an equality
/// that their condition needs.
#[derive(Debug, Default)]
pub struct Index {
    rules: Trie<RuleId>,
    /// Groups with an `otherwise`, under each rule's patterns.
    groups: Trie<(GroupId, RuleId)>,
}

impl Index {
    pub(super) fn new(program: &Program) -> Self {
        let mut index = Self::default();
        for ((rule, access), at) in program.rules.iter().zip(choose(program)).zip(0..) {
            index.rules.insert(rule, access.as_ref(), RuleId(at));
        }
        for (group, at) in program.groups.iter().zip(0..) {
            if group.otherwise.is_none() {
                continue;
            }
            for &id in &group.rules {
                if let Some(rule) = program.rules.get(id.0 as usize) {
                    index.groups.insert(rule, None, (GroupId(at), id));
                }
            }
        }
        index
    }

    /// The rules that may hold for an event, in written order, each once. Every rule that does is among
    /// them; whether the others select the event is theirs to say.
    pub fn candidates(&self, facts: &Facts<'_, '_>, out: &mut Vec<RuleId>) {
        out.clear();
        self.rules.find(facts.event, |block| block.find(facts, out));
        out.sort_unstable();
        out.dedup();
    }

    /// The groups with an `otherwise` that an event may be for, each with one of its rules.
    pub(crate) fn groups(&self, event: &Event<'_>) -> Vec<(GroupId, RuleId)> {
        let mut found = Vec::new();
        self.groups.find(event, |block| found.extend_from_slice(&block.always));
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
    any: Block<T>,
    by_id: HashMap<Box<str>, Block<T>>,
    by_resource: HashMap<Box<str>, Block<T>>,
}

/// Rules that select alike, by the equality that each needs.
#[derive(Debug)]
struct Block<T> {
    /// Those that need none.
    always: Vec<T>,
    equal: Vec<(Source, HashMap<Key<'static>, Vec<T>>)>,
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
        Self { any: Block::default(), by_id: HashMap::new(), by_resource: HashMap::new() }
    }
}

impl<T> Default for Block<T> {
    fn default() -> Self {
        Self { always: Vec::new(), equal: Vec::new() }
    }
}

impl<T: Copy> Trie<T> {
    fn insert(&mut self, rule: &Rule, access: Option<&Access>, item: T) {
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
                let posting = if rest { &mut node.rest } else { &mut node.here };
                posting.block(rule).insert(access, item);
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

    fn find(&self, event: &Event<'_>, mut found: impl FnMut(&Block<T>)) {
        self.find_from(0, Some(event.kind), event, &mut found);
    }

    /// At most two ways lead on from each segment, and the length of types is bounded where events are
    /// accepted; patterns that share a prefix share its nodes.
    fn find_from(&self, at: usize, kind: Option<&str>, event: &Event<'_>, found: &mut impl FnMut(&Block<T>)) {
        let Some(node) = self.nodes.get(at) else { return };
        let Some(kind) = kind else { return node.here.find(event, found) };
        node.rest.find(event, found);
        let (word, rest) = kind.split_once('.').map_or((kind, None), |(word, rest)| (word, Some(rest)));
        if let Some(&next) = node.words.get(word) {
            self.find_from(next, rest, event, found);
        }
        if let Some(next) = node.one {
            self.find_from(next, rest, event, found);
        }
    }
}

impl<T: Copy> Posting<T> {
    /// The block of the rules that ask for the same literal resource.
    fn block(&mut self, rule: &Rule) -> &mut Block<T> {
        let literal = |glob: &Option<crate::pattern::Glob>| {
            glob.as_ref().filter(|glob| !glob.fold).and_then(|glob| glob.literal().map(Box::from))
        };
        // An id is rarer than what it is an id of.
        if let Some(id) = literal(&rule.selects.resource_id) {
            self.by_id.entry(id).or_default()
        } else if let Some(resource) = literal(&rule.selects.resource) {
            self.by_resource.entry(resource).or_default()
        } else {
            &mut self.any
        }
    }

    fn find(&self, event: &Event<'_>, found: &mut impl FnMut(&Block<T>)) {
        found(&self.any);
        let by_id = event.resource_id.and_then(|id| self.by_id.get(id));
        let by_resource = event.resource.and_then(|resource| self.by_resource.get(resource));
        by_id.into_iter().chain(by_resource).for_each(found);
    }
}

impl<T: Copy> Block<T> {
    fn insert(&mut self, access: Option<&Access>, item: T) {
        let Some(access) = access else { return self.always.push(item) };
        let at = self.equal.iter().position(|(source, _)| *source == access.source).unwrap_or_else(|| {
            self.equal.push((access.source, HashMap::new()));
            self.equal.len() - 1
        });
        for (_, table) in self.equal.iter_mut().skip(at).take(1) {
            for key in &access.keys {
                table.entry(key.clone()).or_default().push(item);
            }
        }
    }

    fn find(&self, facts: &Facts<'_, '_>, out: &mut Vec<T>) {
        out.extend_from_slice(&self.always);
        for (source, table) in &self.equal {
            source.look_up(facts, table, out);
        }
    }
}
