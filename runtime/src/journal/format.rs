//! The bytes of a journal: segment headers, batch headers, records. All numbers are little-endian.
//!
//! `docs/journal.md` has the same as tables. A change of any of it changes the magic numbers.

use super::Lsn;

/// Bytes of a segment's header.
pub const SEGMENT_HEADER_BYTES: usize = 64;

/// Bytes of a batch's header.
pub const BATCH_HEADER_BYTES: usize = 64;

/// Bytes before each record: its length and its CRC.
pub const RECORD_HEADER_BYTES: usize = 8;

/// Batches begin at multiples of this, so that a search for them can skip.
pub const BATCH_ALIGN: usize = 8;

/// What a segment begins with; the digit is the version of the format.
const SEGMENT_MAGIC: [u8; 8] = *b"FWJOURN1";

/// What a batch begins with.
const BATCH_MAGIC: [u8; 4] = *b"FWB1";

/// The beginning of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentHeader {
    /// Its number, one more than that of the segment before.
    pub number: u32,
    /// CRC of the last batch header before this segment; 0 in the first one.
    pub chain: u32,
    /// Drawn at random when the segment is begun. Every batch repeats it, so that neither the bytes of
    /// an earlier use of the file nor an event's payload can pass for a batch.
    pub salt: u64,
    /// The number of its first record.
    pub first_lsn: Lsn,
    /// Microseconds since 1970 at which it was begun.
    pub begun_at: i64,
}

/// The beginning of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    /// Bytes of the records with their headers, without the padding after them.
    pub payload_bytes: u32,
    /// The segment's salt.
    pub salt: u64,
    /// The number of its first record.
    pub first_lsn: Lsn,
    /// Every record before this one was durable when the batch was written.
    pub durable_lsn: Lsn,
    /// How many records it has; 0 in a batch that only vouches for those before it.
    pub records: u32,
    /// CRC-32C of the payload.
    pub payload_crc: u32,
    /// CRC of the batch header before.
    pub chain: u32,
    /// Microseconds since 1970 at which it was written.
    pub written_at: i64,
}

impl SegmentHeader {
    /// Its bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(SEGMENT_HEADER_BYTES);
        bytes.extend_from_slice(&SEGMENT_MAGIC);
        bytes.extend_from_slice(&self.number.to_le_bytes());
        bytes.extend_from_slice(&self.chain.to_le_bytes());
        bytes.extend_from_slice(&self.salt.to_le_bytes());
        bytes.extend_from_slice(&self.first_lsn.to_le_bytes());
        bytes.extend_from_slice(&self.begun_at.to_le_bytes());
        bytes.resize(SEGMENT_HEADER_BYTES - 4, 0);
        seal(bytes)
    }

    /// Reads it from the first bytes of a segment; `None` when they are not one.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (mut fields, _) = sealed(bytes.get(..SEGMENT_HEADER_BYTES)?)?;
        if take::<8>(&mut fields)? != SEGMENT_MAGIC {
            return None;
        }
        Some(Self {
            number: u32::from_le_bytes(take(&mut fields)?),
            chain: u32::from_le_bytes(take(&mut fields)?),
            salt: u64::from_le_bytes(take(&mut fields)?),
            first_lsn: u64::from_le_bytes(take(&mut fields)?),
            begun_at: i64::from_le_bytes(take(&mut fields)?),
        })
    }
}

impl BatchHeader {
    /// Its bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(BATCH_HEADER_BYTES);
        bytes.extend_from_slice(&BATCH_MAGIC);
        bytes.extend_from_slice(&self.payload_bytes.to_le_bytes());
        bytes.extend_from_slice(&self.salt.to_le_bytes());
        bytes.extend_from_slice(&self.first_lsn.to_le_bytes());
        bytes.extend_from_slice(&self.durable_lsn.to_le_bytes());
        bytes.extend_from_slice(&self.records.to_le_bytes());
        bytes.extend_from_slice(&self.payload_crc.to_le_bytes());
        bytes.extend_from_slice(&self.chain.to_le_bytes());
        bytes.extend_from_slice(&self.written_at.to_le_bytes());
        bytes.resize(BATCH_HEADER_BYTES - 4, 0);
        seal(bytes)
    }

    /// Whether a batch may begin with these bytes.
    #[must_use]
    pub fn may_begin(bytes: &[u8]) -> bool {
        bytes.starts_with(&BATCH_MAGIC)
    }

    /// Reads it with its CRC, which the next batch repeats as `chain`; `None` when the bytes are not one.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<(Self, u32)> {
        let bytes = bytes.get(..BATCH_HEADER_BYTES)?;
        if !bytes.starts_with(&BATCH_MAGIC) {
            return None;
        }
        let (mut fields, crc) = sealed(bytes)?;
        take::<4>(&mut fields)?;
        let header = Self {
            payload_bytes: u32::from_le_bytes(take(&mut fields)?),
            salt: u64::from_le_bytes(take(&mut fields)?),
            first_lsn: u64::from_le_bytes(take(&mut fields)?),
            durable_lsn: u64::from_le_bytes(take(&mut fields)?),
            records: u32::from_le_bytes(take(&mut fields)?),
            payload_crc: u32::from_le_bytes(take(&mut fields)?),
            chain: u32::from_le_bytes(take(&mut fields)?),
            written_at: i64::from_le_bytes(take(&mut fields)?),
        };
        Some((header, crc))
    }

    /// Bytes from its beginning to that of the next batch.
    #[must_use]
    pub fn batch_bytes(&self) -> usize {
        (BATCH_HEADER_BYTES + self.payload_bytes as usize).next_multiple_of(BATCH_ALIGN)
    }
}

