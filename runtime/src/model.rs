//! What the server speaks of: events as accepted, deliveries as owed, attempts as made.

mod hours;

use std::sync::Arc;
use std::time::Duration;

use compiler::gate::{Gated, Tally};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::hours::Hours;
use crate::id::{ConnectionId, DeliveryId, EventId, RevisionId, WorkspaceId};
use crate::trace_context::TraceContext;

/// An accepted event, as the journal keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRecord {
    /// Its id.
    pub id: EventId,
    /// Where it belongs.
    pub workspace: WorkspaceId,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: Arc<str>,
    /// What it is about.
    pub resource: Option<Arc<str>>,
    /// Which one.
    pub resource_id: Option<Arc<str>>,
    /// When it happened.
    pub time: Timestamp,
    /// When it was accepted.
    pub received_at: Timestamp,
    /// The revision that decided; `None` when the workspace had no rules.
    pub revision: Option<RevisionId>,
    /// The names of the rules that matched.
    pub rules: Vec<Arc<str>>,
    /// The payload's bytes as they came.
    pub payload: Arc<[u8]>,
    /// Attributes of a CloudEvent that nothing above holds, as a JSON object.
    pub attributes: Option<Arc<str>>,
    /// Its place in a distributed trace: what its attempts are children of.
    pub trace_context: Option<TraceContext>,
}

/// One obligation, as the journal keeps it: this event, to this connection, this action, this input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryRecord {
    /// Its id, also its `webhook-id`.
    pub id: DeliveryId,
    /// Where it belongs.
    pub workspace: WorkspaceId,
    /// The event.
    pub event: EventId,
    /// The rule that owes it.
    pub rule: Arc<str>,
    /// What tells it from the event's other deliveries: rule, action and label or position.
    pub key: Arc<str>,
    /// The connection's id at the time.
    pub connection: ConnectionId,
    /// The connection's name in the rule.
    pub connection_name: Arc<str>,
    /// The action.
    pub action: Arc<str>,
    /// The action's input as JSON text, or why it could not be made.
    pub input: Result<Arc<str>, Arc<str>>,
    /// What the rule asked for.
    pub policy: Policy,
    /// When it was owed.
    pub created_at: Timestamp,
    /// Not before this; expiry counts from here.
    pub due_at: Timestamp,
    /// The delivery that this one replays.
    pub replay_of: Option<DeliveryId>,
    /// What the gates count it by.
    pub gated: Gated,
    /// Why it is not sent at all; then it is settled from the beginning.
    pub skipped: Option<SkipReason>,
}

impl DeliveryRecord {
    /// Where it stands before anything has happened to it.
    #[must_use]
    pub fn first_state(&self) -> State {
        self.skipped.map_or(State::Waiting, |reason| State::Skipped { reason })
    }
}

/// A delivery's settings, evaluated: plain data.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Policy {
    /// Attempts in all, at least 1.
    pub attempts: u32,
    /// The wait after the first attempt.
    pub first_wait: Duration,
    /// No wait is longer.
    pub longest_wait: Duration,
    /// Each wait is the one before times this, in thousandths; at least 1000.
    pub growth_thousandths: u32,
    /// A wait is changed at random by up to this share in both directions, in thousandths; 0 to 1000.
    pub jitter_thousandths: u32,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// After this it is given up.
    pub expires: Duration,
    /// Its weight under pressure: 1, 4 or 16.
    pub weight: u8,
    /// Sent as `Idempotency-Key` where the integration supports one; the delivery's id without it.
    pub idempotency_key: Option<Arc<str>>,
    /// So many start in so long, under this key.
    pub rate: Option<Tally>,
    /// The hash of what it is ordered by on its connection.
    pub order: Option<u64>,
    /// Only in these hours.
    pub hours: Option<Arc<Hours>>,
}

impl Default for Policy {
    /// The language's defaults.
    fn default() -> Self {
        let settings = compiler::hir::Settings::default();
        Self {
            attempts: settings.retry.attempts,
            first_wait: settings.retry.first_wait,
            longest_wait: settings.retry.longest_wait,
            growth_thousandths: 2_000,
            jitter_thousandths: 200,
            timeout: settings.timeout,
            expires: settings.expires,
            weight: 4,
            idempotency_key: None,
            rate: None,
            order: None,
            hours: None,
        }
    }
}

