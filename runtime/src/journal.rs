//! The durable log of a node: appended in batches, synced before anybody is told, read back at start.
//!
//! - [`format`] has the bytes (also in `docs/journal.md`), [`disk`] the few things wanted of a folder.
//! - [`segment`] is the log itself, without threads: it appends, rolls to the next file and drops old ones.
//! - [`reader`] reads it back at start, and tells a write that was cut short from damage.
//! - [`writer`] is the one thread that appends: it takes all that waits, syncs once, and then tells everybody.

pub mod disk;
#[cfg(test)]
pub(crate) mod fake;
pub mod format;
pub mod reader;
pub mod segment;
#[cfg(test)]
mod tests;
pub mod writer;

use std::io;
use std::sync::Arc;

/// Counts records from 0 over the whole life of a journal.
pub type Lsn = u64;

/// Where a record lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The segment's number.
    pub segment: u32,
    /// Bytes from the beginning of the segment to the record's header.
    pub offset: u32,
}

/// A log that keeps what it was given. One writer owns it.
pub trait Journal: Send {
    /// Appends records as one batch and returns where they lie, once they are on stable storage.
    ///
    /// # Errors
    /// After any error nothing is appended any more: what the disk has is known only after a restart.
    fn append(&mut self, records: &[&[u8]]) -> Result<Vec<Position>, JournalError>;

    /// Bytes of payload that the largest batch may have, headers of records included.
    fn batch_bytes_max(&self) -> usize;

    /// What the log consists of, oldest first.
    fn segments(&self) -> Vec<SegmentInfo>;

    /// Drops the oldest segment and returns its number; `None` when there is only the one being written.
    ///
    /// # Errors
    /// The folder does not allow it.
    fn drop_oldest(&mut self) -> Result<Option<u32>, JournalError>;

    /// For reading single records while the log is written.
    fn records(&self) -> Arc<dyn Records>;
}

/// Single records of a log, from any thread.
pub trait Records: Send + Sync {
    /// The bytes of one record.
    ///
    /// # Errors
    /// Its segment has been dropped (`NotFound`), cannot be read, or the bytes are not the ones written
    /// (`InvalidData`).
    fn read(&self, position: Position) -> io::Result<Vec<u8>>;

    /// Bytes of a segment as they lie there, for reading it in order.
    ///
    /// # Errors
    /// The segment has been dropped (`NotFound`) or cannot be read; `UnexpectedEof` at its end.
    fn read_at(&self, segment: u32, offset: u64, buffer: &mut [u8]) -> io::Result<()>;
}

/// One file of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentInfo {
    /// Its number; each new one has the next.
    pub number: u32,
    /// Bytes it takes on the disk.
    pub bytes: u64,
    /// Microseconds since 1970 at which it was last written, as far as known.
    pub written_at: i64,
}

/// What went wrong with a journal.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The disk said no.
    #[error("{doing} the journal file `{file}` failed: {source}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// The file.
        file: String,
        /// The cause.
        source: io::Error,
    },
    /// Bytes that had been durable are not what was written. Nothing is started on top of that.
    #[error("the journal file `{file}` is damaged at byte {offset} (record {lsn}): {what}")]
    Damaged {
        /// The file.
        file: String,
        /// The batch's offset in it.
        offset: u64,
        /// The first record that is concerned.
        lsn: Lsn,
        /// What is wrong.
        what: &'static str,
    },
    /// A file between the first and the last one is not there.
    #[error("the journal file `{file}` is missing")]
    Missing {
        /// The file.
        file: String,
    },
    /// A record does not fit into a segment.
    #[error("a record of {bytes} bytes does not fit; at most {bytes_max} do")]
    TooLarge {
        /// Its bytes.
        bytes: usize,
        /// What fits.
        bytes_max: usize,
    },
    /// An earlier error; only a restart helps.
    #[error("the journal has failed before and takes nothing until it is opened again")]
    Poisoned,
}
