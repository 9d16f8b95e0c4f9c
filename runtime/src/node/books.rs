//! What the journal's writer keeps up to date: names, counts, pins. One fold over records.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::accept::{LimitOf, Rejected};
use super::carry::ToCarry;
use super::driver::{Inbox, Letter};
use super::gates::GateBook;
use super::recent::Recent;
use crate::clock::Clock;
use crate::engine::{Input, Millis, Owe};
use crate::history::History;
use crate::id::{DeliveryId, WorkspaceId};
use crate::idempotency::Window;
use crate::journal::writer::Committed;
use crate::journal::{JournalError, Position, SegmentInfo};
use crate::metrics::Metrics;
use crate::model::{AttemptRecord, DeliveryRecord, State};
use crate::record::{Owed, Record};
use crate::sync::{Mutex, MutexGuard};

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
    pub window: Window,
    pub pending: Arc<PendingCounts>,
    pub gates: GateBook,
    /// Unsettled deliveries of each segment: a segment that has any is kept.
    pins: BTreeMap<u32, Pins>,
    /// Where unsettled deliveries are that were copied, and which of their records' they are.
    carried: HashMap<DeliveryId, (Position, u32)>,
}

impl Books {
    pub(super) fn new(window: Window, limits: PendingLimits) -> Self {
        let pending = Arc::new(PendingCounts::new(limits));
        let (pins, carried) = (BTreeMap::new(), HashMap::new());
        Self { window, pending, gates: GateBook::default(), pins, carried }
    }

    /// Takes a durable record.
    pub(super) fn apply(&mut self, record: &Record, position: Position) {
        match record {
            Record::Accepted(owed) => {
                let (event, ids) = (&owed.event, owed.deliveries.iter().map(|delivery| delivery.id.clone()));
                self.window.committed(&event.workspace, &owed.identity, &event.id, ids, event.received_at);
                self.gates.skipped.count(owed);
                self.pin(position.segment, owed);
            }
            Record::Replayed(owed) => self.pin(position.segment, owed),
            Record::Carried(carried) => self.pin(position.segment, &carried.owed),
            Record::Started { .. } | Record::Finished { .. } | Record::Settled { .. } => {}
        }
    }

    fn pin(&mut self, segment: u32, owed: &Owed) {
        if owed.owing() > 0 {
            let owing = owed.deliveries.iter().filter(|delivery| delivery.skipped.is_none());
            let bytes = owing.map(|delivery| copy_bytes(owed.event.payload.len(), input_bytes(delivery)));
            self.pin_many(segment, u64::from(owed.owing()), bytes.sum::<usize>() as u64);
        }
    }

    /// Deliveries in a segment, and about how many bytes copies of each of them would take.
    pub(super) fn pin_many(&mut self, segment: u32, deliveries: u64, bytes: u64) {
        let pins = self.pins.entry(segment).or_default();
        pins.deliveries += deliveries;
        pins.bytes += bytes;
    }

    /// What becomes of the segments that a record's delivery was in.
    fn release(&mut self, fact: &Fact, position: Position) {
        let Some(segment) = fact.releases else { return };
        match &*fact.record {
            Record::Carried(carried) => {
                for (index, delivery, _) in carried.each() {
                    let before = self.carried.insert(delivery.id.clone(), (position, index));
                    self.unpin(before.map_or(segment, |(before, _)| before.segment));
                }
            }
            Record::Finished { workspace, attempt: AttemptRecord { delivery, .. }, .. }
            | Record::Settled { workspace, delivery, .. } => {
                // The engine may not have known yet that there was a copy.
                let copy = self.carried.remove(delivery);
                self.unpin(copy.map_or(segment, |(copy, _)| copy.segment));
                self.pending.remove(workspace, 1);
            }
            Record::Accepted(_) | Record::Replayed(_) | Record::Started { .. } => {}
        }
    }

    /// Where a delivery is now, if it was copied: its record, and which of that record's it is.
    pub(super) fn place_of(&self, delivery: &DeliveryId) -> Option<(Position, u32)> {
        self.carried.get(delivery).copied()
    }

    /// A delivery is settled: its segment may go as far as it is concerned.
    pub(super) fn unpin(&mut self, segment: u32) {
        if let Some(pins) = self.pins.get_mut(&segment) {
            pins.bytes -= pins.bytes / pins.deliveries.max(1);
            pins.deliveries = pins.deliveries.saturating_sub(1);
            if pins.deliveries == 0 {
                self.pins.remove(&segment);
            }
        }
    }
}

