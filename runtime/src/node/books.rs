//! What the journal's writer keeps up to date: history, names, counts. One fold over records.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::broadcast;

use super::accept::{LimitOf, Rejected};
use super::driver::Inbox;
use super::query::Feed;
use crate::clock::Clock;
use crate::engine::{Input, Millis, Owe};
use crate::history::History;
use crate::id::WorkspaceId;
use crate::idempotency::Window;
use crate::journal::writer::Committed;
use crate::journal::{JournalError, Position, SegmentInfo};
use crate::model::State;
use crate::record::{Owed, Record};

/// A record on its way through the writer.
pub(super) struct Fact {
    pub record: Arc<Record>,
    /// The segment that no longer has to be kept for this delivery, when the record settles one.
    pub releases: Option<u32>,
}

/// Pending deliveries that may exist.
#[derive(Clone, Copy, Debug)]
pub(super) struct PendingLimits {
    pub workspace_max: u32,
    pub node_max: u32,
}

/// Everything that follows from records.
pub(super) struct Books {
    pub history: History,
    pub window: Window,
    pub pending: PendingCounts,
    /// Unsettled deliveries of each segment: a segment that has any is kept.
    pins: BTreeMap<u32, u64>,
    pub recent: Recent,
}

impl Books {
    pub(super) fn new(history: History, window: Window, limits: PendingLimits) -> Self {
        let pending = PendingCounts { limits, node: 0, workspaces: HashMap::new() };
        Self { history, window, pending, pins: BTreeMap::new(), recent: Recent::default() }
    }

    /// Takes a durable record.
    pub(super) fn apply(&mut self, record: &Arc<Record>, position: Position) -> Option<Feed> {
        match &**record {
            Record::Accepted(owed) => {
                let (event, ids) = (&owed.event, owed.deliveries.iter().map(|delivery| delivery.id.clone()));
                self.window.committed(&event.workspace, &owed.identity, &event.id, ids, event.received_at);
                self.pin(position.segment, owed);
            }
            Record::Replayed(owed) => self.pin(position.segment, owed),
            Record::Started { .. } | Record::Finished { .. } | Record::Settled { .. } => {}
        }
        self.history.apply(record, position)
    }

    fn pin(&mut self, segment: u32, owed: &Owed) {
        if !owed.deliveries.is_empty() {
            *self.pins.entry(segment).or_default() += owed.deliveries.len() as u64;
        }
    }

    /// A delivery is settled: its segment may go as far as it is concerned.
    pub(super) fn unpin(&mut self, segment: u32) {
        if let Some(count) = self.pins.get_mut(&segment) {
            *count -= 1;
            if *count == 0 {
                self.pins.remove(&segment);
            }
        }
    }
}

/// Counts of what is pending, to refuse more than the limits.
pub(super) struct PendingCounts {
    limits: PendingLimits,
    node: u32,
    workspaces: HashMap<WorkspaceId, u32>,
}

/// When a queue of pending deliveries may be shorter again.
const PENDING_RETRY: Duration = Duration::from_secs(5);

impl PendingCounts {
    pub(super) fn node(&self) -> u32 {
        self.node
    }

    /// Counts deliveries in, if the limits allow.
    pub(super) fn admit(&mut self, workspace: &WorkspaceId, count: u32) -> Result<(), Rejected> {
        let refuse = |limit, max, of| {
            Err(Rejected::Limit { limit, max: u64::from(max), of, retry_after: PENDING_RETRY })
        };
        if count == 0 {
            return Ok(());
        }
        let had = self.workspaces.get(workspace).copied().unwrap_or(0);
        if had.saturating_add(count) > self.limits.workspace_max {
            return refuse("workspace_pending_max", self.limits.workspace_max, LimitOf::Workspace);
        }
        if self.node.saturating_add(count) > self.limits.node_max {
            return refuse("node_pending_max", self.limits.node_max, LimitOf::Node);
        }
        self.add(workspace, count);
        Ok(())
    }

    /// Counts deliveries in that are owed already.
    pub(super) fn add(&mut self, workspace: &WorkspaceId, count: u32) {
        self.node = self.node.saturating_add(count);
        let had = self.workspaces.entry(workspace.clone()).or_default();
        *had = had.saturating_add(count);
    }

    /// Counts deliveries out.
    pub(super) fn remove(&mut self, workspace: &WorkspaceId, count: u32) {
        self.node = self.node.saturating_sub(count);
        if let Some(had) = self.workspaces.get_mut(workspace) {
            *had = had.saturating_sub(count);
            if *had == 0 {
                self.workspaces.remove(workspace);
            }
        }
    }
}

/// Bytes of recent events that are kept in memory, so that a first attempt reads nothing back.
const RECENT_BYTES_MAX: usize = 64 << 20;

