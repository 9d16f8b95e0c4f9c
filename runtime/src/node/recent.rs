//! Records in memory: what was written last, and what was read back for several deliveries.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::io;
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
type Reading = Arc<OnceCell<Arc<Record>>>;

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

    /// A record that `read` reads back: once, however many ask for it meanwhile.
    pub(super) async fn read_back(
        &self,
        position: Position,
        read: impl Future<Output = io::Result<Arc<Record>>>,
    ) -> io::Result<Arc<Record>> {
        let reading = Arc::clone(self.recalled().by_position.entry(position).or_default());
        let asks = Asks { recent: self, position };
        let mut reads = false;
        let begin = || {
            reads = true;
            read
        };
        let record = reading.get_or_try_init(begin).await.cloned();
        if reads {
            let owed = record.as_ref().ok().and_then(|record| record.owed());
            match owed.filter(|owed| owed.owing() > 1) {
                Some(owed) => self.recalled().keep(position, 2 * bytes_of(owed)),
                // Nobody else will ask.
                None => drop(self.recalled().by_position.remove(&position)),
            }
        }
        drop(asks);
        record
    }
}

/// Somebody asks for a record. Whoever goes away before it was read leaves no place behind that nobody fills.
struct Asks<'r> {
    recent: &'r Recent,
    position: Position,
}

impl Drop for Asks<'_> {
    fn drop(&mut self) {
        let mut recalled = self.recent.recalled();
        if recalled.by_position.get(&self.position).is_some_and(|reading| !reading.initialized()) {
            recalled.by_position.remove(&self.position);
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::checkpoint::tests::owed;

    #[tokio::test]
    async fn a_record_is_read_once_for_all_who_ask_and_leaves_nothing_behind() {
        let recent = Recent::default();
        let position = Position { segment: 1, offset: 64 };
        let unreadable = || async { Err(io::Error::other("no")) };
        assert!(recent.read_back(position, unreadable()).await.is_err());
        assert!(recent.recalled().by_position.is_empty(), "what cannot be read is asked again");
        // Somebody asks and goes away while it is read.
        let never = recent.read_back(position, std::future::pending());
        assert!(tokio::time::timeout(std::time::Duration::from_millis(5), never).await.is_err());
        assert!(recent.recalled().by_position.is_empty());
        let [one, two] = [1, 2].map(|deliveries| Arc::new(Record::Accepted(Box::new(owed(0, deliveries)))));
        let read = |record: &Arc<Record>| std::future::ready(Ok(Arc::clone(record)));
        recent.read_back(position, read(&one)).await.unwrap();
        assert!(recent.recalled().by_position.is_empty(), "nobody else asks for a single delivery");
        let (first, second) =
            tokio::join!(recent.read_back(position, read(&two)), recent.read_back(position, unreadable()));
        assert!(Arc::ptr_eq(&first.unwrap(), &second.unwrap()));
        let mut offset = 0;
        while recent.recalled().bytes + 2 * bytes_of(two.owed().unwrap()) <= RECALLED_BYTES_MAX {
            offset += 1;
            recent.read_back(Position { segment: 2, offset }, read(&two)).await.unwrap();
        }
        assert!(recent.recalled().by_position.contains_key(&position));
        recent.read_back(Position { segment: 3, offset: 0 }, read(&two)).await.unwrap();
        assert!(!recent.recalled().by_position.contains_key(&position), "the first one goes first");
    }
}
