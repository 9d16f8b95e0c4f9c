//! One test, step by step.

use std::sync::Arc;

use grammar::Diagnostic;
use jiff::Timestamp;

use super::{expect, explain};
use crate::eval::{Facts, Frame};
use crate::event::Event;
use crate::gate::{Admission, Gates};
use crate::hir::{Test, TestPayload, TestStep, TestStepKind};
use crate::matcher::{Interpreter, Matcher, Matches};
use crate::messages::failures;
use crate::plan::{Plan, StandIns};
use crate::route::{Delivery, Routed, route};
use crate::slots::Slots;
use crate::value::write_json;
use crate::world::World;

/// When a test begins that does not say: a Monday, noon in UTC.
const BEGIN: Timestamp = Timestamp::constant(1_767_614_400, 0);

/// Where a test stands.
pub(super) struct Simulation<'a> {
    pub(super) plan: &'a Plan,
    pub(super) world: &'a World,
    pub(super) test: &'a Test,
    pub(super) environment: &'a str,
    pub(super) now: Timestamp,
    gates: Gates,
    /// The last event; there is one before anything is expected, or the checker has told.
    pub(super) given: Given,
    /// The rules that took it.
    pub(super) matched: Vec<Arc<str>>,
    /// What was sent since, in order.
    pub(super) sent: Vec<Sent>,
    /// What is held until a later time.
    pub(super) waiting: Vec<Waiting>,
    /// What the last event caused and a gate or a mistake stopped.
    pub(super) stopped: Vec<Stopped>,
}

/// An event of a test.
#[derive(Clone, Debug, Default)]
pub(super) struct Given {
    pub(super) id: String,
    pub(super) kind: Arc<str>,
    pub(super) resource: Option<Arc<str>>,
    pub(super) resource_id: Option<Arc<str>>,
    pub(super) time: Timestamp,
    /// JSON.
    pub(super) payload: String,
    /// The file it came from.
    pub(super) file: Option<Arc<str>>,
    count: usize,
}

/// A delivery that was sent.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) delivery: Delivery,
    /// Whether an expectation spoke of it.
    pub(super) expected: bool,
}

/// A delivery that waits.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) delivery: Delivery,
    pub(super) until: Timestamp,
}

/// A delivery that is not sent.
#[derive(Clone, Debug)]
pub(super) struct Stopped {
    pub(super) rule: Arc<str>,
    pub(super) connection: Arc<str>,
    pub(super) action: Arc<str>,
    pub(super) span: Option<grammar::Span>,
    pub(super) why: String,
}

/// Why a test fails; `None` when it holds.
pub(super) fn failure(plan: &Plan, world: &World, test: &Test, environment: &str) -> Option<Diagnostic> {
    let mut simulation = Simulation {
        plan,
        world,
        test,
        environment,
        now: test.at.unwrap_or(BEGIN),
        gates: Gates::default(),
        given: Given { payload: "{}".to_owned(), ..Given::default() },
        matched: Vec::new(),
        sent: Vec::new(),
        waiting: Vec::new(),
        stopped: Vec::new(),
    };
    test.steps.iter().find_map(|step| simulation.step(step))
}

