//! Why something that a test expects did not happen: the trace of the rule that should have fired.

use std::sync::Arc;

use grammar::{Diagnostic, Span};

use super::expect::{To, shown};
use super::run::{Sent, Simulation};
use crate::eval::Frame;
use crate::hir::{Deliver, Statement};
use crate::messages::failures::{self, Reason};
use crate::route::{Delivery, InputError};
use crate::trace::{Outcome, RuleTrace, first_not_yes, trace};

/// Nothing went to an action.
pub(super) fn not_sent(simulation: &Simulation<'_>, to: &To<'_>) -> Diagnostic {
    let sent: Vec<&Sent> = simulation.sent.iter().collect();
    let told = failures::not_sent(&simulation.test.title, to.place);
    let target = format!("{}.{}", to.connection, to.action);
    let goes_there = |connection: &str, action: &str| *connection == *to.connection && *action == *to.action;
    let held =
        simulation.waiting.iter().find(|one| goes_there(&one.delivery.connection, &one.delivery.action));
    let stopped = simulation.stopped.iter().find(|one| goes_there(&one.connection, &one.action));
    let told = if let Some(held) = held {
        let wait = held.until.duration_since(simulation.now);
        failures::held(told, held.delivery.span, held.until, wait)
    } else if let Some(stopped) = stopped {
        let place = stopped.span.unwrap_or(to.place);
        failures::stopped(told, place, &stopped.rule, &stopped.why)
    } else {
        match should_have(simulation, to) {
            Some(reason) => {
                let told = failures::because(told, &reason, simulation.given.file.as_deref(), &target);
                about_lists(simulation, told)
            }
            None => failures::no_rule_sends(told, &target, simulation.environment),
        }
    };
    failures::what_was_sent(told, &shown(&sent))
}

/// A rule took the event although it should not have, or the other way round.
pub(super) fn other_answer(
    simulation: &Simulation<'_>,
    rule: &str,
    matched: bool,
    place: Span,
) -> Diagnostic {
    let sent: Vec<&Sent> = simulation.sent.iter().collect();
    let told = failures::other_answer(&simulation.test.title, place, matched);
    let traced = traces(simulation).into_iter().find(|one| *one.rule == *rule);
    let told = match traced.map(|traced| reason(simulation, &traced)) {
        Some(reason) => {
            let told = failures::because(told, &reason, simulation.given.file.as_deref(), "");
            about_lists(simulation, told)
        }
        None => failures::rule_not_here(told, rule, simulation.environment),
    };
    failures::what_was_sent(told, &shown(&sent))
}

/// Says where tests look for the entries of lists that the workspace keeps, when they find none.
fn about_lists(simulation: &Simulation<'_>, told: Diagnostic) -> Diagnostic {
    let lists = simulation.plan.program.lists.iter();
    let lacking = lists.filter(|list| list.entries.is_none() && list.stand_in.is_none());
    lacking.fold(told, |told, list| failures::no_stand_in(told, &list.name))
}

/// Says that a test holds in one environment and not in another.
pub(super) fn in_environment(told: Diagnostic, environment: &str, holds_in: &str) -> Diagnostic {
    told.note(format!("this is in `{environment}`; in `{holds_in}` the test holds"))
        .help(format!("write `in {holds_in}` at the top of the test if it is about that alone"))
}

/// Why a delivery has no input.
pub(super) fn no_input(error: &InputError) -> String {
    format!("its input could not be made: {error}")
}

/// What a throttle says.
pub(super) fn throttled(delivery: &Delivery) -> String {
    match &delivery.settings.throttle {
        Some(limit) => {
            let every = jiff::SignedDuration::try_from(limit.every).unwrap_or_default();
            format!("throttled: {} in {} were sent already", limit.allow, failures::length(every))
        }
        None => "throttled".to_owned(),
    }
}

