//! Conditions as machine code. Same answers as the interpreter, always.
//!
//! Rules that differ only in constants share one routine, so compiling costs by the *shapes* of rules
//! and not by their number. A routine reads three things, all by constant offset: the *cells* (what the
//! event has at the paths that are compared, as a kind and an integer), the rule's *constants*, and an
//! opaque pointer that it hands to the one function it may call, which asks the interpreter about a
//! part of the condition that is not worth compiling. Nothing a user writes becomes an address, a
//! symbol or a backward branch.

mod calls;
mod cells;
mod code;
mod emit;
mod shape;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use calls::Call;
use cells::Cells;
use code::Code;
use shape::{Lowering, Node};

use super::{Interpreter, Matcher, Matches};
use crate::eval::Facts;
use crate::hir::RuleId;
use crate::plan::Plan;

/// The most parts of one routine that ask something: compile time grows faster than their number, and
/// bounded functions keep defects of code generators in very large ones out of reach.
const TESTS_MAX: usize = 2_000;

/// The most routines of one plan: about a tenth of a second to compile and a megabyte of code. Rules
/// of further shapes are interpreted.
const SHAPES_MAX: usize = 4_096;

/// Why a plan has no compiled code. The interpreter answers the same.
#[derive(Debug, thiserror::Error)]
pub enum JitError {
    /// No code can be made for this processor.
    #[error("this processor is not supported: {0}")]
    Host(String),
    /// The code generator refused, or memory for code could not be had.
    #[error("code could not be made: {0}")]
    Code(String),
    /// A routine would loop, which none may.
    #[error("a routine is not free of loops")]
    Loop,
}

/// The compiled conditions of a plan.
pub struct Jit {
    plan: Arc<Plan>,
    code: Code,
    cells: Cells,
    /// By [`RuleId`].
    rules: Vec<Compiled>,
}

/// How one rule is asked.
enum Compiled {
    /// By a routine.
    Routine(Routine),
    /// By the interpreter: its condition is constant, is one question that is not compiled, or is of
    /// one shape too many.
    Interpreted,
}

/// A routine with what is the rule's own.
struct Routine {
    /// A position among the code's entries.
    entry: usize,
    /// What the routine loads.
    constants: Box<[i64]>,
    /// The cells that it loads.
    cells: Box<[u32]>,
    /// The parts that are asked of the interpreter, each by the way to it from the condition.
    leaves: Box<[Box<[u16]>]>,
}

/// What compiling came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Rules with a routine.
    pub rules: usize,
    /// Routines.
    pub routines: usize,
    /// Bytes of code.
    pub code_bytes: usize,
}

impl Jit {
    /// Compiles the conditions of a plan.
    ///
    /// # Errors
    /// When no code can be made here; the caller keeps the interpreter.
    pub fn compile(plan: &Arc<Plan>) -> Result<Self, JitError> {
        let mut cells = Cells::default();
        let mut shapes: Vec<(Node, usize)> = Vec::new();
        let mut known: HashMap<Node, usize> = HashMap::new();
        let mut rules = Vec::with_capacity(plan.program.rules.len());
        for rule in &plan.program.rules {
            let Some(lowered) =
                Lowering::of(&rule.condition, &mut cells).filter(|lowered| lowered.tests <= TESTS_MAX)
            else {
                rules.push(Compiled::Interpreted);
                continue;
            };
            let entry = match known.get(&lowered.shape) {
                Some(&entry) => entry,
                None if shapes.len() >= SHAPES_MAX => {
                    rules.push(Compiled::Interpreted);
                    continue;
                }
                None => {
                    shapes.push((lowered.shape.clone(), lowered.constants.len()));
                    known.insert(lowered.shape, shapes.len() - 1);
                    shapes.len() - 1
                }
            };
            rules.push(Compiled::Routine(Routine {
                entry,
                constants: lowered.constants.into(),
                cells: lowered.cells.into(),
                leaves: lowered.leaves.into(),
            }));
        }
        let code = Code::new(&shapes, cells.count())?;
        Ok(Self { plan: Arc::clone(plan), code, cells, rules })
    }

    /// What compiling came to.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let compiled = self.rules.iter().filter(|rule| matches!(rule, Compiled::Routine(_)));
        Stats { rules: compiled.count(), routines: self.code.count(), code_bytes: self.code.bytes() }
    }

    fn holds(&self, facts: &Facts<'_, '_>, id: RuleId, cells: &mut [[i64; 2]]) -> bool {
        let (Some(rule), Some(compiled)) = (facts.plan.rule(id), self.rules.get(id.0 as usize)) else {
            return false;
        };
        let Compiled::Routine(routine) = compiled else { return Interpreter::holds(facts, rule) };
        self.cells.fill(facts, &routine.cells, cells);
        let call = Call::new(*facts, rule, &routine.leaves);
        self.code.run(routine.entry, &call, cells, &routine.constants).is_yes()
    }
}

impl Matcher for Jit {
    fn matches(&self, facts: &Facts<'_, '_>, out: &mut Matches) {
        // Code is of one plan; asked about another, it would read other rules' constants.
        if !std::ptr::eq(facts.plan, &*self.plan) {
            debug_assert!(false, "compiled code is asked about the plan that it was made of");
            return Interpreter.matches(facts, out);
        }
        let mut cells = std::mem::take(&mut out.cells);
        cells.clear();
        cells.resize(self.cells.count(), cells::UNFILLED);
        out.collect(facts, |id| self.holds(facts, id, &mut cells));
        out.cells = cells;
    }
}

impl std::fmt::Debug for Jit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Jit({:?})", self.stats())
    }
}
