//! A shape to a routine. Loads are at constant offsets, branches lead forward, values are 0, 1 or 2.

use cranelift_codegen::Context;
use cranelift_codegen::flowgraph::ControlFlowGraph;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I32, I64};
use cranelift_codegen::ir::{
    AbiParam, BlockArg, FuncRef, Function, InstBuilder, MemFlagsData, Signature, Value,
};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use cranelift_jit::JITModule;
use cranelift_module::{FuncId, Module};

use super::JitError;
use super::cells::{BOOL, DECIMAL, INT, NULL, TEXT};
use super::shape::{Node, Operation, Term, Test};
use crate::hir::Comparison;

/// Makes routines of one module, reusing memory between them.
pub(super) struct Emitter {
    context: Context,
    builder: FunctionBuilderContext,
    leaf: FuncId,
    cells: usize,
}

/// One routine being made.
struct Routine<'f> {
    builder: FunctionBuilder<'f>,
    leaf: FuncRef,
    call: Value,
    cells: Value,
    constants: Value,
    cells_count: usize,
    constants_count: usize,
    /// A load lay outside its region; the routine is not used.
    outside: bool,
}

/// How much of an answer is needed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    /// Whether it is yes; anything else may be any of the other two.
    Yes,
    /// All of it.
    Exact,
}

/// `(call, leaf) -> answer`
pub(super) fn leaf_signature(module: &JITModule) -> Signature {
    let mut signature = module.make_signature();
    signature.params.extend([AbiParam::new(I64), AbiParam::new(I64)]);
    signature.returns.push(AbiParam::new(I32));
    signature
}

/// `(call, cells, constants) -> answer`
fn signature(module: &JITModule) -> Signature {
    let mut signature = module.make_signature();
    signature.params.extend([AbiParam::new(I64), AbiParam::new(I64), AbiParam::new(I64)]);
    signature.returns.push(AbiParam::new(I32));
    signature
}

impl Emitter {
    pub(super) fn new(module: &JITModule, leaf: FuncId, cells: usize) -> Self {
        Self { context: module.make_context(), builder: FunctionBuilderContext::new(), leaf, cells }
    }

    /// Compiles a shape that loads so many constants; gives its bytes, too.
    pub(super) fn routine(
        &mut self,
        module: &mut JITModule,
        shape: &Node,
        constants_count: usize,
    ) -> Result<(FuncId, usize), JitError> {
        module.clear_context(&mut self.context);
        self.context.func.signature = signature(module);
        let leaf = module.declare_func_in_func(self.leaf, &mut self.context.func);
        let mut builder = FunctionBuilder::new(&mut self.context.func, &mut self.builder);
        let entry = builder.create_block();
        builder.append_block_params_for_function_params(entry);
        builder.switch_to_block(entry);
        let &[call, cells, constants] = builder.block_params(entry) else {
            return Err(JitError::Code("a routine has three parameters".into()));
        };
        let cells_count = self.cells;
        let mut routine =
            Routine { builder, leaf, call, cells, constants, cells_count, constants_count, outside: false };
        let answer = routine.node(shape, Need::Yes);
        routine.builder.ins().return_(&[answer]);
        let outside = routine.outside;
        routine.builder.seal_all_blocks();
        routine.builder.finalize(module.target_config());
        if outside {
            return Err(JitError::Code("a routine loads from outside its cells or constants".into()));
        }
        if !is_free_of_loops(&self.context.func) {
            return Err(JitError::Loop);
        }
        let code = |error: cranelift_module::ModuleError| JitError::Code(error.to_string());
        let id = module.declare_anonymous_function(&self.context.func.signature).map_err(code)?;
        module.define_function(id, &mut self.context).map_err(code)?;
        let size = self.context.compiled_code().map_or(0, |code| code.buffer.total_size() as usize);
        Ok((id, size))
    }
}

