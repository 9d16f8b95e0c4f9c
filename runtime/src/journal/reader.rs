//! Reads a journal back: every record at start, single ones later.
//!
//! The end of the last segment may hold a batch whose write was cut short; nobody was told that it is
//! durable, so it is dropped. Anything else that does not fit is damage, and damage is reported, not
//! repaired: a log that quietly leaves out its middle loses what it promised to keep.

use std::io;

use super::disk::DiskFile;
use super::format::{
    BATCH_ALIGN, BATCH_HEADER_BYTES, BatchHeader, SEGMENT_HEADER_BYTES, SegmentHeader, records,
};
use super::{JournalError, Lsn, Mark, Position};

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
    pub offset: u64,
    /// The offset of the last good batch; the same as `offset` when there is none.
    pub last_batch: u64,
    /// Why the next one is not good.
    pub what: &'static str,
}

/// What lies behind the last good batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rest {
    /// Whether there is anything but zeroes.
    pub dirty: bool,
    /// The first batch header of this use of the segment. A batch is only written when the one before it
    /// is durable, so finding one behind a bad batch proves that the bad one was good once.
    pub later: Option<(u64, BatchHeader)>,
}

/// Takes each record with its place.
pub type Visit<'a> = &'a mut dyn FnMut(Position, Lsn, &[u8]);

/// Files are read in pieces of this size.
const PIECE_BYTES: usize = 1 << 20;

/// A file, read from front to back in pieces.
pub(crate) struct Pieces<'a> {
    file: &'a dyn DiskFile,
    /// Its length.
    pub(crate) length: u64,
    start: u64,
    bytes: Vec<u8>,
    /// Told how many bytes are about to be read, so that it can slow the reading down.
    pace: &'a dyn Fn(usize),
}

impl<'a> Pieces<'a> {
    pub(crate) fn new(file: &'a dyn DiskFile) -> io::Result<Self> {
        Self::paced(file, &|_| {})
    }

    pub(super) fn paced(file: &'a dyn DiskFile, pace: &'a dyn Fn(usize)) -> io::Result<Self> {
        Ok(Self { file, length: file.bytes()?, start: 0, bytes: Vec::new(), pace })
    }

    /// So many bytes from there; fewer at the file's end.
    pub(crate) fn get(&mut self, offset: u64, length: usize) -> io::Result<&[u8]> {
        let room = usize::try_from(self.length.saturating_sub(offset)).unwrap_or(usize::MAX);
        let length = length.min(room);
        let has = offset >= self.start && offset + length as u64 <= self.start + self.bytes.len() as u64;
        if !has {
            let piece = length.max(PIECE_BYTES).min(room);
            (self.pace)(piece);
            self.bytes.resize(piece, 0);
            self.start = offset;
            if let Err(error) = self.file.read_at(offset, &mut self.bytes) {
                self.bytes.clear();
                return Err(error);
            }
        }
        let from = usize::try_from(offset - self.start).unwrap_or(usize::MAX);
        Ok(self.bytes.get(from..from + length).unwrap_or_default())
    }
}

/// Reads the batches of a segment from an offset on, as long as each continues `thread`, up to an offset.
pub(super) fn scan(
    pieces: &mut Pieces<'_>,
    segment: &SegmentHeader,
    thread: &mut Thread,
    from: u64,
    until: u64,
    visit: Visit<'_>,
) -> io::Result<End> {
    let (mut offset, mut last_batch) = (from, from);
    while offset < until {
        let (head, crc, payload) = match batch(pieces, offset, segment, thread)? {
            Ok(found) => found,
            Err(what) => return Ok(End { offset, last_batch, what }),
        };
        let base = offset + BATCH_HEADER_BYTES as u64;
        // What a repair has put aside counts and is not there.
        for (index, (at, record)) in (0..).zip(records(payload)).filter(|(_, (_, record))| !record.is_empty())
        {
            let place = u32::try_from(base + at as u64).unwrap_or(u32::MAX);
            let position = Position { segment: segment.number, offset: place };
            visit(position, head.first_lsn + index, record);
        }
        thread.lsn += u64::from(head.records);
        thread.chain = crc;
        thread.written_at = head.written_at;
        last_batch = offset;
        offset += head.batch_bytes() as u64;
    }
    Ok(End { offset, last_batch, what: "the log does not go on from here" })
}

