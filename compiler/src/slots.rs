//! The values of an event that rules read, found in one pass over its bytes.

use std::cell::OnceCell;

use crate::hir::PathId;
use crate::json::{JsonError, RawText, Scanner, Shape, parse_checked};
use crate::plan::{NodeId, Paths, Plan};
use crate::value::{Value, parse_number};

/// The values at a plan's paths. Everything borrows from the event; numbers and escapes are decoded,
/// and lists and records read, when something first asks for them.
#[derive(Debug)]
pub struct Slots<'e> {
    text: &'e str,
    places: Vec<Place>,
    values: Vec<OnceCell<Value<'e>>>,
    duplicates: Vec<NodeId>,
}

/// What stands at a path: a shape, and its first byte; of numbers the end, too.
#[derive(Clone, Copy, Debug)]
enum Place {
    Absent,
    Null,
    True,
    False,
    Number { start: u32, end: u32 },
    Text(RawText),
    Container { start: u32 },
}

/// The memory of earlier [`Slots`], for reuse.
#[derive(Debug, Default)]
pub struct Scratch {
    places: Vec<Place>,
    values: Vec<OnceCell<Value<'static>>>,
}

impl<'e> Slots<'e> {
    /// Reads a payload. All of it is checked, whatever the plan reads.
    ///
    /// # Errors
    /// When the payload is not one JSON value.
    pub fn new(plan: &Plan, payload: &'e [u8]) -> Result<Self, JsonError> {
        Self::reusing(Scratch::default(), plan, payload)
    }

    /// As [`new`](Self::new), in memory that is there already.
    ///
    /// # Errors
    /// When the payload is not one JSON value.
    pub fn reusing(scratch: Scratch, plan: &Plan, payload: &'e [u8]) -> Result<Self, JsonError> {
        let mut scanner = Scanner::new(payload)?;
        let Scratch { mut places, values: empty } = scratch;
        let count = plan.paths.count();
        places.clear();
        places.resize(count, Place::Absent);
        // Collecting an empty vector in place keeps its memory.
        let mut values: Vec<OnceCell<Value<'e>>> = empty.into_iter().map(|_| OnceCell::new()).collect();
        values.resize_with(count, OnceCell::new);
        let mut slots = Self { text: scanner.text(), places, values, duplicates: Vec::new() };
        scanner.document(|scanner| slots.fill(&plan.paths, scanner, NodeId(0), 0))?;
        Ok(slots)
    }

    /// Gives the memory back.
    #[must_use]
    pub fn recycle(mut self) -> Scratch {
        self.values.clear();
        let values = self.values.into_iter().map(|_| OnceCell::new()).collect();
        Scratch { places: self.places, values }
    }

    /// The payload as it came, which was checked to be UTF-8 and JSON.
    #[must_use]
    pub fn text(&self) -> &'e str {
        self.text
    }

    /// The value at a path; missing when there is none.
    #[must_use]
    pub fn value(&self, paths: &Paths, path: PathId) -> &Value<'e> {
        const MISSING: &Value<'static> = &Value::Missing;
        let node = paths.node(path).0 as usize;
        let (Some(place), Some(cell)) = (self.places.get(node), self.values.get(node)) else {
            return MISSING;
        };
        if matches!(place, Place::Absent) {
            return MISSING;
        }
        cell.get_or_init(|| self.read(*place))
    }

    /// The paths that any rule reads and whose last key occurred more than once in an object, as field
    /// names; each as often as it was repeated.
    pub fn duplicates<'p>(&self, paths: &'p Paths) -> impl Iterator<Item = Vec<&'p str>> {
        self.duplicates.iter().map(|&node| paths.names(node))
    }

    fn read(&self, place: Place) -> Value<'e> {
        match place {
            Place::Absent => Value::Missing,
            Place::Null => Value::Null,
            Place::True => Value::Bool(true),
            Place::False => Value::Bool(false),
            Place::Number { start, end } => {
                parse_number(self.text.get(start as usize..end as usize).unwrap_or_default())
            }
            Place::Text(raw) => Value::Text(raw.decode(self.text)),
            Place::Container { start } => parse_checked(self.text, start),
        }
    }

    /// Reads the value that the scanner stands on, inside `depth` containers, into a node.
    fn fill(
        &mut self,
        paths: &Paths,
        scanner: &mut Scanner<'e>,
        node: NodeId,
        depth: u32,
    ) -> Result<(), JsonError> {
        let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let start = offset(scanner.at());
        let place = if scanner.peek() == Some(b'{') && paths.has_children(node) {
            scanner.members(depth + 1, |scanner, key| {
                let child = paths.child(node, &key.decode(scanner.text()));
                match child {
                    Some(child) => {
                        self.forget(paths, child);
                        self.fill(paths, scanner, child, depth + 1)
                    }
                    None => scanner.skip(depth + 1).map(drop),
                }
            })?;
            Place::Container { start }
        } else {
            match scanner.skip(depth)? {
                Shape::Null => Place::Null,
                Shape::True => Place::True,
                Shape::False => Place::False,
                Shape::Number => Place::Number { start, end: offset(scanner.at()) },
                Shape::Text(raw) => Place::Text(raw),
                Shape::List | Shape::Record => Place::Container { start },
            }
        };
        if let Some(slot) = self.places.get_mut(node.0 as usize) {
            *slot = place;
        }
        Ok(())
    }

    /// Of duplicate keys the last one wins, so what an earlier one had set below is gone.
    fn forget(&mut self, paths: &Paths, node: NodeId) {
        if matches!(self.places.get(node.0 as usize), None | Some(Place::Absent)) {
            return;
        }
        self.duplicates.push(node);
        if let Some(below) = self.places.get_mut(paths.below(node)) {
            below.fill(Place::Absent);
        }
    }
}
