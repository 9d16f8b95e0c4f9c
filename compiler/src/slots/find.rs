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
use crate::json::{BYTES_MAX, Blocks, DEPTH_MAX, Looked, RawText, Scanner, Seen, past_space};
use crate::plan::{Child, Fields, Name, NodeId, Tree};

/// Reads what stands at the nodes of a tree. Says whether that was possible.
#[inline]
pub(super) fn find(tree: &Tree, payload: &[u8], level: Level, memory: &mut Memory) -> bool {
    if payload.len() > BYTES_MAX || tree.is_read(NodeId::ROOT) {
        return false;
    }
    with_best(Find { tree, payload, memory, level })
}

struct Find<'t, 'e> {
    tree: &'t Tree,
    payload: &'e [u8],
    memory: &'t mut Memory,
    level: Level,
}

/// How much of an event is looked at first, when what is looked for may stand near its beginning. Where that
/// is not enough the walk begins anew with more, so what was enough last time is where the next event begins.
/// Events of one app look alike, and where the memory is another plan's, only time is lost.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    step: usize,
    /// Events since less was tried.
    events: u8,
}

/// So many blocks are looked at, then so many more, then all.
const STEPS: [usize; 3] = [2, 16, usize::MAX];

/// After so many events for which less might have been enough, less is tried.
const LESS_AFTER: u8 = 64;

impl Ahead {
    /// What was wanted was found at a step.
    #[inline(always)]
    fn found(&mut self, step: usize) {
        if step != self.step {
            *self = Self { step, events: 0 };
        } else if step > 0 {
            self.events += 1;
            if self.events == LESS_AFTER {
                *self = Self { step: step - 1, events: 0 };
            }
        }
    }
}

impl Work for Find<'_, '_> {
    type Output = bool;

    #[inline(always)]
    fn run<K: Kernel>(self, kernel: K) -> bool {
        let Self { tree, payload, memory: Memory { places, looked, ahead }, level } = self;
        looked.begin();
        if level != Level::Fast {
            places.clear(tree);
            return looked.look(kernel, payload, usize::MAX).is_some()
                && Walk::new(tree, payload, looked, places, u32::MAX).run(level).is_some();
        }
        for (step, more) in STEPS.into_iter().enumerate().skip(ahead.step) {
            if looked.look(kernel, payload, more).is_none() {
                return false;
            }
            places.clear(tree);
            if Walk::new(tree, payload, looked, places, tree.read()).run(level).is_some() {
                ahead.found(step);
                return true;
            }
        }
        false
    }
}

/// Paths that are longer are read the slow way.
const PARENTS_MAX: usize = 16;

struct Walk<'t, 'e> {
    tree: &'t Tree,
    payload: &'e [u8],
    /// The payload as text, once that was asked.
    text: Option<&'e str>,
    blocks: Blocks<'t>,
    seen: Seen,
    places: &'t mut Places,
    /// How many values that rules read are still to be found, when that ends the walk.
    unseen: u32,
}

/// A member whose value begins with the next bracket.
#[derive(Clone, Copy)]
struct Member<'t> {
    child: &'t Child,
    value: usize,
    /// Whether its name stood there before.
    again: bool,
}

/// `None` when it is to be read the slow way.
type Found<T> = Option<T>;

impl<'t, 'e> Walk<'t, 'e> {
    #[inline(always)]
    fn new(
        tree: &'t Tree,
        payload: &'e [u8],
        looked: &'t Looked,
        places: &'t mut Places,
        unseen: u32,
    ) -> Self {
        let (blocks, seen) = looked.blocks();
        Walk { tree, payload, text: None, blocks, seen, places, unseen }
    }

    #[inline(always)]
    fn run(mut self, level: Level) -> Found<()> {
        let start = self.past_space(0);
        if self.byte(start) != b'{' || self.blocks.next()? != start {
            return None;
        }
        self.places.put(NodeId::ROOT, Place::Container { start: offset(start) });
        // The nodes around the one that is walked.
        let mut parents = [NodeId::ROOT; PARENTS_MAX];
        let mut fields = self.tree.fields(NodeId::ROOT);
        let mut depth = 0_usize;
        let mut from = start.wrapping_add(1);
        loop {
            let bracket = self.blocks.next();
            // What stands before a bracket that is further away may be all that is wanted.
            let to = bracket.unwrap_or_else(|| self.blocks.near());
            let member =
                if to > from && fields.lengths != 0 { self.members(&fields, from, to)? } else { None };
            if self.unseen == 0 {
                break;
            }
            let at = bracket?;
            let byte = self.byte(at);
            from = at.wrapping_add(1);
            match member {
                None if byte == b'}' && depth > 0 => {
                    depth = depth.wrapping_sub(1);
                    fields = self.tree.fields(*parents.get(depth)?);
                }
                None if byte == b'}' => {
                    if self.past_space(from) != self.payload.len() {
                        return None;
                    }
                    break;
                }
                None => from = self.container(byte, depth)?.wrapping_add(1),
                Some(Member { value, .. }) if value != at => return None,
                Some(Member { child, .. }) if byte == b'{' && child.walked => {
                    self.places.put(child.node, Place::Container { start: offset(at) });
                    *parents.get_mut(depth)? = fields.node;
                    fields = self.tree.fields(child.node);
                    depth = depth.wrapping_add(1);
                }
                Some(member) => {
                    from = self.value_in_brackets(member, byte, depth)?;
                    if self.unseen == 0 {
                        break;
                    }
                }
            }
        }
        if self.seen.high && level != Level::Fast {
            self.text()?;
        }
        Some(())
    }