pub(super) type Batch<'a> = (BatchHeader, u32, &'a [u8]);

/// The batch at an offset, if it is one and the next one; else, why not.
pub(super) fn batch<'a>(
    pieces: &'a mut Pieces<'_>,
    offset: u64,
    segment: &SegmentHeader,
    thread: &Thread,
) -> io::Result<Result<Batch<'a>, &'static str>> {
    let Some((head, crc)) = BatchHeader::from_bytes(pieces.get(offset, BATCH_HEADER_BYTES)?) else {
        return Ok(Err("there is no whole batch header"));
    };
    if head.salt != segment.salt {
        return Ok(Err("the batch belongs to another use of the file"));
    }
    if head.first_lsn != thread.lsn {
        return Ok(Err("the batch does not begin with the next record"));
    }
    if head.chain != thread.chain {
        return Ok(Err("the batch does not follow the one before it"));
    }
    let start = offset + BATCH_HEADER_BYTES as u64;
    if start + u64::from(head.payload_bytes) > pieces.length {
        return Ok(Err("the batch is longer than the file"));
    }
    let payload = pieces.get(start, head.payload_bytes as usize)?;
    if crc32c::crc32c(payload) != head.payload_crc {
        return Ok(Err("the checksum of the batch is wrong"));
    }
    if records(payload).count() != head.records as usize {
        return Ok(Err("the batch does not hold the records it speaks of"));
    }
    Ok(Ok((head, crc, payload)))
}

/// Zeroes are looked for in blocks of this size.
const BLOCK_BYTES: usize = 4 << 10;

/// Looks behind the last good batch, which ended at `end`.
pub(super) fn rest(pieces: &mut Pieces<'_>, end: u64, salt: u64) -> io::Result<Rest> {
    static ZEROES: [u8; BLOCK_BYTES] = [0; BLOCK_BYTES];
    let mut found = Rest { dirty: false, later: None };
    let mut offset = end;
    while offset < pieces.length {
        let block = pieces.get(offset, BLOCK_BYTES)?;
        let length = block.len();
        if ZEROES.get(..length) == Some(block) {
            offset += length as u64;
            continue;
        }
        found.dirty = true;
        let starts = block.chunks(BATCH_ALIGN).map(BatchHeader::may_begin);
        let at: Vec<u64> =
            (offset..).step_by(BATCH_ALIGN).zip(starts).filter_map(|(at, may)| may.then_some(at)).collect();
        // The bad batch's own header may be whole; what counts is one behind it.
        for at in at.into_iter().filter(|at| *at > end) {
            if let Some((head, _)) = BatchHeader::from_bytes(pieces.get(at, BATCH_HEADER_BYTES)?)
                && head.salt == salt
            {
                found.later = Some((at, head));
                return Ok(found);
            }
        }
        offset += length as u64;
    }
    Ok(found)
}

/// The header of a segment, which must have that number.
pub(super) fn segment_header(
    pieces: &mut Pieces<'_>,
    name: &str,
    number: u32,
    lsn: Lsn,
) -> Result<SegmentHeader, JournalError> {
    let bytes = pieces.get(0, SEGMENT_HEADER_BYTES).map_err(failed("reading", name))?;
    SegmentHeader::from_bytes(bytes).filter(|header| header.number == number).ok_or_else(|| {
        let what = "it does not begin with a segment header of this version";
        JournalError::Damaged { file: name.to_owned(), offset: 0, lsn, what }
    })
}

/// What a segment that is read from a mark on must say.
pub(super) fn begins_at(header: &SegmentHeader, mark: &Mark) -> bool {
    header.number == mark.segment
        && header.first_lsn <= mark.lsn
        && u64::from(mark.offset) >= SEGMENT_HEADER_BYTES as u64
}

pub(crate) fn file_name(number: u32) -> String {
    format!("{number:010}.segment")
}

pub(super) fn failed(doing: &'static str, file: &str) -> impl FnOnce(io::Error) -> JournalError {
    let file = file.to_owned();
    move |source| JournalError::Io { doing, file, source }
}
