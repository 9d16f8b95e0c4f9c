//! Records in memory: what was written last, and what was read back for several deliveries.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, PoisonError};

use tokio::sync::OnceCell;

use super::books::bytes_of;
use crate::journal::Position;
use crate::record::Record;
use crate::sync::{Mutex, MutexGuard};

/// Bytes of recent events that are kept in memory, so that a first attempt reads nothing back.
const RECENT_BYTES_MAX: usize = 64 << 20;

/// Bytes of records with several deliveries that are kept after they were read back, for the other ones.
const RECALLED_BYTES_MAX: usize = 16 << 20;

/// The records that were written last. Every attempt asks, so they have a lock of their own.
#[derive(Default)]
pub(super) struct Recent {
    /// A std mutex: held to look one up, or to add a batch.
    records: Mutex<RecentRecords>,
    /// A std mutex: held to look one up, or to add one.
    recalled: Mutex<Recalled>,
}

/// A record that is being read back, or was.
pub(super) type Reading = Arc<OnceCell<Arc<Record>>>;

/// Records that were read back.
#[derive(Default)]
struct Recalled {
    by_position: HashMap<Position, Reading>,
    order: VecDeque<(Position, usize)>,
    bytes: usize,
}

#[derive(Default)]
struct RecentRecords {
    by_position: HashMap<Position, Arc<Record>>,
    order: VecDeque<(Position, usize)>,
    bytes: usize,
}

impl Recent {
    pub(super) fn add<'r>(&self, records: impl Iterator<Item = (Position, &'r Arc<Record>)>) {
        let mut recent = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        for (position, record) in records {
            recent.add(position, record);
        }
    }

    pub(super) fn get(&self, position: Position) -> Option<Arc<Record>> {
        let recent = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        recent.by_position.get(&position).cloned()
    }

    fn recalled(&self) -> MutexGuard<'_, Recalled> {
        self.recalled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where a record is read into: once, however many wait for it. Whoever reads it says how that went,
    /// with [`Self::was_read`].
    pub(super) fn reading(&self, position: Position) -> Reading {
        Arc::clone(self.recalled().by_position.entry(position).or_default())
    }

    /// A record was read, or could not be. It stays while others may ask for it.
    pub(super) fn was_read(&self, position: Position, record: Option<&Record>) {
        let mut recalled = self.recalled();
        let Some(owed) = record.and_then(Record::owed).filter(|owed| owed.owing() > 1) else {
            recalled.by_position.remove(&position);
            return;
        };
        recalled.keep(position, 2 * bytes_of(owed));
    }
}

impl Recalled {
    fn keep(&mut self, position: Position, bytes: usize) {
        self.order.push_back((position, bytes));
        self.bytes += bytes;
        while self.bytes > RECALLED_BYTES_MAX
            && let Some((position, bytes)) = self.order.pop_front()
        {
            self.by_position.remove(&position);
            self.bytes -= bytes;
        }
    }
}

impl RecentRecords {
    fn add(&mut self, position: Position, record: &Arc<Record>) {
        let (Record::Accepted(owed) | Record::Replayed(owed)) = &**record else { return };
        if owed.owing() == 0 {
            return;
        }
        // Parsed, it takes about twice as much as written.
        let bytes = 2 * bytes_of(owed);
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
}
