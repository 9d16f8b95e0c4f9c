//! One cell after another: build, agree, time.

use std::collections::HashMap;
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use inputs::shapes::{Rule, Shape, Source};

use crate::clock::{start_counting, stop_counting, thread_ns};
use crate::engines::{Candidate, Engine, Side, Task};
use crate::events::Events;
use crate::naive::{self, Middle};
use crate::options::Options;

/// Events whose matches are compared before anything is timed.
const COMPARED: usize = 1_000;

/// The same, when the naive evaluator has very many rules to ask.
const COMPARED_OF_MANY: usize = 200;

/// From so many rules on.
const MANY_RULES: usize = 100_000;

/// Events compared at least, however slow the engine.
const COMPARED_MIN: usize = 20;

/// Passes over the events in one round at most.
const PASSES_MAX: u64 = 500;

/// Why a row has no time.
#[derive(Clone, Debug)]
pub struct Why {
    /// One or two words for a table's cell.
    pub short: &'static str,
    /// The whole reason.
    pub long: String,
}

/// What an engine took and found before it was timed.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Processor time for adding all rules, ns.
    pub add_ns: u64,
    /// Processor time for the first event, ns: some engines build then.
    pub first_ns: u64,
    /// Bytes held after the first event.
    pub bytes: usize,
    /// Events compared with the naive evaluator.
    pub compared: usize,
    /// Matches in them.
    pub matches: usize,
    /// Differences with a known cause.
    pub remark: Option<String>,
}

/// The time per event in one set.
#[derive(Clone, Debug)]
pub struct Timing {
    /// The set.
    pub set: &'static str,
    /// Median of the rounds, ns.
    pub ns: f64,
    /// Fastest and slowest round, ns.
    pub range: (f64, f64),
    /// Events of the set that were used: fewer where an engine is slow.
    pub events: usize,
}

/// One engine with one set of rules.
#[derive(Clone, Debug)]
pub struct Row {
    pub source: Source,
    pub shape: Shape,
    pub rules: usize,
    pub engine: &'static str,
    pub side: Side,
    pub facts: Option<Facts>,
    pub times: Vec<Timing>,
    pub why: Option<Why>,
}

/// What stopped an engine at a smaller number of rules, and how long its last build took.
#[derive(Default)]
pub struct History {
    stopped: HashMap<&'static str, Why>,
    built: HashMap<&'static str, (usize, u64)>,
}

struct Live {
    row: Row,
    engine: Option<Box<dyn Engine>>,
    middle: Middle,
}

/// The message of the last panic.
static PANIC: Mutex<String> = Mutex::new(String::new());

/// Keeps messages of panics for rows instead of printing them.
pub fn keep_panics() {
    std::panic::set_hook(Box::new(|info| {
        *PANIC.lock().expect("nobody panics here") = info.to_string().replace('\n', " ");
    }));
}

fn caught<T>(run: impl FnOnce() -> Result<T, String>) -> Result<T, Why> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(long)) if long.starts_with("adding rules") => Err(Why { short: "add too slow", long }),
        Ok(Err(long)) if long.ends_with(" MiB") => Err(Why { short: "memory", long }),
        Ok(Err(long)) => Err(Why { short: "refused", long }),
        Err(_) => Err(Why { short: "panics", long: PANIC.lock().expect("nobody panics here").clone() }),
    }
}

