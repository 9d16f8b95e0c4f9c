//! A journal that says how long its batches take and how large they are.

use std::sync::Arc;
use std::time::Instant;

use crate::journal::{Journal, JournalError, Position, Records, SegmentInfo};
use crate::metrics::Metrics;

/// Another journal, timed.
pub(super) struct Timed {
    pub journal: Box<dyn Journal>,
    pub metrics: Arc<Metrics>,
}

impl Journal for Timed {
    fn append(&mut self, records: &[&[u8]]) -> Result<Vec<Position>, JournalError> {
        let began = Instant::now();
        let appended = self.journal.append(records);
        self.metrics.sync.observe(began.elapsed());
        // A batch without records only vouches for the one before.
        if !records.is_empty() {
            self.metrics.batch_records.record(records.len() as u64);
            self.metrics.batch_bytes.record(records.iter().map(|record| record.len() as u64).sum());
        }
        appended
    }

    fn batch_bytes_max(&self) -> usize {
        self.journal.batch_bytes_max()
    }

    fn newest(&self) -> u32 {
        self.journal.newest()
    }

    fn has_room(&mut self) -> bool {
        self.journal.has_room()
    }

    fn segments(&self) -> Vec<SegmentInfo> {
        self.journal.segments()
    }

    fn drop_oldest(&mut self) -> Result<Option<u32>, JournalError> {
        self.journal.drop_oldest()
    }

    fn records(&self) -> Arc<dyn Records> {
        self.journal.records()
    }
}