/// The CRC of a header whose bytes [`BatchHeader::to_bytes`] made: the next batch's `chain`.
#[must_use]
pub fn header_crc(bytes: &[u8]) -> u32 {
    bytes.last_chunk().map_or(0, |crc| u32::from_le_bytes(*crc))
}

/// Appends a record with its header.
pub fn put_record(payload: &mut Vec<u8>, record: &[u8]) {
    payload.extend_from_slice(&u32::try_from(record.len()).unwrap_or(u32::MAX).to_le_bytes());
    payload.extend_from_slice(&crc32c::crc32c(record).to_le_bytes());
    payload.extend_from_slice(record);
}

/// The length and CRC in a record's header.
#[must_use]
pub fn record_header(bytes: &[u8]) -> Option<(usize, u32)> {
    let mut fields = bytes;
    let length = u32::from_le_bytes(take(&mut fields)?) as usize;
    Some((length, u32::from_le_bytes(take(&mut fields)?)))
}

/// In a record's length: what follows is no record. A repair has put it aside.
const PUT_ASIDE: u32 = 1 << 31;

/// In a record's length, beside [`PUT_ASIDE`]: it was one record, and counts as one.
const COUNTS: u32 = 1 << 30;

/// The records of a payload, each with its offset in it; one that was put aside is empty. Ends early when
/// a length runs over the end.
pub fn records(payload: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut offset = 0;
    std::iter::from_fn(move || {
        loop {
            let (length, crc) = record_header(payload.get(offset..)?)?;
            let start = offset + RECORD_HEADER_BYTES;
            let plain = length & !((PUT_ASIDE | COUNTS) as usize);
            let record = payload.get(start..start.checked_add(plain)?)?;
            let found = (offset, record);
            offset = start + plain;
            if length & PUT_ASIDE as usize == 0 {
                return (crc32c::crc32c(record) == crc).then_some(found);
            }
            if length & COUNTS as usize != 0 {
                return Some((found.0, &[]));
            }
        }
    })
}

/// Appends the header of what stands for so many records in so many bytes, headers included; `None` when
/// they do not fit. The bytes between the headers are zeroes.
#[must_use]
pub fn put_aside(payload: &mut Vec<u8>, records: usize, bytes: usize) -> Option<()> {
    if bytes == 0 && records == 0 {
        return Some(());
    }
    let headers = records.max(1) * RECORD_HEADER_BYTES;
    let rest = u32::try_from(bytes.checked_sub(headers)?).ok().filter(|rest| *rest < COUNTS)?;
    for _ in 1..records {
        payload.extend_from_slice(&(PUT_ASIDE | COUNTS).to_le_bytes());
        payload.extend_from_slice(&[0; 4]);
    }
    let counts = if records == 0 { 0 } else { COUNTS };
    payload.extend_from_slice(&(PUT_ASIDE | counts | rest).to_le_bytes());
    payload.resize(payload.len() + 4 + rest as usize, 0);
    Some(())
}

/// Where the free bytes of a batch header lie that [`forge`] sets.
const FREE: std::ops::Range<usize> = 52..56;

/// Sets the free bytes of a batch header so that its CRC is the given one: what a repair puts in the place
/// of damage must fit the batch behind it, which repeats the CRC of the one before.
#[must_use]
pub fn forge(header: &BatchHeader, crc: u32) -> Option<Vec<u8>> {
    let mut bytes = header.to_bytes();
    bytes.truncate(BATCH_HEADER_BYTES - 4);
    // A CRC is linear: each bit of the message changes it by a fixed pattern.
    let plain = crc32c::crc32c(&bytes);
    let mut rows: Vec<(u32, u32)> = Vec::with_capacity(32);
    for bit in 0..32_u32 {
        let mut changed = bytes.clone();
        changed.get_mut(FREE)?.copy_from_slice(&(1_u32 << bit).to_le_bytes());
        rows.push((crc32c::crc32c(&changed) ^ plain, 1 << bit));
    }
    let (mut wanted, mut free) = (plain ^ crc, 0);
    for bit in (0..32).rev() {
        let at = rows.iter().position(|(pattern, _)| pattern >> bit & 1 == 1)?;
        let (pattern, bits) = rows.swap_remove(at);
        for row in rows.iter_mut().filter(|(other, _)| other >> bit & 1 == 1) {
            *row = (row.0 ^ pattern, row.1 ^ bits);
        }
        if wanted >> bit & 1 == 1 {
            (wanted, free) = (wanted ^ pattern, free ^ bits);
        }
    }
    bytes.get_mut(FREE)?.copy_from_slice(&free.to_le_bytes());
    let bytes = seal(bytes);
    (wanted == 0 && header_crc(&bytes) == crc).then_some(bytes)
}

/// Appends the CRC of what is there.
fn seal(mut bytes: Vec<u8>) -> Vec<u8> {
    let crc = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes
}

/// The bytes before the CRC and the CRC, if it is right.
fn sealed(bytes: &[u8]) -> Option<(&[u8], u32)> {
    let (body, crc) = bytes.split_last_chunk::<4>()?;
    let crc = u32::from_le_bytes(*crc);
    (crc32c::crc32c(body) == crc).then_some((body, crc))
}

/// Takes the next `N` bytes.
fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*first)
}