/// The answer of the rule that came nearest to sending there.
fn should_have(simulation: &Simulation<'_>, to: &To<'_>) -> Option<Reason> {
    let program = &simulation.plan.program;
    let rules = program.rules.iter().map(|rule| (&rule.name, &rule.body));
    let groups = program
        .groups
        .iter()
        .filter_map(|group| group.otherwise.as_ref().map(|otherwise| (&group.name, &otherwise.body)));
    let names: Vec<&Arc<str>> = rules
        .chain(groups)
        .filter(|(_, body)| find(simulation, body, to).is_some())
        .map(|(name, _)| name)
        .collect();
    let traces = traces(simulation);
    let candidates = traces.iter().filter(|one| names.contains(&&one.rule));
    let nearest = candidates.rev().max_by_key(|one| nearness(&one.outcome))?;
    match nearest.outcome {
        Outcome::Matched { .. } => Some(not_reached(simulation, nearest, to)),
        _ => Some(reason(simulation, nearest)),
    }
}

fn traces(simulation: &Simulation<'_>) -> Vec<RuleTrace> {
    // The event was read when it was sent, so asking about it again does not fail.
    simulation.given.with_facts(simulation.plan, trace).map(|trace| trace.rules).unwrap_or_default()
}

fn nearness(outcome: &Outcome) -> u8 {
    match outcome {
        Outcome::OtherType { .. } => 0,
        Outcome::OtherResource { .. } => 1,
        Outcome::NotMatched { .. } => 2,
        Outcome::SkippedBy { .. } => 3,
        Outcome::Ignored { .. } => 4,
        Outcome::Matched { .. } => 5,
    }
}

fn reason(simulation: &Simulation<'_>, traced: &RuleTrace) -> Reason {
    let program = &simulation.plan.program;
    let rule = program.rules.iter().find(|rule| rule.name == traced.rule);
    let group = program.groups.iter().find(|group| group.name == traced.rule);
    let names_resource =
        rule.is_some_and(|rule| rule.selects.resource.is_some() || rule.selects.resource_id.is_some());
    Reason {
        place: rule.map(|rule| rule.span).or(group.map(|group| group.span)).unwrap_or_default(),
        event: simulation.given.kind.as_ref().into(),
        names_resource,
        outcome: traced.outcome.clone(),
        guard: None,
    }
}

/// The rule held, and this delivery of it was not reached.
fn not_reached(simulation: &Simulation<'_>, traced: &RuleTrace, to: &To<'_>) -> Reason {
    let mut reason = reason(simulation, traced);
    let program = &simulation.plan.program;
    let rule = program.rules.iter().find(|rule| rule.name == traced.rule);
    let Some((deliver, nested)) = rule.and_then(|rule| find(simulation, &rule.body, to)) else {
        return reason;
    };
    let cause = deliver.condition.as_ref().zip(rule).filter(|_| !nested).and_then(|(condition, rule)| {
        let ask = |facts: &crate::eval::Facts<'_, '_>| {
            let frame = Frame::new(*facts, &rule.lets, rule.locals);
            first_not_yes(&frame, condition)
        };
        simulation.given.with_facts(simulation.plan, ask).ok()
    });
    reason.guard = Some((deliver.span, cause));
    reason
}

/// The first delivery to an action in a body, and whether it stands inside a `choose` or `for each`.
fn find<'p>(simulation: &Simulation<'_>, body: &'p [Statement], to: &To<'_>) -> Option<(&'p Deliver, bool)> {
    let inner = |body: &'p [Statement]| find(simulation, body, to).map(|(deliver, _)| (deliver, true));
    body.iter().find_map(|statement| match statement {
        Statement::Deliver(deliver) => {
            let connection = simulation.plan.program.connections.get(deliver.connection.0 as usize)?;
            let same = *connection.name == *to.connection && *deliver.action == *to.action;
            same.then_some((&**deliver, false))
        }
        Statement::Choose { arms, otherwise } => {
            arms.iter().find_map(|(_, body)| inner(body)).or_else(|| inner(otherwise))
        }
        Statement::ForEach { body, .. } => inner(body),
        Statement::Ignore { .. } => None,
    })
}
