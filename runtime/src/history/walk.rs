//! Reads a segment of the journal in order, from any point on: to make its rows again, or to catch up.

use std::io;

use crate::journal::format::{BATCH_HEADER_BYTES, BatchHeader, SEGMENT_HEADER_BYTES, SegmentHeader, records};
use crate::journal::{Position, Records};
use crate::record::Record;

/// The salt of a segment, which no other use of its file has.
pub(super) fn salt(journal: &dyn Records, segment: u32) -> io::Result<u64> {
    let mut bytes = [0; SEGMENT_HEADER_BYTES];
    journal.read_at(segment, 0, &mut bytes)?;
    let header = SegmentHeader::from_bytes(&bytes).filter(|header| header.number == segment);
    header.map(|header| header.salt).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Hands over the records of a segment that lie behind `after` and not behind `until`. Ends at the first
/// batch that is not whole: what follows was never durable, or is damage that the journal itself reports.
pub(super) fn walk(
    journal: &dyn Records,
    segment: u32,
    after: u32,
    until: u32,
    mut visit: impl FnMut(Position, Record),
) -> io::Result<()> {
    let salt = salt(journal, segment)?;
    let mut offset = SEGMENT_HEADER_BYTES as u64;
    let mut head = [0; BATCH_HEADER_BYTES];
    let mut payload = Vec::new();
    loop {
        match journal.read_at(segment, offset, &mut head) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            other => other?,
        }
        let Some((header, _)) = BatchHeader::from_bytes(&head).filter(|(header, _)| header.salt == salt)
        else {
            return Ok(());
        };
        let base = offset + BATCH_HEADER_BYTES as u64;
        offset += header.batch_bytes() as u64;
        if offset <= u64::from(after) {
            continue;
        }
        if base > u64::from(until) {
            return Ok(());
        }
        payload.resize(header.payload_bytes as usize, 0);
        match journal.read_at(segment, base, &mut payload) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            other => other?,
        }
        if crc32c::crc32c(&payload) != header.payload_crc {
            return Ok(());
        }
        for (at, bytes) in records(&payload) {
            let place = u32::try_from(base + at as u64).unwrap_or(u32::MAX);
            if place > after
                && place <= until
                && let Ok(record) = Record::from_bytes(bytes)
            {
                visit(Position { segment, offset: place }, record);
            }
        }
    }
}
