//! Fanwise. All that is known of its library stands in this file.
//!
//! Rules come as text and are checked, as a user's would be. Events are read for their conditions, as the
//! server reads them, at each level that ships.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use compiler::eval::{Facts, NoLists};
use compiler::matcher::{Indexed, Jit, Matcher, Matches};
use compiler::plan::Plan;
use compiler::slots::{Level, Scratch, Slots};
use inputs::shapes::{Source, text};

use super::{Built, Candidate, Engine, Side, Task, Watch};
use crate::clock::live_bytes;

/// Rows of ours: by name, how much of an event is checked, and whether conditions are compiled.
const ROWS: [(&str, Level, bool); 5] = [
    ("Fanwise strict, indexed", Level::Strict, false),
    ("Fanwise strict, compiled", Level::Strict, true),
    ("Fanwise full, compiled", Level::Full, true),
    ("Fanwise fast, indexed", Level::Fast, false),
    ("Fanwise fast, compiled", Level::Fast, true),
];

/// One row.
struct Ours {
    name: &'static str,
    level: Level,
    compiled: bool,
    planned: Rc<RefCell<Option<Planned>>>,
}

/// The plan that the rows share: checking takes long, so it is done once per set of rules.
struct Planned {
    key: (Source, char, usize),
    plan: Arc<Plan>,
    ns: u64,
    bytes: usize,
}

/// The rows, sharing plans.
pub(super) fn candidates() -> Vec<Box<dyn Candidate>> {
    let planned = Rc::new(RefCell::new(None));
    let row = |&(name, level, compiled)| -> Box<dyn Candidate> {
        Box::new(Ours { name, level, compiled, planned: Rc::clone(&planned) })
    };
    ROWS.iter().map(row).collect()
}

impl Candidate for Ours {
    fn name(&self) -> &'static str {
        self.name
    }

    fn side(&self) -> Side {
        Side::Ours
    }

    fn build(&mut self, task: &Task<'_>) -> Result<Built, String> {
        let key = (task.source, task.shape.letter(), task.rules.len());
        let mut planned = self.planned.borrow_mut();
        let planned = match &mut *planned {
            Some(planned) if planned.key == key => planned,
            stale => {
                *stale = None;
                stale.insert(Planned::new(key, task))
            }
        };
        let watch = Watch::start(task.limits);
        let before = live_bytes();
        let plan = Arc::clone(&planned.plan);
        let indexed = Indexed::new(&plan);
        let matcher: Box<dyn Matcher> = if self.compiled {
            Box::new(Jit::compile(&Arc::new(indexed)).map_err(|error| error.to_string())?)
        } else {
            Box::new(indexed)
        };
        let own_bytes = live_bytes().saturating_sub(before);
        let mut built = Built::new(
            Running {
                plan,
                matcher,
                level: self.level,
                scratch: Scratch::default(),
                matches: Matches::default(),
            },
            &watch,
        );
        built.add_ns += planned.ns;
        built.bytes = Some(planned.bytes + own_bytes);
        Ok(built)
    }
}

impl Planned {
    fn new(key: (Source, char, usize), task: &Task<'_>) -> Self {
        let before = live_bytes();
        let text = text(task.source, task.rules);
        let watch = Watch::start(task.limits);
        let plan = inputs::plan(&text);
        drop(text);
        Self { key, ns: watch.elapsed_ns(), bytes: live_bytes().saturating_sub(before), plan }
    }
}

struct Running {
    plan: Arc<Plan>,
    matcher: Box<dyn Matcher>,
    level: Level,
    scratch: Scratch,
    matches: Matches,
}

impl Engine for Running {
    fn matches(&mut self, event: &[u8], found: &mut Vec<u32>) -> Result<(), String> {
        let event = inputs::event(event);
        let slots =
            Slots::of_conditions(std::mem::take(&mut self.scratch), &self.plan, event.payload, self.level)
                .map_err(|error| error.to_string())?;
        let facts = Facts { plan: &self.plan, event: &event, slots: &slots, lists: &NoLists };
        self.matcher.matches(&facts, &mut self.matches);
        found.extend(self.matches.rules.iter().map(|rule| rule.0));
        self.scratch = slots.recycle();
        Ok(())
    }
}
