//! Fanwise. All that is known of its library stands in this file.
//!
//! Rules come as text and are checked, as a user's would be. The payload is walked whole and checked.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use benches::shapes::{Source, text};
use compiler::eval::{Facts, NoLists};
use compiler::event::Event;
use compiler::matcher::{Interpreter, Jit, Matcher, Matches};
use compiler::plan::Plan;
use compiler::slots::Slots;

use super::{Built, Candidate, Engine, Side, Task, Watch};
use crate::clock::live_bytes;

/// Rows of ours: by name, and whether conditions are compiled.
const ROWS: [(&str, bool); 2] = [("Fanwise strict, interpreter", false), ("Fanwise strict, compiled", true)];

/// One row.
struct Ours {
    name: &'static str,
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
    let row = |&(name, compiled)| -> Box<dyn Candidate> {
        Box::new(Ours { name, compiled, planned: Rc::clone(&planned) })
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
        let matcher: Box<dyn Matcher> = if self.compiled {
            Box::new(Jit::compile(&plan).map_err(|error| error.to_string())?)
        } else {
            Box::new(Interpreter)
        };
        let own_bytes = live_bytes().saturating_sub(before);
        let mut built = Built::new(Running { plan, matcher, matches: Matches::default() }, &watch);
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
        let plan = benches::plan(&text);
        drop(text);
        Self { key, ns: watch.elapsed_ns(), bytes: live_bytes().saturating_sub(before), plan }
    }
}

struct Running {
    plan: Arc<Plan>,
    matcher: Box<dyn Matcher>,
    matches: Matches,
}

impl Engine for Running {
    fn matches(&mut self, event: &[u8], found: &mut Vec<u32>) -> Result<(), String> {
        let time = jiff::Timestamp::UNIX_EPOCH;
        let event = Event {
            id: "evt_bench",
            kind: "parcel",
            resource: None,
            resource_id: None,
            time,
            received_at: time,
            payload: event,
        };
        let slots = Slots::new(&self.plan, event.payload).map_err(|error| error.to_string())?;
        let facts = Facts { plan: &self.plan, event: &event, slots: &slots, lists: &NoLists };
        self.matcher.matches(&facts, &mut self.matches);
        found.extend(self.matches.rules.iter().map(|rule| rule.0));
        Ok(())
    }
}