/// The records that were written last.
#[derive(Default)]
pub(super) struct Recent {
    by_position: HashMap<Position, Arc<Record>>,
    order: VecDeque<(Position, usize)>,
    bytes: usize,
}

impl Recent {
    fn add(&mut self, position: Position, record: &Arc<Record>) {
        let (Record::Accepted(owed) | Record::Replayed(owed)) = &**record else { return };
        if owed.deliveries.is_empty() {
            return;
        }
        let inputs = owed
            .deliveries
            .iter()
            .map(|delivery| delivery.input.as_ref().map_or(0, |text| text.len()) + 1_000);
        let bytes = owed.event.payload.len() + 1_000 + inputs.sum::<usize>();
        self.by_position.insert(position, Arc::clone(record));
        self.order.push_back((position, bytes));
        self.bytes += bytes;
        while self.bytes > RECENT_BYTES_MAX
            && let Some((position, bytes)) = self.order.pop_front()
        {
            self.by_position.remove(&position);
            self.bytes -= bytes;
        }
    }

    pub(super) fn get(&self, position: Position) -> Option<Arc<Record>> {
        self.by_position.get(&position).cloned()
    }
}

/// The books behind their lock.
pub(super) struct Shelf {
    /// A std mutex: held for a page of a list or a batch of records, never across an await.
    books: Mutex<Books>,
}

impl Shelf {
    pub(super) fn new(books: Books) -> Self {
        Self { books: Mutex::new(books) }
    }

    pub(super) fn open(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes what the writer has made durable: into the books, to the engine, to those who watch.
pub(super) struct Bookkeeper {
    pub shelf: Arc<Shelf>,
    pub inbox: Arc<Inbox>,
    pub feed: broadcast::Sender<Feed>,
    pub clock: Arc<dyn Clock>,
    pub history_kept: Duration,
}

impl Committed<Fact> for Bookkeeper {
    fn committed(&mut self, entries: Vec<(Position, Fact)>) {
        let mut owed = Vec::new();
        let mut told = Vec::new();
        let mut books = self.shelf.open();
        for (position, fact) in entries {
            told.extend(books.apply(&fact.record, position));
            if let Some(segment) = fact.releases
                && let Some(workspace) = settled_in(&fact.record)
            {
                books.unpin(segment);
                books.pending.remove(workspace, 1);
            }
            books.recent.add(position, &fact.record);
            owes(&fact.record, position, &mut owed);
        }
        drop(books);
        self.inbox.push_inputs(owed.into_iter().map(|owe| Input::Owe(Box::new(owe))));
        for item in told {
            // Nobody may be watching.
            let _ = self.feed.send(item);
        }
    }

    fn may_drop(&mut self, segment: &SegmentInfo) -> bool {
        let age = self.clock.now().as_microsecond().saturating_sub(segment.written_at);
        let kept = i64::try_from(self.history_kept.as_micros()).unwrap_or(i64::MAX);
        age >= kept && self.shelf.open().pins.keys().next().is_none_or(|oldest| *oldest > segment.number)
    }

    fn dropped(&mut self, segment: u32) {
        self.shelf.open().history.dropped(segment);
    }

    fn failed(&mut self, error: &JournalError) {
        tracing::error!(%error, "the journal has failed; nothing is accepted or sent until a restart");
        self.shelf.open().window.release_all();
        // What cannot be written down must not be sent.
        self.inbox.push_inputs([Input::Drain]);
    }
}

fn settled_in(record: &Record) -> Option<&WorkspaceId> {
    match record {
        Record::Finished { workspace, .. } | Record::Settled { workspace, .. } => Some(workspace),
        Record::Accepted(_) | Record::Replayed(_) | Record::Started { .. } => None,
    }
}

/// Whether nothing follows from a state any more.
pub(super) fn is_settled(state: &State) -> bool {
    match state {
        State::Delivered | State::DeadLetter { .. } => true,
        State::Waiting | State::InFlight { .. } | State::Again { .. } => false,
    }
}

/// What a record makes the engine owe.
pub(super) fn owes(record: &Record, position: Position, owed: &mut Vec<Owe>) {
    let (Record::Accepted(record) | Record::Replayed(record)) = record else { return };
    for (index, delivery) in (0..).zip(&record.deliveries) {
        owed.push(Owe {
            id: delivery.id.clone(),
            workspace: delivery.workspace.clone(),
            connection: delivery.connection.clone(),
            position,
            index,
            policy: delivery.policy.clone(),
            created_at: millis(delivery.created_at),
            due_at: millis(delivery.due_at),
            attempts: 0,
            mapped: delivery.input.is_ok(),
        });
    }
}

pub(super) fn millis(at: jiff::Timestamp) -> Millis {
    at.as_millisecond()
}
