//! The fast way to fill slots: from bracket to bracket, with an eye for the names that rules read.
//!
//! Between two brackets an object has only keys and values that are no containers. Where the names that
//! are read may stand there follows from the quotation marks alone: two of them are as far apart as a name
//! is long. Nothing else between the brackets is looked at.
//!
//! Whatever is out of the ordinary ends it with `None`, and the event is read the slow way, which also
//! knows what to say when something is wrong.

use std::borrow::Cow;

use super::{Level, Memory, Place, Places, offset, text_of};
use crate::json::simd::{BLOCK, Kernel, Work, with_best};
use crate::json::{Ahead, BYTES_MAX, Blocks, DEPTH_MAX, RawText, Scanner, Seen, are_few};
use crate::plan::{Name, NodeId, Tree};

/// Reads what stands at the nodes of a tree. Says whether that was possible.
#[inline]
pub(super) fn find(tree: &Tree, payload: &[u8], level: Level, memory: &mut Memory) -> bool {
    if payload.len() > BYTES_MAX || tree.is_read(NodeId::ROOT) {
        return false;
    }
    memory.places.clear(tree);
    with_best(Find { tree, payload, memory, level })
}

struct Find<'t, 'e> {
    tree: &'t Tree,
    payload: &'e [u8],
    memory: &'t mut Memory,
    level: Level,
}

impl Work for Find<'_, '_> {
    type Output = bool;

    #[inline(always)]
    fn run<K: Kernel>(self, kernel: K) -> bool {
        let Self { tree, payload, memory: Memory { places, looked }, level } = self;
        let (unseen, ahead) = match level {
            Level::Fast => (tree.read(), Ahead::Some),
            Level::Strict | Level::Full => (u32::MAX, Ahead::All),
        };
        let Some(blocks) = Blocks::new(kernel, payload, looked, ahead) else { return false };
        Walk { tree, payload, text: None, blocks, places, unseen }.run(level).is_some()
    }
}

/// Paths that are longer are read the slow way.
const PARENTS_MAX: usize = 16;

struct Walk<'t, 'e, K> {
    tree: &'t Tree,
    payload: &'e [u8],
    /// The payload as text, once that was asked.
    text: Option<&'e str>,
    blocks: Blocks<'t, 'e, K>,
    places: &'t mut Places,
    /// How many values that rules read are still to be found, when that ends the walk.
    unseen: u32,
}

/// A member whose value begins with the next bracket.
#[derive(Clone, Copy)]
struct Member {
    node: NodeId,
    /// The quotation mark before its name.
    name: usize,
    value: usize,
    /// Whether its name stood there before.
    again: bool,
}

