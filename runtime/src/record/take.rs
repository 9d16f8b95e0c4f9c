//! Bytes of records as fields.

use std::sync::Arc;
use std::time::Duration;

use compiler::gate::{GateKey, Gated, Once, Tally};
use jiff::Timestamp;
use jiff::civil::Date;

use super::glance::{DeliveryGlance, EventGlance, OwedGlance};
use super::{OLDEST_VERSION, Origin, VERSION, Waits};
use crate::engine::owe::Terms;
use crate::id::DeliveryId;
use crate::journal::Position;
use crate::model::{AttemptRecord, DeadReason, Hours, Outcome, Policy, SkipReason, State, Timings};
use crate::trace_context::TraceContext;

/// Reads fields. `None` is a field that is not there or not what it should be.
pub(crate) struct Take<'a> {
    left: &'a [u8],
    /// Of the record's encoding.
    version: u8,
}

impl<'a> Take<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { left: bytes, version: VERSION }
    }

    /// Reads the version of a record's encoding, if it is one that is read here.
    pub(super) fn version(&mut self) -> Option<()> {
        self.version = self.byte()?;
        (OLDEST_VERSION..=VERSION).contains(&self.version).then_some(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.left.split_first()?;
        self.left = rest;
        Some(*first)
    }

    pub(crate) fn number(&mut self) -> Option<u64> {
        // Most numbers are small.
        if let Some((first, rest)) = self.left.split_first()
            && *first < 0x80
        {
            self.left = rest;
            return Some(u64::from(*first));
        }
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

    pub(crate) fn number_32(&mut self) -> Option<u32> {
        u32::try_from(self.number()?).ok()
    }

    pub(crate) fn signed(&mut self) -> Option<i64> {
        let number = self.number()?;
        Some((number >> 1).cast_signed() ^ -((number & 1).cast_signed()))
    }

    pub(crate) fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (bytes, rest) = self.left.split_at_checked(length)?;
        self.left = rest;
        Some(bytes)
    }

    /// So many bytes, without a length before them.
    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.left.split_first_chunk::<N>()?;
        self.left = rest;
        Some(*array)
    }

    pub(crate) fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    fn shared(&mut self) -> Option<Arc<str>> {
        self.text().map(Into::into)
    }

    pub(crate) fn option<T>(&mut self, take: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
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

    pub(crate) fn flag(&mut self) -> Option<bool> {
        match self.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    pub(crate) fn time(&mut self) -> Option<Timestamp> {
        let second = self.signed()?;
        Timestamp::new(second, i32::try_from(self.signed()?).ok()?).ok()
    }

    fn duration(&mut self) -> Option<Duration> {
        let seconds = self.number()?;
        let nanos = self.number_32().filter(|nanos| *nanos < 1_000_000_000)?;
        Some(Duration::new(seconds, nanos))
    }

    pub(super) fn owed(&mut self) -> Option<OwedGlance<'a>> {
        let event = EventGlance {
            id: self.text()?,
            workspace: self.text()?,
            kind: self.text()?,
            resource: self.option(Self::text)?,
            resource_id: self.option(Self::text)?,
            time: self.time()?,
            received_at: self.time()?,
            revision: self.option(Self::text)?,
            rules: self.list(Self::text)?,
            payload: self.bytes()?,
            attributes: self.option(Self::text)?,
            trace_context: if self.version < 3 { None } else { self.option(Self::trace_context)? },
        };
        let deliveries = self.list(Self::delivery)?;
        let key = self.option(Self::text)?;
        let app_chose_id = self.flag()?;
        let body_hash = self.array()?;
        let (is_accepted, carried) = (false, Vec::new());
        Some(OwedGlance { event, deliveries, key, app_chose_id, body_hash, is_accepted, carried })
    }

    fn trace_context(&mut self) -> Option<TraceContext> {
        Some(TraceContext {
            trace_id: self.array()?,
            parent_id: self.array()?,
            flags: self.byte()?,
            state: self.option(Self::shared)?,
        })
    }

    /// What so many carried deliveries wait for.
    pub(super) fn waits(&mut self, deliveries: usize) -> Option<Vec<Waits>> {
        let one = |take: &mut Self| {
            let (attempts, due_at) = (take.number_32()?, take.time()?);
            let origin = if take.version < 4 { Origin::default() } else { take.origin()? };
            Some(Waits { attempts, due_at, origin })
        };
        (0..deliveries).map(|_| one(self)).collect()
    }

    /// Where a delivery was owed first.
    pub(crate) fn origin(&mut self) -> Option<Origin> {
        let (segment, offset) = (self.number_32()?, self.number_32()?);
        Some(Origin { position: Position { segment, offset }, index: self.number_32()? })
    }

    fn delivery(&mut self) -> Option<DeliveryGlance<'a>> {
        let (id, rule, key, connection) = (self.text()?, self.text()?, self.text()?, self.text()?);
        let (connection_name, action) = (self.text()?, self.text()?);
        let input = if self.flag()? { Ok(self.text()?) } else { Err(self.text()?) };
        let policy = Policy {
            attempts: self.number_32()?,
            first_wait: self.duration()?,
            longest_wait: self.duration()?,
            growth_thousandths: self.number_32()?,
            jitter_thousandths: self.number_32()?,
            timeout: self.duration()?,
            expires: self.duration()?,
            weight: self.byte()?,
            idempotency_key: None,
            rate: None,
            order: None,
            hours: None,
        };
        let idempotency_key = self.option(Self::text)?;
        let policy = Policy {
            rate: self.option(Self::tally)?,
            order: self.option(Self::number)?,
            hours: self.option(|take| take.hours().map(Arc::new))?,
            ..policy
        };
        Some(DeliveryGlance {
            id,
            rule,
            key,
            connection,
            connection_name,
            action,
            input,
            policy,
            idempotency_key,
            created_at: self.time()?,
            due_at: self.time()?,
            replay_of: self.option(Self::text)?,
            gated: Gated {
                dedupe: self.option(|take| Some(Once { key: take.key()?, within: take.duration()? }))?,
                throttle: self.option(Self::tally)?,
            },
            skipped: self.option(Self::skip_reason)?,
        })
    }

    /// What many deliveries share, as a checkpoint has it.
    pub(crate) fn terms(&mut self) -> Option<Terms> {
        Some(Terms {
            attempts: self.number_32()?,
            first_wait: self.duration()?,
            longest_wait: self.duration()?,
            growth_thousandths: self.number_32()?,
            jitter_thousandths: self.number_32()?,
            weight: self.byte()?,
            hours: self.option(|take| take.hours().map(Arc::new))?,
        })
    }

    fn key(&mut self) -> Option<GateKey> {
        self.array().map(GateKey::from_bytes)
    }

    pub(crate) fn tally(&mut self) -> Option<Tally> {
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

    /// The delivery and the number of an attempt whose other fields nobody wants.
    pub(super) fn attempt_passed(&mut self) -> Option<(&'a str, u32)> {
        let (delivery, number) = (self.text()?, self.number_32()?);
        self.time()?;
        self.number()?;
        self.outcome()?;
        self.option(|take| u16::try_from(take.number()?).ok())?;
        for _ in 0..3 {
            self.option(Self::text)?;
        }
        self.timings()?;
        self.number()?;
        Some((delivery, number))
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
            timings: self.timings()?,
            connection_version: self.number()?,
        })
    }

    fn timings(&mut self) -> Option<Timings> {
        Some(Timings {
            reused: self.flag()?,
            dns_micros: self.option(Self::number)?,
            connect_micros: self.option(Self::number)?,
            tls_micros: self.option(Self::number)?,
            first_byte_micros: self.option(Self::number)?,
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
