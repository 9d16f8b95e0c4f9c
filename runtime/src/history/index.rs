//! The thread that keeps the index: takes durable records, finishes runs, makes damaged ones again.
//!
//! It stands behind [a queue](super::queue) with a bound. When the queue is full, what comes is not queued but
//! read from the journal later: then lists are late, and deliveries are not.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};

use tokio::sync::watch;

use super::active::Active;
use super::queue::Queue;
use super::run::{Damaged, Run};
use super::walk::{salt, walk};
use crate::journal::disk::Disk;
use crate::journal::{Position, Records};
use crate::record::Record;
use crate::sync::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// So many records go in under one lock, so that questions get their turn.
const TURN_RECORDS_MAX: usize = 512;

/// A segment is read that often until all of it is there.
const READ_TRIES: u32 = 3;

/// The ending of a run's file.
const ENDING: &str = ".history";

/// A run's file while it is written.
const UNFINISHED: &str = "unfinished.history";

/// What the writer, the thread and questions share.
pub(super) struct Index {
    pub journal: Arc<dyn Records>,
    disk: Arc<dyn Disk>,
    /// A std lock: held by questions for a piece of a list, by the thread for a few hundred records.
    parts: RwLock<Parts>,
    queue: Queue,
    /// The place of the last record that is durable, and of the last one that questions see.
    durable: AtomicU64,
    seen: watch::Sender<u64>,
    /// Records that are durable and not seen yet.
    behind: AtomicU64,
    /// The highest segment that is gone: its rows lead nowhere.
    gone: AtomicU32,
    /// The thread has ended: what questions do not see by now, they never will.
    over: AtomicBool,
    /// Segments whose runs are still to be made.
    unmade: Mutex<BTreeSet<u32>>,
    /// Held while a run is made again, so that two questions do not make the same one.
    mending: Mutex<()>,
}

/// The rows of the segment being written, and the runs of the others.
#[derive(Default)]
pub(super) struct Parts {
    pub active: Active,
    pub runs: BTreeMap<u32, Arc<Run>>,
    /// Something of the segment being written could not be read: its rows must not become a run.
    pub lacks: bool,
}

/// Told about each record once it can be found.
pub(super) type Tell = Box<dyn FnMut(&Record, Position) + Send>;

/// Places of records in the order of the journal.
fn place(position: Position) -> u64 {
    (u64::from(position.segment) << 32) | u64::from(position.offset)
}

impl Index {
    /// An index of a journal with those segments, of which the last one is being written; `last` is the
    /// last durable record. Runs that fit are used, the others are made by the thread.
    pub(super) fn open(
        journal: Arc<dyn Records>,
        disk: Arc<dyn Disk>,
        segments: &[u32],
        last: Option<Position>,
    ) -> Self {
        let (written, finished) = segments.split_last().map_or((1, segments), |(last, rest)| (*last, rest));
        let mut parts = Parts { active: Active::new(written), ..Parts::default() };
        let mut unmade = BTreeSet::new();
        for segment in finished {
            let found =
                disk.open(&file_name(*segment)).and_then(|file| Ok((file, salt(&*journal, *segment)?)));
            match found.map(|(file, salt)| Run::in_file(file, salt)) {
                Ok(Ok(run)) if run.segment == *segment => drop(parts.runs.insert(*segment, Arc::new(run))),
                Ok(_) | Err(_) => drop(unmade.insert(*segment)),
            }
        }
        // Rows of the segment that is written are read by the thread, from its beginning.
        unmade.insert(written);
        for name in disk.list().unwrap_or_default() {
            let number = name.strip_suffix(ENDING).map(|number| number.parse::<u32>());
            if number.is_some_and(|number| number.map_or(true, |number| !finished.contains(&number))) {
                // What cannot be removed is in nobody's way.
                let _ = disk.remove(&name);
            }
        }
        let seen = place(Position { segment: written, offset: 0 });
        Self {
            journal,
            disk,
            parts: RwLock::new(parts),
            queue: Queue::default(),
            durable: AtomicU64::new(last.map_or(seen, place).max(seen)),
            seen: watch::Sender::new(seen),
            behind: AtomicU64::new(0),
            gone: AtomicU32::new(0),
            over: AtomicBool::new(false),
            unmade: Mutex::new(unmade),
            mending: Mutex::new(()),
        }
    }

