//! What happened, listed: an index over the journal, made beside it and never on its way.
//!
//! The journal is the truth; this only says where in it things lie. [`index`] takes durable records on a
//! thread of its own, behind a queue with a bound. The rows of the segment being written are in memory
//! ([`active`]); those of each finished segment are in one sorted, immutable file beside it ([`run`]), which
//! is dropped with its segment and made again from it when it is damaged or missing. So memory does not
//! grow with the history, a start reads one segment, and nothing is ever merged: a run per segment is few
//! enough to ask all of them, and each says at once what it does not have.
//!
//! A question ([`find`]) goes from the newest segment to the oldest, and reads what it shows back from the
//! journal. A delivery's row says where it stood at the end of its segment; if it was not settled by then,
//! later segments say the rest.

mod active;
mod find;
mod index;
mod list;
mod part;
mod queue;
mod row;
mod run;
#[cfg(test)]
mod tests;
mod walk;

use std::io;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::broadcast;

use self::find::View;
pub use self::find::event_view;
use self::index::Index;
use self::part::Trouble;
use crate::clock::Clock;
use crate::id::{DeliveryId, EventId, WorkspaceId};
use crate::journal::disk::Disk;
use crate::journal::{Position, Records};
use crate::model::State;
use crate::node::query::{Cursor, DeliveryFilter, DeliveryView, EventFilter, EventView, Feed, Page};
use crate::record::Record;
use crate::sync::{JoinHandle, Mutex, spawn, within};

/// So long a question waits for what was durable before it. When the index is later than that, the answer
/// is older than the question; the node's status says by how much.
const WAIT_MAX: Duration = Duration::from_millis(500);

/// A damaged run is made again; that many in one question mean that the disk is.
const MENDED_MAX: usize = 16;

/// How much is listed.
#[derive(Clone, Copy, Debug)]
pub struct HistoryLimits {
    /// Events of one workspace.
    pub workspace_events_max: u64,
    /// How old what is listed of a workspace may be.
    pub workspace_history_kept: Duration,
}

/// What a history is made of.
pub struct HistoryParts {
    /// The journal, to read.
    pub journal: Arc<dyn Records>,
    /// Where its segments lie, and runs beside them.
    pub disk: Arc<dyn Disk>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Those who watch.
    pub feed: broadcast::Sender<Feed>,
    /// The journal's segments, oldest first; the last one is being written.
    pub segments: Vec<u32>,
    /// The last durable record.
    pub last: Option<Position>,
}

/// Everything that is listed.
pub struct History {
    index: Arc<Index>,
    clock: Arc<dyn Clock>,
    limits: HistoryLimits,
    /// A std mutex: taken once, at the end.
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// A delivery and where in the journal it is.
#[derive(Clone, Debug)]
pub struct Found {
    /// The delivery.
    pub view: DeliveryView,
    /// The record with it.
    pub record: Arc<Record>,
    /// Which of that record's deliveries it is.
    pub index: u32,
}

impl History {
    /// Opens the index and starts its thread.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(parts: HistoryParts, limits: HistoryLimits) -> io::Result<Self> {
        let HistoryParts { journal, disk, clock, feed, segments, last } = parts;
        let index = Arc::new(Index::open(journal, disk, &segments, last));
        let history = Self { index, clock, limits, thread: Mutex::default() };
        let (index, teller) = (Arc::clone(&history.index), history.teller(feed));
        let thread = spawn("history", move || index.run(teller))?;
        *history.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
        Ok(history)
    }

    /// Takes records that have become durable, in the journal's order. Returns at once.
    pub fn offer(&self, records: Vec<(Position, Arc<Record>)>) {
        self.index.offer(records);
    }

    /// A segment is gone, and with it what is only in there.
    pub fn dropped(&self, segment: u32) {
        self.index.dropped(segment);
    }

    /// The highest segment that is gone from the journal. Whoever finds it the same before and after a
    /// question, and waited for [`Self::caught_up`] between, was shown everything that is owed.
    #[must_use]
    pub fn gone(&self) -> u32 {
        self.index.gone()
    }

    /// Waits for a moment until what is durable now can be found; says whether all of it can.
    pub async fn caught_up(&self) -> bool {
        within(WAIT_MAX, self.index.caught_up()).await.is_some() && self.index.is_whole()
    }

    /// Waits until what is durable now can be found, however long it takes.
    #[cfg(test)]
    pub async fn whole(&self) {
        self.index.caught_up().await;
    }

    /// Ends the thread, and waits for it.
    pub fn close(&self) {
        self.index.stop();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A panic in there has been reported by the panic hook already.
        let _ = thread.map(JoinHandle::join);
    }

    /// Records and segments that cannot be found yet.
    #[must_use]
    pub fn lag(&self) -> (u64, usize) {
        self.index.lag()
    }