/// Where a delivery stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// In its connection's queue.
    Waiting,
    /// An attempt is under way.
    InFlight {
        /// Which, from 1.
        attempt: u32,
    },
    /// It will be tried again.
    Again {
        /// When.
        at: Timestamp,
    },
    /// Done.
    Delivered,
    /// Given up; it can be replayed.
    DeadLetter {
        /// Why.
        reason: DeadReason,
    },
    /// Not sent, because its rule says so; it can be replayed, unless it was left out of a sample.
    Skipped {
        /// Why.
        reason: SkipReason,
    },
}

impl State {
    /// Whether nothing follows from it any more.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        match self {
            Self::Delivered | Self::DeadLetter { .. } | Self::Skipped { .. } => true,
            Self::Waiting | Self::InFlight { .. } | Self::Again { .. } => false,
        }
    }
}

/// Why a delivery that its rule could have sent is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// `dedupe`: one with its key was sent a short while ago.
    Duplicate,
    /// `throttle`: enough were sent lately.
    Throttled,
    /// `sample`: it is outside its rule's share.
    Sampled,
    /// `during`: it is outside its hours, and `outside` says skip.
    OutsideHours,
}

/// Why a delivery was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeadReason {
    /// The last attempt its policy allows failed.
    AttemptsExhausted,
    /// The destination refused it for good.
    Rejected,
    /// Its time ran out.
    Expired,
    /// Its input could not be made.
    MappingFailed,
    /// Its connection is gone, disabled or has no such action.
    ConnectionUnusable,
    /// An operator discarded it.
    Discarded,
}

/// One try of a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptRecord {
    /// The delivery.
    pub delivery: DeliveryId,
    /// Which try, from 1.
    pub number: u32,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took, in microseconds.
    pub took_micros: u64,
    /// What came of it.
    pub outcome: Outcome,
    /// The HTTP status, when there was an answer.
    pub status: Option<u16>,
    /// The address that was connected to; none with an egress proxy.
    pub address: Option<Arc<str>>,
    /// The beginning of the answer's body, at most [`RESPONSE_KEPT_BYTES_MAX`], lossy UTF-8.
    pub response: Option<Arc<str>>,
    /// The cause in words, for anything but success.
    pub error: Option<Arc<str>>,
    /// The connection's settings that were used, by [`version`](crate::deliver::target::Target::version); 0
    /// when there were none.
    pub connection_version: u64,
    /// Where the time went.
    pub timings: Timings,
}

/// Where the time of an attempt went, in microseconds. What was not reached, or not needed because a
/// connection was there already, is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timings {
    /// A TCP connection of an earlier attempt was used.
    pub reused: bool,
    /// Until the name was resolved.
    pub dns_micros: Option<u64>,
    /// From there until TCP was connected; through an egress proxy, until that was.
    pub connect_micros: Option<u64>,
    /// From there until TLS was set up.
    pub tls_micros: Option<u64>,
    /// From sending the request to the headers of the answer.
    pub first_byte_micros: Option<u64>,
}

/// So much of a receiver's answer is kept.
pub const RESPONSE_KEPT_BYTES_MAX: usize = 16 << 10;

/// What came of an attempt. Matched exhaustively; HTTP status alone cannot decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The destination took it.
    Delivered,
    /// The destination had it already.
    DuplicateAccepted,
    /// The destination refused it for good.
    Rejected,
    /// The destination failed.
    DestinationError,
    /// The destination asked to wait.
    RateLimited,
    /// No answer in time.
    TimedOut,
    /// No connection: refused, reset, name not found.
    Unreachable,
    /// The address is one that this server must not call.
    AddressRefused,
    /// TLS failed.
    TlsFailed,
    /// Credentials were refused.
    CredentialsRefused,
    /// The input could not be made.
    MappingFailed,
    /// The server stopped or crashed in the middle; it is sent again.
    Unknown,
}
