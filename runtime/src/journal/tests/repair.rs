//! Damage of every kind, found by the check and put aside by the repair.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::super::check::check;
use super::super::disk::Disk;
use super::super::format::{BatchHeader, forge, header_crc};
use super::super::repair::{confirm, repair};
use super::*;

fn filled() -> Arc<FakeDisk> {
    let disk = Arc::new(FakeDisk::default());
    let (mut log, _) = open(&disk).unwrap();
    fill(&mut log, 0, 90);
    log.append(&[]).unwrap();
    assert!(log.segments().len() > 3);
    disk
}

/// The records that can be read.
fn found(disk: &Arc<FakeDisk>) -> Vec<u64> {
    let clock = Arc::new(VirtualClock::at(Timestamp::UNIX_EPOCH));
    let options = SegmentOptions { segment_bytes: SEGMENT_BYTES, prepare_ahead: false, seed: 4 };
    let mut lsns = Vec::new();
    let theirs = Arc::<FakeDisk>::clone(disk);
    let log = SegmentLog::open(theirs, clock, options, None, &mut |_, lsn, bytes| {
        assert_eq!(bytes, record(lsn as usize));
        lsns.push(lsn);
    });
    assert_eq!(log.unwrap().end().lsn, 90);
    lsns
}

#[test]
fn a_whole_journal_is_whole() {
    let report = check(&*filled(), &mut |_, lsn, bytes| assert_eq!(bytes, record(lsn as usize))).unwrap();
    assert_eq!((report.records, report.first_lsn, report.next_lsn), (90, 0, 90));
    assert!(report.damage.is_empty() && report.torn_at.is_none(), "{report:?}");
}

