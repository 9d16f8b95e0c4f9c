//! Conditions as machine code. Same answers as the interpreter, always.
//!
//! Rules that differ only in constants share one routine, so compiling costs by the *shapes* of rules
//! and not by their number. A routine reads three things, all by constant offset: the *cells* (what the
//! event has at the paths that are compared, as a kind and an integer), the rule's *constants*, and an
//! opaque pointer that it hands to the one function it may call, which answers a part of the condition
//! that is not worth compiling: about one text on the event's bytes, anything else by interpreting it. Nothing a user writes becomes an address, a
//! symbol or a backward branch.

mod calls;
mod cells;
mod code;
mod emit;
mod shape;
#[cfg(test)]
mod tests;
mod texts;

use std::collections::HashMap;
use std::sync::Arc;

use calls::Call;
use cells::Cells;
use code::Code;
use shape::{Lowering, Node};

use super::{Indexed, Interpreter, Matcher, Matches};
use crate::eval::Facts;
use crate::hir::RuleId;
use crate::plan::Plan;
use crate::ternary::Ternary;

/// The most parts of one routine that ask something: compile time grows faster than their number, and
/// bounded functions keep defects of code generators in very large ones out of reach.
const TESTS_MAX: usize = 2_000;

/// The most routines of one plan: about a tenth of a second to compile and a megabyte of code. Rules
/// of further shapes are interpreted.
const SHAPES_MAX: usize = 4_096;

/// The most bytes of code of one plan. Rules of shapes that come after are interpreted.
const CODE_BYTES_MAX: usize = 1 << 20;

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
    indexed: Arc<Indexed>,
    code: Code,
    cells: Cells,
    /// By a routine's position among the code's entries.
    shapes: Vec<Shape>,
    /// By [`RuleId`].
    rules: Box<[Compiled]>,
    /// What routines load, a row for each rule.
    constants: Box<[i64]>,
}

/// How one rule is asked.
#[derive(Clone, Copy)]
struct Compiled {
    /// The routine, or [`INTERPRETED`].
    entry: u32,
    /// Where the rule's constants begin.
    constants: u32,
}

/// Of a rule that the interpreter is asked about: its condition is constant, is one question that is not
/// compiled, or is of one shape too many.
const INTERPRETED: u32 = u32::MAX;

/// What rules of one shape have in common.
struct Shape {
    /// How many constants the routine loads.
    constants: usize,
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
    /// Compiles the conditions of a plan whose rules are indexed.
    ///
    /// # Errors
    /// When no code can be made here; the caller keeps the interpreter.
    pub fn compile(indexed: &Arc<Indexed>) -> Result<Self, JitError> {
        Self::compile_within(indexed, SHAPES_MAX, CODE_BYTES_MAX)
    }

    fn compile_within(
        indexed: &Arc<Indexed>,
        shapes_max: usize,
        code_bytes_max: usize,
    ) -> Result<Self, JitError> {
        let mut cells = Cells::default();
        let mut nodes: Vec<(Node, usize)> = Vec::new();
        let mut shapes = Vec::new();
        let mut known: HashMap<Node, u32> = HashMap::new();
        let mut constants = Vec::new();
        let program = &indexed.plan().program;
        let mut rules = vec![Compiled { entry: INTERPRETED, constants: 0 }; program.rules.len()];
        for (rule, compiled) in program.rules.iter().zip(&mut rules) {
            let lowered = Lowering::of(rule, &mut cells).filter(|lowered| lowered.tests <= TESTS_MAX);
            let Some(lowered) = lowered else { continue };
            let Ok(first) = u32::try_from(constants.len()) else { continue };
            let entry = match known.get(&lowered.shape) {
                Some(&entry) => entry,
                None if nodes.len() >= shapes_max => continue,
                None => {
                    let entry = nodes.len() as u32;
                    shapes.push(Shape {
                        constants: lowered.constants.len(),
                        cells: lowered.cells.into(),
                        leaves: lowered.leaves.into(),
                    });
                    nodes.push((lowered.shape.clone(), lowered.constants.len()));
                    known.insert(lowered.shape, entry);
                    entry
                }
            };
            constants.extend_from_slice(&lowered.constants);
            *compiled = Compiled { entry, constants: first };
        }
        let code = Code::new(&nodes, cells.count(), code_bytes_max)?;
        // What did not fit any more is interpreted.
        shapes.truncate(code.count());
        let (rules, constants) = (rules.into(), constants.into());
        Ok(Self { indexed: Arc::clone(indexed), code, cells, shapes, rules, constants })
    }

    /// Indexes the rules of a plan and compiles their conditions.
    ///
    /// # Errors
    /// As for [`compile`](Self::compile).
    pub fn new(plan: &Arc<Plan>) -> Result<Self, JitError> {
        Self::compile(&Arc::new(Indexed::new(plan)))
    }

    /// What compiling came to.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let compiled = self.rules.iter().filter(|rule| (rule.entry as usize) < self.shapes.len());
        Stats { rules: compiled.count(), routines: self.code.count(), code_bytes: self.code.bytes() }
    }

    /// Bytes that it takes besides the index and the code, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size_of_val(&*self.rules) + size_of_val(&*self.constants) + self.cells.bytes()
    }

    #[inline]
    fn holds(&self, facts: &Facts<'_, '_>, id: RuleId, cells: &mut [[i64; 2]]) -> bool {
        let (Some(rule), Some(compiled)) = (facts.plan.rule(id), self.rules.get(id.0 as usize)) else {
            return false;
        };
        let Some(shape) = self.shapes.get(compiled.entry as usize) else {
            let about_text = texts::answer(facts, rule, &rule.condition.kind);
            return about_text.map_or_else(|| Interpreter::holds(facts, rule), Ternary::is_yes);
        };
        let constants = self.constants.get(compiled.constants as usize..).unwrap_or_default();
        let constants = constants.get(..shape.constants).unwrap_or_default();
        self.cells.fill(facts, &shape.cells, cells);
        let call = Call::new(*facts, rule, &shape.leaves);
        self.code.run(compiled.entry as usize, &call, cells, constants).is_yes()
    }
}

impl Matcher for Jit {
    fn matches(&self, facts: &Facts<'_, '_>, out: &mut Matches) {
        // Code is of one plan; asked about another, it would read other rules' constants.
        if !self.indexed.is_of(facts.plan) {
            return Interpreter.matches(facts, out);
        }
        let mut cells = std::mem::take(&mut out.cells);
        let mut fresh = true;
        self.indexed.collect(facts, out, |id| {
            if std::mem::take(&mut fresh) {
                cells.clear();
                cells.resize(self.cells.count(), cells::UNFILLED);
            }
            self.holds(facts, id, &mut cells)
        });
        out.cells = cells;
    }
}

impl std::fmt::Debug for Jit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Jit({:?})", self.stats())
    }
}
