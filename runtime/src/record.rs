//! What the journal says, record by record, and its bytes.
//!
//! A record begins with the version of its encoding and its kind. Numbers are LEB128 varints, signed ones
//! zigzag; texts and byte strings have their length before them; `docs/journal.md` lists the fields.

pub mod glance;
pub(crate) mod take;
pub(crate) mod wire;

use compiler::gate::Tally;
use jiff::Timestamp;

use self::take::Take;
use self::wire::Put;
use crate::id::{DeliveryId, WorkspaceId};
use crate::journal::Position;
use crate::model::{AttemptRecord, DeliveryRecord, EventRecord, State};
use crate::node::accept::Identity;

/// The version of the encoding that is written. An unknown one is refused at start.
const VERSION: u8 = 4;

/// The oldest version that is read: events had no trace context. Until version 3, copies did not say where a
/// delivery was owed first.
const OLDEST_VERSION: u8 = 2;

/// One fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// An event was accepted, and this is owed for it.
    Accepted(Box<Owed>),
    /// A delivery is owed again, as another one. The event is repeated, because its own record may go first.
    Replayed(Box<Owed>),
    /// Deliveries of an event that wait, copied so that their old segment can go.
    Carried(Box<Carried>),
    /// An attempt began. Without an end to it, nobody knows what came of it.
    Started {
        /// Where it belongs.
        workspace: WorkspaceId,
        /// The delivery.
        delivery: DeliveryId,
        /// Which try, from 1.
        attempt: u32,
        /// When.
        at: Timestamp,
        /// The rate limit that it counts for.
        rate: Option<Tally>,
    },
    /// An attempt ended, and this is where its delivery stands now.
    Finished {
        /// Where it belongs.
        workspace: WorkspaceId,
        /// The attempt.
        attempt: AttemptRecord,
        /// Again, delivered or dead letter.
        state: State,
    },
    /// A delivery's state changed without an attempt.
    Settled {
        /// Where it belongs.
        workspace: WorkspaceId,
        /// The delivery.
        delivery: DeliveryId,
        /// Its last state.
        state: State,
        /// When.
        at: Timestamp,
    },
}

/// An event with what is owed for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owed {
    /// The event.
    pub event: EventRecord,
    /// What is owed.
    pub deliveries: Vec<DeliveryRecord>,
    /// Under which names it would be the same one.
    pub identity: Identity,
}

impl Owed {
    /// How many of its deliveries are to be sent: those that are skipped are settled from the beginning.
    #[must_use]
    pub fn owing(&self) -> u32 {
        let owing = self.deliveries.iter().filter(|delivery| delivery.skipped.is_none()).count();
        u32::try_from(owing).unwrap_or(u32::MAX)
    }
}

/// Deliveries of one event that wait, and how far they have come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carried {
    /// The event and those deliveries.
    pub owed: Owed,
    /// What each of them waits for, in the same order.
    pub waits: Vec<Waits>,
}

/// How far a delivery has come that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waits {
    /// Attempts made.
    pub attempts: u32,
    /// Not before this.
    pub due_at: Timestamp,
    /// Where it was owed first.
    pub origin: Origin,
}

/// Where a delivery was owed first. Lanes are in this order, wherever copies of it lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// The record that owed it; segment 0 when an earlier version has copied it without a word about it.
    pub position: Position,
    /// Which of that record's deliveries it was.
    pub index: u32,
}

impl Carried {
    /// The deliveries, each with its index in the record and what it waits for.
    pub fn each(&self) -> impl Iterator<Item = (u32, &DeliveryRecord, Waits)> {
        let deliveries = self.owed.deliveries.iter().zip(&self.waits);
        (0..).zip(deliveries).map(|(index, (delivery, waits))| (index, delivery, *waits))
    }
}

/// A record that this version does not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the record is of another version or not a record at all")]
pub struct NotARecord;

impl Record {
    /// The event with its deliveries, in the records that have them.
    #[must_use]
    pub fn owed(&self) -> Option<&Owed> {
        match self {
            Self::Accepted(owed) | Self::Replayed(owed) => Some(owed),
            Self::Carried(carried) => Some(&carried.owed),
            Self::Started { .. } | Self::Finished { .. } | Self::Settled { .. } => None,
        }
    }

