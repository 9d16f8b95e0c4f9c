//! The one thread that appends to a journal.
//!
//! It takes everything that waits, writes it, syncs once, and only then tells those who wait. So an idle
//! server answers after one sync and a busy one shares each sync among many. What nobody waits for (that an
//! attempt began, how it ended) goes with the next thing that somebody waits for, or a moment later.
//! Nobody is ever blocked by a full queue: whoever comes is refused and told when to come again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::format::RECORD_HEADER_BYTES;
use super::queue::{Next, Queue, Submission, Taken};
use super::{Journal, JournalError, Position, Records, SegmentInfo};
use crate::sync::{JoinHandle, Mutex, spawn};

/// After so long without anything to write, an empty batch vouches for the last one: from then on a
/// flipped bit in it is damage and not a write that was cut short.
const VOUCH_AFTER: Duration = Duration::from_millis(100);

/// An idle writer looks so often whether a segment has become too old.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// A writer without room looks so often whether there is some.
const LOOK_FOR_ROOM_EVERY: Duration = Duration::from_secs(1);

/// What a journal may take, in memory and on the disk.
#[derive(Clone, Copy, Debug)]
pub struct WriterLimits {
    /// Bytes that may wait.
    pub queue_bytes_max: usize,
    /// Records that may wait.
    pub queue_records_max: usize,
    /// Bytes that the segments may take; one segment is kept free for what is on its way.
    pub journal_bytes_max: u64,
}

/// A record, and what its reader wants to have when it is durable.
pub struct Entry<T> {
    /// The record's bytes.
    pub bytes: Vec<u8>,
    /// Handed to [`Committed::committed`].
    pub value: T,
}

/// What a record is for; decides what happens when there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Something new. It is refused when there is no room.
    Event,
    /// What came of something that is in the journal already. It is always taken: there are never more of
    /// these under way than attempts.
    Outcome,
}

/// Told what has become durable, in the journal's order, on the writer's thread.
pub trait Committed<T>: Send + 'static {
    /// These are durable now. Whoever waits for them is told afterwards.
    fn committed(&mut self, entries: Vec<(Position, T)>);

    /// Whether nothing needs a segment any more.
    fn may_drop(&mut self, segment: &SegmentInfo) -> bool;

    /// Whether a segment is older than anything is kept.
    fn is_expired(&mut self, segment: &SegmentInfo) -> bool;

    /// A segment will have to go before long; what keeps it may be copied to the end of the log, up to `room`
    /// bytes of it.
    fn needed_soon(&mut self, segment: &SegmentInfo, room: u64);

    /// A segment is gone.
    fn dropped(&mut self, segment: u32);

    /// The journal failed. Nothing becomes durable any more.
    fn failed(&mut self, error: &JournalError);
}

/// Why the writer does not take something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Too much waits already.
    Busy,
    /// `journal_bytes_max` is reached, and nothing may be dropped.
    NoSpace,
    /// A record does not fit into a segment.
    TooLarge {
        /// Its bytes.
        bytes: usize,
        /// What fits.
        bytes_max: usize,
    },
    /// The journal failed.
    Failing,
    /// The writer is closed.
    Closed,
}