    /// The byte at a place; 0 behind the end.
    #[inline(always)]
    fn byte(&self, at: usize) -> u8 {
        self.payload.get(at).copied().unwrap_or(0)
    }

    /// The first place from `at` on without white space.
    #[inline(always)]
    fn past_space(&self, at: usize) -> usize {
        if self.byte(at) > b' ' { at } else { past_space(self.payload, at) }
    }

    /// The payload as text. It is checked once, however often something odd asks for it.
    fn text(&mut self) -> Found<&'e str> {
        if self.text.is_none() {
            self.text = Some(text_of(self.payload).ok()?);
        }
        self.text
    }

    /// Reads what rules read of the members of an object between two of its brackets. Gives the last one
    /// when its value begins at `to`.
    #[inline(always)]
    fn members(&mut self, fields: &Fields<'t>, from: usize, to: usize) -> Found<Option<Member<'t>>> {
        if !fields.few || self.seen.backslash {
            return self.members_by_string(fields, from, to);
        }
        let mut member = None;
        let (first, last) = (from / BLOCK, to / BLOCK);
        let mut base = first.wrapping_mul(BLOCK);
        let mut wanted = u64::MAX << (from % BLOCK);
        for pair in self.blocks.pairs(first, last)? {
            let mut strings = pair.strings(fields.lengths) & wanted;
            if to < base.wrapping_add(BLOCK) {
                strings &= (1_u64 << (to % BLOCK)).wrapping_sub(1);
            }
            while strings != 0 {
                let at = base.wrapping_add(strings.trailing_zeros() as usize).wrapping_add(1);
                strings &= strings.wrapping_sub(1);
                if let Some((child, end)) = fields.at(self.payload, at)
                    && let Some(found) = self.member(child, end)?
                    // A value in brackets ends what lies between two brackets.
                    && member.replace(found).is_some()
                {
                    return None;
                }
            }
            base = base.wrapping_add(BLOCK);
            wanted = u64::MAX;
        }
        Some(member)
    }

    /// Does the same where names have many lengths, or escapes: looks at each string.
    #[inline(never)]
    fn members_by_string(
        &mut self,
        fields: &Fields<'t>,
        from: usize,
        to: usize,
    ) -> Found<Option<Member<'t>>> {
        let mut member = None;
        let mut start = from;
        let mut number = from / BLOCK;
        for pair in self.blocks.pairs(number, to / BLOCK)? {
            let mut strings = pair.all_strings() & (u64::MAX << (start % BLOCK));
            while strings != 0 {
                let at = number.wrapping_mul(BLOCK).wrapping_add(strings.trailing_zeros() as usize);
                strings &= strings.wrapping_sub(1);
                if at >= to {
                    break;
                }
                let end = self.blocks.end_of_string(at.wrapping_add(1))?;
                if let Some(child) = self.named(fields, at.wrapping_add(1), end)?
                    && let Some(found) = self.member(child, end)?
                    && member.replace(found).is_some()
                {
                    return None;
                }
            }
            number = number.wrapping_add(1);
            start = 0;
        }
        Some(member)
    }

    /// The field that a string names, if it is a name and that is one that rules read.
    #[inline(always)]
    fn named(&mut self, fields: &Fields<'t>, start: usize, end: usize) -> Found<Option<&'t Child>> {
        if self.seen.backslash {
            if self.byte(self.past_space(end.wrapping_add(1))) != b':' {
                return Some(None);
            }
            return self.escaped_child(fields.node, start, end);
        }
        let length = end.wrapping_sub(start).min(63);
        if fields.lengths >> length & 1 == 0 {
            return Some(None);
        }
        Some(self.tree.child(fields.node, Name::within(self.payload, start, end)?))
    }

    /// Reads a member behind a string that is its name, unless that is a value. `end` is where it ends.
    #[inline(always)]
    fn member(&mut self, child: &'t Child, end: usize) -> Found<Option<Member<'t>>> {
        let mut value = end.wrapping_add(2);
        if self.byte(end.wrapping_add(1)) != b':' || self.byte(value) <= b' ' {
            match self.value_after_space(end) {
                Some(at) => value = at,
                None => return Some(None),
            }
        }
        let again = self.places.are_set(child.node);
        if again {
            self.forget(child.node)?;
        }
        let first = self.byte(value);
        if first | 0x20 == b'{' {
            return Some(Some(Member { child, value, again }));
        }
        let place = if first == b'"' { self.string(value)? } else { self.other_scalar(value, first)? };
        self.found(child, place, again);
        Some(None)
    }

    /// Where a value begins when white space is around its colon; `None` when there is no colon.
    #[inline(never)]
    fn value_after_space(&self, end: usize) -> Option<usize> {
        let colon = self.past_space(end.wrapping_add(1));
        (self.byte(colon) == b':').then(|| self.past_space(colon.wrapping_add(1)))
    }

    /// What had been found below is to be found again.
    #[inline(never)]
    fn forget(&mut self, node: NodeId) -> Found<()> {
        self.unseen = self.unseen.wrapping_add(read_below(self.tree, self.places, node)?);
        self.places.forget(self.tree, node);
        Some(())
    }

    #[inline(always)]
    fn found(&mut self, child: &Child, place: Place, again: bool) {
        self.places.put(child.node, place);
        if child.read && !again {
            self.unseen = self.unseen.wrapping_sub(1);
        }
    }

    /// A list, or a record that is not walked into. Gives what comes behind it.
    #[inline(always)]
    fn value_in_brackets(&mut self, member: Member<'_>, first: u8, depth: usize) -> Found<usize> {
        let Member { child, value, again } = member;
        let behind = if child.read {
            let behind = self.whole(child.node, value, depth)?;
            self.blocks.resume(behind)?;
            // What is below was found as well.
            self.unseen = self.unseen.wrapping_sub(read_below(self.tree, self.places, child.node)?);
            behind
        } else {
            self.container(first, depth)?.wrapping_add(1)
        };
        self.ends(behind)?;
        self.found(child, Place::Container { start: offset(value) }, again);
        Some(behind)
    }

    /// A text, from its quotation mark on.
    #[inline(always)]
    fn string(&mut self, start: usize) -> Found<Place> {
        let from = start.wrapping_add(1);
        let to = self.blocks.end_of_string(from)?;
        self.ends(to.wrapping_add(1))?;
        let raw = RawText { start: offset(from), end: offset(to), escaped: false };
        let Seen { backslash, high } = self.seen;
        Some(Place::Text(if backslash || high { self.odd_text(raw)? } else { raw }))
    }

    /// A value that is neither text nor container.
    #[inline(never)]
    fn other_scalar(&self, start: usize, first: u8) -> Found<Place> {
        match first {
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
    fn escaped_child(&mut self, node: NodeId, start: usize, end: usize) -> Found<Option<&'t Child>> {
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
    fn odd_text(&mut self, raw: RawText) -> Found<RawText> {
        let escaped = raw.bytes(self.payload).contains(&b'\\');
        if escaped {
            Scanner::over(self.text()?, raw.start as usize - 1).skip(0).ok()?;
        }
        std::str::from_utf8(raw.bytes(self.payload)).ok()?;
        Some(RawText { escaped, ..raw })
    }

    /// Reads a list or record with what is below it. Gives where it ends.
    #[inline(never)]
    fn whole(&mut self, node: NodeId, start: usize, depth: usize) -> Found<usize> {
        let mut scanner = Scanner::over(self.text()?, start);
        self.places.fill(self.tree, &mut scanner, node, u32::try_from(depth).ok()? + 1).ok()?;
        Some(scanner.at())
    }

    /// Passes over a container whose bracket was the last one; gives the place of its closing bracket.
    #[inline(always)]
    fn container(&mut self, first: u8, depth: usize) -> Found<usize> {
        if first | 0x20 != b'{' {
            return None;
        }
        let end = self.blocks.skip(depth as u32 + 1)?;
        // `{` and `}` are two apart, and so are `[` and `]`.
        (self.byte(end) == first + 2).then_some(end)
    }

    fn word(&self, start: usize, word: &[u8], place: Place) -> Found<Place> {
        let end = start + word.len();
        if self.payload.get(start..end)? != word {
            return None;
        }
        self.ends(end)?;
        Some(place)
    }

    /// Whether a value ends before `at`.
    #[inline(always)]
    fn ends(&self, at: usize) -> Found<()> {
        match self.byte(at) {
            b',' | b'}' => Some(()),
            _ => self.ends_after_space(at),
        }
    }

    #[inline(never)]
    fn ends_after_space(&self, at: usize) -> Found<()> {
        matches!(self.byte(self.past_space(at)), b',' | b'}').then_some(())
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
