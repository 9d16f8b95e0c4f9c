//! The fast way to fill slots: from quotation mark to quotation mark, and over what nothing reads.
//!
//! Whatever is out of the ordinary ends it with `None`, and the event is read the slow way, which also
//! knows what to say when something is wrong.

use std::borrow::Cow;

use super::{Level, Place, Places, offset, text_of};
use crate::json::simd::{Kernel, Work, with_best};
use crate::json::{Ahead, BYTES_MAX, Blocks, DEPTH_MAX, RawText, Scanner, Seen};
use crate::plan::{Name, NodeId, Tree};

/// Reads what stands at the nodes of a tree. Says whether that was possible.
#[inline]
pub(super) fn find(tree: &Tree, payload: &[u8], level: Level, places: &mut Places) -> bool {
    if payload.len() > BYTES_MAX || tree.is_read(NodeId::ROOT) {
        return false;
    }
    places.clear(tree);
    with_best(Find { tree, payload, places, level })
}

struct Find<'t, 'e> {
    tree: &'t Tree,
    payload: &'e [u8],
    places: &'t mut Places,
    level: Level,
}

impl Work for Find<'_, '_> {
    type Output = bool;

    #[inline(always)]
    fn run<K: Kernel>(self, kernel: K) -> bool {
        let Self { tree, payload, places, level } = self;
        let (unseen, ahead) = match level {
            Level::Fast => (tree.read(), Ahead::Some),
            Level::Strict | Level::Full => (u32::MAX, Ahead::All),
        };
        let mut memory = std::mem::take(&mut places.looked);
        let mut found = None;
        if let Some(blocks) = Blocks::new(kernel, payload, &mut memory, ahead) {
            found = Walk { tree, payload, blocks, places, unseen }.run(level);
        }
        places.looked = memory;
        found.is_some()
    }
}

/// Paths that are longer are read the slow way.
const PARENTS_MAX: usize = 16;

struct Walk<'t, 'e, K> {
    tree: &'t Tree,
    payload: &'e [u8],
    blocks: Blocks<'t, 'e, K>,
    places: &'t mut Places,
    /// How many values that rules read are still to be found, when that ends the walk.
    unseen: u32,
}

impl<K: Kernel> Walk<'_, '_, K> {
    #[inline(always)]
    fn run(mut self, level: Level) -> Option<()> {
        let start = self.blocks.past_space(0);
        if self.blocks.byte(start) != b'{' || self.blocks.next()? != start {
            return None;
        }
        self.places.put(NodeId::ROOT, Place::Container { start: offset(start) });
        // The nodes around the one that is walked.
        let mut parents = [NodeId::ROOT; PARENTS_MAX];
        let mut node = NodeId::ROOT;
        let mut depth = 0;
        while self.unseen > 0 {
            let at = self.blocks.next()?;
            match self.blocks.byte(at) {
                b'"' => {
                    if let Some(child) = self.member(node, at + 1, depth)? {
                        *parents.get_mut(depth)? = node;
                        (node, depth) = (child, depth + 1);
                    }
                }
                b'}' if depth > 0 => {
                    depth -= 1;
                    node = *parents.get(depth)?;
                }
                b'}' => {
                    if self.blocks.past_space(at + 1) != self.payload.len() {
                        return None;
                    }
                    break;
                }
                _ => return None,
            }
        }
        if self.blocks.seen().high && level != Level::Fast {
            std::str::from_utf8(self.payload).ok()?;
        }
        Some(())
    }

    /// Reads the member whose key begins at `start`. Gives the node whose members come next, when its value
    /// is an object that is walked into.
    #[inline(always)]
    fn member(&mut self, node: NodeId, start: usize, depth: usize) -> Option<Option<NodeId>> {
        let end = self.blocks.next()?;
        let colon = self.blocks.past_space(end.wrapping_add(1));
        if self.blocks.byte(colon) != b':' {
            return None;
        }
        let value = self.blocks.past_space(colon.wrapping_add(1));
        let first = self.blocks.byte(value);
        // Most keys have another length than those that are looked for; escapes change lengths.
        let length = end.wrapping_sub(start).min(63);
        let child = if self.tree.lengths(node) >> length & 1 == 1 || self.blocks.seen().backslash {
            self.child(node, start, end)?
        } else {
            None
        };
        let Some(child) = child else {
            match first {
                b'"' => drop((self.blocks.next()?, self.blocks.next()?)),
                b'{' | b'[' => drop(self.container(value, first, depth)?),
                _ => {}
            }
            return Some(None);
        };
        self.found(child, value, first, depth)
    }

    /// Reads a value that rules read, or read parts of.
    #[inline(always)]
    fn found(&mut self, child: NodeId, value: usize, first: u8, depth: usize) -> Option<Option<NodeId>> {
        let again = self.places.of.get(child.0 as usize).is_some_and(|place| *place != Place::Absent);
        if again {
            self.places.forget(self.tree, child);
        }
        if first == b'{' && self.tree.has_children(child) && !self.tree.is_read(child) {
            if self.blocks.next()? != value {
                return None;
            }
            self.places.put(child, Place::Container { start: offset(value) });
            return Some(Some(child));
        }
        let place = self.value(child, value, first, depth)?;
        self.places.put(child, place);
        if self.tree.is_read(child) && !again {
            self.unseen -= 1;
        }
        Some(None)
    }

    #[inline(always)]
    fn child(&self, node: NodeId, start: usize, end: usize) -> Option<Option<NodeId>> {
        if self.blocks.seen().backslash {
            return escaped_child(self.tree, self.payload, node, start, end);
        }
        Some(self.tree.child(node, Name::within(self.payload, start, end)?))
    }

