//! What a node tells about the past and the present.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use super::gates::Skipped;
use crate::id::{ConnectionId, DeliveryId, EventId, RevisionId, WorkspaceId};
use crate::model::{AttemptRecord, Outcome, Policy, State};
use crate::rules::condition::Condition;

/// Where a page begins and how long it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Only what is older than this; from [`Page::next`]. It stays right when things are added or dropped.
    pub before: Option<u64>,
    /// Items of the page at most.
    pub limit: usize,
}

/// One page of a list, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// Its items.
    pub items: Vec<T>,
    /// [`Cursor::before`] of the next page; `None` at the end.
    pub next: Option<u64>,
}

/// Which events are wanted; an empty filter wants all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// This one.
    pub id: Option<EventId>,
    /// Of this type.
    pub kind: Option<Arc<str>>,
    /// About this kind of thing.
    pub resource: Option<Arc<str>>,
    /// About this one.
    pub resource_id: Option<Arc<str>>,
    /// Decided by this revision.
    pub revision: Option<RevisionId>,
    /// Accepted then.
    pub time: TimeRange,
    /// For which this holds. Each candidate is read from the journal.
    pub condition: Option<Arc<Condition>>,
}

/// Which deliveries are wanted; an empty filter wants all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// Of this event.
    pub event: Option<EventId>,
    /// To this connection.
    pub connection: Option<ConnectionId>,
    /// Owed by this rule.
    pub rule: Option<Arc<str>>,
    /// In this kind of state.
    pub state: Option<StateKind>,
    /// Whose last attempt ended so.
    pub outcome: Option<Outcome>,
    /// Of events of this type.
    pub kind: Option<Arc<str>>,
    /// Of events about this kind of thing.
    pub resource: Option<Arc<str>>,
    /// Of events about this one.
    pub resource_id: Option<Arc<str>>,
    /// Decided by this revision.
    pub revision: Option<RevisionId>,
    /// Owed then.
    pub time: TimeRange,
    /// Of events for which this holds. Each candidate is read from the journal.
    pub condition: Option<Arc<Condition>>,
}

/// A span of time, open where nothing is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeRange {
    /// Not before this.
    pub after: Option<Timestamp>,
    /// Before this.
    pub before: Option<Timestamp>,
}

/// The states without what they carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StateKind {
    /// [`State::Waiting`].
    Waiting,
    /// [`State::InFlight`].
    InFlight,
    /// [`State::Again`].
    Again,
    /// [`State::Delivered`].
    Delivered,
    /// [`State::DeadLetter`].
    DeadLetter,
    /// [`State::Skipped`].
    Skipped,
}

impl StateKind {
    /// Whether there is nothing more to be done for it.
    #[must_use]
    pub fn is_settled(self) -> bool {
        match self {
            Self::Waiting | Self::InFlight | Self::Again => false,
            Self::Delivered | Self::DeadLetter | Self::Skipped => true,
        }
    }

    /// All of them, as queries name them.
    pub const ALL: &[(&str, Self)] = &[
        ("waiting", Self::Waiting),
        ("in_flight", Self::InFlight),
        ("again", Self::Again),
        ("delivered", Self::Delivered),
        ("dead_letter", Self::DeadLetter),
        ("skipped", Self::Skipped),
    ];

    /// Which kind a state is.
    #[must_use]
    pub fn of(state: &State) -> Self {
        match state {
            State::Waiting => Self::Waiting,
            State::InFlight { .. } => Self::InFlight,
            State::Again { .. } => Self::Again,
            State::Delivered => Self::Delivered,
            State::DeadLetter { .. } => Self::DeadLetter,
            State::Skipped { .. } => Self::Skipped,
        }
    }
}

/// An event without its payload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EventView {
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
    /// The revision that decided.
    pub revision: Option<RevisionId>,
    /// The names of the rules that matched.
    pub rules: Arc<[Arc<str>]>,
    /// Bytes of its payload.
    pub payload_bytes: u32,
    /// Its deliveries, replays not counted.
    pub deliveries: Arc<[DeliveryId]>,
    /// Attributes of a CloudEvent that nothing above holds, as a JSON object.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_json")]
    pub attributes: Option<Arc<str>>,
    /// Its place in a distributed trace, as `traceparent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

/// Writes JSON text as the JSON it is.
fn as_json<S: serde::Serializer>(text: &Option<Arc<str>>, to: S) -> Result<S::Ok, S::Error> {
    let json = text.as_deref().map(serde_json::from_str::<&serde_json::value::RawValue>).transpose();
    json.map_err(serde::ser::Error::custom)?.serialize(to)
}

/// A delivery without its input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeliveryView {
    /// Its id.
    pub id: DeliveryId,
    /// Where it belongs.
    pub workspace: WorkspaceId,
    /// The event.
    pub event: EventId,
    /// The rule that owes it.
    pub rule: Arc<str>,
    /// What tells it from the event's other deliveries.
    pub key: Arc<str>,
    /// The connection's id.
    pub connection: ConnectionId,
    /// The connection's name in the rule.
    pub connection_name: Arc<str>,
    /// The action.
    pub action: Arc<str>,
    /// What the rule asked for.
    #[serde(skip)]
    pub policy: Policy,
    /// When it was owed.
    pub created_at: Timestamp,
    /// The delivery that this one replays.
    pub replay_of: Option<DeliveryId>,
    /// Where it stands.
    #[serde(flatten)]
    pub state: State,
    /// Attempts made.
    pub attempts: u32,
    /// When its state last changed.
    pub changed_at: Timestamp,
}

/// Something that just happened, durably.
#[derive(Clone, Debug)]
pub enum Feed {
    /// An event was accepted.
    Event(Arc<EventView>),
    /// An attempt began.
    Started {
        /// The workspace.
        workspace: WorkspaceId,
        /// The delivery.
        delivery: DeliveryId,
        /// Which try, from 1.
        attempt: u32,
    },
    /// An attempt ended.
    Attempt {
        /// The delivery, in its new state.
        delivery: Arc<DeliveryView>,
        /// The attempt.
        attempt: Arc<AttemptRecord>,
    },
    /// A delivery changed its state without an attempt: discarded, expired, its input could not be made …
    Settled(Arc<DeliveryView>),
}

/// Counts of a node and its health.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The journal failed: nothing is accepted any more.
    pub failing: bool,
    /// It is shutting down.
    pub stopping: bool,
    /// Deliveries that are not settled.
    pub pending: u64,
    /// Attempts under way.
    pub in_flight: u64,
    /// Events in the listing.
    pub events: u64,
    /// Deliveries in the listing.
    pub deliveries: u64,
    /// Dead letters in the listing.
    pub dead_letters: u64,
    /// Deliveries that were skipped.
    pub skipped: Skipped,
    /// Records that are durable and that lists do not show yet.
    pub history_behind: u64,
    /// Segments of the journal that are still to be indexed.
    pub history_segments_behind: u64,
    /// Bytes of the journal's segments.
    pub journal_bytes: u64,
    /// A finished segment of the journal is damaged: which, where, and what is wrong.
    pub journal_damage: Option<String>,
}
