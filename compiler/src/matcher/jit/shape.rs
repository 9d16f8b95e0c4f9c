//! A condition split into its shape, which is compiled, and its constants, which are not.

use grammar::ast::ArithmeticOp;

use super::super::source::{Of, Source};
use super::cells::Cells;
use super::texts::is_about_text;
use crate::hir::{Comparison, Cond, CondKind, Expr, Rule, Set};
use crate::pattern::ConstantSet;
use crate::ternary::Ternary;
use crate::value::Value;

/// Sets of more elements are asked of the interpreter, whose look-up is by hash.
const SET_INLINED_MAX: usize = 8;

/// Computed numbers of more parts are asked of the interpreter.
const TERM_PARTS_MAX: usize = 64;

/// Conditions that are nested deeper are asked of the interpreter; the grammar allows less.
const DEPTH_MAX: usize = 128;

/// The shape of a condition. Its constants are numbered in the order of the tests that load them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Node {
    Constant(Ternary),
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Unless(Box<Node>),
    /// Something asked about a cell.
    Test {
        cell: u32,
        test: Test,
        constant: u32,
    },
    /// Two whole numbers compared, at least one of them computed or both read. The interpreter is asked,
    /// by the part's number in the constant `leaf`, when one is not whole or does not fit.
    Numbers {
        op: Comparison,
        left: Box<Term>,
        right: Box<Term>,
        leaf: u32,
    },
    /// Something asked of the interpreter; the constant is the part's number.
    Leaf {
        constant: u32,
    },
}

/// A whole number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Term {
    /// What a cell holds.
    Cell(u32),
    /// A constant.
    Constant(u32),
    /// What comes of two.
    Of(Operation, Box<Term>, Box<Term>),
}

/// How two numbers make one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Operation {
    Add,
    Subtract,
    Multiply,
}

/// What is asked about a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Test {
    Present,
    Null,
    Truth,
    /// Compared with an integer.
    Number(Comparison),
    /// Equal to one of so many integers.
    OneNumber(u32),
    /// Equal to one of so many texts.
    OneText(u32),
    /// Equal to a bool.
    Bool,
}

/// A condition ready for code.
pub(super) struct Lowered {
    pub(super) shape: Node,
    pub(super) constants: Vec<i64>,
    /// Each cell that is loaded, once.
    pub(super) cells: Vec<u32>,
    /// The way to each part that is asked of the interpreter.
    pub(super) leaves: Vec<Box<[u16]>>,
    /// How many tests and leaves there are.
    pub(super) tests: usize,
}

/// Lowers one condition.
pub(super) struct Lowering<'c> {
    rule: &'c Rule,
    all_cells: &'c mut Cells,
    constants: Vec<i64>,
    cells: Vec<u32>,
    leaves: Vec<Box<[u16]>>,
    tests: usize,
    /// How many leaves are about one text each.
    texts: usize,
    way: Vec<u16>,
}

impl<'c> Lowering<'c> {
    /// `None` when compiling would gain nothing: no part of it is asked about a cell, and at most one
    /// about a text.
    pub(super) fn of(rule: &'c Rule, cells: &'c mut Cells) -> Option<Lowered> {
        let mut lowering = Self {
            rule,
            all_cells: cells,
            constants: Vec::new(),
            cells: Vec::new(),
            leaves: Vec::new(),
            tests: 0,
            texts: 0,
            way: Vec::new(),
        };
        let shape = lowering.node(&rule.condition);
        let Self { constants, cells, leaves, tests, texts, .. } = lowering;
        (!cells.is_empty() || texts > 1).then_some(Lowered { shape, constants, cells, leaves, tests })
    }