/// All engines with one set of rules, on every set of events of its source.
pub fn cell(
    options: &Options,
    task: &Task<'_>,
    sets: &[(&'static str, Events)],
    candidates: &mut [Box<dyn Candidate>],
    history: &mut History,
) -> Vec<Row> {
    let mut lives: Vec<_> = candidates
        .iter_mut()
        .map(|candidate| build(options, task, sets, candidate.as_mut(), history))
        .collect();
    agree(options, task, &sets[0].1, &mut lives);
    for (name, events) in sets {
        time(options, name, events, &mut lives);
    }
    for live in &lives {
        let row = &live.row;
        let slowest = row.times.iter().map(|timing| timing.ns).fold(0.0, f64::max);
        if slowest > options.event_us_max * 1e3 {
            let long = format!("took {:.1} ms per event with {} rules", slowest / 1e6, row.rules);
            history.stopped.insert(row.engine, Why { short: "too slow", long });
        }
    }
    lives.into_iter().map(|live| live.row).collect()
}

fn build(
    options: &Options,
    task: &Task<'_>,
    sets: &[(&'static str, Events)],
    candidate: &mut dyn Candidate,
    history: &mut History,
) -> Live {
    let (engine, count) = (candidate.name(), task.rules.len());
    let mut row = Row {
        source: task.source,
        shape: task.shape,
        rules: count,
        engine,
        side: candidate.side(),
        facts: None,
        times: Vec::new(),
        why: None,
    };
    let middle = candidate.middle();
    if let Some(long) = candidate.why_not(task.shape) {
        row.why = Some(Why { short: "–", long: String::from(long) });
        return Live { row, engine: None, middle };
    }
    row.why = history.stopped.get(engine).cloned();
    if let (Side::Ours, Some((rules, ns))) = (candidate.side(), history.built.get(engine)) {
        let expected = *ns as f64 / 1e9 * count as f64 / *rules as f64;
        if expected > options.build_seconds {
            let long =
                format!("building would take about {expected:.0} s, more than {}", options.build_seconds);
            row.why = Some(Why { short: "build too slow", long });
        }
    }
    if row.why.is_some() {
        return Live { row, engine: None, middle };
    }
    start_counting();
    let built = caught(|| {
        let mut built = candidate.build(task)?;
        let start = thread_ns();
        if let Some(event) = sets[0].1.iter().next() {
            built.engine.matches(event, &mut Vec::new())?;
        }
        Ok((built, thread_ns() - start))
    });
    let counted = stop_counting();
    let engine_built = match built {
        Ok((built, first_ns)) => {
            history.built.insert(engine, (count, built.add_ns));
            let bytes = built.bytes.unwrap_or(counted);
            let (add_ns, compared, matches) = (built.add_ns, 0, 0);
            row.facts = Some(Facts { add_ns, first_ns, bytes, compared, matches, remark: None });
            Some(built.engine)
        }
        Err(why) => {
            stop(history, engine, count, &why);
            row.why = Some(why);
            None
        }
    };
    Live { row, engine: engine_built, middle }
}

fn stop(history: &mut History, engine: &'static str, count: usize, why: &Why) {
    let long = format!("at {count} rules: {}", why.long);
    history.stopped.insert(engine, Why { short: why.short, long });
}

/// Compares what every engine finds with the naive evaluator; who differs without a known cause is not timed.
fn agree(options: &Options, task: &Task<'_>, events: &Events, lives: &mut [Live]) {
    let wanted = if task.rules.len() >= MANY_RULES { COMPARED_OF_MANY } else { COMPARED };
    let exact = expected(task.source, task.rules, events, wanted, Middle::Between);
    let anywhere = (task.shape == Shape::Ends)
        .then(|| expected(task.source, task.rules, events, wanted, Middle::Anywhere));
    for live in lives.iter_mut().filter(|live| live.row.side != Side::Floor) {
        let Some(engine) = &mut live.engine else { continue };
        let own = match (&anywhere, live.middle) {
            (Some(anywhere), Middle::Anywhere) => anywhere,
            _ => &exact,
        };
        let seconds = options.cell_seconds * 8.0;
        match caught(|| compare(engine.as_mut(), events, &exact, own, seconds)) {
            Ok((compared, matches, remark)) => {
                if let Some(facts) = &mut live.row.facts {
                    (facts.compared, facts.matches, facts.remark) = (compared, matches, remark);
                }
            }
            Err(why) => {
                let short = if why.short == "refused" { "disagrees" } else { why.short };
                live.row.why = Some(Why { short, long: why.long });
                live.engine = None;
            }
        }
    }
}

fn expected(source: Source, rules: &[Rule], events: &Events, count: usize, middle: Middle) -> Vec<Vec<u32>> {
    let paths = source.paths();
    events.iter().take(count).map(|event| naive::matches(&paths, rules, event, middle)).collect()
}

type Compared = (usize, usize, Option<String>);

fn compare(
    engine: &mut dyn Engine,
    events: &Events,
    exact: &[Vec<u32>],
    own: &[Vec<u32>],
    seconds: f64,
) -> Result<Compared, String> {
    let start = thread_ns();
    let (mut compared, mut matches, mut more) = (0, 0, 0);
    let mut found = Vec::new();
    for ((event, exact), own) in events.iter().zip(exact).zip(own) {
        if compared >= COMPARED_MIN && (thread_ns() - start) as f64 > seconds * 1e9 {
            break;
        }
        found.clear();
        engine.matches(event, &mut found).map_err(|error| format!("event {compared}: {error}"))?;
        found.sort_unstable();
        found.dedup();
        if found != *own {
            let (lacks, adds) = (missing(own, &found), missing(&found, own));
            return Err(format!("event {compared}: lacks rules {lacks:?}, adds rules {adds:?}"));
        }
        more += own.len().abs_diff(exact.len());
        matches += found.len();
        compared += 1;
    }
    let remark = (more > 0).then(|| {
        format!("{more} matches more in {compared} events: a glob's middle is found anywhere in the text")
    });
    Ok((compared, matches, remark))
}

/// Up to five of `these` that are not among `those`; both sorted.
fn missing(these: &[u32], those: &[u32]) -> Vec<u32> {
    these.iter().filter(|at| those.binary_search(at).is_err()).take(5).copied().collect()
}

/// Times every engine on one set: in each round all of them, another one first, each warmed by a pass of its own.
fn time(options: &Options, set: &'static str, events: &Events, lives: &mut [Live]) {
    let round_ns = options.cell_seconds / options.rounds as f64 * 1e9;
    let mut plans: Vec<_> = lives.iter_mut().map(|live| planned(live, events, round_ns)).collect();
    let mut rounds: Vec<Vec<f64>> = vec![Vec::new(); lives.len()];
    for round in 0..options.rounds {
        for turn in 0..lives.len() {
            let at = (round + turn) % lives.len();
            let (Some(engine), Some(plan)) = (&mut lives[at].engine, &mut plans[at]) else { continue };
            if plan.passes > 1 {
                pass(engine.as_mut(), events, plan.events);
            }
            let ns: u64 = (0..plan.passes).map(|_| pass(engine.as_mut(), events, plan.events)).sum();
            rounds[at].push(ns as f64 / plan.passes as f64 / plan.events as f64);
        }
    }
    for ((live, plan), mut rounds) in lives.iter_mut().zip(&plans).zip(rounds) {
        let Some(plan) = plan else { continue };
        rounds.sort_by(f64::total_cmp);
        let (least, most) = (rounds[0], rounds[rounds.len() - 1]);
        let ns = rounds[rounds.len() / 2];
        live.row.times.push(Timing { set, ns, range: (least, most), events: plan.events });
    }
}

/// How a live engine is timed; an engine that panics on an event that was not compared is given up.
fn planned(live: &mut Live, events: &Events, round_ns: f64) -> Option<Plan> {
    let engine = live.engine.as_mut()?;
    match caught(|| Ok(probe(engine.as_mut(), events, round_ns))) {
        Ok(plan) => Some(plan),
        Err(why) => {
            live.row.why = Some(why);
            live.engine = None;
            None
        }
    }
}

/// How an engine is timed on a set.
struct Plan {
    events: usize,
    passes: u64,
}

/// Finds out how many events, and how often, fit a round.
fn probe(engine: &mut dyn Engine, events: &Events, round_ns: f64) -> Plan {
    let start = thread_ns();
    let mut count = 0;
    let mut found = Vec::new();
    for event in events.iter() {
        found.clear();
        black_box(engine.matches(event, &mut found).is_ok());
        count += 1;
        if count >= COMPARED_MIN && (thread_ns() - start) as f64 > round_ns {
            break;
        }
    }
    let pass_ns = (thread_ns() - start).max(1) as f64;
    Plan { events: count, passes: ((round_ns / pass_ns) as u64).clamp(1, PASSES_MAX) }
}

/// Matches the first events once; gives the time.
fn pass(engine: &mut dyn Engine, events: &Events, count: usize) -> u64 {
    let mut found = Vec::with_capacity(4_096);
    let mut matches = 0;
    let start = thread_ns();
    for event in events.iter().take(count) {
        found.clear();
        black_box(engine.matches(event, &mut found).is_ok());
        matches += found.len();
    }
    let ns = thread_ns() - start;
    black_box(matches);
    ns
}
