//! Puts what is damaged aside, so that the rest of a journal can be read again.
//!
//! Nothing moves: records keep their places, and every batch its CRC, which the next one repeats. Where a
//! batch's payload is damaged, its whole records stay. What cannot be told any more is copied to a file of
//! its own and stands there as records that count and are not read.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::check::{Damage, check};
use super::disk::{Disk, DiskFile};
use super::format::{
    BATCH_ALIGN, BATCH_HEADER_BYTES, BatchHeader, RECORD_HEADER_BYTES, SEGMENT_HEADER_BYTES, SegmentHeader,
    forge, header_crc, put_aside, record_header,
};
use super::reader::failed;
use super::{JournalError, Lsn};

/// A damaged range that was put aside.
#[derive(Debug)]
pub struct Repaired {
    /// The range.
    pub damage: Damage,
    /// The file with its bytes, in the journal's folder.
    pub quarantine: String,
    /// Records of the range that are still there.
    pub kept: u64,
    /// Records that are lost.
    pub lost: u64,
}

/// Puts every damaged range aside.
///
/// # Errors
/// The disk says no, or a range cannot be repaired; what was repaired before stays so, and the rest is as
/// it was.
pub fn repair(disk: &dyn Disk, seed: u64) -> Result<Vec<Repaired>, JournalError> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut done = Vec::new();
    for damage in check(disk, &mut |_, _, _| {})?.damage {
        done.push(one(disk, damage, &mut random)?);
    }
    Ok(done)
}

fn one(disk: &dyn Disk, damage: Damage, random: &mut StdRng) -> Result<Repaired, JournalError> {
    let name = damage.file.as_str();
    let file = match disk.list().map_err(failed("listing", "."))?.iter().any(|there| there == name) {
        true => disk.open(name).map_err(failed("opening", name))?,
        false => disk.create(name, missing_bytes(disk, &damage)?).map_err(failed("creating", name))?,
    };
    let length = file.bytes().map_err(failed("reading", name))?;
    let until = if damage.until == 0 { length } else { damage.until };
    let range = usize::try_from(until - damage.offset).unwrap_or(usize::MAX);
    let mut old = vec![0; range];
    file.read_at(damage.offset, &mut old).map_err(failed("reading", name))?;
    let quarantine = quarantine_name(disk, &damage)?;
    let copy = disk.create(&quarantine, 0).map_err(failed("creating", &quarantine))?;
    copy.write_at(0, &old).map_err(failed("writing", &quarantine))?;
    copy.sync().map_err(failed("syncing", &quarantine))?;
    disk.sync_names().map_err(failed("naming", &quarantine))?;

    let salt = damage.place.salt.unwrap_or_else(|| random.random());
    let all = damage.lsn_until - damage.lsn;
    let mut kept = 0;
    let start = damage.offset.max(SEGMENT_HEADER_BYTES as u64);
    if start < until {
        let skipped = usize::try_from(start - damage.offset).unwrap_or(usize::MAX);
        let body = old.get(skipped..).unwrap_or_default();
        let filled = match salvaged(body, &damage) {
            Some((bytes, count)) => {
                kept = count;
                Some(bytes)
            }
            None => filler(body.len(), salt, &damage),
        };
        let what = "there is no room for the records that are missing; it cannot be repaired";
        let bytes = filled.ok_or_else(|| JournalError::Damaged {
            file: name.to_owned(),
            offset: damage.offset,
            lsn: damage.lsn,
            what,
        })?;
        file.write_at(start, &bytes).map_err(failed("writing", name))?;
    }
    if damage.place.header {
        write_header(&*file, &damage, salt).map_err(failed("writing", name))?;
    }
    file.sync().map_err(failed("syncing", name))?;
    Ok(Repaired { damage, quarantine, kept, lost: all - kept })
}

/// A name that no file has: one of an earlier repair, which may have been interrupted, holds the only copy of
/// what was there before it.
fn quarantine_name(disk: &dyn Disk, damage: &Damage) -> Result<String, JournalError> {
    let there = disk.list().map_err(failed("listing", "."))?;
    let first = format!("quarantine-{:010}-{:010}", damage.place.number, damage.offset);
    let later = (2_u64..).map(|number| format!("{first}-{number}"));
    let mut names = std::iter::once(first.clone()).chain(later);
    Ok(names.find(|name| !there.contains(name)).unwrap_or(first))
}

