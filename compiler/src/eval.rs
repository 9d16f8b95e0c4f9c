//! Conditions and expressions over one event: the meaning of the language, told plainly.
//!
//! The interpreter, what a rule sends and the trace use it; compiled code must give the same answers.

mod cond;
mod expr;
mod memo;

use std::borrow::Cow;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;

pub(crate) use cond::{at_end, has};

use crate::event::Event;
use crate::hir::{Expr, LetId, LocalId};
use crate::plan::Plan;
use crate::slots::Slots;
use crate::value::Value;

/// Everything that a condition may ask about.
#[derive(Clone, Copy)]
pub struct Facts<'a, 'e> {
    /// The rules.
    pub plan: &'a Plan,
    /// The event.
    pub event: &'a Event<'e>,
    /// Its payload's values.
    pub slots: &'a Slots<'e>,
    /// The lists that the workspace keeps outside its bundle.
    pub lists: &'a dyn Lists,
}

/// The lists that a workspace keeps outside its bundle.
pub trait Lists: Sync {
    /// Whether the list holds the text; `None` when there is no such list, which is unknown.
    fn contains(&self, list: &str, text: &str, ignoring_case: bool) -> Option<bool>;
}

/// A workspace without such lists.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoLists;

impl Lists for NoLists {
    fn contains(&self, _list: &str, _text: &str, _ignoring_case: bool) -> Option<bool> {
        None
    }
}

/// What the loops of one condition or value may cost, in bytes read or made. A loop over ten thousand
/// elements that searches a large text for each would be a thousand times the event; this is a tenth of
/// a second. Beyond it values are missing.
const LOOP_WORK_MAX: usize = 256 << 20;

/// One rule being asked about one event: its lets, and the elements its loops stand on.
pub(crate) struct Frame<'a, 'e> {
    pub(crate) facts: Facts<'a, 'e>,
    lets: &'a [Expr],
    let_values: Vec<OnceCell<Value<'e>>>,
    /// Lets from here on are not read: each sees those before it only.
    lets_end: Cell<usize>,
    locals: RefCell<Vec<Local<'e>>>,
    /// Counts the elements that loops have moved to.
    tick: Cell<u64>,
    /// How many loops are running.
    loops: Cell<u32>,
    memo: RefCell<HashMap<usize, memo::Memo<'e>>>,
    /// What the running loops may still cost.
    work: Cell<usize>,
    /// The first hole since it was last taken whose value was missing.
    hole: RefCell<Option<Box<str>>>,
}

/// The element a loop stands on, and when it moved there.
#[derive(Clone)]
struct Local<'e> {
    value: Value<'e>,
    moved: u64,
}

impl<'a, 'e> Frame<'a, 'e> {
    /// For a rule's condition and body, or with no lets for a group's `otherwise`.
    pub(crate) fn new(facts: Facts<'a, 'e>, lets: &'a [Expr], locals: u16) -> Self {
        let unset = Local { value: Value::Missing, moved: 0 };
        Self {
            facts,
            lets,
            let_values: vec![OnceCell::new(); lets.len()],
            lets_end: Cell::new(lets.len()),
            locals: RefCell::new(vec![unset; usize::from(locals)]),
            tick: Cell::new(0),
            loops: Cell::new(0),
            memo: RefCell::default(),
            work: Cell::new(LOOP_WORK_MAX),
            hole: RefCell::default(),
        }
    }

    /// Runs `step` on each element of a list until it answers `Some`.
    ///
    /// A missing list has no element, and what is no list is one element. The local has its earlier
    /// value afterwards, because a `let` may be computed in the middle of another loop.
    pub(crate) fn each<T>(
        &self,
        local: LocalId,
        list: &Value<'e>,
        mut step: impl FnMut(usize) -> Option<T>,
    ) -> Option<T> {
        let elements = match list {
            Value::Missing | Value::Null | Value::Unreadable(_) => return None,
            Value::List(elements) => &**elements,
            single => std::slice::from_ref(single),
        };
        let before = self.local(local);
        if self.loops.get() == 0 {
            self.work.set(LOOP_WORK_MAX);
        }
        self.loops.set(self.loops.get() + 1);
        let found = elements.iter().enumerate().find_map(|(at, element)| {
            self.tick.set(self.tick.get() + 1);
            self.set_local(local, Local { value: element.clone(), moved: self.tick.get() });
            step(at)
        });
        self.loops.set(self.loops.get() - 1);
        self.set_local(local, before);
        found
    }

    fn local(&self, local: LocalId) -> Local<'e> {
        let locals = self.locals.borrow();
        locals.get(usize::from(local.0)).cloned().unwrap_or(Local { value: Value::Missing, moved: 0 })
    }

    fn set_local(&self, local: LocalId, element: Local<'e>) {
        let at = usize::from(local.0);
        let mut locals = self.locals.borrow_mut();
        debug_assert!(at < locals.len(), "the checker counts locals");
        if let Some(slot) = locals.get_mut(at) {
            *slot = element;
        }
    }

    /// A `let` is computed when it is first read.
    fn let_value(&self, id: LetId) -> Cow<'_, Value<'e>> {
        let at = usize::from(id.0);
        let end = self.lets_end.get();
        let (Some(cell), Some(expr)) = (self.let_values.get(at), self.lets.get(at)) else {
            return Cow::Owned(Value::Missing);
        };
        if at >= end {
            return Cow::Owned(Value::Missing);
        }
        if cell.get().is_none() {
            self.lets_end.set(at);
            // What a let costs does not depend on where it is read first.
            let (loops, work) = (self.loops.replace(0), self.work.get());
            let value = self.value(expr).into_owned();
            self.loops.set(loops);
            self.work.set(work);
            self.lets_end.set(end);
            // It is empty: what was just computed reads only lets before this one.
            let _ = cell.set(value);
        }
        cell.get().map_or(Cow::Owned(Value::Missing), Cow::Borrowed)
    }

    /// Whether the running loops may do so much more: a unit for each byte that is read or made. Outside
    /// of loops the size of rules and events is bound enough.
    fn may_work(&self, units: usize) -> bool {
        if self.loops.get() == 0 {
            return true;
        }
        let left = self.work.get().checked_sub(units);
        self.work.set(left.unwrap_or(0));
        left.is_some()
    }

    /// What the first missing hole held, as far as it can be said, and forgets it.
    pub(crate) fn take_hole(&self) -> Option<Box<str>> {
        self.hole.borrow_mut().take()
    }

    /// Runs something whose missing holes are no failure, because missing is an answer there.
    fn without_holes<T>(&self, run: impl FnOnce() -> T) -> T {
        let before = self.hole.borrow().is_some();
        let result = run();
        if !before {
            self.hole.replace(None);
        }
        result
    }
}

#[cfg(test)]
mod tests;
