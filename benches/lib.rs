//! Inputs of the benches: rules and events made from fixed seeds, and the shortest way to run them.

pub mod city;
pub mod hooks;
pub mod shapes;

use std::sync::Arc;

use compiler::eval::{Facts, NoLists};
use compiler::event::Event;
use compiler::matcher::{Matcher, Matches};
use compiler::plan::Plan;
use compiler::slots::Slots;
use compiler::world::{Bundle, BundleFile, World};

pub use city::parcels;
pub use shapes::{Shape, Source};

/// A generator of numbers that gives the same ones every time (xorshift64*, Vigna 2016).
pub struct Numbers(u64);

impl Numbers {
    /// From a seed, which must not be 0.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed.max(1))
    }

    /// A number below `bound`, which must not be 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % bound
    }
}

/// A file of `count` rules of one shape, about parcels.
#[must_use]
pub fn rules(shape: Shape, count: usize) -> String {
    shapes::text(Source::Parcels, &shapes::rules(Source::Parcels, shape, count))
}

/// A world in which a bench may have as many rules as it wants.
#[must_use]
pub fn world() -> World {
    let mut world = World::offline(None);
    world.limits.rules_max = usize::MAX;
    world.limits.file_bytes_max = usize::MAX;
    world.limits.bundle_bytes_max = usize::MAX;
    world
}

/// Rule text as a bundle, split into files that keep the language's limit of bytes per file.
#[must_use]
pub fn bundle(rules: &str) -> Bundle {
    let (head, body) = rules.split_at(rules.find("rule ").unwrap_or(rules.len()));
    let mut files = vec![String::from(head)];
    for line in body.lines() {
        if files.last().is_none_or(|file| file.len() + line.len() > 250_000) {
            files.push(String::from("edition 2026\n"));
        }
        if let Some(file) = files.last_mut() {
            file.push_str(line);
            file.push('\n');
        }
    }
    let name = |at: usize| format!("rules_{at:04}.route").into_boxed_str();
    let files = files.into_iter().enumerate();
    Bundle { files: files.map(|(at, text)| BundleFile { path: name(at), text: text.into() }).collect() }
}

/// The plan of rules that have no mistakes.
///
/// # Panics
/// When they have.
#[must_use]
pub fn plan(rules: &str) -> Arc<Plan> {
    let checked = compiler::check(&bundle(rules), &world());
    assert!(!checked.diagnostics.has_errors(), "{:?}", checked.diagnostics.iter().next());
    Arc::new(compiler::plan::plan(checked.program))
}

/// Extracts and matches one payload; gives the number of rules that hold.
///
/// # Panics
/// When the payload is not JSON.
#[must_use]
pub fn run(plan: &Plan, matcher: &dyn Matcher, payload: &str, matches: &mut Matches) -> usize {
    let time = jiff::Timestamp::UNIX_EPOCH;
    let event = Event {
        id: "evt_bench",
        kind: "parcel",
        resource: None,
        resource_id: None,
        time,
        received_at: time,
        payload: payload.as_bytes(),
    };
    let slots = Slots::new(plan, event.payload).expect("a payload of ours is JSON");
    let facts = Facts { plan, event: &event, slots: &slots, lists: &NoLists };
    matcher.matches(&facts, matches);
    matches.rules.len()
}
