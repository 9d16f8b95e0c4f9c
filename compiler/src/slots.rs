//! The values of an event that rules read, found in one pass over its bytes.

mod fill;
mod find;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::cell::OnceCell;

use crate::hir::PathId;
use crate::json::{JsonError, Looked, RawText, Scanner, parse_checked};
use crate::plan::{NodeId, Paths, Plan, Tree};
use crate::value::{Value, parse_number};

/// How much of an event is checked before rules are asked about it.
///
/// Whatever the level, an event that a rule sends anywhere is checked all the way through before it does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Level {
    /// The whole event is walked: UTF-8, brackets and quotation marks that close, control characters in
    /// strings, keys that occur twice on a path that a rule reads, nothing behind the end, and the full
    /// syntax of every value that a rule reads.
    #[default]
    Strict,
    /// Everything that RFC 8259 asks for, of what nothing reads too.
    Full,
    /// The walk ends when everything that rules read has been found; what follows is not looked at. Of
    /// keys that occur twice the first may count.
    Fast,
}

/// The values at a plan's paths. Everything borrows from the event; numbers and escapes are decoded,
/// and lists and records read, when something first asks for them.
#[derive(Debug)]
pub struct Slots<'e> {
    payload: &'e [u8],
    text: OnceCell<&'e str>,
    /// What conditions read, or everything.
    first: Filled<'e>,
    /// Whether `first` is everything.
    complete: bool,
    /// Everything, once it is asked for.
    rest: OnceCell<Box<Filled<'e>>>,
}

/// What stands at the nodes of a tree.
#[derive(Debug)]
struct Filled<'e> {
    memory: Box<Memory>,
    /// Values that something has asked for; made when something first does.
    values: OnceCell<Box<[OnceCell<Value<'e>>]>>,
}

/// Where it stands, and what the walk needs.
#[derive(Debug, Default)]
struct Memory {
    places: Places,
    looked: Looked,
    ahead: find::Ahead,
}

/// Where it stands.
#[derive(Debug, Default)]
struct Places {
    of: Vec<Place>,
    duplicates: Vec<NodeId>,
}

/// What stands at a path: a shape, and its first byte; of numbers the end, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Place {
    #[default]
    Absent,
    Null,
    True,
    False,
    Number {
        start: u32,
        end: u32,
    },
    Text(RawText),
    Container {
        start: u32,
    },
}

/// The memory of earlier [`Slots`], for reuse.
#[derive(Debug, Default)]
pub struct Scratch {
    memory: Option<Box<Memory>>,
}

impl<'e> Slots<'e> {
    /// Reads everything that rules read, for conditions and for what they send. All of the payload is
    /// checked.
    ///
    /// # Errors
    /// When the payload is not one JSON value.
    pub fn new(plan: &Plan, payload: &'e [u8]) -> Result<Self, JsonError> {
        let mut memory = Box::<Memory>::default();
        let text = fill::full(&plan.paths.all, payload, &mut memory.places)?;
        let (first, rest) = (Filled::new(memory), OnceCell::new());
        Ok(Self { payload, text: OnceCell::from(text), first, complete: true, rest })
    }

    /// Reads what conditions read, in memory that is there already. Before rules send anything,
    /// [`complete`](Self::complete) reads the rest.
    ///
    /// # Errors
    /// When the payload is found not to be one JSON value.
    pub fn of_conditions(
        scratch: Scratch,
        plan: &Plan,
        payload: &'e [u8],
        level: Level,
    ) -> Result<Self, JsonError> {
        let tree = &plan.paths.conditions;
        let mut memory = scratch.memory.unwrap_or_default();
        let text = match level {
            Level::Strict | Level::Fast if find::find(tree, payload, level, &mut memory) => OnceCell::new(),
            Level::Strict | Level::Fast | Level::Full => {
                OnceCell::from(fill::full(tree, payload, &mut memory.places)?)
            }
        };
        Ok(Self { payload, text, first: Filled::new(memory), complete: false, rest: OnceCell::new() })
    }

    /// Reads the rest of what rules read, and checks all of the payload.
    ///
    /// # Errors
    /// When the payload is not one JSON value after all.
    pub fn complete(&self, plan: &Plan) -> Result<(), JsonError> {
        if !self.complete && self.rest.get().is_none() {
            let mut memory = Box::<Memory>::default();
            let text = fill::full(&plan.paths.all, self.payload, &mut memory.places)?;
            let _ = self.text.set(text);
            let _ = self.rest.set(Box::new(Filled::new(memory)));
        }
        Ok(())
    }

    /// Gives the memory back.
    #[must_use]
    pub fn recycle(self) -> Scratch {
        Scratch { memory: Some(self.first.memory) }
    }