    /// Its bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut put = Put::new(VERSION);
        match self {
            Self::Accepted(owed) => {
                put.byte(1);
                put.owed(owed);
            }
            Self::Replayed(owed) => {
                put.byte(2);
                put.owed(owed);
            }
            Self::Started { workspace, delivery, attempt, at, rate } => {
                put.byte(3);
                put.text(workspace.as_str());
                put.text(delivery.as_str());
                put.number(u64::from(*attempt));
                put.time(*at);
                put.option(rate.as_ref(), Put::tally);
            }
            Self::Finished { workspace, attempt, state } => {
                put.byte(4);
                put.text(workspace.as_str());
                put.attempt(attempt);
                put.state(state);
            }
            Self::Settled { workspace, delivery, state, at } => {
                put.byte(5);
                put.text(workspace.as_str());
                put.text(delivery.as_str());
                put.state(state);
                put.time(*at);
            }
            Self::Carried(carried) => {
                put.byte(6);
                put.owed(&carried.owed);
                for waits in &carried.waits {
                    put.number(u64::from(waits.attempts));
                    put.time(waits.due_at);
                    put.origin(&waits.origin);
                }
            }
        }
        put.done()
    }

    /// Reads it back.
    ///
    /// # Errors
    /// [`NotARecord`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NotARecord> {
        read(bytes).ok_or(NotARecord)
    }
}

