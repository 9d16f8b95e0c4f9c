//! The statements of a rule that holds.

use std::fmt::Write as _;
use std::sync::Arc;

use super::{Delivery, Ignored, Overflow, OverflowKind, Routed, SampledOut, input, settings};
use crate::eval::{Facts, Frame};
use crate::hir::{Deliver, DeliveryKey, Statement};
use crate::world::Limits;

/// So many elements of a `for each` are taken when it names no limit.
const ELEMENTS_MAX: u64 = 100;

/// Collects what an event causes, up to its limits.
pub(super) struct Router<'a, 'e> {
    facts: Facts<'a, 'e>,
    limits: &'a Limits,
    pub(super) routed: Routed,
    /// Bytes of all inputs so far.
    bytes: usize,
}

/// One rule's body being run.
struct Run<'r, 'a, 'e> {
    rule: &'r Arc<str>,
    frame: &'r Frame<'a, 'e>,
    /// The elements that the enclosing loops stand on, outermost first.
    elements: Vec<usize>,
}

impl<'a, 'e> Router<'a, 'e> {
    pub(super) fn new(facts: Facts<'a, 'e>, limits: &'a Limits) -> Self {
        Self { facts, limits, routed: Routed::default(), bytes: 0 }
    }

    /// Runs a body whose condition holds.
    pub(super) fn run(&mut self, rule: &Arc<str>, frame: &Frame<'a, 'e>, body: &'a [Statement]) {
        self.routed.matched.push(Arc::clone(rule));
        self.statements(&mut Run { rule, frame, elements: Vec::new() }, body);
    }

    fn statements(&mut self, run: &mut Run<'_, 'a, 'e>, body: &'a [Statement]) {
        for statement in body {
            match statement {
                Statement::Deliver(deliver) => self.deliver(run, deliver),
                Statement::Choose { arms, otherwise } => {
                    let arm = arms.iter().find(|(guard, _)| run.frame.answer(guard).is_yes());
                    self.statements(run, arm.map_or(otherwise, |(_, body)| body));
                }
                Statement::ForEach { .. } => self.for_each(run, statement),
                Statement::Ignore { reason } => {
                    self.routed.ignored.push(Ignored { rule: Arc::clone(run.rule), reason: reason.clone() });
                }
            }
        }
    }

    fn for_each(&mut self, run: &mut Run<'_, 'a, 'e>, statement: &'a Statement) {
        let Statement::ForEach { local, list, filter, limit, body } = statement else { return };
        let limit = limit.unwrap_or(ELEMENTS_MAX);
        let frame = run.frame;
        let list = frame.value(list).into_owned();
        let (mut taken, mut left) = (0, 0);
        frame.each(*local, &list, |at| {
            let wanted = filter.as_ref().is_none_or(|filter| frame.answer(filter).is_yes());
            if wanted && taken < limit {
                taken += 1;
                run.elements.push(at);
                self.statements(run, body);
                run.elements.pop();
            } else if wanted {
                left += 1;
            }
            None::<()>
        });
        if left > 0 {
            self.overflow(run.rule, OverflowKind::Elements { taken, left });
        }
    }

    fn deliver(&mut self, run: &Run<'_, 'a, 'e>, deliver: &'a Deliver) {
        let frame = run.frame;
        if deliver.condition.as_ref().is_some_and(|condition| !frame.answer(condition).is_yes()) {
            return;
        }
        let Some(connection) = self.facts.plan.program.connections.get(deliver.connection.0 as usize) else {
            return;
        };
        let key = key(run, &connection.name, deliver);
        if let Some(sample) = &deliver.settings.sample
            && !settings::is_sampled(frame, sample, run.rule)
        {
            self.routed.sampled_out.push(SampledOut {
                rule: Arc::clone(run.rule),
                connection: Arc::clone(&connection.name),
                action: Arc::clone(&deliver.action),
                key,
            });
            return;
        }
        if self.routed.deliveries.len() >= self.limits.deliveries_per_event_max {
            return self.overflow(run.rule, OverflowKind::Deliveries { left: 1 });
        }
        let (input, skipped_fields) = input::input(frame, deliver, self.limits.delivery_bytes_max);
        let bytes = input.as_ref().map_or(0, |input| input.len());
        if self.bytes + bytes > self.limits.event_output_bytes_max {
            return self.overflow(run.rule, OverflowKind::Bytes { left: 1 });
        }
        self.bytes += bytes;
        self.routed.deliveries.push(Delivery {
            rule: Arc::clone(run.rule),
            connection: Arc::clone(&connection.name),
            integration: Arc::clone(&connection.integration),
            action: Arc::clone(&deliver.action),
            key,
            input,
            skipped_fields,
            settings: settings::evaluate(frame, &deliver.settings),
            span: deliver.span,
        });
    }

    /// Deliveries that one rule loses for one reason are one entry.
    fn overflow(&mut self, rule: &Arc<str>, kind: OverflowKind) {
        for known in self.routed.overflow.iter_mut().filter(|known| known.rule == *rule) {
            match (&mut known.kind, kind) {
                (OverflowKind::Deliveries { left }, OverflowKind::Deliveries { left: more })
                | (OverflowKind::Bytes { left }, OverflowKind::Bytes { left: more }) => {
                    *left += more;
                    return;
                }
                _ => {}
            }
        }
        self.routed.overflow.push(Overflow { rule: Arc::clone(rule), kind });
    }
}

fn key(run: &Run<'_, '_, '_>, connection: &str, deliver: &Deliver) -> Box<str> {
    let mut key = format!("{}/{connection}.{}/", run.rule, deliver.action);
    // Writing to a String cannot fail.
    let _ = match &deliver.key {
        DeliveryKey::Label(label) => write!(key, "{label}"),
        DeliveryKey::Position(position) => write!(key, "{position}"),
    };
    for element in &run.elements {
        let _ = write!(key, "/{element}");
    }
    key.into()
}
