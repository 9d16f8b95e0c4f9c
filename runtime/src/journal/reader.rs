//! Reads a journal back: every record at start, single ones later.
//!
//! The end of the last segment may hold a batch whose write was cut short; nobody was told that it is
//! durable, so it is dropped. Anything else that does not fit is damage, and damage is reported, not
//! repaired: a log that quietly leaves out its middle loses what it promised to keep.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, PoisonError, RwLock};

use super::disk::DiskFile;
use super::format::{
    BATCH_ALIGN, BATCH_HEADER_BYTES, BatchHeader, RECORD_HEADER_BYTES, SEGMENT_HEADER_BYTES, SegmentHeader,
    record_header, records,
};
use super::{JournalError, Lsn, Position, Records};

/// How far a journal has been read, and what the next batch must say to belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Thread {
    /// The number of the next record.
    pub lsn: Lsn,
    /// The CRC of the last batch header.
    pub chain: u32,
    /// When the last batch was written.
    pub written_at: i64,
}

/// Where the batches of one segment end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    /// The offset behind the last good batch.
    pub offset: usize,
    /// Why the next one is not good.
    pub what: &'static str,
    /// Whether there is anything but zeroes behind it.
    pub dirty: bool,
}

/// Takes each record with its place.
pub(super) type Visit<'a> = &'a mut dyn FnMut(Position, Lsn, &[u8]);

/// Reads the batches of a segment in order, as long as each continues `thread`.
pub(super) fn scan(bytes: &[u8], header: &SegmentHeader, thread: &mut Thread, visit: Visit<'_>) -> End {
    let mut offset = SEGMENT_HEADER_BYTES;
    loop {
        match batch(bytes, offset, header, thread) {
            Ok((head, crc, payload)) => {
                let base = offset + BATCH_HEADER_BYTES;
                for (index, (at, record)) in records(payload).enumerate() {
                    let place = u32::try_from(base + at).unwrap_or(u32::MAX);
                    visit(
                        Position { segment: header.number, offset: place },
                        head.first_lsn + index as u64,
                        record,
                    );
                }
                thread.lsn += u64::from(head.records);
                thread.chain = crc;
                thread.written_at = head.written_at;
                offset += head.batch_bytes();
            }
            Err(what) => {
                let rest = bytes.get(offset..).unwrap_or_default();
                let dirty = rest.iter().any(|byte| *byte != 0);
                return End { offset, what, dirty };
            }
        }
    }
}

/// The batch at an offset, if it is one and the next one.
fn batch<'a>(
    bytes: &'a [u8],
    offset: usize,
    segment: &SegmentHeader,
    thread: &Thread,
) -> Result<(BatchHeader, u32, &'a [u8]), &'static str> {
    let rest = bytes.get(offset..).unwrap_or_default();
    let (head, crc) = BatchHeader::from_bytes(rest).ok_or("there is no whole batch header")?;
    if head.salt != segment.salt {
        return Err("the batch belongs to another use of the file");
    }
    if head.first_lsn != thread.lsn {
        return Err("the batch does not begin with the next record");
    }
    if head.chain != thread.chain {
        return Err("the batch does not follow the one before it");
    }
    let end = BATCH_HEADER_BYTES + head.payload_bytes as usize;
    let payload = rest.get(BATCH_HEADER_BYTES..end).ok_or("the batch is longer than the file")?;
    if crc32c::crc32c(payload) != head.payload_crc {
        return Err("the checksum of the batch is wrong");
    }
    if records(payload).count() != head.records as usize {
        return Err("the batch does not hold the records it speaks of");
    }
    Ok((head, crc, payload))
}

/// The first batch header of this use of the segment from an offset on. A batch is only written when the
/// one before it is durable, so finding one behind a bad batch proves that the bad one was good once.
pub(super) fn later_batch(bytes: &[u8], from: usize, salt: u64) -> Option<(usize, BatchHeader)> {
    let mut offset = from.next_multiple_of(BATCH_ALIGN);
    while let Some(rest) = bytes.get(offset..)
        && rest.len() >= BATCH_HEADER_BYTES
    {
        if let Some((head, _)) = BatchHeader::from_bytes(rest)
            && head.salt == salt
        {
            return Some((offset, head));
        }
        offset += BATCH_ALIGN;
    }
    None
}

/// A whole file.
pub(super) fn read_all(file: &dyn DiskFile, name: &str) -> Result<Vec<u8>, JournalError> {
    let io = |source| JournalError::Io { doing: "reading", file: name.to_owned(), source };
    let length = usize::try_from(file.bytes().map_err(io)?).unwrap_or(usize::MAX);
    let mut bytes = vec![0; length];
    file.read_at(0, &mut bytes).map_err(io)?;
    Ok(bytes)
}

/// The open segments, for reading single records from any thread.
#[derive(Default)]
pub(super) struct OpenSegments {
    /// A std lock: held to look a file up, never while it is read.
    files: RwLock<BTreeMap<u32, Arc<dyn DiskFile>>>,
}

impl OpenSegments {
    pub(super) fn add(&self, number: u32, file: Arc<dyn DiskFile>) {
        self.files.write().unwrap_or_else(PoisonError::into_inner).insert(number, file);
    }

    pub(super) fn remove(&self, number: u32) {
        self.files.write().unwrap_or_else(PoisonError::into_inner).remove(&number);
    }

    fn file(&self, number: u32) -> io::Result<Arc<dyn DiskFile>> {
        let file = self.files.read().unwrap_or_else(PoisonError::into_inner).get(&number).cloned();
        file.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the segment has been dropped"))
    }
}

/// Most records are read with one call of this size.
const FIRST_READ_BYTES: usize = 4 << 10;

impl Records for OpenSegments {
    fn read(&self, position: Position) -> io::Result<Vec<u8>> {
        let file = self.file(position.segment)?;
        let damaged = || io::Error::new(io::ErrorKind::InvalidData, "the record is not what was written");
        let start = u64::from(position.offset);
        let room = file.bytes()?.saturating_sub(start);
        let mut bytes = vec![0; usize::try_from(room).unwrap_or(usize::MAX).min(FIRST_READ_BYTES)];
        file.read_at(start, &mut bytes)?;
        let (length, crc) = record_header(&bytes).ok_or_else(damaged)?;
        let end = RECORD_HEADER_BYTES + length;
        if end as u64 > room {
            return Err(damaged());
        }
        let had = bytes.len();
        bytes.resize(end, 0);
        if let Some(missing) = bytes.get_mut(had..)
            && !missing.is_empty()
        {
            file.read_at(start + had as u64, missing)?;
        }
        let record = bytes.split_off(RECORD_HEADER_BYTES);
        // The number of a dropped segment is never used again, but a recycled file is: an old handle
        // could show bytes of its next life, and the checksum is what notices.
        if crc32c::crc32c(&record) != crc { Err(damaged()) } else { Ok(record) }
    }

    fn read_at(&self, segment: u32, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.file(segment)?.read_at(offset, buffer)
    }
}
