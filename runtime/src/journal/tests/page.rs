//! A journal written by hand from the tables of `docs/journal.md`, and read by the code.

use super::*;
use crate::record::Record;

/// Fields at their offsets, zeroes in between, and the CRC of bytes 0 to 59 at 60.
pub(crate) fn header(fields: &[(usize, &[u8])]) -> Vec<u8> {
    let mut bytes = vec![0; 60];
    for (offset, field) in fields {
        bytes[*offset..offset + field.len()].copy_from_slice(field);
    }
    bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
    assert_eq!(bytes.len(), 64);
    bytes
}

fn batch(salt: u64, lsn: u64, chain: u32, records: &[&[u8]]) -> (Vec<u8>, u32) {
    let mut payload = Vec::new();
    for record in records {
        payload.extend((record.len() as u32).to_le_bytes());
        payload.extend(crc32c::crc32c(record).to_le_bytes());
        payload.extend_from_slice(record);
    }
    let head = header(&[
        (0, b"FWB1"),
        (4, &(payload.len() as u32).to_le_bytes()),
        (8, &salt.to_le_bytes()),
        (16, &lsn.to_le_bytes()),
        (24, &lsn.to_le_bytes()),
        (32, &(records.len() as u32).to_le_bytes()),
        (36, &crc32c::crc32c(&payload).to_le_bytes()),
        (40, &chain.to_le_bytes()),
        (44, &1_700_000_000_000_000_i64.to_le_bytes()),
    ]);
    let crc = u32::from_le_bytes(head[60..].try_into().unwrap());
    let mut bytes = [head, payload].concat();
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    (bytes, crc)
}

#[test]
fn two_segments_written_from_the_page_are_read() {
    // Kind 5: version, kind, workspace, delivery, state 4 (dead letter) with reason 5, seconds 1, nanoseconds 0.
    let settled = b"\x04\x05\x02ws\x03dlv\x04\x05\x02\x00".as_slice();
    // Kind 3: attempt 300 as LEB128, a time, no rate limit.
    let started = b"\x04\x03\x02ws\x03dlv\xac\x02\x02\x00\x00".as_slice();
    let first = |salt: u64, number: u32, lsn: u64, chain: u32| {
        header(&[
            (0, b"FWJOURN1"),
            (8, &number.to_le_bytes()),
            (12, &chain.to_le_bytes()),
            (16, &salt.to_le_bytes()),
            (24, &lsn.to_le_bytes()),
            (32, &1_600_000_000_000_000_i64.to_le_bytes()),
        ])
    };
    let (one, chain) = batch(77, 0, 0, &[started, settled]);
    let (vouching, chain) = batch(77, 2, chain, &[]);
    let mut segment_1 = [first(77, 1, 0, 0), one, vouching].concat();
    let (two, _) = batch(88, 2, chain, &[settled]);
    let mut segment_2 = [first(88, 2, 2, chain), two].concat();
    for segment in [&mut segment_1, &mut segment_2] {
        segment.resize(SEGMENT_BYTES as usize, 0);
    }
    let disk = Arc::new(FakeDisk::default());
    disk.put("0000000001.segment", segment_1);
    disk.put("0000000002.segment", segment_2);
    let clock = Arc::new(VirtualClock::at(Timestamp::UNIX_EPOCH));
    let options = SegmentOptions { segment_bytes: SEGMENT_BYTES, prepare_ahead: false, seed: 7 };
    let mut found = Vec::new();
    let theirs = Arc::<FakeDisk>::clone(&disk);
    let log = SegmentLog::open(theirs, clock, options, None, &mut |position, lsn, bytes| {
        found.push((position.segment, position.offset, lsn, bytes.to_vec()));
    })
    .unwrap();
    let wanted = [(1, 128, 0, started), (1, 128 + 8 + 14, 1, settled), (2, 128, 2, settled)];
    let wanted = wanted.map(|(segment, offset, lsn, bytes)| (segment, offset, lsn, bytes.to_vec()));
    assert_eq!(found, wanted);
    assert_eq!(log.segments()[0].written_at, 1_600_000_000_000_000, "when the next one was begun");
    for (.., bytes) in &found {
        let record = Record::from_bytes(bytes).unwrap();
        assert_eq!(record.to_bytes(), *bytes);
    }
}