    pub(super) fn parts(&self) -> RwLockReadGuard<'_, Parts> {
        self.parts.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn gone(&self) -> u32 {
        self.gone.load(Ordering::Acquire)
    }

    /// Whether a segment is gone from the journal.
    pub(super) fn is_gone(&self, segment: u32) -> bool {
        segment <= self.gone()
    }

    /// A question found that a segment is gone from the journal, a moment before [`Self::dropped`] says so.
    /// Segments go oldest first, so every older one is gone as well.
    pub(super) fn note_gone(&self, segment: u32) {
        self.gone.fetch_max(segment, Ordering::AcqRel);
    }

    fn change(&self) -> RwLockWriteGuard<'_, Parts> {
        self.parts.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn unmade(&self) -> MutexGuard<'_, BTreeSet<u32>> {
        self.unmade.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes records that are durable now, in the journal's order. Never waits for the index.
    pub(super) fn offer(&self, records: Vec<(Position, Arc<Record>)>) {
        let Some((last, _)) = records.last() else { return };
        self.durable.store(place(*last), Ordering::Release);
        self.behind.fetch_add(records.len() as u64, Ordering::Relaxed);
        self.queue.offer(records);
    }

    /// A segment is gone from the journal.
    pub(super) fn dropped(&self, segment: u32) {
        self.gone.fetch_max(segment, Ordering::AcqRel);
        self.queue.dropped(segment);
    }

    /// From now on nothing is queued until everything was read from the journal.
    #[cfg(test)]
    pub(super) fn pretend_full(&self) {
        self.queue.pretend_full();
    }

    /// Ends the thread.
    pub(super) fn stop(&self) {
        self.queue.stop();
    }

    /// Records that are durable and that questions do not see yet, and segments that are not indexed yet.
    pub(super) fn lag(&self) -> (u64, usize) {
        (self.behind.load(Ordering::Relaxed), self.unmade().len())
    }

    /// Waits until questions see everything that was durable when this was called, or will not see any more.
    pub(super) async fn caught_up(&self) {
        let durable = self.durable.load(Ordering::Acquire);
        let mut seen = self.seen.subscribe();
        if *seen.borrow() < durable {
            self.queue.hurry();
        }
        // The sender lives as long as the index.
        let _ = seen.wait_for(|seen| *seen >= durable || self.is_over()).await;
        loop {
            let made = self.unmade().is_empty() || self.is_over();
            if made || seen.changed().await.is_err() {
                return;
            }
        }
    }

