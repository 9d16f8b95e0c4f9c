//! Fields of records as bytes.

use std::time::Duration;

use compiler::gate::Tally;
use jiff::Timestamp;

use super::{Origin, Owed};
use crate::engine::owe::Terms;
use crate::id::{DeliveryId, RevisionId};
use crate::model::{AttemptRecord, DeadReason, DeliveryRecord, Hours, Outcome, SkipReason, State, Timings};
use crate::trace_context::TraceContext;

/// Writes fields.
#[derive(Default)]
pub(crate) struct Put(pub(crate) Vec<u8>);

impl Put {
    pub(super) fn new(version: u8) -> Self {
        let mut bytes = Vec::with_capacity(512);
        bytes.push(version);
        Self(bytes)
    }

    pub(super) fn done(self) -> Vec<u8> {
        self.0
    }

    pub(crate) fn origin(&mut self, origin: &Origin) {
        self.number(u64::from(origin.position.segment));
        self.number(u64::from(origin.position.offset));
        self.number(u64::from(origin.index));
    }

    pub(crate) fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    pub(crate) fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(u8::try_from(number & 0x7f).unwrap_or(0) | 0x80);
            number >>= 7;
        }
        self.0.push(u8::try_from(number).unwrap_or(0));
    }

    pub(crate) fn signed(&mut self, number: i64) {
        self.number(((number << 1) ^ (number >> 63)).cast_unsigned());
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    pub(crate) fn option<T: ?Sized>(&mut self, value: Option<&T>, put: impl FnOnce(&mut Self, &T)) {
        self.byte(u8::from(value.is_some()));
        if let Some(value) = value {
            put(self, value);
        }
    }

    fn option_text(&mut self, text: Option<&str>) {
        self.option(text, Self::text);
    }

    pub(crate) fn time(&mut self, at: Timestamp) {
        self.signed(at.as_second());
        self.signed(i64::from(at.subsec_nanosecond()));
    }

    fn duration(&mut self, duration: Duration) {
        self.number(duration.as_secs());
        self.number(u64::from(duration.subsec_nanos()));
    }

    pub(super) fn owed(&mut self, owed: &Owed) {
        let event = &owed.event;
        self.text(event.id.as_str());
        self.text(event.workspace.as_str());
        self.text(&event.kind);
        self.option_text(event.resource.as_deref());
        self.option_text(event.resource_id.as_deref());
        self.time(event.time);
        self.time(event.received_at);
        self.option_text(event.revision.as_ref().map(RevisionId::as_str));
        self.number(event.rules.len() as u64);
        for rule in &event.rules {
            self.text(rule);
        }
        self.bytes(&event.payload);
        self.option_text(event.attributes.as_deref());
        self.option(event.trace_context.as_ref(), Self::trace_context);
        self.number(owed.deliveries.len() as u64);
        for delivery in &owed.deliveries {
            self.delivery(delivery);
        }
        self.option_text(owed.identity.key.as_deref());
        self.byte(u8::from(owed.identity.app_chose_id));
        self.0.extend_from_slice(&owed.identity.body_hash);
    }

    fn trace_context(&mut self, context: &TraceContext) {
        self.0.extend_from_slice(&context.trace_id);
        self.0.extend_from_slice(&context.parent_id);
        self.byte(context.flags);
        self.option_text(context.state.as_deref());
    }

    /// Event and workspace are the record's.
    fn delivery(&mut self, delivery: &DeliveryRecord) {
        self.text(delivery.id.as_str());
        self.text(&delivery.rule);
        self.text(&delivery.key);
        self.text(delivery.connection.as_str());
        self.text(&delivery.connection_name);
        self.text(&delivery.action);
        self.byte(u8::from(delivery.input.is_ok()));
        self.text(match &delivery.input {
            Ok(text) | Err(text) => text,
        });
        let policy = &delivery.policy;
        self.number(u64::from(policy.attempts));
        self.duration(policy.first_wait);
        self.duration(policy.longest_wait);
        self.number(u64::from(policy.growth_thousandths));
        self.number(u64::from(policy.jitter_thousandths));
        self.duration(policy.timeout);
        self.duration(policy.expires);
        self.byte(policy.weight);
        self.option_text(policy.idempotency_key.as_deref());
        self.option(policy.rate.as_ref(), Self::tally);
        self.option(policy.order.as_ref(), |put, order| put.number(*order));
        self.option(policy.hours.as_deref(), Self::hours);
        self.time(delivery.created_at);
        self.time(delivery.due_at);
        self.option_text(delivery.replay_of.as_ref().map(DeliveryId::as_str));
        self.option(delivery.gated.dedupe.as_ref(), |put, once| {
            put.0.extend_from_slice(&once.key.bytes());
            put.duration(once.within);
        });
        self.option(delivery.gated.throttle.as_ref(), Self::tally);
        self.option(delivery.skipped.as_ref(), |put, reason| put.byte(skip_code(*reason)));
    }

    /// What many deliveries share, as a checkpoint has it.
    pub(crate) fn terms(&mut self, terms: &Terms) {
        self.number(u64::from(terms.attempts));
        self.duration(terms.first_wait);
        self.duration(terms.longest_wait);
        self.number(u64::from(terms.growth_thousandths));
        self.number(u64::from(terms.jitter_thousandths));
        self.byte(terms.weight);
        self.option(terms.hours.as_deref(), Self::hours);
    }

    pub(crate) fn tally(&mut self, tally: &Tally) {
        self.0.extend_from_slice(&tally.key.bytes());
        self.number(u64::from(tally.allow));
        self.duration(tally.every);
    }

    fn hours(&mut self, hours: &Hours) {
        self.text(&hours.zone);
        self.number(hours.open.len() as u64);
        for &(days, from, to) in &hours.open {
            self.byte(days);
            self.number(u64::from(from));
            self.number(u64::from(to));
        }
        self.number(hours.except.len() as u64);
        for day in &hours.except {
            self.signed(i64::from(day.year()));
            self.byte(day.month().unsigned_abs());
            self.byte(day.day().unsigned_abs());
        }
    }

    pub(super) fn attempt(&mut self, attempt: &AttemptRecord) {
        self.text(attempt.delivery.as_str());
        self.number(u64::from(attempt.number));
        self.time(attempt.started_at);
        self.number(attempt.took_micros);
        self.byte(outcome_code(attempt.outcome));
        self.option(attempt.status.as_ref(), |put, status| put.number(u64::from(*status)));
        self.option_text(attempt.address.as_deref());
        self.option_text(attempt.response.as_deref());
        self.option_text(attempt.error.as_deref());
        self.timings(&attempt.timings);
        self.number(attempt.connection_version);
    }

    fn timings(&mut self, timings: &Timings) {
        let Timings { reused, dns_micros, connect_micros, tls_micros, first_byte_micros } = timings;
        self.byte(u8::from(*reused));
        for micros in [dns_micros, connect_micros, tls_micros, first_byte_micros] {
            self.option(micros.as_ref(), |put, micros| put.number(*micros));
        }
    }

    pub(super) fn state(&mut self, state: &State) {
        match state {
            State::Waiting => self.byte(0),
            State::InFlight { attempt } => {
                self.byte(1);
                self.number(u64::from(*attempt));
            }
            State::Again { at } => {
                self.byte(2);
                self.time(*at);
            }
            State::Delivered => self.byte(3),
            State::DeadLetter { reason } => {
                self.byte(4);
                self.byte(match reason {
                    DeadReason::AttemptsExhausted => 0,
                    DeadReason::Rejected => 1,
                    DeadReason::Expired => 2,
                    DeadReason::MappingFailed => 3,
                    DeadReason::ConnectionUnusable => 4,
                    DeadReason::Discarded => 5,
                });
            }
            State::Skipped { reason } => {
                self.byte(5);
                self.byte(skip_code(*reason));
            }
        }
    }
}

fn skip_code(reason: SkipReason) -> u8 {
    match reason {
        SkipReason::Duplicate => 0,
        SkipReason::Throttled => 1,
        SkipReason::Sampled => 2,
        SkipReason::OutsideHours => 3,
    }
}

fn outcome_code(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Delivered => 0,
        Outcome::DuplicateAccepted => 1,
        Outcome::Rejected => 2,
        Outcome::DestinationError => 3,
        Outcome::RateLimited => 4,
        Outcome::TimedOut => 5,
        Outcome::Unreachable => 6,
        Outcome::AddressRefused => 7,
        Outcome::TlsFailed => 8,
        Outcome::CredentialsRefused => 9,
        Outcome::MappingFailed => 10,
        Outcome::Unknown => 11,
    }
}