    /// A value that a rule reads, or that stands where rules expect an object.
    #[inline(always)]
    fn value(&mut self, node: NodeId, start: usize, first: u8, depth: usize) -> Option<Place> {
        match first {
            b'"' => {
                let from = self.blocks.next()? + 1;
                let to = self.blocks.next()?;
                self.ends(to + 1)?;
                let raw = RawText { start: offset(from), end: offset(to), escaped: false };
                let Seen { backslash, high } = self.blocks.seen();
                Some(Place::Text(if backslash || high { odd_text(self.payload, raw)? } else { raw }))
            }
            b'{' | b'[' if self.tree.is_read(node) => self.whole(node, start, depth),
            b'{' | b'[' => {
                let end = self.container(start, first, depth)?;
                self.ends(end + 1)?;
                Some(Place::Container { start: offset(start) })
            }
            b'-' | b'0'..=b'9' => {
                let end = number(self.payload, start)?;
                self.ends(end)?;
                Some(Place::Number { start: offset(start), end: offset(end) })
            }
            b't' => self.word(start, b"true", Place::True),
            b'f' => self.word(start, b"false", Place::False),
            b'n' => self.word(start, b"null", Place::Null),
            _ => None,
        }
    }

    /// A list or record that a rule reads as a whole: read the slow way, with what is below it.
    #[inline(always)]
    fn whole(&mut self, node: NodeId, start: usize, depth: usize) -> Option<Place> {
        let (end, found) = whole(self.tree, self.payload, self.places, node, start, depth)?;
        self.blocks.resume(end)?;
        self.ends(end)?;
        // What is below was found as well; nothing ends early on account of a number that is too small.
        self.unseen = self.unseen.saturating_sub(found).max(1);
        Some(Place::Container { start: offset(start) })
    }

    /// Passes over a container; gives the place of its closing bracket.
    #[inline(always)]
    fn container(&mut self, start: usize, first: u8, depth: usize) -> Option<usize> {
        if self.blocks.next()? != start {
            return None;
        }
        let end = self.blocks.skip(depth as u32 + 1)?;
        // `{` and `}` are two apart, and so are `[` and `]`.
        (self.blocks.byte(end) == first + 2).then_some(end)
    }

    #[inline(always)]
    fn word(&self, start: usize, word: &[u8], place: Place) -> Option<Place> {
        let end = start + word.len();
        if self.payload.get(start..end)? != word {
            return None;
        }
        self.ends(end)?;
        Some(place)
    }

    /// Whether a value ends before `at`.
    #[inline(always)]
    fn ends(&self, at: usize) -> Option<()> {
        match self.blocks.byte(at) {
            b',' | b'}' => Some(()),
            _ => matches!(self.blocks.byte(self.blocks.past_space(at)), b',' | b'}').then_some(()),
        }
    }
}

/// The child of that name, which may hold escapes.
#[inline(never)]
fn escaped_child(
    tree: &Tree,
    payload: &[u8],
    node: NodeId,
    start: usize,
    end: usize,
) -> Option<Option<NodeId>> {
    let raw = RawText { start: offset(start), end: offset(end), escaped: true };
    if !raw.bytes(payload).contains(&b'\\') {
        return Some(tree.child(node, Name::within(payload, start, end)?));
    }
    // Is the key well-formed? The scanner knows.
    Scanner::over(text_of(payload).ok()?, start - 1).skip(0).ok()?;
    let name: Cow<'_, str> = raw.decode_bytes(payload);
    Some(tree.child(node, Name::new(&name)))
}

/// A text that may hold escapes, or bytes that are not UTF-8.
#[inline(never)]
fn odd_text(payload: &[u8], raw: RawText) -> Option<RawText> {
    let escaped = raw.bytes(payload).contains(&b'\\');
    if escaped {
        Scanner::over(text_of(payload).ok()?, raw.start as usize - 1).skip(0).ok()?;
    }
    std::str::from_utf8(raw.bytes(payload)).ok()?;
    Some(RawText { escaped, ..raw })
}

/// Reads a list or record with what is below it. Gives where it ends, and how many places were found in it.
#[inline(never)]
fn whole(
    tree: &Tree,
    payload: &[u8],
    places: &mut Places,
    node: NodeId,
    start: usize,
    depth: usize,
) -> Option<(usize, u32)> {
    let mut scanner = Scanner::over(text_of(payload).ok()?, start);
    places.fill(tree, &mut scanner, node, u32::try_from(depth).ok()? + 1).ok()?;
    let below = places.of.get(tree.below(node))?;
    let found = below.iter().filter(|place| **place != Place::Absent).count();
    Some((scanner.at(), u32::try_from(found).ok()?))
}

/// The end of a number, by the syntax of RFC 8259.
#[inline(always)]
fn number(bytes: &[u8], mut at: usize) -> Option<usize> {
    let byte = |at: usize| bytes.get(at).copied().unwrap_or(0);
    let digits = |mut at: usize| {
        let start = at;
        while byte(at).is_ascii_digit() {
            at += 1;
        }
        (at > start).then_some(at)
    };
    at += usize::from(byte(at) == b'-');
    at = if byte(at) == b'0' { at + 1 } else { digits(at)? };
    if byte(at) == b'.' {
        at = digits(at + 1)?;
    }
    if matches!(byte(at), b'e' | b'E') {
        at += 1;
        at = digits(at + usize::from(matches!(byte(at), b'+' | b'-')))?;
    }
    Some(at)
}

const _: () = assert!(PARENTS_MAX <= DEPTH_MAX as usize);
