//! Cuts, flips and failures of a journal on a disk in memory.

mod faults;
pub(crate) mod page;
mod repair;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;

use super::fake::FakeDisk;
use super::segment::{SegmentLog, SegmentOptions};
use super::writer::{Class, Committed, Entry, Refusal, Writer, WriterLimits};
use super::{Journal, JournalError, Position, SegmentInfo};
use crate::clock::VirtualClock;

const SEGMENT_BYTES: u64 = 2048;

fn open(disk: &Arc<FakeDisk>) -> Result<(SegmentLog, Vec<Vec<u8>>), JournalError> {
    let clock = Arc::new(VirtualClock::at(Timestamp::UNIX_EPOCH));
    let options = SegmentOptions { segment_bytes: SEGMENT_BYTES, prepare_ahead: false, seed: 7 };
    let mut found = Vec::new();
    let disk = Arc::<FakeDisk>::clone(disk);
    let log = SegmentLog::open(disk, clock, options, None, &mut |_, lsn, bytes| {
        assert_eq!(lsn, found.len() as u64, "records are numbered without gaps");
        found.push(bytes.to_vec());
    })?;
    Ok((log, found))
}

fn record(number: usize) -> Vec<u8> {
    format!("record {number} {}", "x".repeat(number * 7 % 90)).into_bytes()
}

/// Appends batches of 1, 2, 3, 1, 2, 3 … records until there are `count`.
fn fill(log: &mut SegmentLog, from: usize, count: usize) -> Vec<Position> {
    let mut positions = Vec::new();
    let mut next = from;
    while next < from + count {
        let batch: Vec<Vec<u8>> = (next..(from + count).min(next + 1 + next % 3)).map(record).collect();
        let slices: Vec<&[u8]> = batch.iter().map(Vec::as_slice).collect();
        positions.extend(log.append(&slices).expect("a healthy disk"));
        next += batch.len();
    }
    positions
}

fn expect_records(found: &[Vec<u8>], count: usize) {
    assert_eq!(found.len(), count);
    for (number, bytes) in found.iter().enumerate() {
        assert_eq!(*bytes, record(number));
    }
}

#[test]
fn what_was_appended_is_read_back_across_segments() {
    let disk = Arc::new(FakeDisk::default());
    let (mut log, _) = open(&disk).unwrap();
    let positions = fill(&mut log, 0, 100);
    assert!(log.segments().len() > 3, "the test wants several segments");
    for (number, position) in positions.iter().enumerate() {
        assert_eq!(log.records().read(*position).unwrap(), record(number));
    }
    drop(log);
    let (mut log, found) = open(&disk).unwrap();
    expect_records(&found, 100);
    fill(&mut log, 100, 20);
    expect_records(&open(&disk).unwrap().1, 120);
}

#[test]
fn a_power_cut_at_any_byte_of_the_last_write_loses_only_that_batch() {
    for durable in [0, 1, 5, 17, 18, 19, 40] {
        let disk = Arc::new(FakeDisk::default());
        let (mut log, _) = open(&disk).unwrap();
        fill(&mut log, 0, durable);
        disk.sync_fails.store(true, Ordering::Relaxed);
        let (one, two) = (record(durable), record(durable + 1));
        // Whether the cut comes while the batch or a new segment's header is written, nothing was promised.
        assert!(log.append(&[&one, &two]).is_err());
        for kept in 0..=300 {
            let cut = Arc::new(disk.after_power_cut(kept));
            let (mut log, found) = open(&cut).unwrap_or_else(|error| panic!("{durable} {kept}: {error}"));
            assert!([durable, durable + 2].contains(&found.len()), "{durable} {kept}: {}", found.len());
            expect_records(&found, found.len());
            fill(&mut log, found.len(), 7);
            expect_records(&open(&cut).unwrap().1, found.len() + 7);
        }
    }
}