    /// How many events, deliveries and dead letters are in the journal.
    #[must_use]
    pub fn counts(&self) -> (u64, u64, u64) {
        let parts = self.index.parts();
        let runs = parts.runs.values().filter(|run| !self.index.is_gone(run.segment));
        let totals = runs.map(|run| &run.totals).chain([&parts.active.totals]);
        totals.fold((0, 0, 0), |(events, deliveries, dead), one| {
            (events + one.events, deliveries + one.deliveries, dead + one.dead_letters)
        })
    }

    /// Events of a workspace, newest first. Blocks while it reads.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn events(
        &self,
        workspace: &WorkspaceId,
        filter: &EventFilter,
        cursor: &Cursor,
    ) -> io::Result<Page<EventView>> {
        self.records(workspace, filter, cursor).map(|page| Page {
            items: page.items.iter().filter_map(|record| find::event_view(record)).collect(),
            next: page.next,
        })
    }

    /// The same as whole records, with their payloads and deliveries.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn records(
        &self,
        workspace: &WorkspaceId,
        filter: &EventFilter,
        cursor: &Cursor,
    ) -> io::Result<Page<Arc<Record>>> {
        self.mending(|view| view.events(workspace, filter, cursor))
    }

    /// Deliveries of a workspace, newest first. Blocks while it reads.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn deliveries(
        &self,
        workspace: &WorkspaceId,
        filter: &DeliveryFilter,
        cursor: &Cursor,
    ) -> io::Result<Page<Found>> {
        self.mending(|view| view.deliveries(workspace, filter, cursor))
    }

    /// One event, as its record. Blocks while it reads.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn event(&self, workspace: &WorkspaceId, event: &EventId) -> io::Result<Option<Arc<Record>>> {
        self.mending(|view| view.event(workspace, event))
    }

    /// One delivery. Blocks while it reads.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn delivery(&self, workspace: &WorkspaceId, delivery: &DeliveryId) -> io::Result<Option<Found>> {
        self.mending(|view| view.delivery(workspace, delivery))
    }

    /// Where the ends of a delivery's attempts are, oldest first. Blocks while it reads.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn attempts(&self, workspace: &WorkspaceId, delivery: &DeliveryId) -> io::Result<Vec<Position>> {
        self.mending(|view| view.attempts(workspace, delivery))
    }

    /// Answers a question, and makes runs again that turn out to be damaged. `NotFound` when a segment was
    /// dropped meanwhile: then the question is to be asked again once the index has caught up.
    fn mending<T>(&self, ask: impl Fn(&View<'_>) -> Result<T, Trouble>) -> io::Result<T> {
        for _ in 0..MENDED_MAX {
            match ask(&View::new(&self.index, &self.limits, self.clock.now())) {
                Ok(answer) => return Ok(answer),
                Err(Trouble::Damaged(run)) => self.index.mend(&run)?,
                Err(Trouble::Gone) => return Err(io::ErrorKind::NotFound.into()),
                Err(Trouble::Io(error)) => return Err(error),
            }
        }
        Err(io::Error::new(io::ErrorKind::InvalidData, "the history is damaged again and again"))
    }

    /// What tells those who watch about each record, on the index's thread.
    fn teller(&self, feed: broadcast::Sender<Feed>) -> index::Tell {
        let (index, limits, clock) = (Arc::downgrade(&self.index), self.limits, Arc::clone(&self.clock));
        Box::new(move |record, _| {
            if feed.receiver_count() == 0 {
                return;
            }
            let Some(index) = index.upgrade() else { return };
            let view = View::new(&index, &limits, clock.now());
            if let Some(item) = fed(&view, record) {
                // Whoever was watching may have gone.
                let _ = feed.send(item);
            }
        })
    }
}

impl Drop for History {
    fn drop(&mut self) {
        self.index.stop();
    }
}

/// What a record tells those who watch.
fn fed(view: &View<'_>, record: &Record) -> Option<Feed> {
    let delivery = |workspace: &WorkspaceId, delivery: &DeliveryId, state: &State, at| {
        let found = view.delivery(workspace, delivery).ok().flatten()?;
        let mut view = found.view;
        (view.state, view.changed_at) = (state.clone(), at);
        Some(Arc::new(view))
    };
    match record {
        Record::Accepted(_) => find::event_view(record).map(|view| Feed::Event(Arc::new(view))),
        Record::Replayed(_) | Record::Carried(_) => None,
        Record::Started { workspace, delivery, attempt, .. } => Some(Feed::Started {
            workspace: workspace.clone(),
            delivery: delivery.clone(),
            attempt: *attempt,
        }),
        Record::Finished { workspace, attempt, state } => {
            let delivery = delivery(workspace, &attempt.delivery, state, find::ended_at(attempt))?;
            Some(Feed::Attempt { delivery, attempt: Arc::new(attempt.clone()) })
        }
        Record::Settled { workspace, delivery: id, state, at } => {
            delivery(workspace, id, state, *at).map(Feed::Settled)
        }
    }
}