fn read(bytes: &[u8]) -> Option<Record> {
    let mut take = Take::new(bytes);
    take.version()?;
    let record = match take.byte()? {
        1 => Record::Accepted(Box::new(take.owed()?.to_owed())),
        2 => Record::Replayed(Box::new(take.owed()?.to_owed())),
        3 => Record::Started {
            workspace: WorkspaceId::from_text(take.text()?),
            delivery: DeliveryId::from_text(take.text()?),
            attempt: take.number_32()?,
            at: take.time()?,
            rate: take.option(Take::tally)?,
        },
        4 => Record::Finished {
            workspace: WorkspaceId::from_text(take.text()?),
            attempt: take.attempt()?,
            state: take.state()?,
        },
        5 => Record::Settled {
            workspace: WorkspaceId::from_text(take.text()?),
            delivery: DeliveryId::from_text(take.text()?),
            state: take.state()?,
            at: take.time()?,
        },
        6 => {
            let owed = take.owed()?.to_owed();
            let waits = take.waits(owed.deliveries.len())?;
            Record::Carried(Box::new(Carried { owed, waits }))
        }
        _ => return None,
    };
    take.is_empty().then_some(record)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use compiler::gate::{GateKey, Gated, Once};

    use super::glance::Glance;
    use super::*;
    use crate::id::{ConnectionId, EventId, RevisionId};
    use crate::model::{DeadReason, Hours, Outcome, Policy, SkipReason, Timings};
    use crate::trace_context::TraceContext;

    fn tally() -> Tally {
        Tally { key: GateKey::new(&["k"]), allow: 3, every: Duration::from_millis(1_500) }
    }

    fn owed() -> Owed {
        let event = EventRecord {
            id: EventId::from_text("evt_é"),
            workspace: WorkspaceId::from_text("ws_1"),
            kind: "a.b".into(),
            resource: Some("r".into()),
            resource_id: None,
            time: "1969-12-31T23:59:59.999999999Z".parse().unwrap(),
            received_at: Timestamp::MAX,
            revision: Some(RevisionId::from_text("rev_1")),
            rules: vec!["one".into(), "".into()],
            payload: vec![0, 255, 10].into(),
            attributes: Some("{\"id\":\"1\"}".into()),
            trace_context: TraceContext::read(
                "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                Some("a=b"),
            ),
        };
        let tally = tally();
        let policy = Policy {
            attempts: u32::MAX,
            first_wait: Duration::from_nanos(1),
            longest_wait: Duration::from_secs(1 << 40),
            growth_thousandths: 1500,
            jitter_thousandths: 0,
            timeout: Duration::ZERO,
            expires: Duration::from_millis(300),
            weight: 16,
            idempotency_key: Some("key".into()),
            rate: Some(tally),
            order: Some(u64::MAX),
            hours: Some(Arc::new(Hours {
                zone: "Europe/Berlin".into(),
                open: vec![(0b001_1111, 540, 1080), (0x7f, 0, 1440)],
                except: vec![jiff::civil::date(2026, 12, 25), jiff::civil::Date::MIN],
            })),
        };
        let delivery = |input, skipped| DeliveryRecord {
            id: DeliveryId::from_text("dlv_1"),
            workspace: WorkspaceId::from_text("ws_1"),
            event: EventId::from_text("evt_é"),
            rule: "one".into(),
            key: "one/send/0".into(),
            connection: ConnectionId::from_text("con_1"),
            connection_name: "hook".into(),
            action: "send_webhook".into(),
            input,
            policy: policy.clone(),
            created_at: Timestamp::UNIX_EPOCH,
            due_at: Timestamp::MIN,
            replay_of: Some(DeliveryId::from_text("dlv_0")),
            gated: Gated {
                dedupe: Some(Once { key: GateKey::new(&["o"]), within: Duration::from_secs(9) }),
                throttle: Some(tally),
            },
            skipped,
        };
        let mut deliveries = vec![delivery(Ok("{}".into()), None), delivery(Err("no `x`".into()), None)];
        let reasons =
            [SkipReason::Duplicate, SkipReason::Throttled, SkipReason::Sampled, SkipReason::OutsideHours];
        deliveries.extend(reasons.map(|reason| delivery(Ok("{}".into()), Some(reason))));
        let identity = Identity { key: Some("k".into()), app_chose_id: true, body_hash: [7; 32] };
        Owed { event, deliveries, identity }
    }

    fn carried(at: Timestamp) -> Carried {
        let owed = owed();
        let origin = |index| Origin { position: Position { segment: 3, offset: 1_000 }, index };
        let waits = (0..).zip(&owed.deliveries);
        let waits = waits.map(|(attempts, _)| Waits { attempts, due_at: at, origin: origin(attempts + 200) });
        Carried { waits: waits.collect(), owed }
    }

    fn attempt(index: usize, outcome: Outcome, at: Timestamp) -> AttemptRecord {
        let some = |text: &str| index.is_multiple_of(2).then(|| text.into());
        AttemptRecord {
            delivery: DeliveryId::from_text("dlv_1"),
            number: index as u32,
            started_at: at,
            took_micros: u64::MAX,
            outcome,
            status: index.is_multiple_of(3).then_some(503),
            address: some("127.0.0.1:80"),
            response: some("body"),
            error: some("why"),
            timings: Timings {
                reused: index.is_multiple_of(2),
                dns_micros: index.is_multiple_of(4).then_some(300),
                connect_micros: Some(u64::MAX),
                tls_micros: None,
                first_byte_micros: Some(0),
            },
            connection_version: index as u64 * 1_000,
        }
    }

    fn records() -> Vec<Record> {
        let (workspace, delivery) = (WorkspaceId::from_text("ws_1"), DeliveryId::from_text("dlv_1"));
        let at: Timestamp = "2026-11-23T12:00:00.123456789Z".parse().unwrap();
        let mut records = vec![
            Record::Accepted(Box::new(owed())),
            Record::Replayed(Box::new(Owed { identity: Identity::default(), deliveries: vec![], ..owed() })),
            Record::Started {
                workspace: workspace.clone(),
                delivery: delivery.clone(),
                attempt: 300,
                at,
                rate: Some(tally()),
            },
            Record::Carried(Box::new(carried(at))),
        ];
        let reasons = [
            DeadReason::AttemptsExhausted,
            DeadReason::Rejected,
            DeadReason::Expired,
            DeadReason::MappingFailed,
            DeadReason::ConnectionUnusable,
            DeadReason::Discarded,
        ];
        let dead = reasons.into_iter().map(|reason| State::DeadLetter { reason });
        let states = [
            State::Waiting,
            State::InFlight { attempt: 2 },
            State::Again { at },
            State::Delivered,
            State::Skipped { reason: SkipReason::Throttled },
        ];
        for state in states.into_iter().chain(dead) {
            let (workspace, delivery) = (workspace.clone(), delivery.clone());
            records.push(Record::Settled { workspace, delivery, state, at });
        }
        use Outcome::*;
        let outcomes = [
            Delivered,
            DuplicateAccepted,
            Rejected,
            DestinationError,
            RateLimited,
            TimedOut,
            Unreachable,
            AddressRefused,
            TlsFailed,
            CredentialsRefused,
            MappingFailed,
            Unknown,
        ];
        for (index, outcome) in outcomes.into_iter().enumerate() {
            let attempt = attempt(index, outcome, at);
            records.push(Record::Finished { workspace: workspace.clone(), attempt, state: State::Delivered });
        }
        records
    }

    #[test]
    fn every_record_reads_back_as_it_was() {
        for record in records() {
            let bytes = record.to_bytes();
            assert!(Glance::of(&bytes).is_some(), "{record:?}");
            assert_eq!(Record::from_bytes(&bytes), Ok(record));
        }
    }

    /// The bytes of a record as versions 2 and 3 wrote them, and what is read from them.
    fn of_version(version: u8, mut record: Record) -> (Vec<u8>, Record) {
        let owed = match &mut record {
            Record::Accepted(owed) | Record::Replayed(owed) => Some(&mut **owed),
            Record::Carried(carried) => Some(&mut carried.owed),
            _ => None,
        };
        let had_context = version >= 3 || owed.is_none();
        if let Some(owed) = owed.filter(|_| !had_context) {
            owed.event.trace_context = None;
        }
        let waits = match &mut record {
            Record::Carried(carried) => std::mem::take(&mut carried.waits),
            _ => Vec::new(),
        };
        let mut bytes = record.to_bytes();
        if !had_context {
            // Behind the attributes: that there is no trace context.
            let attributes = br#"{"id":"1"}"#;
            let at = bytes.windows(attributes.len()).position(|bytes| bytes == attributes).unwrap();
            assert_eq!(bytes.remove(at + attributes.len()), 0);
        }
        let mut put = Put(bytes);
        for waits in &waits {
            put.number(u64::from(waits.attempts));
            put.time(waits.due_at);
        }
        if let Record::Carried(carried) = &mut record {
            carried.waits = waits.iter().map(|one| Waits { origin: Origin::default(), ..*one }).collect();
        }
        let mut bytes = put.done();
        bytes[0] = version;
        (bytes, record)
    }

    #[test]
    fn records_of_the_versions_before_are_read() {
        for (version, record) in [2, 3].into_iter().flat_map(|v| records().into_iter().map(move |r| (v, r))) {
            let (mut bytes, expected) = of_version(version, record);
            assert!(Glance::of(&bytes).is_some());
            assert_eq!(Record::from_bytes(&bytes), Ok(expected));
            bytes[0] = 1;
            assert_eq!(Record::from_bytes(&bytes), Err(NotARecord));
        }
    }

    #[test]
    fn whatever_is_not_a_record_is_refused_without_harm() {
        for record in records() {
            let bytes = record.to_bytes();
            for length in 0..bytes.len() {
                assert_eq!(
                    Record::from_bytes(&bytes[..length]),
                    Err(NotARecord),
                    "{record:?} cut at {length}"
                );
            }
            let mut longer = bytes.clone();
            longer.push(0);
            assert_eq!(Record::from_bytes(&longer), Err(NotARecord));
            for at in 0..bytes.len() {
                let mut flipped = bytes.clone();
                flipped[at] ^= 0x80;
                // The journal's checksums notice; here it is enough that nothing breaks.
                assert_eq!(Record::from_bytes(&flipped).is_ok(), Glance::of(&flipped).is_some());
            }
            let mut newer = bytes;
            newer[0] = VERSION + 1;
            assert_eq!(Record::from_bytes(&newer), Err(NotARecord));
        }
    }
}