    fn node(&mut self, cond: &Cond) -> Node {
        if self.way.len() >= DEPTH_MAX {
            return self.leaf();
        }
        match &cond.kind {
            CondKind::Constant(answer) => Node::Constant(*answer),
            CondKind::All(parts) if fits(parts) => Node::All(self.parts(parts)),
            CondKind::Any(parts) if fits(parts) => Node::Any(self.parts(parts)),
            CondKind::Not(inner) => Node::Not(Box::new(self.part(0, inner))),
            CondKind::Unless(inner) => Node::Unless(Box::new(self.part(0, inner))),
            kind => self.test(kind).or_else(|| self.numbers(kind)).unwrap_or_else(|| {
                self.texts += usize::from(is_about_text(kind, self.rule));
                self.leaf()
            }),
        }
    }

    fn parts(&mut self, parts: &[Cond]) -> Vec<Node> {
        parts.iter().zip(0..).map(|(part, at)| self.part(at, part)).collect()
    }

    fn part(&mut self, at: u16, part: &Cond) -> Node {
        self.way.push(at);
        let node = self.node(part);
        self.way.pop();
        node
    }

    fn leaf(&mut self) -> Node {
        let number = i64::try_from(self.leaves.len()).unwrap_or(i64::MAX);
        self.leaves.push(self.way.as_slice().into());
        self.tests += 1;
        Node::Leaf { constant: self.constant(number) }
    }

    /// A comparison of whole numbers that are computed, or of two that are read.
    fn numbers(&mut self, kind: &CondKind) -> Option<Node> {
        let CondKind::Compare { op, left, right, .. } = kind else { return None };
        // Nothing is noted down before it is known that all of it is numbers.
        let parts = term_parts(left, self.rule)?.saturating_add(term_parts(right, self.rule)?);
        if parts > TERM_PARTS_MAX {
            return None;
        }
        let (left, right) = (self.term(left)?, self.term(right)?);
        self.tests += parts;
        let Node::Leaf { constant: leaf } = self.leaf() else { return None };
        Some(Node::Numbers { op: *op, left: Box::new(left), right: Box::new(right), leaf })
    }

    fn term(&mut self, expr: &Expr) -> Option<Term> {
        Some(match expr {
            Expr::Constant(value) => {
                let constant = integer(value)?;
                Term::Constant(self.constant(constant))
            }
            Expr::Arithmetic(op, left, right) => {
                Term::Of(operation(*op)?, Box::new(self.term(left)?), Box::new(self.term(right)?))
            }
            expr => Term::Cell(self.cell(expr, false)?),
        })
    }

    fn cell(&mut self, expr: &Expr, folded: bool) -> Option<u32> {
        let cell = self.all_cells.of(expr, self.rule, folded)?;
        if !self.cells.contains(&cell) {
            self.cells.push(cell);
        }
        Some(cell)
    }

    /// A question about a cell, when it is one that code answers.
    fn test(&mut self, kind: &CondKind) -> Option<Node> {
        match kind {
            CondKind::Present(expr) => self.ask(expr, false, Test::Present, &[]),
            CondKind::Null(expr) => self.ask(expr, false, Test::Null, &[]),
            CondKind::Truth(expr) => self.ask(expr, false, Test::Truth, &[]),
            CondKind::Compare { op, left, right, fold } => match (left, right) {
                (expr, Expr::Constant(value)) => self.compare(*op, expr, value, *fold),
                (Expr::Constant(value), expr) => self.compare(mirrored(*op), expr, value, *fold),
                _ => None,
            },
            CondKind::In { subject, set: Set::Constant(set), .. } => self.is_in(subject, set),
            _ => None,
        }
    }

    fn compare(&mut self, op: Comparison, expr: &Expr, value: &Value<'_>, fold: bool) -> Option<Node> {
        let equality = matches!(op, Comparison::Equal | Comparison::NotEqual);
        let node = match value {
            Value::Text(text) if equality => {
                let symbol = self.all_cells.symbol(text, fold);
                self.ask(expr, fold, Test::OneText(1), &[symbol])
            }
            Value::Bool(truth) if equality => self.ask(expr, false, Test::Bool, &[i64::from(*truth)]),
            value => return self.ask(expr, false, Test::Number(op), &[integer(value)?]),
        }?;
        Some(if op == Comparison::NotEqual { Node::Not(Box::new(node)) } else { node })
    }

