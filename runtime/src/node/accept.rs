//! What goes into a node, and the ways in which it says yes or no.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::id::{DeliveryId, EventId};
use crate::model::{DeliveryRecord, EventRecord, SkipReason};

/// An event to be kept, with everything that is owed for it.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// The event.
    pub event: EventRecord,
    /// What its rules owe. Each carries the event's id and workspace.
    pub deliveries: Vec<DeliveryRecord>,
    /// Under which names a second one like it would be the same one.
    pub identity: Identity,
}

/// What makes a repeated request the same request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The `Idempotency-Key` of the request; for a list, with the event's position in it.
    pub key: Option<Arc<str>>,
    /// Whether the app chose the event's id; then that id counts, too.
    pub app_chose_id: bool,
    /// SHA-256 of what was sent, so that a key that is used for something else is noticed. Zeros where there
    /// is neither a key nor an id of the app's.
    pub body_hash: [u8; 32],
}

impl Identity {
    /// Whether there is a name that the same request would come under again.
    #[must_use]
    pub fn has_names(&self) -> bool {
        self.key.is_some() || self.app_chose_id
    }
}

/// A durable event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Accepted {
    /// Its id; for a repeated request the first one's.
    pub event: EventId,
    /// Its deliveries; for a repeated request the first one's.
    pub deliveries: Arc<[DeliveryId]>,
    /// It was there already, and nothing was added.
    pub repeated: bool,
    /// Which of them are not sent, and why; of a repeated request the history knows.
    #[serde(skip)]
    pub skipped: Vec<(DeliveryId, SkipReason)>,
}

/// The key or the event's id was used before, for another body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Conflict {
    /// The event that has it.
    pub event: EventId,
    /// Which of the two it was.
    pub by: ConflictBy,
}

/// What was used before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ConflictBy {
    /// The request's `Idempotency-Key`.
    Key,
    /// The event's id.
    EventId,
}

/// Why a batch was refused as a whole. Nothing of it is kept, and it may be sent again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// The journal's queue is full (503).
    #[error("the server is busy; try again in {} ms", retry_after.as_millis())]
    Busy {
        /// When to try again.
        retry_after: Duration,
    },
    /// A limit is reached (429 for a workspace's, 503 for the node's).
    #[error("the limit `{limit}` is reached: {max}")]
    Limit {
        /// Its name, as in the configuration.
        limit: &'static str,
        /// Its value.
        max: u64,
        /// Whose it is.
        of: LimitOf,
        /// When it may be worth trying again.
        retry_after: Duration,
    },
    /// One event with its deliveries is larger than a journal segment can hold (413).
    #[error("the event and its deliveries take {bytes} bytes; at most {bytes_max} fit")]
    TooLarge {
        /// What it would take.
        bytes: usize,
        /// What fits.
        bytes_max: usize,
    },
    /// The journal failed; the node takes nothing until it is restarted (503).
    #[error("the journal has failed; the server must be restarted")]
    Failing,
    /// The node is shutting down (503).
    #[error("the server is stopping")]
    Stopping,
}

/// Whose limit was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitOf {
    /// The workspace's.
    Workspace,
    /// The node's.
    Node,
}
