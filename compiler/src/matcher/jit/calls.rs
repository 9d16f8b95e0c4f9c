//! The one function that compiled code calls: it answers a part of a condition that is not compiled.

#![expect(unsafe_code, reason = "compiled code hands back the pointer it was given")]

use std::any::Any;
use std::cell::{Cell, OnceCell};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::shape::follow;
use super::texts;
use crate::eval::{Facts, Frame};
use crate::hir::Rule;
use crate::ternary::Ternary;

/// One rule being asked about one event by compiled code.
pub(super) struct Call<'a, 'e> {
    facts: Facts<'a, 'e>,
    rule: &'a Rule,
    leaves: &'a [Box<[u16]>],
    /// Made when something is first asked of the interpreter.
    frame: OnceCell<Frame<'a, 'e>>,
    /// A panic must not cross compiled code; it goes on once that has returned.
    panic: Cell<Option<Box<dyn Any + Send>>>,
}

impl<'a, 'e> Call<'a, 'e> {
    pub(super) fn new(facts: Facts<'a, 'e>, rule: &'a Rule, leaves: &'a [Box<[u16]>]) -> Self {
        Self { facts, rule, leaves, frame: OnceCell::new(), panic: Cell::new(None) }
    }

    /// The panic that stopped the interpreter, if one did.
    pub(super) fn panic(&self) -> Option<Box<dyn Any + Send>> {
        self.panic.take()
    }

    fn answer(&self, leaf: usize) -> Ternary {
        let part = self.leaves.get(leaf).and_then(|way| follow(&self.rule.condition, way));
        debug_assert!(part.is_some(), "every leaf has a way that leads to a part");
        let Some(part) = part else { return Ternary::Unknown };
        if let Some(answer) = texts::answer(&self.facts, self.rule, &part.kind) {
            return answer;
        }
        let frame = self.frame.get_or_init(|| Frame::new(self.facts, &self.rule.lets, self.rule.locals));
        frame.answer(part)
    }
}

/// Asks the interpreter about part number `leaf` of the rule that `call` is about: 0, 1 or 2.
///
/// # Safety
/// `call` points to a [`Call`] that lives until this returns.
pub(super) unsafe extern "C" fn leaf(call: *const Call<'_, '_>, leaf: i64) -> u32 {
    // SAFETY: the caller's promise. `Code::run` makes the pointer from a reference that outlives the
    // routine, and routines pass it on unchanged.
    let call = unsafe { &*call };
    let asked = catch_unwind(AssertUnwindSafe(|| call.answer(usize::try_from(leaf).unwrap_or(usize::MAX))));
    asked.unwrap_or_else(|panic| {
        call.panic.set(Some(panic));
        Ternary::Unknown
    }) as u32
}