    fn is_in(&mut self, expr: &Expr, set: &ConstantSet) -> Option<Node> {
        let count = u32::try_from(set.values.len()).ok()?;
        if set.values.is_empty() || set.values.len() > SET_INLINED_MAX || set.has_networks() {
            return None;
        }
        if let Some(integers) = set.values.iter().map(integer).collect::<Option<Vec<i64>>>() {
            return self.ask(expr, false, Test::OneNumber(count), &integers);
        }
        let texts: Vec<&str> = set.values.iter().map(Value::as_text).collect::<Option<_>>()?;
        let symbols: Vec<i64> = texts.iter().map(|text| self.all_cells.symbol(text, set.fold)).collect();
        self.ask(expr, set.fold, Test::OneText(count), &symbols)
    }

    fn ask(&mut self, expr: &Expr, folded: bool, test: Test, constants: &[i64]) -> Option<Node> {
        let cell = self.cell(expr, folded)?;
        self.tests += constants.len().max(1);
        let constant = u32::try_from(self.constants.len()).ok()?;
        self.constants.extend_from_slice(constants);
        Some(Node::Test { cell, test, constant })
    }

    fn constant(&mut self, value: i64) -> u32 {
        self.constants.push(value);
        u32::try_from(self.constants.len() - 1).unwrap_or(u32::MAX)
    }
}

/// The part of a condition that a way leads to.
pub(super) fn follow<'c>(condition: &'c Cond, way: &[u16]) -> Option<&'c Cond> {
    way.iter().try_fold(condition, |cond, &at| match &cond.kind {
        CondKind::All(parts) | CondKind::Any(parts) => parts.get(usize::from(at)),
        CondKind::Not(inner) | CondKind::Unless(inner) => Some(&**inner),
        _ => None,
    })
}

/// How many parts a computed number has; `None` when it is not one that code computes.
fn term_parts(expr: &Expr, rule: &Rule) -> Option<usize> {
    match expr {
        Expr::Constant(value) => integer(value).map(|_| 1),
        Expr::Arithmetic(op, left, right) => {
            operation(*op)?;
            // Both sides of a comparison are bounded together; what is deeper than that is not walked.
            term_parts(left, rule)?.checked_add(term_parts(right, rule)?)?.checked_add(1)
        }
        // A type or an id is text; comparing those is not about numbers.
        expr => matches!(Source::of(expr, rule, false)?.of, Of::Path(_)).then_some(1),
    }
}

fn operation(op: ArithmeticOp) -> Option<Operation> {
    match op {
        ArithmeticOp::Add => Some(Operation::Add),
        ArithmeticOp::Subtract => Some(Operation::Subtract),
        ArithmeticOp::Multiply => Some(Operation::Multiply),
        ArithmeticOp::Divide => None,
    }
}

/// A way has 16 bits per step.
fn fits(parts: &[Cond]) -> bool {
    parts.len() <= usize::from(u16::MAX)
}

/// The integer that a constant is, as far as cells can be compared with it: below the least i64 they
/// all look alike.
fn integer(value: &Value<'_>) -> Option<i64> {
    let int = match value {
        Value::Int(int) => *int,
        Value::Decimal(decimal) if decimal.is_integer() => {
            i64::try_from(decimal.normalize().mantissa()).ok().filter(|_| decimal.normalize().scale() == 0)?
        }
        _ => return None,
    };
    (int != i64::MIN).then_some(int)
}

fn mirrored(op: Comparison) -> Comparison {
    match op {
        Comparison::Equal => Comparison::Equal,
        Comparison::NotEqual => Comparison::NotEqual,
        Comparison::Less => Comparison::Greater,
        Comparison::LessEqual => Comparison::GreaterEqual,
        Comparison::Greater => Comparison::Less,
        Comparison::GreaterEqual => Comparison::LessEqual,
    }
}