impl Simulation<'_> {
    fn step(&mut self, step: &TestStep) -> Option<Diagnostic> {
        match &step.kind {
            TestStepKind::Given { event, resource, resource_id, payload } => {
                let count = self.given.count + 1;
                let (payload, file) = self.payload(payload);
                self.given = Given {
                    id: format!("evt_test_{count}"),
                    kind: Arc::clone(event),
                    resource: resource.clone(),
                    resource_id: resource_id.clone(),
                    time: self.now,
                    payload,
                    file,
                    count,
                };
                self.send(step)
            }
            TestStepKind::After(time) => {
                self.now = self.now.checked_add(*time).unwrap_or(Timestamp::MAX);
                self.release();
                None
            }
            expectation => expect::failure(self, expectation, step.span),
        }
    }

    /// The payload as JSON, and its file.
    fn payload(&self, payload: &TestPayload) -> (String, Option<Arc<str>>) {
        match payload {
            TestPayload::File(path) => {
                let source = self.plan.program.sources.iter().find(|source| *source.name == **path);
                let text = source.map(|source| source.text.trim_start_matches('\u{feff}').to_owned());
                (text.unwrap_or_default(), Some(Arc::clone(path)))
            }
            TestPayload::Value(expr) => {
                let mut json = String::new();
                // Nothing was sent yet that it could read, so it is asked about an empty event.
                let blank = Given { time: self.now, payload: "{}".to_owned(), ..Given::default() };
                let _ = blank.with_facts(self.plan, |facts| {
                    let frame = Frame::new(*facts, &[], self.test.locals);
                    write_json(&frame.value(expr), &mut json);
                });
                (json, None)
            }
        }
    }

    fn send(&mut self, step: &TestStep) -> Option<Diagnostic> {
        self.sent.clear();
        self.stopped.clear();
        let routed = self.given.with_facts(self.plan, |facts| {
            let mut matches = Matches::default();
            Interpreter.matches(facts, &mut matches);
            route(facts, &matches, &self.world.limits)
        });
        match routed {
            Ok(routed) => {
                self.take(routed);
                None
            }
            Err(error) => {
                Some(failures::event_refused(&self.test.title, step.span, self.given.file.as_deref(), &error))
            }
        }
    }

    fn take(&mut self, routed: Routed) {
        for out in routed.sampled_out {
            let why = "was outside its sample".to_owned();
            let (rule, connection, action) = (out.rule, out.connection, out.action);
            self.stopped.push(Stopped { rule, connection, action, span: None, why });
        }
        for delivery in routed.deliveries {
            let why = match (self.gates.admit(&delivery, self.now), &delivery.input) {
                (Admission::Send { .. }, Err(error)) => explain::no_input(error),
                (Admission::Send { not_before }, Ok(_)) => {
                    if not_before <= self.now {
                        self.sent.push(Sent { delivery, expected: false });
                    } else {
                        self.waiting.push(Waiting { delivery, until: not_before });
                    }
                    continue;
                }
                (Admission::Duplicate, _) => "a duplicate: `dedupe` saw its key before".to_owned(),
                (Admission::Throttled, _) => explain::throttled(&delivery),
                (Admission::OutsideHours, _) => "outside its hours, and `outside` says skip".to_owned(),
            };
            self.stopped.push(Stopped {
                rule: delivery.rule,
                connection: delivery.connection,
                action: delivery.action,
                span: Some(delivery.span),
                why,
            });
        }
        self.matched = routed.matched;
    }

    /// Sends what has waited long enough, the longest due first.
    fn release(&mut self) {
        let (mut due, waiting): (Vec<_>, Vec<_>) =
            self.waiting.drain(..).partition(|waiting| waiting.until <= self.now);
        self.waiting = waiting;
        due.sort_by_key(|waiting| waiting.until);
        self.sent.extend(due.into_iter().map(|due| Sent { delivery: due.delivery, expected: false }));
    }
}

impl Given {
    /// Asks about the event.
    ///
    /// # Errors
    /// When its payload is no JSON that a server would accept.
    pub(super) fn with_facts<T>(
        &self,
        plan: &Plan,
        ask: impl FnOnce(&Facts<'_, '_>) -> T,
    ) -> Result<T, crate::json::JsonError> {
        let event = Event {
            id: &self.id,
            kind: &self.kind,
            resource: self.resource.as_deref(),
            resource_id: self.resource_id.as_deref(),
            time: self.time,
            received_at: self.time,
            payload: self.payload.as_bytes(),
        };
        let slots = Slots::new(plan, event.payload)?;
        Ok(ask(&Facts { plan, event: &event, slots: &slots, lists: &StandIns(plan) }))
    }
}
