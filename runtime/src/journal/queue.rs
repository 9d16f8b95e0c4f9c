//! What waits for the journal's writer. Nobody ever waits for room in it.

use std::collections::VecDeque;
use std::sync::PoisonError;
use std::time::Duration;

use tokio::sync::oneshot;

use super::format::RECORD_HEADER_BYTES;
use super::writer::{Class, Entry, Refusal, WriterLimits};
use crate::sync::{Condvar, Mutex, MutexGuard};

/// What nobody waits for waits so long for company. A crash forgets at most that much more of what came of
/// attempts; they are made again, as those that were under way.
const NOTES_WAIT: Duration = Duration::from_millis(2);

/// So many bytes of it wait at most.
const NOTES_BYTES_MAX: usize = 1 << 20;

/// What waits, and the thread that waits for it.
pub(super) struct Queue<T> {
    limits: WriterLimits,
    /// A std mutex: held to push or to take what waits, never across a write or an await.
    waiting: Mutex<Waiting<T>>,
    some: Condvar,
}

struct Waiting<T> {
    submissions: VecDeque<Submission<T>>,
    bytes: usize,
    records: usize,
    /// Somebody waits for something in it, or enough waits.
    urgent: bool,
    closed: bool,
    sleep: Sleep,
}

/// Records that go together.
pub(super) struct Submission<T> {
    pub entries: Vec<Entry<T>>,
    bytes: usize,
    /// Told when they are durable.
    pub durable: Option<oneshot::Sender<()>>,
}

/// What would wake the thread. To wake one that is awake costs a system call and does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sleep {
    /// It looks at the queue before it sleeps.
    Awake,
    /// Anything.
    Idle,
    /// Something urgent.
    Dozing,
}

/// What the thread does next.
pub(super) enum Next<T> {
    /// Writes these.
    Write(Vec<Submission<T>>),
    /// What there is to do when nothing has waited for a while.
    Idle,
    /// Ends: the queue is closed and empty.
    End,
}

impl<T> Queue<T> {
    pub(super) fn new(limits: &WriterLimits) -> Self {
        let waiting = Waiting {
            submissions: VecDeque::new(),
            bytes: 0,
            records: 0,
            urgent: false,
            closed: false,
            sleep: Sleep::Awake,
        };
        Self { limits: *limits, waiting: Mutex::new(waiting), some: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting<T>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues records.
    ///
    /// # Errors
    /// It is closed, or full; only events are refused because it is full.
    pub(super) fn push(
        &self,
        class: Class,
        entries: Vec<Entry<T>>,
        durable: Option<oneshot::Sender<()>>,
    ) -> Result<(), Refusal> {
        let bytes = entries.iter().map(|entry| entry.bytes.len() + RECORD_HEADER_BYTES).sum();
        let mut waiting = self.lock();
        if waiting.closed {
            return Err(Refusal::Closed);
        }
        // An empty queue takes anything, or a large batch would never find room.
        let full = waiting.bytes + bytes > self.limits.queue_bytes_max
            || waiting.records + entries.len() > self.limits.queue_records_max;
        if class == Class::Event && full && !waiting.submissions.is_empty() {
            return Err(Refusal::Busy);
        }
        waiting.bytes += bytes;
        waiting.records += entries.len();
        waiting.urgent |= durable.is_some() || waiting.bytes >= NOTES_BYTES_MAX;
        waiting.submissions.push_back(Submission { entries, bytes, durable });
        let wakes = match waiting.sleep {
            Sleep::Awake => false,
            Sleep::Idle => true,
            Sleep::Dozing => waiting.urgent,
        };
        if wakes {
            waiting.sleep = Sleep::Awake;
        }
        drop(waiting);
        if wakes {
            self.some.notify_one();
        }
        Ok(())
    }

    /// Whether four fifths are full.
    pub(super) fn is_crowded(&self) -> bool {
        let (records, bytes) = self.waiting();
        bytes > self.limits.queue_bytes_max / 5 * 4 || records > self.limits.queue_records_max / 5 * 4
    }

    /// Records and bytes that wait.
    pub(super) fn waiting(&self) -> (usize, usize) {
        let waiting = self.lock();
        (waiting.records, waiting.bytes)
    }

    /// Takes nothing more. What waits is still written.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.some.notify_one();
    }

    /// Takes nothing more and forgets what waits, which tells those who wait for it.
    pub(super) fn end(&self) {
        let mut waiting = self.lock();
        waiting.closed = true;
        waiting.submissions.clear();
    }

    /// Waits for something to do, with nothing at all for at most `idle`. What nobody waits for waits for
    /// company.
    pub(super) fn next(&self, bytes_max: usize, idle: Duration) -> Next<T> {
        let mut waiting = self.lock();
        let mut has_dozed = false;
        loop {
            let some = !waiting.submissions.is_empty();
            if some && (waiting.urgent || has_dozed || waiting.closed) {
                return Next::Write(waiting.take(bytes_max));
            }
            if waiting.closed {
                return Next::End;
            }
            let (sleep, at_most) = if some { (Sleep::Dozing, NOTES_WAIT) } else { (Sleep::Idle, idle) };
            waiting.sleep = sleep;
            let waited = self.some.wait_timeout(waiting, at_most);
            let (again, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            waiting = again;
            waiting.sleep = Sleep::Awake;
            if timeout.timed_out() && some {
                has_dozed = true;
            } else if timeout.timed_out() && waiting.submissions.is_empty() && !waiting.closed {
                return Next::Idle;
            }
        }
    }
}

impl<T> Waiting<T> {
    /// Everything that waits, up to a number of bytes, and at least one submission.
    fn take(&mut self, bytes_max: usize) -> Vec<Submission<T>> {
        let mut taken = Vec::new();
        let mut bytes = 0;
        while let Some(next) = self.submissions.front()
            && (taken.is_empty() || bytes + next.bytes <= bytes_max)
            && let Some(next) = self.submissions.pop_front()
        {
            bytes += next.bytes;
            self.bytes -= next.bytes;
            self.records -= next.entries.len();
            taken.push(next);
        }
        // What found no room has waited long enough.
        self.urgent = !self.submissions.is_empty();
        taken
    }
}
