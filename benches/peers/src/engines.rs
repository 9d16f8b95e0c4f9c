//! What is compared: one file per engine.

mod a_tree;
mod cel;
mod ours;
mod quamina;
mod typed;
mod vrl;
mod wirefilter;

use inputs::shapes::{Rule, Shape, Source};

use crate::clock::{live_bytes, thread_ns};
use crate::naive::Middle;

/// An engine that holds rules.
pub trait Engine {
    /// Puts the numbers of the rules that hold for an event into `found`, parse included.
    fn matches(&mut self, event: &[u8], found: &mut Vec<u32>) -> Result<(), String>;
}

/// What an engine is to be built for.
pub struct Task<'t> {
    /// What the events are about.
    pub source: Source,
    /// The shape of the rules.
    pub shape: Shape,
    /// The rules; their positions are their numbers.
    pub rules: &'t [Rule],
    /// Where to stop.
    pub limits: Limits,
}

/// Where building stops.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Processor time for adding the rules, in seconds.
    pub add_seconds: f64,
    /// Bytes that an engine may hold.
    pub bytes: usize,
}

/// An engine that was built, and what it took.
pub struct Built {
    /// The engine.
    pub engine: Box<dyn Engine>,
    /// Processor time for it, in nanoseconds.
    pub add_ns: u64,
    /// Bytes that it holds, where it knows better than the allocator.
    pub bytes: Option<usize>,
}

impl Built {
    fn new(engine: impl Engine + 'static, watch: &Watch) -> Self {
        Self { engine: Box::new(engine), add_ns: watch.elapsed_ns(), bytes: None }
    }
}

/// Something that can be built into an engine.
pub trait Candidate {
    /// How tables call it.
    fn name(&self) -> &'static str;

    /// Ours, a peer, or only the reading of events.
    fn side(&self) -> Side {
        Side::Peer
    }

    /// Why it has no row for a shape.
    fn why_not(&self, _shape: Shape) -> Option<&'static str> {
        None
    }

    /// How it looks for the middle of a glob.
    fn middle(&self) -> Middle {
        Middle::Between
    }

    /// Builds it; a failure is what stopped it.
    fn build(&mut self, task: &Task<'_>) -> Result<Built, String>;
}

/// Which side of a ratio an engine stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Fanwise.
    Ours,
    /// What it is compared with.
    Peer,
    /// Reads events and matches nothing.
    Floor,
}

/// All of them, ours first.
pub fn all() -> Vec<Box<dyn Candidate>> {
    let mut all = ours::candidates();
    all.push(Box::new(quamina::Quamina { fast: false }));
    all.push(Box::new(quamina::Quamina { fast: true }));
    all.push(Box::new(wirefilter::Wirefilter));
    all.push(Box::new(a_tree::ATree));
    all.push(Box::new(cel::Cel));
    all.push(Box::new(vrl::Vrl));
    all.push(Box::new(typed::Typed));
    all
}

/// Watches an engine being built.
struct Watch {
    start_ns: u64,
    limits: Limits,
}

impl Watch {
    fn start(limits: Limits) -> Self {
        Self { start_ns: thread_ns(), limits }
    }

    fn elapsed_ns(&self) -> u64 {
        thread_ns() - self.start_ns
    }

    /// Fails when adding rules has taken too long or too much.
    fn check(&self, added: usize) -> Result<(), String> {
        if !added.is_multiple_of(32) {
            return Ok(());
        }
        if self.elapsed_ns() as f64 > self.limits.add_seconds * 1e9 {
            return Err(format!("adding rules took {} s for {added}", self.limits.add_seconds));
        }
        if live_bytes() > self.limits.bytes {
            return Err(format!("{added} rules took {} MiB", self.limits.bytes >> 20));
        }
        Ok(())
    }
}

/// The least text that is greater than every text with a prefix: its last byte is one more.
fn after_prefix(prefix: &str) -> String {
    let mut bytes = prefix.as_bytes().to_vec();
    if let Some(last) = bytes.last_mut() {
        *last += 1;
    }
    String::from_utf8(bytes).expect("prefixes are ASCII")
}
