//! Inputs of the benches: rules and events made from fixed seeds, and the shortest way to run them.

use std::fmt::Write as _;
use std::sync::Arc;

use compiler::eval::{Facts, NoLists};
use compiler::event::Event;
use compiler::matcher::{Matcher, Matches};
use compiler::plan::Plan;
use compiler::slots::Slots;
use compiler::world::{Bundle, BundleFile, World};

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

const STREETS: [&str; 8] = ["HYDE", "FULTON", "OAK", "PINE", "BUSH", "MISSION", "CLAY", "HAIGHT"];

/// Payloads like the parcels of a city: nine short fields, then a polygon; about 950 bytes each.
#[must_use]
pub fn parcels(count: usize) -> Vec<String> {
    let mut numbers = Numbers::new(7);
    (0..count).map(|_| parcel(&mut numbers)).collect()
}

fn parcel(numbers: &mut Numbers) -> String {
    let lot = numbers.below(900_000) + 100_000;
    let street = STREETS[numbers.below(8) as usize];
    let mut points = String::new();
    for at in 0..12 {
        let comma = if at == 0 { "" } else { "," };
        let (x, y) = (numbers.below(99_999), numbers.below(99_999));
        let _ = write!(points, "{comma}[-122.4{x:05}3528252475,37.7{y:05}2475281375,0.0]");
    }
    format!(
        r#"{{"type":"Feature","properties":{{"MAPBLKLOT":"{lot}","BLKLOT":"{lot}","BLOCK_NUM":"{}","LOT_NUM":"{}","FROM_ST":"{}","TO_ST":"{}","STREET":"{street}","ST_TYPE":"ST","ODD_EVEN":"{}"}},"geometry":{{"type":"Polygon","coordinates":[[{points}]],"first":{{"x":-122.4{:05},"y":37.7}}}}}}"#,
        lot / 1000,
        lot % 1000,
        numbers.below(4_000),
        numbers.below(4_000),
        if lot.is_multiple_of(2) { "E" } else { "O" },
        numbers.below(99_999),
    )
}

/// What a rule of a set asks.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// One equality, distinct values.
    Equality,
    /// An equality, a range and a prefix.
    Conjunction,
    /// Half suffixes, half globs.
    Ends,
    /// A disjunction and two negations.
    Disjunction,
}

/// A file of `count` rules of one shape.
#[must_use]
pub fn rules(shape: Shape, count: usize) -> String {
    let mut numbers = Numbers::new(11);
    let mut text = String::from("edition 2026\nconnection out: webhook\n");
    for at in 0..count {
        let condition = condition(shape, at, &mut numbers);
        let _ = writeln!(text, "rule r{at} {{ on parcel as p when {condition} deliver out.send_webhook }}");
    }
    text
}

fn condition(shape: Shape, at: usize, numbers: &mut Numbers) -> String {
    let lot = numbers.below(900_000) + 100_000;
    let street = STREETS[numbers.below(8) as usize];
    let properties = "p.properties";
    match shape {
        Shape::Equality => format!("{properties}.MAPBLKLOT is \"{lot}\""),
        Shape::Conjunction => {
            let low = numbers.below(90_000);
            format!(
                "{properties}.STREET is \"{street}\" and p.geometry.first.x <= -122.4{low:05} and {properties}.BLKLOT starts with \"{}\"",
                lot / 10_000
            )
        }
        Shape::Ends if at.is_multiple_of(2) => format!("{properties}.BLKLOT ends with \"{}\"", lot % 10_000),
        Shape::Ends => format!("{properties}.MAPBLKLOT matches \"{}*{}\"", lot / 1_000, lot % 100),
        Shape::Disjunction => format!(
            "({properties}.MAPBLKLOT is \"{lot}\" or ({properties}.STREET is \"{street}\" and {properties}.LOT_NUM is \"{}\")) and {properties}.ODD_EVEN is not \"O\" and {properties}.ST_TYPE is not \"AV\"",
            lot % 1000
        ),
    }
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