    /// Whether questions see everything that was durable when [`Self::caught_up`] was called before: nothing
    /// was unreadable, and the thread has not ended.
    pub(super) fn is_whole(&self) -> bool {
        !self.is_over() && !self.parts().lacks && self.unmade().is_empty()
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// The thread.
    pub(super) fn run(&self, tell: Tell) {
        self.work(tell);
        self.over.store(true, Ordering::Release);
        self.seen.send_modify(|_| {});
    }

    fn work(&self, mut tell: Tell) {
        self.begin();
        loop {
            let Some(work) = self.queue.take(|| !self.unmade().is_empty()) else { return };
            self.take(work.records, &mut tell);
            if work.gap {
                self.catch_up(&mut tell);
            }
            self.forget(&work.dropped);
            let next = self.unmade().last().copied();
            if let Some(segment) = next {
                self.make(segment);
            }
        }
    }

    /// Reads what the segment being written has already.
    fn begin(&self) {
        let written = self.parts().active.segment;
        let durable = self.durable.load(Ordering::Acquire);
        let known = u32::try_from(durable & 0xffff_ffff).unwrap_or(0);
        let until = if durable >> 32 == u64::from(written) && known > 0 { known } else { u32::MAX };
        let wanted = if durable >> 32 == u64::from(written) { durable } else { 0 };
        // A read may fail once, or end too early.
        for tried in 1..=READ_TRIES {
            let read = self.read_on(written, until, None);
            if read.is_ok() && self.seen_place() >= wanted {
                break;
            }
            let error = read.err();
            tracing::error!(segment = written, tried, ?error, "a segment's history is not all read");
            self.change().lacks = tried == READ_TRIES;
        }
        self.unmade().remove(&written);
        // What could not be read now will not be seen later either: nobody must wait for it. What is durable
        // in a later segment by now comes through the queue.
        self.seen.send_modify(|seen| *seen = (*seen).max(wanted));
    }

    fn seen_place(&self) -> u64 {
        *self.seen.borrow()
    }

    /// Takes records in order; what was seen already is left out.
    fn take(&self, waiting: VecDeque<(Position, Arc<Record>)>, tell: &mut Tell) {
        let mut waiting = waiting.into_iter().peekable();
        while let Some((first, _)) = waiting.peek() {
            self.enter(first.segment);
            let mut turn = Vec::new();
            let segment = first.segment;
            while let Some(next) = waiting.next_if(|(position, _)| position.segment == segment) {
                turn.push(next);
                if turn.len() == TURN_RECORDS_MAX {
                    break;
                }
            }
            self.turn(&turn, Some(tell));
        }
    }

    /// Puts records in, tells those who watch, and lets questions know. `tell` is left out at start.
    fn turn(&self, records: &[(Position, Arc<Record>)], tell: Option<&mut Tell>) {
        let seen = self.seen_place();
        let mut parts = self.change();
        for (position, record) in records.iter().filter(|(position, _)| place(*position) > seen) {
            parts.active.apply(record, *position);
        }
        drop(parts);
        if let Some(tell) = tell {
            records.iter().for_each(|(position, record)| tell(record, *position));
            let count = records.len() as u64;
            let less = |behind: u64| Some(behind.saturating_sub(count));
            let _ = self.behind.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        }
        if let Some((last, _)) = records.last() {
            self.seen.send_modify(|seen| *seen = (*seen).max(place(*last)));
        }
    }

    /// Finishes the segment before, when the next record is in a later one.
    fn enter(&self, segment: u32) {
        let before = self.parts().active.segment;
        if before >= segment {
            return;
        }
        if self.parts().lacks {
            // A run of these rows would look whole, at every start to come.
            self.unmade().insert(before);
            let mut parts = self.change();
            (parts.active, parts.lacks) = (Active::new(segment), false);
            return;
        }
        let run = {
            let parts = self.parts();
            salt(&*self.journal, before).map(|salt| (Run::bytes_of(&parts.active, salt), salt))
        };
        let run = run.and_then(|(bytes, salt)| self.keep(before, bytes, salt));
        let mut parts = self.change();
        match run {
            Ok(run) => drop(parts.runs.insert(before, Arc::new(run))),
            // It has been dropped already, or cannot be read any more.
            Err(error) => tracing::warn!(segment = before, %error, "a segment has no history"),
        }
        parts.active = Active::new(segment);
    }

    /// Writes a run's file; without one, the run stays in memory until the next start.
    fn keep(&self, segment: u32, bytes: Vec<u8>, salt: u64) -> io::Result<Run> {
        let damaged = |_: Damaged| io::Error::from(io::ErrorKind::InvalidData);
        let name = file_name(segment);
        let written = self.disk.create(UNFINISHED, bytes.len() as u64).and_then(|file| {
            // Not synced: after a power cut its checksums tell, and it is made again.
            file.write_at(0, &bytes)?;
            self.disk.rename(UNFINISHED, &name)?;
            Ok(file)
        });
        match written {
            Ok(file) => Run::in_file(file, salt).map_err(damaged),
            Err(error) => {
                tracing::warn!(file = name, %error, "a run of the history cannot be written");
                Run::in_memory(bytes, salt).map_err(damaged)
            }
        }
    }

    /// Reads from the journal what the queue had no room for.
    fn catch_up(&self, tell: &mut Tell) {
        loop {
            let durable = self.durable.load(Ordering::Acquire);
            let seen = self.seen_place();
            if seen >= durable {
                let is_all = || self.durable.load(Ordering::Acquire) == durable;
                if self.queue.close_gap(is_all, || self.behind.store(0, Ordering::Relaxed)) {
                    return;
                }
                continue;
            }
            let segment = u32::try_from(seen >> 32).unwrap_or(u32::MAX);
            let last = u32::try_from(durable >> 32).unwrap_or(u32::MAX);
            let until = if segment == last {
                u32::try_from(durable & 0xffff_ffff).unwrap_or(u32::MAX)
            } else {
                u32::MAX
            };
            self.enter(segment);
            if let Err(error) = self.read_on(segment, until, Some(&mut *tell)) {
                tracing::warn!(segment, %error, "a segment is missing in the history");
                self.change().lacks = true;
            }
            let next = if segment == last { durable } else { u64::from(segment + 1) << 32 };
            self.seen.send_modify(|seen| *seen = (*seen).max(next));
        }
    }

    /// Reads records of the segment being written that were not seen yet.
    fn read_on(&self, segment: u32, until: u32, mut tell: Option<&mut Tell>) -> io::Result<()> {
        let seen = self.seen_place();
        let within = seen >> 32 == u64::from(segment);
        let after = if within { u32::try_from(seen & 0xffff_ffff).unwrap_or(0) } else { 0 };
        let mut turn: Vec<(Position, Arc<Record>)> = Vec::new();
        let walked = walk(&*self.journal, segment, after, until, |position, record| {
            turn.push((position, Arc::new(record)));
            if turn.len() == TURN_RECORDS_MAX {
                self.turn(&turn, tell.as_deref_mut());
                turn.clear();
            }
        });
        self.turn(&turn, tell);
        walked
    }

    fn forget(&self, dropped: &[u32]) {
        for segment in dropped {
            self.unmade().remove(segment);
            self.change().runs.remove(segment);
            let _ = self.disk.remove(&file_name(*segment));
        }
        if !dropped.is_empty() {
            self.seen.send_modify(|_| {});
        }
    }

    /// Makes the run of a finished segment that has none.
    fn make(&self, segment: u32) {
        for tried in 1..=READ_TRIES {
            match self.made(segment) {
                Ok(run) => {
                    self.change().runs.insert(segment, Arc::new(run));
                    break;
                }
                Err(error) => tracing::warn!(segment, tried, %error, "a segment has no history"),
            }
        }
        self.unmade().remove(&segment);
        self.seen.send_modify(|_| {});
    }

    fn made(&self, segment: u32) -> io::Result<Run> {
        let mut rows = Active::new(segment);
        walk(&*self.journal, segment, 0, u32::MAX, |position, record| rows.apply(&record, position))?;
        let salt = salt(&*self.journal, segment)?;
        self.keep(segment, Run::bytes_of(&rows, salt), salt)
    }

    /// Makes a run again that turned out to be damaged, unless somebody else has done so meanwhile.
    ///
    /// # Errors
    /// The journal cannot be read. Then it is tried once more by the thread, and else the segment is left out.
    pub(super) fn mend(&self, damaged: &Arc<Run>) -> io::Result<()> {
        let _mending = self.mending.lock().unwrap_or_else(PoisonError::into_inner);
        let segment = damaged.segment;
        let current = self.parts().runs.get(&segment).cloned();
        if current.is_none_or(|current| !Arc::ptr_eq(&current, damaged)) {
            return Ok(());
        }
        tracing::warn!(segment, "a run of the history is damaged; it is made again from the journal");
        let run = self.made(segment);
        let mut parts = self.change();
        match run {
            Ok(run) => drop(parts.runs.insert(segment, Arc::new(run))),
            Err(error) => {
                // The thread tries it again, and whoever asks then waits for that.
                parts.runs.remove(&segment);
                drop(parts);
                self.unmade().insert(segment);
                self.queue.hurry();
                return Err(error);
            }
        }
        Ok(())
    }
}

fn file_name(segment: u32) -> String {
    format!("{segment:010}{ENDING}")
}