/// What keeps a segment.
#[derive(Clone, Copy, Default)]
struct Pins {
    deliveries: u64,
    /// About how much copies of them would take, if each had its event to itself.
    bytes: u64,
}

/// About how many bytes of an event's or a delivery's record are neither payload nor input.
const REST_BYTES: usize = 300;

/// About how many bytes a record with that takes.
pub(super) fn bytes_of(owed: &Owed) -> usize {
    let inputs = owed.deliveries.iter().map(|delivery| input_bytes(delivery) + REST_BYTES);
    owed.event.payload.len() + REST_BYTES + inputs.sum::<usize>()
}

fn input_bytes(delivery: &DeliveryRecord) -> usize {
    delivery.input.as_ref().map_or(0, |text| text.len())
}

/// About how many bytes a copy of one delivery takes, which has its whole event with it.
pub(super) fn copy_bytes(payload_bytes: usize, input_bytes: usize) -> usize {
    payload_bytes + input_bytes + 2 * REST_BYTES
}

/// Counts of what is pending, to refuse more than the limits. Every event asks, so they have a lock of their
/// own: the books' is held for whole batches.
pub(super) struct PendingCounts {
    limits: PendingLimits,
    /// A std mutex: held to count.
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    node: u32,
    workspaces: HashMap<WorkspaceId, u32>,
}

/// When a queue of pending deliveries may be shorter again.
const PENDING_RETRY: Duration = Duration::from_secs(5);

impl PendingCounts {
    fn new(limits: PendingLimits) -> Self {
        Self { limits, counts: Mutex::default() }
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn node(&self) -> u32 {
        self.counts().node
    }

    /// How many a workspace has.
    pub(super) fn of(&self, workspace: &WorkspaceId) -> u32 {
        self.counts().workspaces.get(workspace).copied().unwrap_or(0)
    }

    /// Whether so many could be counted in now.
    pub(super) fn look(&self, workspace: &WorkspaceId, count: u32) -> Result<(), Rejected> {
        self.fits(&self.counts(), workspace, count)
    }

    fn fits(&self, counts: &Counts, workspace: &WorkspaceId, count: u32) -> Result<(), Rejected> {
        let refuse = |limit, max, of| {
            Err(Rejected::Limit { limit, max: u64::from(max), of, retry_after: PENDING_RETRY })
        };
        let had = counts.workspaces.get(workspace).copied().unwrap_or(0);
        if had.saturating_add(count) > self.limits.workspace_max {
            return refuse("workspace_pending_max", self.limits.workspace_max, LimitOf::Workspace);
        }
        if counts.node.saturating_add(count) > self.limits.node_max {
            return refuse("node_pending_max", self.limits.node_max, LimitOf::Node);
        }
        Ok(())
    }

    /// Counts deliveries in, if the limits allow.
    pub(super) fn admit(&self, workspace: &WorkspaceId, count: u32) -> Result<(), Rejected> {
        if count == 0 {
            return Ok(());
        }
        let mut counts = self.counts();
        self.fits(&counts, workspace, count)?;
        counts.add(workspace, count);
        Ok(())
    }

    /// Counts deliveries in that are owed already.
    pub(super) fn add(&self, workspace: &WorkspaceId, count: u32) {
        self.counts().add(workspace, count);
    }

    /// Counts deliveries out.
    pub(super) fn remove(&self, workspace: &WorkspaceId, count: u32) {
        if count > 0 {
            self.counts().remove(workspace, count);
        }
    }
}

impl Counts {
    fn add(&mut self, workspace: &WorkspaceId, count: u32) {
        self.node = self.node.saturating_add(count);
        match self.workspaces.get_mut(workspace) {
            Some(had) => *had = had.saturating_add(count),
            None => _ = self.workspaces.insert(workspace.clone(), count),
        }
    }

    fn remove(&mut self, workspace: &WorkspaceId, count: u32) {
        self.node = self.node.saturating_sub(count);
        if let Some(had) = self.workspaces.get_mut(workspace) {
            *had = had.saturating_sub(count);
            if *had == 0 {
                self.workspaces.remove(workspace);
            }
        }
    }
}

/// The books behind their lock.
pub(super) struct Shelf {
    pub pending: Arc<PendingCounts>,
    pub recent: Recent,
    /// A std mutex: held for a page of a list or a batch of records, never across an await.
    books: Mutex<Books>,
}

impl Shelf {
    pub(super) fn new(books: Books) -> Self {
        Self { pending: Arc::clone(&books.pending), recent: Recent::default(), books: Mutex::new(books) }
    }

