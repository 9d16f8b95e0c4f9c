//! Event types: a table of those that rules name in full, and a tree of those with wildcards.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use crate::hir::{EventPattern, Segment};
use crate::matcher::table::Fast;

/// Numbers of type patterns, found by the types that fit them.
#[derive(Debug, Default)]
pub(super) struct Types {
    exact: HashMap<Box<str>, u32, BuildHasherDefault<Fast>>,
    /// The only type named in full, when there is one.
    only: Option<(Box<str>, u32)>,
    /// Patterns with wildcards; the first node is where all begin.
    tree: Vec<Node>,
    numbers: u32,
}

#[derive(Debug, Default)]
struct Node {
    words: HashMap<Box<str>, usize, BuildHasherDefault<Fast>>,
    /// `*`
    one: Option<usize>,
    /// The pattern that ends here.
    here: Option<u32>,
    /// The pattern that goes on with `**`.
    rest: Option<u32>,
}

impl Types {
    /// The number of a pattern, the same for the same one.
    pub(super) fn number(&mut self, pattern: &EventPattern) -> u32 {
        let fresh = self.numbers;
        if pattern.segments.iter().all(|segment| matches!(segment, Segment::Word(_))) {
            let number = *self.exact.entry(Box::from(&*pattern.text)).or_insert(fresh);
            self.numbers += u32::from(number == fresh);
            self.only = (self.exact.len() == 1).then(|| (Box::from(&*pattern.text), number));
            return number;
        }
        if self.tree.is_empty() {
            self.tree.push(Node::default());
        }
        let mut at = 0;
        let mut rest = false;
        for segment in &pattern.segments {
            match segment {
                Segment::Rest => rest = true,
                Segment::One => at = self.step(at, None),
                Segment::Word(word) => at = self.step(at, Some(word)),
            }
        }
        let Some(node) = self.tree.get_mut(at) else { return fresh };
        let number = *(if rest { &mut node.rest } else { &mut node.here }).get_or_insert(fresh);
        self.numbers += u32::from(number == fresh);
        number
    }

    /// The node behind a word or a `*`, made when there is none.
    fn step(&mut self, at: usize, word: Option<&str>) -> usize {
        let fresh = self.tree.len();
        let Some(node) = self.tree.get_mut(at) else { return at };
        let next = match word {
            Some(word) => *node.words.entry(word.into()).or_insert(fresh),
            None => *node.one.get_or_insert(fresh),
        };
        if next == fresh {
            self.tree.push(Node::default());
        }
        next
    }

    /// Hands over the numbers of the patterns that a type fits.
    #[inline]
    pub(super) fn find(&self, kind: &str, found: &mut impl FnMut(u32)) {
        if let Some((only, number)) = &self.only {
            if **only == *kind {
                found(*number);
            }
        } else if let Some(&number) = self.exact.get(kind) {
            found(number);
        }
        if !self.tree.is_empty() {
            self.find_from(0, Some(kind), found);
        }
    }

    /// At most two ways lead on from each segment, and the length of types is bounded where events are
    /// accepted; patterns that share a prefix share its nodes.
    fn find_from(&self, at: usize, kind: Option<&str>, found: &mut impl FnMut(u32)) {
        let Some(node) = self.tree.get(at) else { return };
        let Some(kind) = kind else { return node.here.into_iter().for_each(found) };
        node.rest.into_iter().for_each(&mut *found);
        let (word, rest) = kind.split_once('.').map_or((kind, None), |(word, rest)| (word, Some(rest)));
        if let Some(&next) = node.words.get(word) {
            self.find_from(next, rest, found);
        }
        if let Some(next) = node.one {
            self.find_from(next, rest, found);
        }
    }

    pub(super) fn bytes(&self) -> usize {
        let exact = self.exact.keys().map(|kind| kind.len() + size_of::<(Box<str>, u32)>() * 2);
        exact.sum::<usize>() + self.tree.len() * size_of::<Node>()
    }
}