/// A handle to the writer's thread.
pub struct Writer<T> {
    shared: Arc<Shared<T>>,
    records: Arc<dyn Records>,
    record_bytes_max: usize,
    /// A std mutex: taken once, when the writer is closed.
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared<T> {
    queue: Queue<T>,
    limits: WriterLimits,
    failing: AtomicBool,
    no_space: AtomicBool,
    bytes: AtomicU64,
}

impl<T: Send + 'static> Writer<T> {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(
        journal: Box<dyn Journal>,
        limits: WriterLimits,
        committed: impl Committed<T>,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            queue: Queue::new(&limits),
            limits,
            failing: AtomicBool::new(false),
            no_space: AtomicBool::new(false),
            bytes: AtomicU64::new(0),
        });
        let records = journal.records();
        let record_bytes_max = journal.batch_bytes_max() - RECORD_HEADER_BYTES;
        let mut work = Work {
            shared: Arc::clone(&shared),
            taken: Taken::default(),
            journal,
            committed,
            unvouched: false,
            rolled_to: 0,
        };
        work.make_room();
        let thread = spawn("journal", move || {
            let _ending = Ending(Arc::clone(&work.shared));
            // A panic is a failure of the journal like any other: nothing more becomes durable.
            if catch_unwind(AssertUnwindSafe(|| work.run())).is_err() {
                work.fail(&JournalError::Poisoned);
            }
        })?;
        Ok(Self { shared, records, record_bytes_max, thread: Mutex::new(Some(thread)) })
    }

    /// Queues records. The receiver gets `()` when all of them are durable and [`Committed`] has seen them;
    /// it gets an error when the journal fails first.
    ///
    /// # Errors
    /// Nothing was queued; see [`Refusal`].
    pub fn submit(&self, class: Class, entries: Vec<Entry<T>>) -> Result<oneshot::Receiver<()>, Refusal> {
        let (durable, receiver) = oneshot::channel();
        self.push(class, entries, Some(durable))?;
        Ok(receiver)
    }

    /// Queues records without waiting for them.
    ///
    /// # Errors
    /// Nothing was queued; see [`Refusal`].
    pub fn note(&self, class: Class, entries: Vec<Entry<T>>) -> Result<(), Refusal> {
        self.push(class, entries, None)
    }

    fn push(
        &self,
        class: Class,
        entries: Vec<Entry<T>>,
        durable: Option<oneshot::Sender<()>>,
    ) -> Result<(), Refusal> {
        let largest = entries.iter().map(|entry| entry.bytes.len()).max().unwrap_or(0);
        if largest > self.record_bytes_max {
            return Err(Refusal::TooLarge { bytes: largest, bytes_max: self.record_bytes_max });
        }
        if self.failing() {
            return Err(Refusal::Failing);
        }
        if class == Class::Event && self.shared.no_space.load(Ordering::Relaxed) {
            return Err(Refusal::NoSpace);
        }
        self.shared.queue.push(class, entries, durable)
    }

    /// Whether the journal has failed.
    #[must_use]
    pub fn failing(&self) -> bool {
        self.shared.failing.load(Ordering::Acquire)
    }

    /// Whether four fifths of the queue are full: new work is better turned away before it is read.
    #[must_use]
    pub fn is_crowded(&self) -> bool {
        self.shared.queue.is_crowded()
    }

    /// What it may take.
    #[must_use]
    pub fn limits(&self) -> &WriterLimits {
        &self.shared.limits
    }

    /// Records and bytes that wait.
    #[must_use]
    pub fn waiting(&self) -> (usize, usize) {
        self.shared.queue.waiting()
    }

    /// Whether `journal_bytes_max` is reached, and nothing may go: events are refused.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.shared.no_space.load(Ordering::Relaxed)
    }

    /// Bytes of the segments.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.shared.bytes.load(Ordering::Relaxed)
    }

    /// For reading single records.
    #[must_use]
    pub fn records(&self) -> Arc<dyn Records> {
        Arc::clone(&self.records)
    }

    /// Takes nothing more, writes what waits and ends the thread. Blocks until then.
    pub fn close(&self) {
        self.shared.queue.close();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // A panic in there has been reported by the panic hook already.
            let _ = thread.join();
        }
    }
}

impl<T> Drop for Writer<T> {
    /// Ends the thread of a writer that nobody closed, after what waits is written.
    fn drop(&mut self) {
        self.shared.queue.close();
    }
}

/// However the thread ends, nobody waits for it afterwards.
struct Ending<T>(Arc<Shared<T>>);

impl<T> Drop for Ending<T> {
    fn drop(&mut self) {
        self.0.queue.end();
    }
}

/// What the thread owns.
struct Work<T, C> {
    shared: Arc<Shared<T>>,
    taken: Taken<T>,
    journal: Box<dyn Journal>,
    committed: C,
    /// The last batch has records and nothing vouches for it yet.
    unvouched: bool,
    /// The segment for which room was made last.
    rolled_to: u32,
}