#[test]
fn a_flipped_bit_is_found_and_costs_one_record_or_one_batch() {
    let disk = filled();
    let mut random = StdRng::seed_from_u64(3);
    let names: Vec<String> = disk.names().into_iter().filter(|name| name.starts_with('0')).collect();
    let (mut damaged, mut lost, mut single) = (0, 0, 0);
    for _ in 0..400 {
        let name = &names[random.random_range(0..names.len())];
        let mut bytes = disk.bytes_of(name);
        let bit = random.random_range(0..bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        let broken = Arc::new(disk.copy());
        broken.put(name, bytes);
        let report = check(&*broken, &mut |_, lsn, bytes| assert_eq!(bytes, record(lsn as usize))).unwrap();
        let refused = open(&broken).is_err();
        assert_eq!(!report.damage.is_empty(), refused, "{name}, bit {bit}: {report:?}");
        if !refused {
            continue;
        }
        assert_eq!(report.damage.len(), 1, "{name}, bit {bit}: {report:?}");
        let damage = &report.damage[0];
        assert!(damage.file == *name && damage.offset <= bit as u64 / 8 && bit as u64 / 8 < damage.until);
        assert!(report.damage[0].lsn_until - report.damage[0].lsn <= 3, "{report:?}");
        damaged += 1;
        let done = repair(&*broken, 1).unwrap();
        assert_eq!(done.len(), 1);
        confirm(&*broken).unwrap();
        let found = found(&broken);
        assert_eq!(found.len() as u64, 90 - done[0].lost, "{name}, bit {bit}: {done:?}");
        let kept = broken.bytes_of(&done[0].quarantine);
        assert_eq!(kept.len() as u64, damage.until - damage.offset, "the damaged bytes are kept");
        lost += done[0].lost;
        single += usize::from(done[0].lost == 1 && damage.lsn_until - damage.lsn > 1);
    }
    assert!(damaged > 200 && lost > 100 && single > 20, "{damaged} {lost} {single}");
}

#[test]
fn what_an_earlier_repair_put_aside_stays() {
    let disk = filled();
    let mut bytes = disk.bytes_of("0000000002.segment");
    bytes[512..1024].fill(0xa5);
    let broken = || disk.put("0000000002.segment", bytes.clone());
    let mut names = Vec::new();
    for run in 0..3 {
        // As if the run before had been interrupted when its copy was written, and nothing else.
        broken();
        let done = repair(&*disk, run).unwrap();
        names.push(done[0].quarantine.clone());
    }
    assert_eq!(names[1..], [format!("{}-2", names[0]), format!("{}-3", names[0])]);
    let damaged = disk.bytes_of(&names[0]);
    assert!(names.iter().all(|name| disk.bytes_of(name) == damaged), "every copy is whole");
}

#[test]
fn lost_sectors_files_and_headers_are_put_aside_and_the_rest_is_read() {
    let whole = filled();
    let second = "0000000002.segment";
    let wipe = |from: usize, until: usize| {
        let disk = Arc::new(whole.copy());
        let mut bytes = disk.bytes_of(second);
        bytes[from..until].fill(0xa5);
        disk.put(second, bytes);
        disk
    };
    let missing = Arc::new(whole.copy());
    missing.remove(second).unwrap();
    let short = Arc::new(whole.copy());
    short.put(second, vec![]);
    let cases = [
        ("some sectors", wipe(512, 1024)),
        ("the header", wipe(0, 64)),
        ("the header and the first batch", wipe(0, 300)),
        ("the end", wipe(1200, 2048)),
        ("everything", wipe(0, 2048)),
        ("the file", missing),
    ];
    for (what, disk) in cases {
        assert!(open(&disk).is_err(), "{what}");
        let before = check(&*disk, &mut |_, _, _| {}).unwrap();
        assert!(!before.damage.is_empty(), "{what}");
        let done = repair(&*disk, 5).unwrap_or_else(|error| panic!("{what}: {error}"));
        confirm(&*disk).unwrap_or_else(|error| panic!("{what}: {error}"));
        let lost = done.iter().map(|done| done.lost).sum::<u64>();
        assert_eq!(found(&disk).len() as u64, 90 - lost, "{what}");
        let after = check(&*disk, &mut |_, _, _| {}).unwrap();
        assert_eq!((after.put_aside, after.records), (lost, 90 - lost), "{what}");
        let (mut log, _) = {
            let clock = Arc::new(VirtualClock::at(Timestamp::UNIX_EPOCH));
            let options = SegmentOptions { segment_bytes: SEGMENT_BYTES, prepare_ahead: false, seed: 8 };
            let theirs = Arc::<FakeDisk>::clone(&disk);
            (SegmentLog::open(theirs, clock, options, None, &mut |_, _, _| {}).unwrap(), ())
        };
        fill(&mut log, 90, 10);
        assert_eq!(check(&*disk, &mut |_, _, _| {}).unwrap().next_lsn, 100, "{what}");
    }
}

#[test]
fn a_torn_tail_is_told_and_is_no_damage() {
    let disk = Arc::new(FakeDisk::default());
    let (mut log, _) = open(&disk).unwrap();
    fill(&mut log, 0, 5);
    disk.sync_fails.store(true, Ordering::Relaxed);
    assert!(log.append(&[&record(5), &record(6)]).is_err());
    let report = check(&disk.after_power_cut(70), &mut |_, _, _| {}).unwrap();
    assert!(report.damage.is_empty() && report.torn_at.is_some(), "{report:?}");
    assert_eq!((report.records, report.next_lsn), (5, 5));
}

#[test]
fn a_header_can_be_given_any_checksum() {
    let mut random = StdRng::seed_from_u64(9);
    for _ in 0..200 {
        let header = BatchHeader {
            payload_bytes: random.random(),
            salt: random.random(),
            first_lsn: random.random(),
            durable_lsn: random.random(),
            records: random.random(),
            payload_crc: random.random(),
            chain: random.random(),
            written_at: random.random(),
        };
        let crc = random.random();
        let bytes = forge(&header, crc).unwrap();
        assert_eq!(BatchHeader::from_bytes(&bytes), Some((header, crc)));
        assert_eq!(header_crc(&bytes), crc);
    }
}
