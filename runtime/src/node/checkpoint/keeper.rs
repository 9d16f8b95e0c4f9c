//! The thread that writes checkpoints while a node runs, and the last one when it stops.

use std::io;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::file::{self, Draft};
use super::{Changes, Checkpoint, Item, Unusable, is_checkpoint};
use crate::clock::Clock;
use crate::journal::disk::Disk;
use crate::journal::{JournalError, Mark, Records};
use crate::sync::{Condvar, JoinHandle, Mutex, spawn};

/// When checkpoints are written and what they keep.
#[derive(Clone, Copy, Debug)]
pub(in crate::node) struct Pace {
    /// After so many bytes of records, or half of the last checkpoint's bytes if that is more: writing
    /// checkpoints then never takes more than twice the bytes of the journal.
    pub log_bytes: u64,
    /// It is never more than that, however large checkpoints are.
    pub log_bytes_max: u64,
    /// After so long, if anything has been written.
    pub after: Duration,
    /// Names that are older are left out.
    pub names_kept: Duration,
    /// So many names are kept, the youngest ones.
    pub names_max: u64,
}

/// So many checkpoints are kept: if the newest is damaged, the one before it and more of the journal do.
const KEPT: usize = 2;

/// So often it is looked whether one is due.
const LOOK: Duration = Duration::from_secs(1);

/// Why a checkpoint was not written. The ones before it stay good.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("the checkpoint before: {0}")]
    Before(#[from] Unusable),
    #[error("the journal has a record of another version")]
    Unreadable,
}