impl<T: Send + 'static, C: Committed<T>> Work<T, C> {
    fn run(&mut self) {
        loop {
            let idle = match (self.unvouched, self.shared.no_space.load(Ordering::Relaxed)) {
                (true, _) => VOUCH_AFTER,
                (false, true) => LOOK_FOR_ROOM_EVERY,
                (false, false) => LOOK_EVERY,
            };
            let result = match self.shared.queue.next(&mut self.taken, self.journal.batch_bytes_max(), idle) {
                Next::Write(group) => self.write(group),
                Next::Idle if self.unvouched => self.vouch(),
                Next::Idle => {
                    self.rolled_to = 0;
                    self.make_room();
                    Ok(())
                }
                Next::End if self.unvouched => {
                    // There is nobody left to tell.
                    let _ = self.vouch();
                    return;
                }
                Next::End => return,
            };
            if result.is_err() {
                return;
            }
        }
    }

    fn vouch(&mut self) -> Result<(), JournalError> {
        self.unvouched = false;
        self.journal.append(&[]).map(drop).inspect_err(|error| self.fail(error))
    }

    /// Makes a group durable and tells everybody.
    fn write(&mut self, group: Vec<Submission<T>>) -> Result<(), JournalError> {
        let positions = match self.append(&group) {
            Ok(positions) => positions,
            Err(error) => {
                // Before those who wait are told by dropping what they wait for.
                self.fail(&error);
                return Err(error);
            }
        };
        self.unvouched = true;
        let mut waiting = Vec::with_capacity(group.len());
        let mut values = Vec::with_capacity(positions.len());
        for submission in group {
            values.extend(submission.entries.into_iter().map(|entry| entry.value));
            waiting.extend(submission.durable);
        }
        self.committed.committed(positions.into_iter().zip(values).collect());
        for durable in waiting {
            // Whoever waited may have gone away; the record stays.
            let _ = durable.send(());
        }
        self.make_room();
        Ok(())
    }

    /// Appends a group, in as few batches as it fits into.
    fn append(&mut self, group: &[Submission<T>]) -> Result<Vec<Position>, JournalError> {
        let bytes_max = self.journal.batch_bytes_max();
        let mut positions = Vec::new();
        let mut batch: Vec<&[u8]> = Vec::new();
        let mut batch_bytes = 0;
        for entry in group.iter().flat_map(|submission| &submission.entries) {
            let bytes = entry.bytes.len() + RECORD_HEADER_BYTES;
            if batch_bytes + bytes > bytes_max && !batch.is_empty() {
                positions.append(&mut self.journal.append(&batch)?);
                batch.clear();
                batch_bytes = 0;
            }
            batch.push(&entry.bytes);
            batch_bytes += bytes;
        }
        if !batch.is_empty() {
            positions.append(&mut self.journal.append(&batch)?);
        }
        Ok(positions)
    }

    /// Drops segments that are too old, and the oldest ones while there is no room for the next one.
    fn make_room(&mut self) {
        let newest = self.journal.newest();
        let has_room = self.journal.has_room();
        if newest == self.rolled_to && has_room && !self.shared.no_space.load(Ordering::Relaxed) {
            return;
        }
        self.rolled_to = newest;
        let segments = self.journal.segments();
        let mut bytes = segments.iter().map(|segment| segment.bytes).sum::<u64>();
        let next = segments.last().map_or(0, |segment| segment.bytes);
        let sealed = segments.len().saturating_sub(1);
        let mut no_space = false;
        for segment in segments.iter().take(sealed) {
            // A file that goes is the next segment: that helps a full disk, too.
            let full = bytes + next > self.shared.limits.journal_bytes_max || !self.journal.has_room();
            if !full && !self.committed.is_expired(segment) {
                break;
            }
            let dropped =
                self.committed.may_drop(segment) && matches!(self.journal.drop_oldest(), Ok(Some(_)));
            if !dropped {
                no_space = full;
                break;
            }
            bytes -= segment.bytes;
            self.committed.dropped(segment.number);
        }
        no_space |= bytes + next > self.shared.limits.journal_bytes_max || !self.journal.has_room();
        // Two segments before the end there is still time to free the next one.
        if (no_space || bytes + 3 * next > self.shared.limits.journal_bytes_max)
            && let Some(oldest) = self.journal.segments().first()
        {
            // Where the disk has no other file, the rest of this one is for outcomes first.
            let left = next.saturating_sub(u64::from(self.journal.records().end().offset));
            let room = if self.journal.has_room() { next } else { left / 2 };
            self.committed.needed_soon(oldest, room);
        }
        self.shared.bytes.store(bytes, Ordering::Relaxed);
        self.shared.no_space.store(no_space, Ordering::Relaxed);
    }

    /// Tells everybody that nothing becomes durable any more.
    fn fail(&mut self, error: &JournalError) {
        self.shared.failing.store(true, Ordering::Release);
        self.committed.failed(error);
        self.shared.queue.end();
    }
}
