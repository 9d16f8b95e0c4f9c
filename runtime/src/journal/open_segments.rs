//! The open segments of a log, read by any thread while the log is written.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, PoisonError};

use super::disk::DiskFile;
use super::format::{RECORD_HEADER_BYTES, SEGMENT_HEADER_BYTES, record_header};
use super::reader::{Pieces, Thread, Visit, begins_at, failed, file_name, scan, segment_header};
use super::{JournalError, Mark, Position, Records};
use crate::sync::{Mutex, RwLock};

/// Every segment's file, and how far the log is durable.
pub(super) struct OpenSegments {
    /// A std lock: held to look a file up, never while it is read.
    files: RwLock<BTreeMap<u32, Open>>,
    /// A std mutex: held to read or write the mark.
    end: Mutex<Mark>,
    segment_bytes: u64,
}

#[derive(Clone)]
struct Open {
    file: Arc<dyn DiskFile>,
    /// Its length, which never changes; `None` when the system did not say.
    bytes: Option<u64>,
}

impl OpenSegments {
    pub(super) fn new(segment_bytes: u64) -> Self {
        let nothing = Mark { segment: 0, offset: 0, lsn: 0, chain: 0 };
        Self { files: RwLock::default(), end: Mutex::new(nothing), segment_bytes }
    }

    pub(super) fn add(&self, number: u32, file: Arc<dyn DiskFile>) {
        let bytes = file.bytes().ok();
        self.files.write().unwrap_or_else(PoisonError::into_inner).insert(number, Open { file, bytes });
    }

    pub(super) fn remove(&self, number: u32) {
        self.files.write().unwrap_or_else(PoisonError::into_inner).remove(&number);
    }

    pub(super) fn set_end(&self, end: Mark) {
        *self.end.lock().unwrap_or_else(PoisonError::into_inner) = end;
    }

    fn file(&self, number: u32) -> io::Result<Arc<dyn DiskFile>> {
        self.segment(number).map(|open| open.file)
    }

    fn segment(&self, number: u32) -> io::Result<Open> {
        let file = self.files.read().unwrap_or_else(PoisonError::into_inner).get(&number).cloned();
        file.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the segment has been dropped"))
    }

    /// Reads one segment from a mark on, up to another mark or to the segment's own end, and returns where
    /// the next one has to begin.
    fn follow(
        &self,
        from: Mark,
        until: Mark,
        pace: &dyn Fn(usize),
        visit: Visit<'_>,
    ) -> Result<Mark, JournalError> {
        let name = file_name(from.segment);
        let file = self.file(from.segment).map_err(failed("reading", &name))?;
        let mut pieces = Pieces::paced(&*file, pace).map_err(failed("reading", &name))?;
        let header = segment_header(&mut pieces, &name, from.segment, from.lsn)?;
        let damaged =
            |offset, lsn, what| Err(JournalError::Damaged { file: name.clone(), offset, lsn, what });
        if !begins_at(&header, &from) {
            return damaged(0, from.lsn, "it is another segment than the one that was there");
        }
        let last = from.segment == until.segment;
        let stop = if last { u64::from(until.offset) } else { pieces.length };
        let mut thread = Thread { lsn: from.lsn, chain: from.chain, written_at: 0 };
        let end = scan(&mut pieces, &header, &mut thread, u64::from(from.offset), stop, visit);
        let end = end.map_err(failed("reading", &name))?;
        let (lsn, chain) = (thread.lsn, thread.chain);
        if last {
            return match (lsn, chain) == (until.lsn, until.chain) {
                true => Ok(until),
                false => damaged(end.offset, lsn, end.what),
            };
        }
        // The next segment says how this one ended.
        let next_name = file_name(from.segment + 1);
        let next = self.file(from.segment + 1).map_err(failed("reading", &next_name))?;
        let mut next = Pieces::paced(&*next, pace).map_err(failed("reading", &next_name))?;
        let next = segment_header(&mut next, &next_name, from.segment + 1, lsn)?;
        if (next.first_lsn, next.chain) != (lsn, chain) {
            return damaged(end.offset, lsn, end.what);
        }
        Ok(Mark { segment: next.number, offset: SEGMENT_HEADER_BYTES as u32, lsn, chain })
    }

