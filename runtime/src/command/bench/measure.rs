//! Events through extraction, matchers and routing, each timed on its own.

use std::hint::black_box;
use std::time::{Duration, Instant};

use compiler::eval::Facts;
use compiler::event::Event;
use compiler::hir::RuleId;
use compiler::json::JsonError;
use compiler::matcher::{Interpreter, Matcher, Matches};
use compiler::plan::StandIns;
use compiler::route::route;
use compiler::slots::{Level, Scratch, Slots};

use super::build::Built;
use super::events::Events;
use super::report::{Bytes, MatcherTimes, Measured, Shares, Took};

/// Events whose steps are timed together: few enough that their bytes stay in the cache between two
/// steps, enough that reading the clock costs nothing.
const CHUNK: usize = 64;

/// The naive interpreter is asked for so long at most, in each pass and for agreement; what came
/// after is left out and said.
const NAIVE_TIME_MAX: Duration = Duration::from_secs(3);

/// Measures.
///
/// # Errors
/// Words: an event is no JSON, or the matchers do not agree.
pub(super) fn measure(
    built: &Built,
    events: &Events<'_>,
    level: Level,
    passes: u32,
) -> Result<Measured, String> {
    let events = events.seen();
    let run = Run { built, level };
    let (shares, naive) = run.agree(&events).map_err(|error| match error {
        Disagreement::Unreadable(error) => format!("a payload is no JSON: {error:?}"),
        Disagreement::At(event, who) => {
            format!("event {} is answered otherwise by {who} than by the interpreter", event + 1)
        }
    })?;
    let some = events.get(..naive).unwrap_or_default();
    let unreadable = |error: JsonError| format!("a payload is no JSON: {error:?}");
    let interpreter = run.times(&Interpreter, some, passes).map_err(unreadable)?;
    let indexed = run.times(&*built.indexed, &events, passes).map_err(unreadable)?;
    let compiled = run.times(&built.compiled, &events, passes).map_err(unreadable)?;
    let stats = built.compiled.stats();
    let payloads: usize = events.iter().map(|event| event.payload.len()).sum();
    Ok(Measured {
        rules: built.plan.program.rules.len(),
        files: built.files,
        events: events.len(),
        bytes_per_event: payloads / events.len().max(1),
        level: format!("{level:?}").to_lowercase(),
        passes,
        agreed_events: naive,
        shares,
        took_us: Took::of(&built.took),
        bytes: Bytes {
            index: built.indexed.bytes(),
            constants: built.compiled.bytes(),
            code: stats.code_bytes,
        },
        routines: stats.routines,
        compiled_rules: stats.rules,
        interpreter,
        indexed,
        compiled,
    })
}

struct Run<'b> {
    built: &'b Built,
    level: Level,
}

