//! The durable log of a node: appended in batches, synced before anybody is told, read back at start.
//!
//! - [`format`] has the bytes (also in `docs/journal.md`), [`disk`] the few things wanted of a folder.
//! - [`segment`] is the log itself, without threads: it appends, rolls to the next file and drops old ones.
//! - [`reader`] reads it back at start, and tells a write that was cut short from damage.
//! - [`writer`] is the one thread that appends: it takes all that waits, syncs once, and then tells everybody.

pub mod check;
pub mod disk;
#[cfg(test)]
pub(crate) mod fake;
pub mod format;
mod open_segments;
mod queue;
pub mod reader;
pub mod repair;
pub mod segment;
#[cfg(test)]
pub(crate) mod tests;
pub mod writer;

use std::io;
use std::sync::Arc;

/// Counts records from 0 over the whole life of a journal.
pub type Lsn = u64;

/// Where a record lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The segment's number.
    pub segment: u32,
    /// Bytes from the beginning of the segment to the record's header.
    pub offset: u32,
}

/// A place between two batches, from which a log can be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The segment's number.
    pub segment: u32,
    /// Bytes from the beginning of the segment to the next batch.
    pub offset: u32,
    /// The number of the next record.
    pub lsn: Lsn,
    /// The CRC of the batch header before.
    pub chain: u32,
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

    /// The number of the segment that is written.
    fn newest(&self) -> u32;

    /// Whether there is room for the next segment, as far as is known. When the disk has none, the one
    /// that is written is the reserve.
    fn has_room(&mut self) -> bool;

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

/// The records of a log, from any thread, also while it is written.
pub trait Records: Send + Sync {
    /// The bytes of one record.
    ///
    /// # Errors
    /// Its segment has been dropped (`NotFound`), cannot be read, or the bytes are not the ones written
    /// (`InvalidData`).
    fn read(&self, position: Position) -> io::Result<Vec<u8>>;

    /// The same, if no thread has to wait for it: the system has it in memory, and it is not large.
    ///
    /// # Errors
    /// Those of [`Self::read`].
    fn read_now(&self, position: Position) -> io::Result<Option<Vec<u8>>>;

    /// Bytes of a segment as they lie there, for reading it in order.
    ///
    /// # Errors
    /// The segment has been dropped (`NotFound`) or cannot be read; `UnexpectedEof` at its end.
    fn read_at(&self, segment: u32, offset: u64, buffer: &mut [u8]) -> io::Result<()>;

    /// Where the oldest segment begins.
    ///
    /// # Errors
    /// It cannot be read.
    fn begin(&self) -> Result<Mark, JournalError>;

    /// Up to where everything is durable.
    fn end(&self) -> Mark;

    /// Bytes of a segment.
    fn segment_bytes(&self) -> u64;

    /// Reads one finished segment from a mark on and returns where the next one begins.
    ///
    /// # Errors
    /// As for [`Self::replay`].
    fn next_segment(
        &self,
        from: Mark,
        pace: &dyn Fn(usize),
        visit: reader::Visit<'_>,
    ) -> Result<Mark, JournalError>;

    /// Hands the records between two marks to `visit`, oldest first. `pace` is told how many bytes are about
    /// to be read and may wait.
    ///
    /// # Errors
    /// A segment has been dropped, cannot be read, or is damaged.
    fn replay(
        &self,
        from: Mark,
        until: Mark,
        pace: &dyn Fn(usize),
        visit: reader::Visit<'_>,
    ) -> Result<(), JournalError>;
}

/// One file of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentInfo {
    /// Its number; each new one has the next.
    pub number: u32,
    /// Bytes it takes on the disk.
    pub bytes: u64,
    /// Microseconds since 1970 at which it was last written.
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
    #[error(
        "the journal file `{file}` is damaged at byte {offset} (record {lsn}): {what}; `fanwise journal verify` lists \
         all damage, `fanwise journal repair --quarantine` puts it aside"
    )]
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
    #[error(
        "the journal file `{file}` is missing; `fanwise journal repair --quarantine` goes on without its records"
    )]
    Missing {
        /// The file.
        file: String,
    },
    /// A checkpoint was made of records that are not there any more.
    #[error(
        "the journal ends before `{checkpoint}`, which was made of it up to record {lsn}: its newest segment is missing; put \
         `{file}` back, or let `fanwise journal repair --quarantine` go on without what was in it"
    )]
    Ends {
        /// The segment.
        file: String,
        /// The checkpoint.
        checkpoint: String,
        /// The record that would come next.
        lsn: Lsn,
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