    /// Reads a record; `None` when `read` gives one of its pieces not now, or when there are more than
    /// `bytes_max`.
    fn record(
        &self,
        position: Position,
        bytes_max: u64,
        read: impl Fn(&dyn DiskFile, u64, &mut [u8]) -> io::Result<bool>,
    ) -> io::Result<Option<Vec<u8>>> {
        let Open { file, bytes } = self.segment(position.segment)?;
        let damaged = || io::Error::new(io::ErrorKind::InvalidData, "the record is not what was written");
        let start = u64::from(position.offset);
        let room = bytes.map_or_else(|| file.bytes(), Ok)?.saturating_sub(start);
        let mut bytes = vec![0; usize::try_from(room).unwrap_or(usize::MAX).min(FIRST_READ_BYTES)];
        if !read(&*file, start, &mut bytes)? {
            return Ok(None);
        }
        let (length, crc) = record_header(&bytes).ok_or_else(damaged)?;
        let end = RECORD_HEADER_BYTES + length;
        if end as u64 > room {
            return Err(damaged());
        }
        if end as u64 > bytes_max {
            return Ok(None);
        }
        let had = bytes.len();
        bytes.resize(end, 0);
        if let Some(missing) = bytes.get_mut(had..)
            && !missing.is_empty()
            && !read(&*file, start + had as u64, missing)?
        {
            return Ok(None);
        }
        let record = bytes.split_off(RECORD_HEADER_BYTES);
        // The number of a dropped segment is never used again, but a recycled file is: an old handle
        // could show bytes of its next life, and the checksum is what notices.
        if crc32c::crc32c(&record) != crc { Err(damaged()) } else { Ok(Some(record)) }
    }
}

/// Most records are read with one call of this size.
const FIRST_READ_BYTES: usize = 4 << 10;

/// A record with more bytes is never read at once: taking it apart keeps a thread.
const NOW_BYTES_MAX: u64 = 64 << 10;

impl Records for OpenSegments {
    fn read(&self, position: Position) -> io::Result<Vec<u8>> {
        let read = self
            .record(position, u64::MAX, |file, offset, buffer| file.read_at(offset, buffer).map(|()| true));
        read?.ok_or_else(|| io::ErrorKind::WouldBlock.into())
    }

    fn read_now(&self, position: Position) -> io::Result<Option<Vec<u8>>> {
        self.record(position, NOW_BYTES_MAX, |file, offset, buffer| file.read_now(offset, buffer))
    }

    fn read_at(&self, segment: u32, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.file(segment)?.read_at(offset, buffer)
    }

    fn begin(&self) -> Result<Mark, JournalError> {
        let first = self.files.read().unwrap_or_else(PoisonError::into_inner).keys().next().copied();
        let number = first.unwrap_or_default();
        let name = file_name(number);
        let file = self.file(number).map_err(failed("reading", &name))?;
        let mut pieces = Pieces::new(&*file).map_err(failed("reading", &name))?;
        let header = segment_header(&mut pieces, &name, number, 0)?;
        let (lsn, chain) = (header.first_lsn, header.chain);
        Ok(Mark { segment: number, offset: SEGMENT_HEADER_BYTES as u32, lsn, chain })
    }

    fn end(&self) -> Mark {
        *self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn segment_bytes(&self) -> u64 {
        self.segment_bytes
    }

    fn next_segment(&self, from: Mark, pace: &dyn Fn(usize), visit: Visit<'_>) -> Result<Mark, JournalError> {
        let nowhere = Mark { segment: u32::MAX, offset: 0, lsn: 0, chain: 0 };
        self.follow(from, nowhere, pace, visit)
    }

    fn replay(
        &self,
        from: Mark,
        until: Mark,
        pace: &dyn Fn(usize),
        visit: Visit<'_>,
    ) -> Result<(), JournalError> {
        let mut at = from;
        while (at.segment, at.offset) < (until.segment, until.offset) {
            at = self.follow(at, until, pace, visit)?;
        }
        Ok(())
    }
}