impl Routine<'_> {
    fn node(&mut self, node: &Node, need: Need) -> Value {
        match node {
            Node::Constant(answer) => self.number(i64::from(*answer as u8)),
            Node::All(parts) => self.joined(parts, need, true),
            Node::Any(parts) => self.joined(parts, need, false),
            Node::Not(inner) => {
                let inner = self.node(inner, Need::Exact);
                let two = self.number(2);
                self.builder.ins().isub(two, inner)
            }
            Node::Unless(inner) => {
                let inner = self.node(inner, Need::Yes);
                let yes = self.builder.ins().icmp_imm_s(IntCC::Equal, inner, 2);
                self.select(yes, 0, 2)
            }
            Node::Test { cell, test, constant } => self.test(*cell, *test, *constant),
            Node::Numbers { op, left, right, leaf } => self.numbers(*op, left, right, *leaf),
            Node::Leaf { constant } => self.ask(*constant),
        }
    }

    /// Calls the one function that routines call.
    fn ask(&mut self, leaf: u32) -> Value {
        let leaf = self.constant(leaf);
        let (function, call) = (self.leaf, self.call);
        let asked = self.builder.ins().call(function, &[call, leaf]);
        let answer = self.builder.inst_results(asked).first().copied();
        answer.unwrap_or_else(|| self.number(1))
    }

    /// Two numbers compared here when both are whole and fit, and by the interpreter otherwise.
    fn numbers(&mut self, op: Comparison, left: &Term, right: &Term, leaf: u32) -> Value {
        let mut fits = None;
        let (left, right) = (self.term(left, &mut fits), self.term(right, &mut fits));
        let op = match op {
            Comparison::Equal => IntCC::Equal,
            Comparison::NotEqual => IntCC::NotEqual,
            Comparison::Less => IntCC::SignedLessThan,
            Comparison::LessEqual => IntCC::SignedLessThanOrEqual,
            Comparison::Greater => IntCC::SignedGreaterThan,
            Comparison::GreaterEqual => IntCC::SignedGreaterThanOrEqual,
        };
        let holds = self.builder.ins().icmp(op, left, right);
        let here = self.select(holds, 2, 0);
        // Two constants are compared while checking; if they were not, the answer is here.
        let Some(fits) = fits else { return here };
        let (ask, end) = (self.builder.create_block(), self.builder.create_block());
        let answer = self.builder.append_block_param(end, I32);
        self.builder.ins().brif(fits, end, &[BlockArg::from(here)], ask, []);
        self.builder.switch_to_block(ask);
        let asked = self.ask(leaf);
        self.builder.ins().jump(end, &[BlockArg::from(asked)]);
        self.builder.switch_to_block(end);
        answer
    }

    /// A whole number. `fits` becomes whether everything so far was one and did fit.
    fn term(&mut self, term: &Term, fits: &mut Option<Value>) -> Value {
        let (value, fit) = match term {
            Term::Constant(at) => return self.constant(*at),
            Term::Cell(cell) => {
                let kind = self.load(self.cells, *cell, 2, 0, self.cells_count);
                let is_whole = self.builder.ins().icmp_imm_s(IntCC::Equal, kind, INT);
                (self.cell_value(*cell), is_whole)
            }
            Term::Of(operation, left, right) => {
                let (left, right) = (self.term(left, fits), self.term(right, fits));
                let (value, over) = match operation {
                    Operation::Add => self.builder.ins().sadd_overflow(left, right),
                    Operation::Subtract => self.builder.ins().ssub_overflow(left, right),
                    Operation::Multiply => self.builder.ins().smul_overflow(left, right),
                };
                let fit = self.builder.ins().icmp_imm_s(IntCC::Equal, over, 0);
                (value, fit)
            }
        };
        *fits = Some(fits.map_or(fit, |fits| self.builder.ins().band(fits, fit)));
        value
    }

    /// The least or greatest answer of several. What calls nothing is computed without a branch; what
    /// calls comes behind it, and is jumped over when it cannot matter any more.
    fn joined(&mut self, parts: &[Node], need: Need, least: bool) -> Value {
        let (cheap, costly): (Vec<&Node>, Vec<&Node>) = parts.iter().partition(|part| !calls(part));
        let mut best = self.number(if least { 2 } else { 0 });
        for part in cheap {
            let one = self.node(part, need);
            best = self.better(best, one, least);
        }
        if costly.is_empty() {
            return best;
        }
        let end = self.builder.create_block();
        let answer = self.builder.append_block_param(end, I32);
        for part in costly {
            // Nothing betters the extreme; and where only yes counts, the least is settled below it.
            let go_on = match (least, need) {
                (true, Need::Yes) => self.builder.ins().icmp_imm_s(IntCC::Equal, best, 2),
                (true, Need::Exact) => self.builder.ins().icmp_imm_s(IntCC::NotEqual, best, 0),
                (false, _) => self.builder.ins().icmp_imm_s(IntCC::NotEqual, best, 2),
            };
            let ask = self.builder.create_block();
            self.builder.ins().brif(go_on, ask, [], end, &[BlockArg::from(best)]);
            self.builder.switch_to_block(ask);
            let one = self.node(part, need);
            best = self.better(best, one, least);
        }
        self.builder.ins().jump(end, &[BlockArg::from(best)]);
        self.builder.switch_to_block(end);
        answer
    }

    fn better(&mut self, best: Value, one: Value, least: bool) -> Value {
        if least { self.builder.ins().umin(best, one) } else { self.builder.ins().umax(best, one) }
    }

    fn test(&mut self, cell: u32, test: Test, constant: u32) -> Value {
        let kind = self.load(self.cells, cell, 2, 0, self.cells_count);
        let missing = self.builder.ins().icmp_imm_u(IntCC::UnsignedLessThanOrEqual, kind, NULL);
        match test {
            Test::Present => self.select(missing, 0, 2),
            Test::Null => {
                let null = self.builder.ins().icmp_imm_s(IntCC::Equal, kind, NULL);
                self.select(null, 2, 0)
            }
            Test::Truth => {
                let value = self.cell_value(cell);
                let holds = self.both(kind, BOOL, value, None);
                self.unless_missing(missing, holds)
            }
            Test::Number(op @ (Comparison::Equal | Comparison::NotEqual)) => {
                let equal = self.one_of(cell, kind, INT, constant, 1);
                let answer = self.unless_missing(missing, equal);
                if op == Comparison::Equal {
                    return answer;
                }
                let two = self.number(2);
                self.builder.ins().isub(two, answer)
            }
            Test::Number(op) => self.order(cell, kind, op, constant),
            Test::OneNumber(count) => {
                let equal = self.one_of(cell, kind, INT, constant, count);
                self.unless_missing(missing, equal)
            }
            Test::OneText(count) => {
                let equal = self.one_of(cell, kind, TEXT, constant, count);
                self.unless_missing(missing, equal)
            }
            Test::Bool => {
                let equal = self.one_of(cell, kind, BOOL, constant, 1);
                self.unless_missing(missing, equal)
            }
        }
    }

    /// Order between a number and an integer: unknown for other kinds. A number that is no integer
    /// stands between the one in its cell and the next.
    fn order(&mut self, cell: u32, kind: Value, op: Comparison, constant: u32) -> Value {
        let (whole, broken) = match op {
            Comparison::Less => (IntCC::SignedLessThan, IntCC::SignedLessThan),
            Comparison::LessEqual => (IntCC::SignedLessThanOrEqual, IntCC::SignedLessThan),
            Comparison::Greater => (IntCC::SignedGreaterThan, IntCC::SignedGreaterThanOrEqual),
            Comparison::GreaterEqual => (IntCC::SignedGreaterThanOrEqual, IntCC::SignedGreaterThanOrEqual),
            Comparison::Equal | Comparison::NotEqual => (IntCC::Equal, IntCC::Equal),
        };
        let (value, constant) = (self.cell_value(cell), self.constant(constant));
        let is_whole = self.builder.ins().icmp_imm_s(IntCC::Equal, kind, INT);
        let is_broken = self.builder.ins().icmp_imm_s(IntCC::Equal, kind, DECIMAL);
        let if_whole = self.builder.ins().icmp(whole, value, constant);
        let if_broken = self.builder.ins().icmp(broken, value, constant);
        let holds = self.builder.ins().select(is_whole, if_whole, if_broken);
        let answer = self.select(holds, 2, 0);
        let is_number = self.builder.ins().bor(is_whole, is_broken);
        let unknown = self.number(1);
        self.builder.ins().select(is_number, answer, unknown)
    }

    /// Whether a cell is of a kind and equals one of some constants in a row.
    fn one_of(&mut self, cell: u32, kind: Value, wanted: i64, constant: u32, count: u32) -> Value {
        let value = self.cell_value(cell);
        let mut found = None;
        for at in constant..constant.saturating_add(count) {
            let constant = self.constant(at);
            let equal = self.builder.ins().icmp(IntCC::Equal, value, constant);
            found = Some(found.map_or(equal, |found| self.builder.ins().bor(found, equal)));
        }
        self.both(kind, wanted, value, found)
    }

    /// Whether a cell is of a kind, and something else holds; or, without that, its value is not 0.
    fn both(&mut self, kind: Value, wanted: i64, value: Value, other: Option<Value>) -> Value {
        let is_kind = self.builder.ins().icmp_imm_s(IntCC::Equal, kind, wanted);
        let other = other.unwrap_or_else(|| self.builder.ins().icmp_imm_s(IntCC::NotEqual, value, 0));
        self.builder.ins().band(is_kind, other)
    }

    fn unless_missing(&mut self, missing: Value, holds: Value) -> Value {
        let answer = self.select(holds, 2, 0);
        let unknown = self.number(1);
        self.builder.ins().select(missing, unknown, answer)
    }

    fn select(&mut self, condition: Value, yes: i64, no: i64) -> Value {
        let (yes, no) = (self.number(yes), self.number(no));
        self.builder.ins().select(condition, yes, no)
    }

    fn number(&mut self, number: i64) -> Value {
        self.builder.ins().iconst(I32, number)
    }

    fn cell_value(&mut self, cell: u32) -> Value {
        self.load(self.cells, cell, 2, 1, self.cells_count)
    }

    fn constant(&mut self, at: u32) -> Value {
        self.load(self.constants, at, 1, 0, self.constants_count)
    }

    /// Loads one of the words of an element of a region; the only place that loads. Both the element
    /// and the offset are known here, and are checked here.
    fn load(&mut self, region: Value, at: u32, words: i32, word: i32, count: usize) -> Value {
        let offset = i32::try_from(at).ok().filter(|_| (at as usize) < count);
        let offset = offset.and_then(|at| at.checked_mul(words)?.checked_add(word)?.checked_mul(8));
        let Some(offset) = offset else {
            self.outside = true;
            return self.builder.ins().iconst(I64, 0);
        };
        // Trusted: aligned and mapped, which the check above and that of `Code::run` prove. Read-only:
        // nothing writes to cells and constants while a routine runs.
        let flags = MemFlagsData::trusted().with_readonly();
        self.builder.ins().load(I64, flags, region, offset)
    }
}

/// Whether a part may call.
fn calls(node: &Node) -> bool {
    match node {
        Node::Constant(_) | Node::Test { .. } => false,
        Node::All(parts) | Node::Any(parts) => parts.iter().any(calls),
        Node::Not(inner) | Node::Unless(inner) => calls(inner),
        Node::Numbers { .. } | Node::Leaf { .. } => true,
    }
}

/// Whether no way through a function comes back: every block can be taken away after all before it.
fn is_free_of_loops(function: &Function) -> bool {
    let graph = ControlFlowGraph::with_function(function);
    let blocks: Vec<_> = function.layout.blocks().collect();
    let mut before: std::collections::HashMap<_, usize> =
        blocks.iter().map(|&block| (block, graph.pred_iter(block).count())).collect();
    let mut ready: Vec<_> = blocks.iter().copied().filter(|block| before.get(block) == Some(&0)).collect();
    let mut taken = 0;
    while let Some(block) = ready.pop() {
        taken += 1;
        for next in graph.succ_iter(block) {
            if let Some(count) = before.get_mut(&next) {
                *count -= 1;
                if *count == 0 {
                    ready.push(next);
                }
            }
        }
    }
    taken == blocks.len()
}
