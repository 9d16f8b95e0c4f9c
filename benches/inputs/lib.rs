//! Inputs of the benches: rules and events made from fixed seeds, and the shortest way to run them.

pub mod city;
pub mod company;
pub mod hooks;
pub mod numbers;
pub mod shapes;

use std::sync::Arc;

use compiler::eval::{Facts, NoLists};
use compiler::event::Event;
use compiler::matcher::{Matcher, Matches};
use compiler::plan::Plan;
use compiler::slots::{Level, Scratch, Slots};
use compiler::world::{Bundle, BundleFile, World};

pub use city::parcels;
pub use numbers::Numbers;
pub use shapes::{Shape, Source};

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

/// The plan of one rule that reads these paths, and no more.
///
/// # Panics
/// When one is no path.
#[must_use]
pub fn asking(paths: &[&str]) -> Arc<Plan> {
    let conditions = paths.iter().map(|path| format!("p.{path} is \"x\"")).collect::<Vec<_>>();
    plan(&format!(
        "edition 2026\nconnection out: webhook\nrule r {{ on parcel as p when {} deliver out.send_webhook }}\n",
        conditions.join(" or ")
    ))
}

/// What running events needs, kept from one to the next.
#[derive(Default)]
pub struct Memory {
    scratch: Scratch,
    matches: Matches,
}

/// An event of the benches' type.
#[must_use]
pub fn event(payload: &[u8]) -> Event<'_> {
    let time = jiff::Timestamp::UNIX_EPOCH;
    Event {
        id: "evt_bench",
        kind: "parcel",
        resource: None,
        resource_id: None,
        time,
        received_at: time,
        payload,
    }
}

/// Extracts and matches one payload; gives the number of rules that hold.
///
/// # Panics
/// When the payload is not JSON.
#[must_use]
pub fn run(plan: &Plan, matcher: &dyn Matcher, level: Level, payload: &str, memory: &mut Memory) -> usize {
    let event = event(payload.as_bytes());
    let slots = extract(plan, level, payload, memory);
    let facts = Facts { plan, event: &event, slots: &slots, lists: &NoLists };
    matcher.matches(&facts, &mut memory.matches);
    memory.scratch = slots.recycle();
    memory.matches.rules.len()
}

/// Extracts what conditions read, and nothing more.
///
/// # Panics
/// When the payload is not JSON.
#[must_use]
pub fn extract<'e>(plan: &Plan, level: Level, payload: &'e str, memory: &mut Memory) -> Slots<'e> {
    let scratch = std::mem::take(&mut memory.scratch);
    Slots::of_conditions(scratch, plan, payload.as_bytes(), level).expect("a payload of ours is JSON")
}

impl Memory {
    /// Keeps what slots were read with.
    pub fn keep(&mut self, slots: Slots<'_>) {
        self.scratch = slots.recycle();
    }
}