    /// The payload as it came. Once it is complete it was checked to be UTF-8 and JSON.
    #[must_use]
    pub fn text(&self) -> &'e str {
        self.text.get_or_init(|| std::str::from_utf8(self.payload).unwrap_or_default())
    }

    /// The value at a path; missing when there is none.
    #[must_use]
    pub fn value(&self, paths: &Paths, path: PathId) -> &Value<'e> {
        const MISSING: &Value<'static> = &Value::Missing;
        let read = |tree: &Tree, filled: &'_ Filled<'e>| {
            let node = tree.node(path)?.0 as usize;
            Some((*filled.memory.places.of.get(node)?, node))
        };
        let (found, filled) = if self.complete {
            (read(&paths.all, &self.first), &self.first)
        } else if let Some(found) = read(&paths.conditions, &self.first) {
            (Some(found), &self.first)
        } else {
            let Some(rest) = self.rest.get() else {
                debug_assert!(false, "slots are complete before anything is sent");
                return MISSING;
            };
            (read(&paths.all, rest), &**rest)
        };
        match found {
            None | Some((Place::Absent, _)) => MISSING,
            Some((place, node)) => filled.value(node, || self.read(place)).unwrap_or(MISSING),
        }
    }

    /// What stands at a path, of those that conditions read.
    #[inline]
    pub(crate) fn place(&self, paths: &Paths, path: PathId) -> Place {
        let tree = if self.complete { &paths.all } else { &paths.conditions };
        let node = tree.node(path).map_or(usize::MAX, |node| node.0 as usize);
        self.first.memory.places.of.get(node).copied().unwrap_or_default()
    }

    /// A text of the payload, decoded.
    #[inline]
    pub(crate) fn text_at(&self, raw: RawText) -> Cow<'e, str> {
        raw.decode_bytes(self.payload)
    }

    /// The bytes of a text of the payload, when they are the text.
    #[inline]
    pub(crate) fn plain_text_at(&self, raw: RawText) -> Option<&'e [u8]> {
        if raw.escaped { None } else { self.payload.get(raw.start as usize..raw.end as usize) }
    }

    /// A part of the payload.
    #[inline]
    pub(crate) fn slice(&self, start: u32, end: u32) -> &'e str {
        let bytes = self.payload.get(start as usize..end as usize).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }

    /// The paths that any rule reads and whose last key occurred more than once in an object, as field
    /// names; each as often as it was repeated.
    pub fn duplicates<'p>(&self, paths: &'p Paths) -> impl Iterator<Item = Vec<&'p str>> {
        let (tree, filled) = match self.rest.get() {
            Some(rest) => (&paths.all, &**rest),
            None if self.complete => (&paths.all, &self.first),
            None => (&paths.conditions, &self.first),
        };
        filled.memory.places.duplicates.iter().map(|&node| tree.names(node))
    }

    fn read(&self, place: Place) -> Value<'e> {
        match place {
            Place::Absent => Value::Missing,
            Place::Null => Value::Null,
            Place::True => Value::Bool(true),
            Place::False => Value::Bool(false),
            Place::Number { start, end } => parse_number(self.slice(start, end)),
            Place::Text(raw) => Value::Text(self.text_at(raw)),
            Place::Container { start } => parse_checked(self.text(), start),
        }
    }
}

impl<'e> Filled<'e> {
    fn new(memory: Box<Memory>) -> Self {
        Self { memory, values: OnceCell::new() }
    }

    fn value(&self, node: usize, read: impl FnOnce() -> Value<'e>) -> Option<&Value<'e>> {
        let empty = || self.memory.places.of.iter().map(|_| OnceCell::new()).collect();
        Some(self.values.get_or_init(empty).get(node)?.get_or_init(read))
    }
}

impl Places {
    /// Nothing stands anywhere yet.
    #[inline]
    fn clear(&mut self, tree: &Tree) {
        if self.of.len() == tree.count() {
            self.of.fill(Place::Absent);
        } else {
            self.of.clear();
            self.of.resize(tree.count(), Place::Absent);
        }
        self.duplicates.clear();
    }

    #[inline]
    fn put(&mut self, node: NodeId, place: Place) {
        if let Some(slot) = self.of.get_mut(node.0 as usize) {
            *slot = place;
        }
    }

    /// Whether something stands at a node.
    #[inline(always)]
    fn are_set(&self, node: NodeId) -> bool {
        self.of.get(node.0 as usize).is_some_and(|place| *place != Place::Absent)
    }

    /// Of duplicate keys the last one wins, so what an earlier one had set below is gone.
    fn forget(&mut self, tree: &Tree, node: NodeId) {
        if matches!(self.of.get(node.0 as usize), None | Some(Place::Absent)) {
            return;
        }
        self.duplicates.push(node);
        if let Some(below) = self.of.get_mut(tree.below(node)) {
            below.fill(Place::Absent);
        }
    }
}

/// A document as text.
fn text_of(payload: &[u8]) -> Result<&str, JsonError> {
    Scanner::new(payload).map(|scanner| scanner.text())
}

/// Offsets are kept in 32 bits; the scanner refuses documents in which they do not fit.
fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
