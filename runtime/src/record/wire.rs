//! Fields of records as bytes and back.

use std::sync::Arc;
use std::time::Duration;

use compiler::gate::{GateKey, Gated, Once, Tally};
use jiff::Timestamp;
use jiff::civil::Date;

use super::Owed;
use crate::id::{ConnectionId, DeliveryId, EventId, RevisionId, WorkspaceId};
use crate::model::{
    AttemptRecord, DeadReason, DeliveryRecord, EventRecord, Hours, Outcome, Policy, SkipReason, State,
    Timings,
};
use crate::node::accept::Identity;

/// Writes fields.
pub(super) struct Put(Vec<u8>);

impl Put {
    pub(super) fn new(version: u8) -> Self {
        Self(vec![version])
    }

    pub(super) fn done(self) -> Vec<u8> {
        self.0
    }

    pub(super) fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    pub(super) fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(u8::try_from(number & 0x7f).unwrap_or(0) | 0x80);
            number >>= 7;
        }
        self.0.push(u8::try_from(number).unwrap_or(0));
    }

    fn signed(&mut self, number: i64) {
        self.number(((number << 1) ^ (number >> 63)).cast_unsigned());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    pub(super) fn option<T: ?Sized>(&mut self, value: Option<&T>, put: impl FnOnce(&mut Self, &T)) {
        self.byte(u8::from(value.is_some()));
        if let Some(value) = value {
            put(self, value);
        }
    }

    fn option_text(&mut self, text: Option<&str>) {
        self.option(text, Self::text);
    }

    pub(super) fn time(&mut self, at: Timestamp) {
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
        self.number(owed.deliveries.len() as u64);
        for delivery in &owed.deliveries {
            self.delivery(delivery);
        }
        self.option_text(owed.identity.key.as_deref());
        self.byte(u8::from(owed.identity.app_chose_id));
        self.0.extend_from_slice(&owed.identity.body_hash);
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

    pub(super) fn tally(&mut self, tally: &Tally) {
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

/// Reads fields. `None` is a field that is not there or not what it should be.
pub(super) struct Take<'a>(&'a [u8]);

impl<'a> Take<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    pub(super) fn number_32(&mut self) -> Option<u32> {
        u32::try_from(self.number()?).ok()
    }

    fn signed(&mut self) -> Option<i64> {
        let number = self.number()?;
        Some((number >> 1).cast_signed() ^ -((number & 1).cast_signed()))
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    pub(super) fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    fn shared(&mut self) -> Option<Arc<str>> {
        self.text().map(Into::into)
    }

    pub(super) fn option<T>(&mut self, take: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        match self.byte()? {
            0 => Some(None),
            1 => take(self).map(Some),
            _ => None,
        }
    }

    fn list<T>(&mut self, mut take: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let length = self.number()?;
        // Every element takes a byte at least, so a wrong length cannot make a large list.
        (0..length).map(|_| take(self)).collect()
    }

    fn flag(&mut self) -> Option<bool> {
        match self.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    pub(super) fn time(&mut self) -> Option<Timestamp> {
        let second = self.signed()?;
        Timestamp::new(second, i32::try_from(self.signed()?).ok()?).ok()
    }

    fn duration(&mut self) -> Option<Duration> {
        let seconds = self.number()?;
        let nanos = self.number_32().filter(|nanos| *nanos < 1_000_000_000)?;
        Some(Duration::new(seconds, nanos))
    }

    pub(super) fn owed(&mut self) -> Option<Owed> {
        let event = EventRecord {
            id: EventId::from_text(self.text()?),
            workspace: WorkspaceId::from_text(self.text()?),
            kind: self.shared()?,
            resource: self.option(Self::shared)?,
            resource_id: self.option(Self::shared)?,
            time: self.time()?,
            received_at: self.time()?,
            revision: self.option(Self::text)?.map(RevisionId::from_text),
            rules: self.list(Self::shared)?,
            payload: self.bytes()?.into(),
            attributes: self.option(Self::shared)?,
        };
        let deliveries = self.list(|take| take.delivery(&event))?;
        let key = self.option(Self::shared)?;
        let app_chose_id = self.flag()?;
        let (body_hash, rest) = self.0.split_first_chunk::<32>()?;
        self.0 = rest;
        Some(Owed { event, deliveries, identity: Identity { key, app_chose_id, body_hash: *body_hash } })
    }

    fn delivery(&mut self, event: &EventRecord) -> Option<DeliveryRecord> {
        Some(DeliveryRecord {
            id: DeliveryId::from_text(self.text()?),
            workspace: event.workspace.clone(),
            event: event.id.clone(),
            rule: self.shared()?,
            key: self.shared()?,
            connection: ConnectionId::from_text(self.text()?),
            connection_name: self.shared()?,
            action: self.shared()?,
            input: if self.flag()? { Ok(self.shared()?) } else { Err(self.shared()?) },
            policy: Policy {
                attempts: self.number_32()?,
                first_wait: self.duration()?,
                longest_wait: self.duration()?,
                growth_thousandths: self.number_32()?,
                jitter_thousandths: self.number_32()?,
                timeout: self.duration()?,
                expires: self.duration()?,
                weight: self.byte()?,
                idempotency_key: self.option(Self::shared)?,
                rate: self.option(Self::tally)?,
                order: self.option(Self::number)?,
                hours: self.option(|take| take.hours().map(Arc::new))?,
            },
            created_at: self.time()?,
            due_at: self.time()?,
            replay_of: self.option(Self::text)?.map(DeliveryId::from_text),
            gated: Gated {
                dedupe: self.option(|take| Some(Once { key: take.key()?, within: take.duration()? }))?,
                throttle: self.option(Self::tally)?,
            },
            skipped: self.option(Self::skip_reason)?,
        })
    }

    fn key(&mut self) -> Option<GateKey> {
        let (key, rest) = self.0.split_first_chunk::<16>()?;
        self.0 = rest;
        Some(GateKey::from_bytes(*key))
    }

    pub(super) fn tally(&mut self) -> Option<Tally> {
        Some(Tally { key: self.key()?, allow: self.number_32()?, every: self.duration()? })
    }

    fn hours(&mut self) -> Option<Hours> {
        let small = |take: &mut Self| u16::try_from(take.number()?).ok();
        Some(Hours {
            zone: self.shared()?,
            open: self.list(|take| Some((take.byte()?, small(take)?, small(take)?)))?,
            except: self.list(|take| {
                let (year, month, day) = (take.signed()?, take.byte()?, take.byte()?);
                Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
            })?,
        })
    }

    fn skip_reason(&mut self) -> Option<SkipReason> {
        Some(match self.byte()? {
            0 => SkipReason::Duplicate,
            1 => SkipReason::Throttled,
            2 => SkipReason::Sampled,
            3 => SkipReason::OutsideHours,
            _ => return None,
        })
    }

    pub(super) fn attempt(&mut self) -> Option<AttemptRecord> {
        Some(AttemptRecord {
            delivery: DeliveryId::from_text(self.text()?),
            number: self.number_32()?,
            started_at: self.time()?,
            took_micros: self.number()?,
            outcome: self.outcome()?,
            status: self.option(|take| u16::try_from(take.number()?).ok())?,
            address: self.option(Self::shared)?,
            response: self.option(Self::shared)?,
            error: self.option(Self::shared)?,
            timings: Timings {
                reused: self.flag()?,
                dns_micros: self.option(Self::number)?,
                connect_micros: self.option(Self::number)?,
                tls_micros: self.option(Self::number)?,
                first_byte_micros: self.option(Self::number)?,
            },
        })
    }

    fn outcome(&mut self) -> Option<Outcome> {
        Some(match self.byte()? {
            0 => Outcome::Delivered,
            1 => Outcome::DuplicateAccepted,
            2 => Outcome::Rejected,
            3 => Outcome::DestinationError,
            4 => Outcome::RateLimited,
            5 => Outcome::TimedOut,
            6 => Outcome::Unreachable,
            7 => Outcome::AddressRefused,
            8 => Outcome::TlsFailed,
            9 => Outcome::CredentialsRefused,
            10 => Outcome::MappingFailed,
            11 => Outcome::Unknown,
            _ => return None,
        })
    }

    pub(super) fn state(&mut self) -> Option<State> {
        Some(match self.byte()? {
            0 => State::Waiting,
            1 => State::InFlight { attempt: self.number_32()? },
            2 => State::Again { at: self.time()? },
            3 => State::Delivered,
            4 => State::DeadLetter {
                reason: match self.byte()? {
                    0 => DeadReason::AttemptsExhausted,
                    1 => DeadReason::Rejected,
                    2 => DeadReason::Expired,
                    3 => DeadReason::MappingFailed,
                    4 => DeadReason::ConnectionUnusable,
                    5 => DeadReason::Discarded,
                    _ => return None,
                },
            },
            5 => State::Skipped { reason: self.skip_reason()? },
            _ => return None,
        })
    }
}
