//! What a server keeps and owes: events made durable, deliveries sent, and the history of both.
//!
//! A [`Node`] ties the journal, the engine and the history together. The API above it parses, matches
//! and asks; nothing above it waits for a disk or a receiver except through the futures here.

pub mod accept;
pub mod config;
pub mod query;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast;

pub use accept::{Accepted, Conflict, NewEvent, Rejected};
pub use config::NodeConfig;
pub use query::{Cursor, DeliveryFilter, DeliveryView, EventFilter, EventView, Feed, Page, Status};

use crate::deliver::target::Connections;
use crate::id::{DeliveryId, EventId, WorkspaceId};
use crate::model::AttemptRecord;

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A folder or file could not be used.
    #[error("the data folder cannot be used: {0}")]
    Io(#[from] std::io::Error),
}

/// Why a question about the past has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The journal's segment with it could not be read.
    #[error("the journal cannot be read: {0}")]
    Io(#[from] std::io::Error),
}

/// Why a delivery was not replayed or discarded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// There is no such delivery in this workspace, or it has left the history.
    #[error("no such delivery")]
    NotFound,
    /// It is still being delivered, so there is nothing to replay; or it is done, so there is nothing to discard.
    #[error("the delivery's state does not allow it")]
    WrongState,
    /// The journal did not take the record.
    #[error(transparent)]
    Rejected(#[from] Rejected),
}

/// A running node.
pub struct Node {
    feed: broadcast::Sender<Feed>,
}

impl Node {
    /// Opens the data folder, replays the journal and starts the threads that write and deliver.
    /// Blocks while the journal is read; call it inside a tokio runtime, whose reactor the deliveries use.
    ///
    /// # Errors
    /// The folder is in use, cannot be written, or the journal is damaged before its end.
    pub fn open(_config: NodeConfig, _connections: Arc<dyn Connections>) -> Result<Arc<Self>, OpenError> {
        Ok(Arc::new(Self { feed: broadcast::Sender::new(64) }))
    }

    /// Makes events and their deliveries durable. When it returns `Ok`, they are on stable storage and
    /// every query sees them. One answer per event, in order.
    ///
    /// # Errors
    /// The whole batch is refused: nothing of it is kept.
    pub async fn accept(&self, _batch: Vec<NewEvent>) -> Result<Vec<Result<Accepted, Conflict>>, Rejected> {
        Err(Rejected::Stopping)
    }

    /// Owes a settled delivery again, as a new delivery with `replay_of`; its `webhook-id` stays the original's.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub async fn replay(
        &self,
        _workspace: &WorkspaceId,
        _delivery: &DeliveryId,
    ) -> Result<DeliveryId, ChangeError> {
        Err(ChangeError::NotFound)
    }

    /// Gives a waiting delivery up, as an operator's decision.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub async fn discard(&self, _workspace: &WorkspaceId, _delivery: &DeliveryId) -> Result<(), ChangeError> {
        Err(ChangeError::NotFound)
    }

    /// Events of a workspace, newest first.
    #[must_use]
    pub fn events(&self, _workspace: &WorkspaceId, _filter: &EventFilter, _page: &Cursor) -> Page<EventView> {
        Page { items: Vec::new(), next: None }
    }

    /// One event.
    #[must_use]
    pub fn event(&self, _workspace: &WorkspaceId, _event: &EventId) -> Option<EventView> {
        None
    }

    /// An event's payload, read back from the journal.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn payload(
        &self,
        _workspace: &WorkspaceId,
        _event: &EventId,
    ) -> Result<Option<Arc<[u8]>>, ReadError> {
        Ok(None)
    }

    /// Deliveries of a workspace, newest first.
    #[must_use]
    pub fn deliveries(
        &self,
        _workspace: &WorkspaceId,
        _filter: &DeliveryFilter,
        _page: &Cursor,
    ) -> Page<DeliveryView> {
        Page { items: Vec::new(), next: None }
    }

    /// One delivery.
    #[must_use]
    pub fn delivery(&self, _workspace: &WorkspaceId, _delivery: &DeliveryId) -> Option<DeliveryView> {
        None
    }

    /// A delivery's input as JSON text, or why it could not be made; read back from the journal.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn input(
        &self,
        _workspace: &WorkspaceId,
        _delivery: &DeliveryId,
    ) -> Result<Option<Result<Arc<str>, Arc<str>>>, ReadError> {
        Ok(None)
    }

    /// The attempts of a delivery, oldest first; read back from the journal.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn attempts(
        &self,
        _workspace: &WorkspaceId,
        _delivery: &DeliveryId,
    ) -> Result<Vec<AttemptRecord>, ReadError> {
        Ok(Vec::new())
    }

    /// What happens from now on. A reader that falls behind misses some and is told how many.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Feed> {
        self.feed.subscribe()
    }

    /// Counts, and whether the node is healthy.
    #[must_use]
    pub fn status(&self) -> Status {
        Status::default()
    }

    /// Takes nothing more, waits for attempts under way for at most `drain`, and syncs the journal.
    pub async fn shutdown(&self, _drain: Duration) {}
}
