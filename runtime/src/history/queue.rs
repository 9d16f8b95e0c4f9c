//! What waits for the history's thread: bounded, never waited for by whoever puts it in.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use crate::journal::Position;
use crate::record::Record;
use crate::sync::{Condvar, Mutex, MutexGuard};

/// Records that may wait for the index; more are read from the journal later.
const QUEUE_RECORDS_MAX: usize = 16_384;

/// Records that nobody asks for wait so long for company.
const GATHER: Duration = Duration::from_millis(5);

/// Bytes of records that may wait for the index, about; more are read from the journal later.
const QUEUE_BYTES_MAX: usize = 32 << 20;

/// What waits, and the thread that waits for it.
#[derive(Default)]
pub(super) struct Queue {
    /// A std mutex: held to push or to take what waits.
    work: Mutex<Waiting>,
    some: Condvar,
}

#[derive(Default)]
struct Waiting {
    work: Work,
    bytes: usize,
    stop: bool,
    /// Somebody waits for what is in it.
    hurry: bool,
    sleep: Sleep,
}

/// Something for the thread to do.
#[derive(Default)]
pub(super) struct Work {
    /// Records that are durable, in the journal's order.
    pub records: VecDeque<(Position, Arc<Record>)>,
    /// Something was not queued: it must be read from the journal.
    pub gap: bool,
    /// Segments that are gone from the journal.
    pub dropped: Vec<u32>,
}

/// What would wake the thread. To wake one that is awake costs a system call and does nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Sleep {
    /// It looks at the queue before it sleeps.
    #[default]
    Awake,
    /// Anything.
    Idle,
    /// Anything but records that nobody asks for.
    Dozing,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues records, or notes that they are to be read from the journal.
    pub(super) fn offer(&self, records: Vec<(Position, Arc<Record>)>) {
        let mut waiting = self.lock();
        let full = waiting.work.records.len() >= QUEUE_RECORDS_MAX || waiting.bytes >= QUEUE_BYTES_MAX;
        if waiting.work.gap || full {
            waiting.work.gap = true;
        } else {
            waiting.bytes += records.iter().map(|(_, record)| bytes_of(record)).sum::<usize>();
            waiting.work.records.extend(records);
        }
        self.pushed(waiting);
    }

    /// A segment is gone from the journal.
    pub(super) fn dropped(&self, segment: u32) {
        let mut waiting = self.lock();
        waiting.work.dropped.push(segment);
        waiting.hurry = true;
        self.pushed(waiting);
    }

    /// Somebody waits for what is in it.
    pub(super) fn hurry(&self) {
        let mut waiting = self.lock();
        waiting.hurry = true;
        self.pushed(waiting);
    }

    /// Ends the thread, once it has done what waits.
    pub(super) fn stop(&self) {
        let mut waiting = self.lock();
        waiting.stop = true;
        waiting.hurry = true;
        self.pushed(waiting);
    }

    /// From now on nothing is queued until everything was read from the journal.
    #[cfg(test)]
    pub(super) fn pretend_full(&self) {
        self.lock().work.gap = true;
    }

    fn pushed(&self, mut waiting: MutexGuard<'_, Waiting>) {
        let wakes = match waiting.sleep {
            Sleep::Awake => false,
            Sleep::Idle => true,
            Sleep::Dozing => waiting.hurry || waiting.work.gap,
        };
        if wakes {
            waiting.sleep = Sleep::Awake;
        }
        drop(waiting);
        if wakes {
            self.some.notify_one();
        }
    }

    /// Waits until there is something to do, and takes it; `None` once it is stopped and all is done. Records
    /// alone wait for company, unless somebody asks for them. `is_more` says whether the thread has other work.
    pub(super) fn take(&self, is_more: impl Fn() -> bool) -> Option<Work> {
        let mut waiting = self.lock();
        let mut has_dozed = false;
        loop {
            let some = !waiting.work.records.is_empty();
            // What waits is still taken in: after a shutdown its last outcomes are asked for.
            if waiting.stop && !some && !waiting.work.gap {
                return None;
            }
            let other = waiting.work.gap || !waiting.work.dropped.is_empty() || is_more();
            if other || some && (waiting.hurry || has_dozed) {
                waiting.hurry = waiting.stop;
                waiting.bytes = 0;
                let (gap, work) = (waiting.work.gap, std::mem::take(&mut waiting.work));
                waiting.work.gap = gap;
                return Some(work);
            }
            waiting.sleep = if some { Sleep::Dozing } else { Sleep::Idle };
            if some {
                let waited = self.some.wait_timeout(waiting, GATHER);
                let (again, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
                has_dozed = timeout.timed_out();
                waiting = again;
            } else {
                waiting = self.some.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            }
            waiting.sleep = Sleep::Awake;
        }
    }

    /// Queues again what comes from now on, if `is_all` says that nothing is left to read; then `closed` is
    /// called before anybody can queue something.
    pub(super) fn close_gap(&self, is_all: impl Fn() -> bool, closed: impl FnOnce()) -> bool {
        let mut waiting = self.lock();
        // Whoever offered something more meanwhile found the gap and did not queue it.
        let all = is_all();
        if all {
            waiting.work.gap = false;
            closed();
        }
        all
    }
}

/// About what a record takes in memory.
fn bytes_of(record: &Record) -> usize {
    let Some(owed) = record.owed() else { return 500 };
    let inputs =
        owed.deliveries.iter().map(|delivery| delivery.input.as_ref().map_or(0, |text| text.len()) + 500);
    owed.event.payload.len() + 500 + inputs.sum::<usize>()
}
