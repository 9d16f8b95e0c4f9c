//! Rules from text to machine code, each step timed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use compiler::matcher::{Indexed, Jit, JitError};
use compiler::plan::Plan;
use compiler::world::{Bundle, Limits, World};

use crate::rules::Messages;

/// Rules, ready in every way that they can be asked.
pub(super) struct Built {
    pub(super) files: usize,
    pub(super) plan: Arc<Plan>,
    pub(super) indexed: Arc<Indexed>,
    pub(super) compiled: Jit,
    pub(super) limits: Limits,
    pub(super) took: Took,
}

/// How long each step took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Took {
    pub(super) check: Duration,
    pub(super) plan: Duration,
    pub(super) index: Duration,
    pub(super) compile: Duration,
}

/// Why there is nothing to measure.
pub(super) enum NotBuilt {
    /// The rules have errors.
    Refused(Messages),
    /// No code can be made here.
    NoCode(JitError),
}

impl Built {
    pub(super) fn new(bundle: &Bundle, environment: Option<&str>) -> Result<Self, NotBuilt> {
        let world = World::offline(environment);
        let (checked, check) = timed(|| compiler::check(bundle, &world));
        let messages = Messages::new(checked.diagnostics, checked.sources);
        if messages.has_errors() {
            return Err(NotBuilt::Refused(messages));
        }
        super::super::check::show_messages(&messages);
        let (plan, planned) = timed(|| Arc::new(compiler::plan::plan(checked.program)));
        let (indexed, index) = timed(|| Arc::new(Indexed::new(&plan)));
        let (compiled, compile) = timed(|| Jit::compile(&indexed));
        let compiled = compiled.map_err(NotBuilt::NoCode)?;
        let took = Took { check, plan: planned, index, compile };
        Ok(Self { files: bundle.files.len(), plan, indexed, compiled, limits: world.limits, took })
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let done = work();
    (done, start.elapsed())
}