/// A handle to the thread.
pub(in crate::node) struct Keeper {
    shared: Arc<Shared>,
    /// A std mutex: taken once, when the node stops.
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Shared {
    /// A std mutex: held to read or set it.
    stop: Mutex<Stop>,
    some: Condvar,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Stop {
    #[default]
    No,
    /// After a last checkpoint.
    Last,
    /// At once.
    Now,
}

impl Shared {
    fn stop(&self, how: Stop) {
        let mut stop = self.stop.lock().unwrap_or_else(PoisonError::into_inner);
        if *stop == Stop::No {
            *stop = how;
        }
        self.some.notify_one();
    }
}

impl Keeper {
    /// Starts the thread. `newest` is the checkpoint that the node began with.
    pub(in crate::node) fn start(
        disk: Arc<dyn Disk>,
        records: Arc<dyn Records>,
        clock: Arc<dyn Clock>,
        pace: Pace,
        newest: Option<Checkpoint>,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let work = Work::new(disk, records, clock, pace, newest);
        let theirs = Arc::clone(&shared);
        let thread = spawn("checkpoint", move || work.run(&theirs))?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Writes a last checkpoint, if anything has been written since the last one, and ends the thread.
    /// Nothing may be appended any more. Blocks until then.
    pub(in crate::node) fn stop(&self) {
        self.shared.stop(Stop::Last);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A panic in there has been reported by the panic hook already.
        let _ = thread.map(JoinHandle::join);
    }
}

impl Drop for Keeper {
    /// Ends the thread of a node that nobody shut down, without a last checkpoint.
    fn drop(&mut self) {
        self.shared.stop(Stop::Now);
    }
}

pub(super) struct Work {
    disk: Arc<dyn Disk>,
    records: Arc<dyn Records>,
    clock: Arc<dyn Clock>,
    pub(super) pace: Pace,
    /// Name, place and size of the newest one.
    newest: Option<(String, Mark, u64)>,
    /// What was last seen of the journal when a checkpoint was tried.
    begun: Option<Mark>,
}

impl Work {
    pub(super) fn new(
        disk: Arc<dyn Disk>,
        records: Arc<dyn Records>,
        clock: Arc<dyn Clock>,
        pace: Pace,
        newest: Option<Checkpoint>,
    ) -> Self {
        let newest = newest.map(|newest| (newest.name, newest.mark, newest.bytes));
        let begun = newest.as_ref().map_or_else(|| records.begin().ok(), |(_, mark, _)| Some(*mark));
        Self { disk, records, clock, pace, newest, begun }
    }

    fn run(mut self, shared: &Shared) {
        let mut waited = Duration::ZERO;
        loop {
            let stop = shared.stop.lock().unwrap_or_else(PoisonError::into_inner);
            let stop = match *stop {
                Stop::No => *shared.some.wait_timeout(stop, LOOK).unwrap_or_else(PoisonError::into_inner).0,
                stop => stop,
            };
            if stop == Stop::Now {
                return;
            }
            let stopping = stop == Stop::Last;
            waited += LOOK;
            let end = self.records.end();
            let written = self.begun.is_none_or(|begun| begun.lsn != end.lsn);
            if written && (stopping || waited >= self.pace.after || self.bytes_since(end) >= self.bytes_due())
            {
                waited = Duration::ZERO;
                // A failure is not tried again at once: it would only cost the same again.
                self.begun = Some(end);
                if let Err(error) = self.fold(end) {
                    tracing::warn!(%error, "no checkpoint was written; a start will read more of the journal");
                }
            }
            if stopping {
                return;
            }
        }
    }

    fn bytes_due(&self) -> u64 {
        let large = self.newest.as_ref().map_or(0, |(_, _, bytes)| bytes / 2);
        large.max(self.pace.log_bytes).min(self.pace.log_bytes_max)
    }

    /// Bytes of the journal since the last try; segments in between count in full.
    fn bytes_since(&self, end: Mark) -> u64 {
        let Some(begun) = self.begun else { return 0 };
        let segments = u64::from(end.segment.saturating_sub(begun.segment));
        let segment_bytes = self.records.segment_bytes();
        (segments * segment_bytes + u64::from(end.offset)).saturating_sub(u64::from(begun.offset))
    }

    /// Writes the checkpoint at a place of the journal.
    pub(super) fn fold(&mut self, end: Mark) -> Result<(), Failure> {
        let before = self.newest.as_ref().and_then(|(name, ..)| {
            let opened = Checkpoint::open(&*self.disk, name);
            opened.inspect_err(|error| tracing::warn!(checkpoint = name, %error, "it is damaged")).ok()
        });
        let first = self.records.begin()?;
        // Without the segments since then, the one before is of no use; the whole journal is.
        let before = before.filter(|(before, ..)| before.mark.segment >= first.segment);
        let (before, mut changes) = match before {
            Some((before, tables, gates)) => (Some(before), Changes::over(tables, gates)),
            None => (None, Changes::default()),
        };
        let from = before.as_ref().map_or(first, |before| before.mark);
        self.records.replay(from, end, &|_| {}, &mut |position, _, bytes| changes.visit(position, bytes))?;
        if changes.unreadable.is_some() {
            return Err(Failure::Unreadable);
        }
        let written = self.write(before.as_ref(), &mut changes, end);
        // A file that nobody will finish takes room that the journal may need.
        let written = written.inspect_err(|_| file::discard(&*self.disk))?;
        self.newest = Some(written);
        self.prune()?;
        Ok(())
    }

    fn write(
        &self,
        before: Option<&Checkpoint>,
        changes: &mut Changes,
        end: Mark,
    ) -> Result<(String, Mark, u64), Failure> {
        let now = self.clock.now();
        let oldest = now.saturating_sub(self.pace.names_kept).unwrap_or(jiff::Timestamp::MIN);
        let names = before.map_or(0, |before| before.names) + changes.names.len() as u64;
        let mut too_many = names.saturating_sub(self.pace.names_max);
        let mut keep = |at| {
            let keep = too_many == 0 && at >= oldest;
            too_many = too_many.saturating_sub(1);
            keep
        };
        let last = changes.last.or(before.and_then(|before| before.last));
        let mut draft = Draft::begin(&*self.disk, end, last, now.as_microsecond())?;
        let mut result = Ok(());
        if let Some(before) = before {
            before.read(&mut |item| {
                let put = match item {
                    Item::Pending(entry) => match changes.amend(entry) {
                        Some(entry) => draft.pending(&changes.tables, &entry),
                        None => Ok(()),
                    },
                    Item::Name(name) if keep(name.at) => draft.name(&changes.tables, &name),
                    Item::Name(_) => Ok(()),
                };
                if result.is_ok() {
                    result = put;
                }
            })?;
        }
        result?;
        for entry in changes.born() {
            draft.pending(&changes.tables, entry)?;
        }
        for name in changes.names.iter().filter(|name| keep(name.at)) {
            draft.name(&changes.tables, name)?;
        }
        draft.gates(&mut changes.tables, &changes.gates, now)?;
        let (name, bytes) = draft.finish(&*self.disk)?;
        Ok((name, end, bytes))
    }

    /// Removes all but the newest.
    fn prune(&self) -> io::Result<()> {
        let mut names: Vec<String> =
            self.disk.list()?.into_iter().filter(|name| is_checkpoint(name)).collect();
        names.sort_unstable();
        let old = names.len().saturating_sub(KEPT);
        for name in names.iter().take(old) {
            self.disk.remove(name)?;
        }
        if old > 0 { self.disk.sync_names() } else { Ok(()) }
    }
}