impl<'e, K: Kernel> Walk<'_, 'e, K> {
    #[inline(always)]
    fn run(mut self, level: Level) -> Option<()> {
        let start = self.blocks.past_space(0);
        if self.blocks.byte(start) != b'{' || self.blocks.next_near()? != start {
            return None;
        }
        self.places.put(NodeId::ROOT, Place::Container { start: offset(start) });
        // The nodes around the one that is walked.
        let mut parents = [NodeId::ROOT; PARENTS_MAX];
        let mut node = NodeId::ROOT;
        let mut depth = 0_usize;
        let mut from = start.wrapping_add(1);
        loop {
            let Some(at) = self.blocks.next_near() else {
                // What stands before the next bracket may be all that is wanted.
                let near = self.blocks.near();
                if near > from {
                    let member = self.members(node, from, near)?;
                    from = member.map_or(near, |member| member.name);
                }
                if self.unseen == 0 {
                    break;
                }
                self.blocks.look_on()?;
                continue;
            };
            let member = self.members(node, from, at)?;
            if self.unseen == 0 {
                break;
            }
            let byte = self.blocks.byte(at);
            from = at.wrapping_add(1);
            match member {
                None if byte == b'}' && depth > 0 => {
                    depth = depth.wrapping_sub(1);
                    node = *parents.get(depth)?;
                }
                None if byte == b'}' => {
                    if self.blocks.past_space(from) != self.payload.len() {
                        return None;
                    }
                    break;
                }
                None => from = self.container(byte, depth)?.wrapping_add(1),
                Some(Member { value, .. }) if value != at => return None,
                Some(Member { node: child, .. })
                    if byte == b'{' && self.tree.has_children(child) && !self.tree.is_read(child) =>
                {
                    self.places.put(child, Place::Container { start: offset(at) });
                    *parents.get_mut(depth)? = node;
                    (node, depth) = (child, depth.wrapping_add(1));
                }
                Some(member) => {
                    from = self.value_in_brackets(member, byte, depth)?;
                    if self.unseen == 0 {
                        break;
                    }
                }
            }
        }
        if self.blocks.seen().high && level != Level::Fast {
            self.text()?;
        }
        Some(())
    }

    /// The payload as text. It is checked once, however often something odd asks for it.
    fn text(&mut self) -> Option<&'e str> {
        if self.text.is_none() {
            self.text = Some(text_of(self.payload).ok()?);
        }
        self.text
    }

    /// Reads what rules read of the members of an object between two of its brackets. Gives the last one
    /// when its value begins at `to`.
    #[inline(always)]
    fn members(&mut self, node: NodeId, from: usize, to: usize) -> Option<Option<Member>> {
        let lengths = self.tree.lengths(node);
        let mut member = None;
        if lengths == 0 {
            return Some(None);
        }
        let few = are_few(lengths) && !self.blocks.seen().backslash;
        let mut number = from / BLOCK;
        let last = to / BLOCK;
        let mut strings = u64::MAX << (from % BLOCK);
        while number <= last {
            strings &=
                if few { self.blocks.strings(number, lengths) } else { self.blocks.all_strings(number) };
            if number == last {
                strings &= (1_u64 << (to % BLOCK)).wrapping_sub(1);
            }
            while strings != 0 {
                let bit = strings.trailing_zeros() as usize;
                let start = number.wrapping_mul(BLOCK).wrapping_add(bit).wrapping_add(1);
                strings &= strings.wrapping_sub(1);
                if let Some(found) = self.string(node, start, few)? {
                    // A value in brackets ends what lies between two brackets.
                    if member.replace(found).is_some() {
                        return None;
                    }
                }
            }
            number = number.wrapping_add(1);
            strings = u64::MAX;
        }
        Some(member)
    }

    /// Looks at a string that is perhaps a name that rules read. `start` is its first byte.
    #[inline(always)]
    fn string(&mut self, node: NodeId, start: usize, few: bool) -> Option<Option<Member>> {
        let (known, end) = if few {
            let Some((child, end)) = self.tree.child_at(node, self.payload, start) else { return Some(None) };
            (Some(child), end)
        } else {
            (None, self.blocks.end_of_string(start)?)
        };
        let colon = self.blocks.past_space(end.wrapping_add(1));
        if self.blocks.byte(colon) != b':' {
            // It is a value.
            return Some(None);
        }
        let Some(child) = (match known {
            Some(child) => Some(child),
            None => self.named(node, start, end)?,
        }) else {
            return Some(None);
        };
        let value = self.blocks.past_space(colon.wrapping_add(1));
        let again = self.places.of.get(child.0 as usize).is_some_and(|place| *place != Place::Absent);
        if again {
            // What had been found below is to be found again.
            self.unseen = self.unseen.wrapping_add(read_below(self.tree, self.places, child)?);
            self.places.forget(self.tree, child);
        }
        let first = self.blocks.byte(value);
        if matches!(first, b'{' | b'[') {
            let name = start.wrapping_sub(1);
            return Some(Some(Member { node: child, name, value, again }));
        }
        let place = self.scalar(value, first)?;
        self.found(child, place, again);
        Some(None)
    }

    #[inline(always)]
    fn found(&mut self, node: NodeId, place: Place, again: bool) {
        self.places.put(node, place);
        if self.tree.is_read(node) && !again {
            self.unseen = self.unseen.wrapping_sub(1);
        }
    }

    #[inline(always)]
    fn named(&mut self, node: NodeId, start: usize, end: usize) -> Option<Option<NodeId>> {
        if self.blocks.seen().backslash {
            return self.escaped_child(node, start, end);
        }
        let length = end.wrapping_sub(start).min(63);
        if self.tree.lengths(node) >> length & 1 == 0 {
            return Some(None);
        }
        Some(self.tree.child(node, Name::within(self.payload, start, end)?))
    }

    /// A list, or a record that is not walked into. Gives what comes behind it.
    #[inline(always)]
    fn value_in_brackets(&mut self, member: Member, first: u8, depth: usize) -> Option<usize> {
        let Member { node, value, again, .. } = member;
        let behind = if self.tree.is_read(node) {
            let behind = self.whole(node, value, depth)?;
            self.blocks.resume(behind)?;
            // What is below was found as well.
            self.unseen = self.unseen.wrapping_sub(read_below(self.tree, self.places, node)?);
            behind
        } else {
            self.container(first, depth)?.wrapping_add(1)
        };
        self.ends(behind)?;
        self.found(node, Place::Container { start: offset(value) }, again);
        Some(behind)
    }

    /// A value that is no container.
    #[inline(always)]
    fn scalar(&mut self, start: usize, first: u8) -> Option<Place> {
        match first {
            b'"' => {
                let from = start.wrapping_add(1);
                let to = self.blocks.end_of_string(from)?;
                self.ends(to.wrapping_add(1))?;
                let raw = RawText { start: offset(from), end: offset(to), escaped: false };
                let Seen { backslash, high } = self.blocks.seen();
                Some(Place::Text(if backslash || high { self.odd_text(raw)? } else { raw }))
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

    /// The child of that name, which may hold escapes.
    #[inline(never)]
    fn escaped_child(&mut self, node: NodeId, start: usize, end: usize) -> Option<Option<NodeId>> {
        let raw = RawText { start: offset(start), end: offset(end), escaped: true };
        if !raw.bytes(self.payload).contains(&b'\\') {
            return Some(self.tree.child(node, Name::within(self.payload, start, end)?));
        }
        // Is the key well-formed? The scanner knows.
        Scanner::over(self.text()?, start - 1).skip(0).ok()?;
        let name: Cow<'_, str> = raw.decode_bytes(self.payload);
        Some(self.tree.child(node, Name::new(&name)))
    }

    /// A text that may hold escapes, or bytes that are not UTF-8.
    #[inline(never)]
    fn odd_text(&mut self, raw: RawText) -> Option<RawText> {
        let escaped = raw.bytes(self.payload).contains(&b'\\');
        if escaped {
            Scanner::over(self.text()?, raw.start as usize - 1).skip(0).ok()?;
        }
        std::str::from_utf8(raw.bytes(self.payload)).ok()?;
        Some(RawText { escaped, ..raw })
    }

    /// Reads a list or record with what is below it. Gives where it ends.
    #[inline(never)]
    fn whole(&mut self, node: NodeId, start: usize, depth: usize) -> Option<usize> {
        let mut scanner = Scanner::over(self.text()?, start);
        self.places.fill(self.tree, &mut scanner, node, u32::try_from(depth).ok()? + 1).ok()?;
        Some(scanner.at())
    }

    /// Passes over a container whose bracket was the last one; gives the place of its closing bracket.
    #[inline(always)]
    fn container(&mut self, first: u8, depth: usize) -> Option<usize> {
        if !matches!(first, b'{' | b'[') {
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

/// How many values that rules read were found below a node.
#[inline(never)]
fn read_below(tree: &Tree, places: &Places, node: NodeId) -> Option<u32> {
    let range = tree.below(node);
    let nodes = (range.start as u32..).map(NodeId);
    let found = nodes
        .zip(places.of.get(range)?)
        .filter(|(node, place)| **place != Place::Absent && tree.is_read(*node));
    u32::try_from(found.count()).ok()
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
