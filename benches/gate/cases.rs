//! What is counted: events of a fixed set, extracted or matched.

use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Arc;

use compiler::eval::{Facts, NoLists};
use compiler::event::Event;
use compiler::matcher::{Indexed, Matcher, Matches};
use compiler::plan::Plan;
use compiler::slots::{Level, Scratch, Slots};
use compiler::world::{Bundle, BundleFile, World};

use crate::city::parcels;
use crate::shapes::{Shape, Source, rules, text};

/// Events of the set.
const EVENTS: usize = 200;

/// How often it is run; once more before, so that memory is there.
const ROUNDS: usize = 2;

/// Events that are counted.
pub(crate) const MEASURED_EVENTS: u64 = (EVENTS * ROUNDS) as u64;

/// How a case ends that would use other instructions than the baseline's.
pub(crate) const NO_VECTORS: u8 = 77;

/// One thing that is counted.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    level: Level,
    what: What,
}

enum What {
    /// Values at these paths are found.
    Extract(&'static [&'static str]),
    /// Rules are found, too.
    Match(Shape, usize),
}

const EARLY: &[&str] = &["properties.MAPBLKLOT"];
const FIVE: &[&str] = &[
    "properties.MAPBLKLOT",
    "properties.STREET",
    "properties.ST_TYPE",
    "properties.ODD_EVEN",
    "geometry.type",
];

const fn extract(name: &'static str, level: Level, paths: &'static [&'static str]) -> Case {
    Case { name, level, what: What::Extract(paths) }
}

const fn matching(name: &'static str, shape: Shape, rules: usize) -> Case {
    Case { name, level: Level::Strict, what: What::Match(shape, rules) }
}

/// All cases.
pub(crate) const CASES: &[Case] = &[
    extract("extract-strict-early", Level::Strict, EARLY),
    extract("extract-strict-five", Level::Strict, FIVE),
    extract("extract-full-five", Level::Full, FIVE),
    extract("extract-fast-early", Level::Fast, EARLY),
    matching("match-equality-1000", Shape::Equality, 1_000),
    matching("match-conjunction-1000", Shape::Conjunction, 1_000),
    matching("match-ends-1000", Shape::Ends, 1_000),
    matching("match-disjunction-100", Shape::Disjunction, 100),
];

/// Runs one.
pub(crate) fn run(name: &str) -> ExitCode {
    if !has_vectors() {
        return ExitCode::from(NO_VECTORS);
    }
    let Some(case) = CASES.iter().find(|case| case.name == name) else {
        eprintln!("no case {name}");
        return ExitCode::FAILURE;
    };
    let source = match &case.what {
        What::Extract(paths) => {
            let conditions: Vec<_> = paths.iter().map(|path| format!("p.{path} is \"x\"")).collect();
            let condition = conditions.join(" or ");
            format!(
                "edition 2026\nconnection out: webhook\nrule r {{ on parcel as p when {condition} deliver out.send_webhook }}\n"
            )
        }
        What::Match(shape, count) => text(Source::Parcels, &rules(Source::Parcels, *shape, *count)),
    };
    let files = vec![BundleFile { path: "rules.route".into(), text: source.into() }];
    let checked = compiler::check(&Bundle { files }, &World::offline(None));
    if let Some(message) = checked.diagnostics.iter().next().filter(|_| checked.diagnostics.has_errors()) {
        eprintln!("{name}: {}", message.title);
        return ExitCode::FAILURE;
    }
    let plan = Arc::new(compiler::plan::plan(checked.program));
    let indexed = Indexed::new(&plan);
    let matcher: Option<&dyn Matcher> = match case.what {
        What::Extract(_) => None,
        What::Match(..) => Some(&indexed),
    };
    let events = parcels(EVENTS);
    let mut memory = (Scratch::default(), Matches::default());
    once(&plan, case.level, matcher, &events, &mut memory);
    measured(&plan, case.level, matcher, &events, &mut memory);
    ExitCode::SUCCESS
}

/// What valgrind counts; it finds this by its name.
#[inline(never)]
fn measured(
    plan: &Plan,
    level: Level,
    matcher: Option<&dyn Matcher>,
    events: &[String],
    memory: &mut (Scratch, Matches),
) {
    for _ in 0..ROUNDS {
        once(plan, level, matcher, events, memory);
    }
}

#[inline(never)]
fn once(
    plan: &Plan,
    level: Level,
    matcher: Option<&dyn Matcher>,
    events: &[String],
    (scratch, matches): &mut (Scratch, Matches),
) {
    let time = jiff::Timestamp::UNIX_EPOCH;
    for payload in events {
        let event = Event {
            id: "evt_gate",
            kind: "parcel",
            resource: None,
            resource_id: None,
            time,
            received_at: time,
            payload: payload.as_bytes(),
        };
        let slots = Slots::of_conditions(std::mem::take(scratch), plan, event.payload, level);
        let Ok(slots) = slots else { continue };
        if let Some(matcher) = matcher {
            matcher.matches(&Facts { plan, event: &event, slots: &slots, lists: &NoLists }, matches);
            black_box(matches.rules.len());
        }
        *scratch = black_box(slots).recycle();
    }
}

/// Whether the kernel is the one that the baseline was counted with.
fn has_vectors() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("pclmulqdq")
        && !is_x86_feature_detected!("avx512f");
    #[cfg(not(target_arch = "x86_64"))]
    false
}