enum Disagreement {
    Unreadable(JsonError),
    At(usize, &'static str),
}

/// What the steps of a pass took.
#[derive(Clone, Copy, Debug, Default)]
struct Spent {
    extract: Duration,
    matching: Duration,
    route: Duration,
}

impl Run<'_> {
    /// Asks all matchers about every event. Gives what they answer, and how many events the interpreter
    /// was asked about.
    fn agree(&self, events: &[Event<'_>]) -> Result<(Shares, usize), Disagreement> {
        let plan = &*self.built.plan;
        let (mut expected, mut found) = (Matches::default(), Matches::default());
        let (mut matched, mut matches, mut tried, mut of_type) = (0, 0, 0, 0);
        let (mut naive, mut candidates) = (0, Vec::new());
        let start = Instant::now();
        for (at, event) in events.iter().enumerate() {
            let slots = Slots::of_conditions(Scratch::default(), plan, event.payload, self.level);
            let slots = slots.map_err(Disagreement::Unreadable)?;
            let facts = Facts { plan, event, slots: &slots, lists: &StandIns(plan) };
            self.built.indexed.matches(&facts, &mut found);
            self.built.compiled.matches(&facts, &mut expected);
            if found.rules != expected.rules {
                return Err(Disagreement::At(at, "compiled code"));
            }
            if start.elapsed() < NAIVE_TIME_MAX || at == 0 {
                Interpreter.matches(&facts, &mut expected);
                if found.rules != expected.rules {
                    return Err(Disagreement::At(at, "the index"));
                }
                naive = at + 1;
            }
            matched += usize::from(!found.rules.is_empty());
            matches += found.rules.len();
            tried += self.built.indexed.tried(&facts);
            plan.index.rules(event, &mut candidates);
            of_type += candidates.len();
        }
        let each = |count: usize| count as f64 / events.len().max(1) as f64;
        let shares = Shares {
            matching_events: each(matched),
            matches_per_event: each(matches),
            rules_of_its_type_per_event: each(of_type),
            rules_tried_per_event: each(tried),
        };
        Ok((shares, naive))
    }

    fn times(
        &self,
        matcher: &dyn Matcher,
        events: &[Event<'_>],
        passes: u32,
    ) -> Result<MatcherTimes, JsonError> {
        let (mut spent, mut whole) = (Vec::new(), Vec::new());
        let mut asked = events;
        for pass in 0..=passes {
            let start = Instant::now();
            let one = self.in_steps(matcher, asked)?;
            let together = Instant::now();
            self.whole(matcher, asked)?;
            // The first pass warms up, and shows whether all events are too many.
            if pass > 0 {
                spent.push(one);
                whole.push(together.elapsed());
            } else if start.elapsed() > 2 * NAIVE_TIME_MAX {
                let share = NAIVE_TIME_MAX.as_secs_f64() / start.elapsed().as_secs_f64();
                let fits = (events.len() as f64 * share) as usize;
                asked = events.get(..fits.max(1)).unwrap_or(events);
            }
        }
        let count = asked.len().max(1) as f64;
        let median = |times: Vec<Duration>| {
            let mut times = times;
            times.sort_unstable();
            times.get(times.len() / 2).map_or(0.0, |time| time.as_secs_f64() * 1e9 / count)
        };
        let extract = median(spent.iter().map(|one| one.extract).collect());
        let matching = median(spent.iter().map(|one| one.matching).collect());
        let route = median(spent.iter().map(|one| one.route).collect());
        Ok(MatcherTimes::new(asked.len(), extract, matching, route, median(whole)))
    }

    /// Step by step, some events at a time.
    fn in_steps(&self, matcher: &dyn Matcher, events: &[Event<'_>]) -> Result<Spent, JsonError> {
        let plan = &*self.built.plan;
        let mut spent = Spent::default();
        let mut memory: Vec<Scratch> = Vec::new();
        let (mut found, mut sending) = (Matches::default(), Matches::default());
        let mut rules: Vec<RuleId> = Vec::new();
        let mut counts: Vec<usize> = Vec::new();
        for chunk in events.chunks(CHUNK) {
            let start = Instant::now();
            let mut slots = Vec::with_capacity(CHUNK);
            for event in chunk {
                let memory = memory.pop().unwrap_or_default();
                slots.push(Slots::of_conditions(memory, plan, event.payload, self.level)?);
            }
            let extracted = Instant::now();
            rules.clear();
            counts.clear();
            for (event, slots) in chunk.iter().zip(&slots) {
                let facts = Facts { plan, event, slots, lists: &StandIns(plan) };
                matcher.matches(&facts, &mut found);
                rules.extend_from_slice(&found.rules);
                counts.push(found.rules.len());
            }
            let matched = Instant::now();
            let mut rest = rules.as_slice();
            for ((event, slots), &count) in chunk.iter().zip(&slots).zip(&counts) {
                let (these, others) = rest.split_at_checked(count).unwrap_or_default();
                rest = others;
                sending.rules.clear();
                sending.rules.extend_from_slice(these);
                let facts = Facts { plan, event, slots, lists: &StandIns(plan) };
                self.send(&facts, &sending)?;
            }
            spent.extract += extracted - start;
            spent.matching += matched - extracted;
            spent.route += matched.elapsed();
            memory.extend(slots.into_iter().map(Slots::recycle));
        }
        Ok(spent)
    }

    /// As the server does it: one event after the other.
    fn whole(&self, matcher: &dyn Matcher, events: &[Event<'_>]) -> Result<(), JsonError> {
        let plan = &*self.built.plan;
        let (mut memory, mut found) = (Scratch::default(), Matches::default());
        for event in events {
            let slots = Slots::of_conditions(std::mem::take(&mut memory), plan, event.payload, self.level)?;
            let facts = Facts { plan, event, slots: &slots, lists: &StandIns(plan) };
            matcher.matches(&facts, &mut found);
            self.send(&facts, &found)?;
            memory = slots.recycle();
        }
        Ok(())
    }

    fn send(&self, facts: &Facts<'_, '_>, matches: &Matches) -> Result<(), JsonError> {
        if facts.plan.may_send(facts.event, matches) {
            facts.slots.complete(facts.plan)?;
            black_box(route(facts, matches, &self.built.limits));
        }
        Ok(())
    }
}