    pub(super) fn open(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes what the writer has made durable: into the books, to the engine, to the history.
pub(super) struct Bookkeeper {
    pub metrics: Arc<Metrics>,
    pub shelf: Arc<Shelf>,
    pub inbox: Arc<Inbox>,
    pub history: Arc<History>,
    pub clock: Arc<dyn Clock>,
    pub history_kept: Duration,
    pub journal_kept: Duration,
    /// Set when the journal has failed.
    pub failed: watch::Sender<bool>,
}

impl Bookkeeper {
    fn is_older(&self, segment: &SegmentInfo, than: Duration) -> bool {
        let age = self.clock.now().as_microsecond().saturating_sub(segment.written_at);
        age >= i64::try_from(than.as_micros()).unwrap_or(i64::MAX)
    }
}

impl Committed<Fact> for Bookkeeper {
    fn committed(&mut self, entries: Vec<(Position, Fact)>) {
        self.metrics.committed(entries.iter().map(|(_, fact)| &*fact.record));
        let mut owed = Vec::new();
        let mut inputs = Vec::new();
        let mut records = Vec::with_capacity(entries.len());
        self.shelf.recent.add(entries.iter().map(|(position, fact)| (*position, &fact.record)));
        let mut books = self.shelf.open();
        for (position, fact) in entries {
            if matches!(&*fact.record, Record::Finished { state: State::Delivered, .. }) {
                crate::crash::point("outcome.committed");
            }
            books.apply(&fact.record, position);
            records.push((position, Arc::clone(&fact.record)));
            books.release(&fact, position);
            match &*fact.record {
                Record::Carried(carried) => {
                    inputs.extend(carried.each().filter_map(|(index, delivery, _)| {
                        Some(Input::Carried { id: delivery.id.uuid()?, position, index })
                    }))
                }
                record => owes(record, position, &mut owed),
            }
        }
        inputs.extend(owed.into_iter().map(|owe| Input::Owe(Box::new(owe))));
        // Before anybody can see them: whoever discards one at once must come second.
        self.inbox.push_inputs(inputs);
        drop(books);
        // Before those who wait are told, so that their questions wait for these.
        self.history.offer(records);
    }

    fn may_drop(&mut self, segment: &SegmentInfo) -> bool {
        let settled = || self.shelf.open().pins.keys().next().is_none_or(|oldest| *oldest > segment.number);
        self.is_older(segment, self.history_kept) && settled()
    }

    fn is_expired(&mut self, segment: &SegmentInfo) -> bool {
        self.is_older(segment, self.journal_kept)
    }

    fn needed_soon(&mut self, segment: &SegmentInfo, room: u64) {
        let pins = self.shelf.open().pins.get(&segment.number).copied().unwrap_or_default();
        // Copying a segment that is owed as a whole would free nothing and write for ever.
        let bytes_max = room.min(segment.bytes / 2);
        if pins.deliveries > 0 && pins.bytes <= bytes_max {
            let (segment, owed) = (segment.number, pins.deliveries);
            self.inbox.push(Letter::Carry(ToCarry { segment, owed, bytes_max }));
        }
    }

    fn dropped(&mut self, segment: u32) {
        self.history.dropped(segment);
    }

    fn failed(&mut self, error: &JournalError) {
        tracing::error!(%error, "the journal has failed; nothing is accepted or sent until a restart");
        self.shelf.open().window.release_all();
        // What cannot be written down must not be sent.
        self.inbox.push_inputs([Input::Drain]);
        self.failed.send_replace(true);
    }
}

/// What a record makes the engine owe.
pub(super) fn owes(record: &Record, position: Position, owed: &mut Vec<Owe>) {
    let deliveries = record.owed().map(|owed| owed.deliveries.as_slice()).unwrap_or_default();
    let owes = (0..).zip(deliveries).filter_map(|(index, delivery)| Owe::of(delivery, position, index));
    owed.extend(owes);
}

pub(super) fn millis(at: jiff::Timestamp) -> Millis {
    at.as_millisecond()
}
