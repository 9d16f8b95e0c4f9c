//! What waits for the journal's writer. Nobody ever waits for room in it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::oneshot;

use super::format::RECORD_HEADER_BYTES;
use super::writer::{Class, Entry, Refusal, WriterLimits};
use crate::edge::{Closed, Mailbox, Rest};

/// What nobody waits for waits so long for company. A crash forgets at most that much more of what came of
/// attempts; they are made again, as those that were under way.
const NOTES_WAIT: Duration = Duration::from_millis(2);

/// So many bytes of it wait at most.
const NOTES_BYTES_MAX: usize = 1 << 20;

/// What waits. Nobody waits for anybody here, but the thread for something to do.
pub(super) struct Queue<T> {
    limits: WriterLimits,
    mail: Mailbox<Mail<T>>,
    /// Bytes and records that wait, here or in [`Taken`].
    bytes: AtomicUsize,
    records: AtomicUsize,
    /// Nothing more is to be taken.
    closing: AtomicBool,
}

enum Mail<T> {
    Submission(Submission<T>),
    /// Nothing comes after what is in the box by now.
    Close,
}

/// Records that go together.
pub(super) struct Submission<T> {
    pub entries: Vec<Entry<T>>,
    bytes: usize,
    /// Told when they are durable.
    pub durable: Option<oneshot::Sender<()>>,
}

/// What the thread has taken out of the queue and not written yet.
pub(super) struct Taken<T> {
    submissions: VecDeque<Submission<T>>,
    /// Somebody waits for something in it, or it has waited long enough.
    urgent: bool,
    /// It is the last.
    closed: bool,
}

impl<T> Default for Taken<T> {
    fn default() -> Self {
        Self { submissions: VecDeque::new(), urgent: false, closed: false }
    }
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
        Self {
            limits: *limits,
            mail: Mailbox::default(),
            bytes: AtomicUsize::new(0),
            records: AtomicUsize::new(0),
            closing: AtomicBool::new(false),
        }
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
        if self.closing.load(Ordering::Relaxed) {
            return Err(Refusal::Closed);
        }
        let records = entries.len();
        let bytes = entries.iter().map(|entry| entry.bytes.len() + RECORD_HEADER_BYTES).sum::<usize>();
        let had_bytes = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let had_records = self.records.fetch_add(records, Ordering::Relaxed);
        // An empty queue takes anything, or a large batch would never find room.
        let full = had_bytes + bytes > self.limits.queue_bytes_max
            || had_records + records > self.limits.queue_records_max;
        if class == Class::Event && full && had_records > 0 {
            self.count_out(records, bytes);
            return Err(Refusal::Busy);
        }
        let urgent = durable.is_some() || had_bytes + bytes >= NOTES_BYTES_MAX;
        let put = self.mail.put([Mail::Submission(Submission { entries, bytes, durable })], urgent);
        put.map_err(|Closed| {
            self.count_out(records, bytes);
            Refusal::Closed
        })
    }

    fn count_out(&self, records: usize, bytes: usize) {
        self.records.fetch_sub(records, Ordering::Relaxed);
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Whether four fifths are full.
    pub(super) fn is_crowded(&self) -> bool {
        let (records, bytes) = self.waiting();
        bytes > self.limits.queue_bytes_max / 5 * 4 || records > self.limits.queue_records_max / 5 * 4
    }

    /// Records and bytes that wait.
    pub(super) fn waiting(&self) -> (usize, usize) {
        (self.records.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }

    /// Takes nothing more. What waits is still written.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
        // One that has ended needs not be told.
        let _ = self.mail.put([Mail::Close], true);
    }

    /// Takes nothing more and forgets what waits, which tells those who wait for it.
    pub(super) fn end(&self) {
        drop(self.mail.close());
    }

    /// Waits for something to do, with nothing at all for at most `idle`. What nobody waits for waits for
    /// company.
    pub(super) fn next(&self, taken: &mut Taken<T>, bytes_max: usize, idle: Duration) -> Next<T> {
        loop {
            taken.add(self.mail.take());
            if taken.closed {
                taken.add(self.mail.close());
            }
            taken.urgent |= taken.closed || self.bytes.load(Ordering::Relaxed) >= NOTES_BYTES_MAX;
            let some = !taken.submissions.is_empty();
            if some && taken.urgent {
                let group = taken.group(bytes_max);
                for submission in &group {
                    self.count_out(submission.entries.len(), submission.bytes);
                }
                return Next::Write(group);
            }
            if taken.closed {
                return Next::End;
            }
            let (rest, at_most) = if some { (Rest::Dozing, NOTES_WAIT) } else { (Rest::Idle, idle) };
            let time_is_over = !self.mail.rest(rest, Some(at_most));
            if time_is_over && !some {
                return Next::Idle;
            }
            taken.urgent = time_is_over;
        }
    }
}

impl<T> Taken<T> {
    fn add(&mut self, more: Vec<Mail<T>>) {
        for mail in more {
            match mail {
                Mail::Submission(submission) => {
                    self.urgent |= submission.durable.is_some();
                    self.submissions.push_back(submission);
                }
                Mail::Close => self.closed = true,
            }
        }
    }

    /// Everything, up to a number of bytes, and at least one submission.
    fn group(&mut self, bytes_max: usize) -> Vec<Submission<T>> {
        let mut group = Vec::new();
        let mut bytes = 0;
        while let Some(next) = self.submissions.front()
            && (group.is_empty() || bytes + next.bytes <= bytes_max)
            && let Some(next) = self.submissions.pop_front()
        {
            bytes += next.bytes;
            group.push(next);
        }
        // What found no room has waited long enough.
        self.urgent = !self.submissions.is_empty();
        group
    }
}