/// A missing segment is made as large as the largest one there is.
fn missing_bytes(disk: &dyn Disk, damage: &Damage) -> Result<u64, JournalError> {
    let mut bytes = SEGMENT_HEADER_BYTES as u64;
    for name in disk.list().map_err(failed("listing", "."))?.iter().filter(|name| name.ends_with(".segment"))
    {
        let file = disk.open(name).map_err(failed("opening", name))?;
        bytes = bytes.max(file.bytes().map_err(failed("reading", &damage.file))?);
    }
    Ok(bytes)
}

fn write_header(file: &dyn DiskFile, damage: &Damage, salt: u64) -> std::io::Result<()> {
    let header = SegmentHeader {
        number: damage.place.number,
        chain: damage.place.chain,
        salt,
        first_lsn: damage.lsn,
        begun_at: 0,
    };
    file.write_at(0, &header.to_bytes())
}

/// Where a batch's header is whole and only its payload is not: the batch with its whole records.
fn salvaged(body: &[u8], damage: &Damage) -> Option<(Vec<u8>, u64)> {
    let (head, crc) = BatchHeader::from_bytes(body)?;
    let place = &damage.place;
    let fits = head.salt == place.salt? && head.first_lsn == damage.lsn && head.chain == place.chain;
    let next: Lsn = head.first_lsn + u64::from(head.records);
    // Where the file ends behind it, the batch may be shorter than the range.
    let ends = head.batch_bytes() <= body.len() && next == damage.lsn_until && crc == place.chain_until;
    if !fits || !ends {
        return None;
    }
    let payload = body.get(BATCH_HEADER_BYTES..)?.get(..head.payload_bytes as usize)?;
    let mut whole = Vec::with_capacity(payload.len());
    let mut kept = 0;
    for number in 0..head.records as usize {
        let rest = payload.get(whole.len()..)?;
        let found = record_header(rest).and_then(|(length, crc)| {
            let bytes = RECORD_HEADER_BYTES.checked_add(length)?;
            Some((bytes, crc, rest.get(RECORD_HEADER_BYTES..bytes)?))
        });
        match found {
            Some((bytes, crc, record)) if crc32c::crc32c(record) == crc => {
                whole.extend_from_slice(rest.get(..bytes)?);
                kept += 1;
            }
            // Its length may be right; if it is not, the next one shows it, and so on.
            Some((bytes, ..)) if next_is_whole(rest.get(bytes..)?) => put_aside(&mut whole, 1, bytes)?,
            Some(_) | None => {
                put_aside(&mut whole, head.records as usize - number, rest.len())?;
                break;
            }
        }
    }
    if whole.len() != payload.len() {
        return None;
    }
    let repaired = BatchHeader { payload_crc: crc32c::crc32c(&whole), ..head };
    let mut bytes = forge(&repaired, crc)?;
    bytes.append(&mut whole);
    Some((bytes, kept))
}

/// Whether a record begins there, or the payload ends.
fn next_is_whole(rest: &[u8]) -> bool {
    if rest.is_empty() {
        return true;
    }
    let Some((length, crc)) = record_header(rest) else { return false };
    let record = RECORD_HEADER_BYTES.checked_add(length).and_then(|end| rest.get(RECORD_HEADER_BYTES..end));
    record.is_some_and(|record| crc32c::crc32c(record) == crc)
}

/// One batch that stands for everything in a range.
fn filler(range: usize, salt: u64, damage: &Damage) -> Option<Vec<u8>> {
    let room = (range / BATCH_ALIGN * BATCH_ALIGN).checked_sub(BATCH_HEADER_BYTES)?;
    let records = usize::try_from(damage.lsn_until - damage.lsn).ok()?;
    let mut payload = Vec::new();
    put_aside(&mut payload, records, room)?;
    let header = BatchHeader {
        payload_bytes: u32::try_from(payload.len()).ok()?,
        salt,
        first_lsn: damage.lsn,
        durable_lsn: damage.lsn,
        records: u32::try_from(records).ok()?,
        payload_crc: crc32c::crc32c(&payload),
        chain: damage.place.chain,
        written_at: 0,
    };
    let mut bytes = forge(&header, damage.place.chain_until)?;
    debug_assert_eq!(header_crc(&bytes), damage.place.chain_until);
    bytes.append(&mut payload);
    Some(bytes)
}

/// Checks that a repaired journal is whole.
///
/// # Errors
/// A file cannot be read, or something is still damaged.
pub fn confirm(disk: &dyn Disk) -> Result<(), JournalError> {
    match check(disk, &mut |_, _, _| {})?.damage.into_iter().next() {
        None => Ok(()),
        Some(Damage { file, offset, lsn, what, .. }) => {
            Err(JournalError::Damaged { file, offset, lsn, what })
        }
    }
}