#[test]
fn a_flipped_bit_is_refused_with_its_place_unless_it_is_in_the_last_batch() {
    let disk = Arc::new(FakeDisk::default());
    let (mut log, _) = open(&disk).unwrap();
    fill(&mut log, 0, 60);
    log.append(&[]).unwrap();
    let vouched = 60;
    let name = disk.names().into_iter().next_back().unwrap();
    for name in disk.names() {
        let bytes = disk.bytes_of(&name);
        let used = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
        for at in (0..used).step_by(3) {
            let broken = Arc::new(disk.copy());
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            broken.put(&name, flipped);
            match open(&broken) {
                Err(JournalError::Damaged { file, offset, .. }) => {
                    assert_eq!(file, name);
                    assert!(offset <= at as u64, "{name}: the damage at {at} is said to be at {offset}");
                }
                Err(error) => panic!("{name} {at}: {error}"),
                // Padding, and the empty batch at the very end which nothing vouches for.
                Ok((_, found)) => expect_records(&found, vouched),
            }
        }
    }
    // And the empty batch is what makes the last records safe: a flip in them is refused.
    let mut bytes = disk.bytes_of(&name);
    let last = record(59);
    let at = bytes.windows(last.len()).position(|window| window == last).unwrap();
    bytes[at] ^= 1;
    disk.put(&name, bytes);
    assert!(matches!(open(&disk), Err(JournalError::Damaged { .. })));
}

#[test]
fn a_missing_segment_is_named() {
    let disk = Arc::new(FakeDisk::default());
    let (mut log, _) = open(&disk).unwrap();
    fill(&mut log, 0, 60);
    let names = disk.names();
    super::disk::Disk::remove(&*disk, &names[1]).unwrap();
    match open(&disk).map(drop) {
        Err(JournalError::Missing { file }) => assert_eq!(file, names[1]),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_payload_cannot_pass_for_a_batch() {
    let disk = Arc::new(FakeDisk::default());
    let (mut log, _) = open(&disk).unwrap();
    fill(&mut log, 0, 3);
    // A whole journal as an event's payload, with all its headers, and then a cut behind them. Both logs
    // drew the same salt; somebody who forges one does not know it and must guess another.
    let other = Arc::new(FakeDisk::default());
    let (mut forged, _) = open(&other).unwrap();
    fill(&mut forged, 0, 8);
    let mut stolen = other.bytes_of("0000000001.segment");
    stolen.truncate(1200);
    stolen[1199] = 1;
    let mut batches = 0;
    for at in (0..stolen.len() - 64).step_by(8) {
        if stolen[at..].starts_with(b"FWB1") {
            stolen[at + 8] ^= 0xff;
            let crc = crc32c::crc32c(&stolen[at..at + 60]);
            stolen[at + 60..at + 64].copy_from_slice(&crc.to_le_bytes());
            batches += 1;
        }
    }
    assert!(batches > 2);
    disk.sync_fails.store(true, Ordering::Relaxed);
    assert!(log.append(&[&stolen]).is_err());
    let cut = Arc::new(disk.after_power_cut(1000));
    expect_records(&open(&cut).unwrap().1, 3);
}

#[test]
fn dropped_segments_are_recycled_and_their_old_bytes_are_never_read() {
    let disk = Arc::new(FakeDisk::default());
    let (mut log, _) = open(&disk).unwrap();
    let positions = fill(&mut log, 0, 60);
    let first = log.segments()[0].number;
    assert_eq!(log.drop_oldest().unwrap(), Some(first));
    assert!(disk.names().contains(&"spare.segment".to_owned()));
    assert!(log.records().read(positions[0]).is_err());
    let made = disk.names().len();
    fill(&mut log, 60, 12);
    assert_eq!(disk.names().len(), made, "the file was used again");
    drop(log);
    let clock = Arc::new(VirtualClock::at(Timestamp::UNIX_EPOCH));
    let options = SegmentOptions { segment_bytes: SEGMENT_BYTES, prepare_ahead: false, seed: 8 };
    let mut lsns = Vec::new();
    let copy: Arc<FakeDisk> = Arc::clone(&disk);
    let log = SegmentLog::open(copy, clock, options, None, &mut |_, lsn, bytes| {
        assert_eq!(bytes, record(lsn as usize));
        lsns.push(lsn);
    })
    .unwrap();
    assert_eq!(log.next_lsn(), 72);
    assert_eq!(lsns.last(), Some(&71));
    assert!(lsns[0] > 0);
}

/// Remembers what it was told.
#[derive(Clone, Default)]
struct Told {
    committed: Arc<Mutex<Vec<usize>>>,
    droppable: Arc<std::sync::atomic::AtomicBool>,
    expired: Arc<std::sync::atomic::AtomicBool>,
    dropped: Arc<Mutex<Vec<u32>>>,
    failed: Arc<std::sync::atomic::AtomicBool>,
}

impl Committed<usize> for Told {
    fn committed(&mut self, entries: Vec<(Position, usize)>) {
        self.committed.lock().unwrap().extend(entries.into_iter().map(|(_, value)| value));
    }

    fn may_drop(&mut self, _segment: &SegmentInfo) -> bool {
        self.droppable.load(Ordering::Relaxed)
    }

    fn is_expired(&mut self, _segment: &SegmentInfo) -> bool {
        self.expired.load(Ordering::Relaxed)
    }

    fn needed_soon(&mut self, _segment: &SegmentInfo, _room: u64) {}

    fn dropped(&mut self, segment: u32) {
        self.dropped.lock().unwrap().push(segment);
    }

    fn failed(&mut self, _error: &JournalError) {
        self.failed.store(true, Ordering::Relaxed);
    }
}

fn writer(disk: &Arc<FakeDisk>, journal_bytes_max: u64) -> (Writer<usize>, Told) {
    let told = Told::default();
    let limits = WriterLimits { queue_bytes_max: 4096, queue_records_max: 64, journal_bytes_max };
    let (log, _) = open(disk).unwrap();
    (Writer::start(Box::new(log), limits, told.clone()).unwrap(), told)
}

fn entry(number: usize) -> Entry<usize> {
    Entry { bytes: record(number), value: number }
}

#[tokio::test]
async fn whoever_waits_is_told_after_the_record_is_durable_and_seen() {
    let disk = Arc::new(FakeDisk::default());
    let (writer, told) = writer(&disk, 1 << 20);
    for number in 0..50 {
        writer.submit(Class::Event, vec![entry(number)]).unwrap().await.unwrap();
        assert_eq!(told.committed.lock().unwrap().len(), number + 1);
        let survivor = Arc::new(disk.after_power_cut(0));
        expect_records(&open(&survivor).unwrap().1, number + 1);
    }
    writer.close();
    assert_eq!(writer.submit(Class::Event, vec![entry(50)]).unwrap_err(), Refusal::Closed);
    expect_records(&open(&disk).unwrap().1, 50);
}

#[tokio::test]
async fn a_failed_sync_poisons_the_writer() {
    let disk = Arc::new(FakeDisk::default());
    let (writer, told) = writer(&disk, 1 << 20);
    writer.submit(Class::Event, vec![entry(0)]).unwrap().await.unwrap();
    disk.sync_fails.store(true, Ordering::Relaxed);
    assert!(writer.submit(Class::Event, vec![entry(1)]).unwrap().await.is_err());
    disk.sync_fails.store(false, Ordering::Relaxed);
    assert!(told.failed.load(Ordering::Relaxed));
    assert_eq!(writer.submit(Class::Outcome, vec![entry(2)]).unwrap_err(), Refusal::Failing);
    assert_eq!(*told.committed.lock().unwrap(), [0]);
}

#[tokio::test]
async fn a_full_journal_refuses_events_and_takes_outcomes_until_something_may_go() {
    let disk = Arc::new(FakeDisk::default());
    let (writer, told) = writer(&disk, 4 * SEGMENT_BYTES);
    let mut number = 0;
    while let Ok(durable) = writer.submit(Class::Event, vec![entry(number)]) {
        durable.await.unwrap();
        number += 1;
        assert!(number < 1000);
    }
    assert_eq!(writer.submit(Class::Event, vec![entry(number)]).unwrap_err(), Refusal::NoSpace);
    assert!(told.dropped.lock().unwrap().is_empty());
    writer.submit(Class::Outcome, vec![entry(number)]).unwrap().await.unwrap();
    told.droppable.store(true, Ordering::Relaxed);
    writer.submit(Class::Outcome, vec![entry(number + 1)]).unwrap().await.unwrap();
    // Room is made after the waiter is told.
    let mut tries = 0;
    while let Err(refusal) = writer.submit(Class::Event, vec![entry(number + 2)]) {
        assert_eq!(refusal, Refusal::NoSpace);
        tokio::time::sleep(Duration::from_millis(5)).await;
        tries += 1;
        assert!(tries < 400, "no room was made");
    }
    assert_eq!(told.dropped.lock().unwrap().first(), Some(&1));
}

#[test]
fn a_record_that_cannot_fit_is_refused_at_once() {
    let disk = Arc::new(FakeDisk::default());
    let (writer, _) = writer(&disk, 1 << 20);
    let entry = Entry { bytes: vec![0; 3000], value: 0 };
    assert!(matches!(writer.submit(Class::Event, vec![entry]), Err(Refusal::TooLarge { bytes: 3000, .. })));
    writer.close();
}
