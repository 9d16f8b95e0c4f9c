//! What a bad disk may do to a journal: every cut, in any order of its sectors, and every error.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::super::reader::file_name;
use super::*;

/// Reopens a disk after a cut. What was acknowledged must be there, in order, and nothing else but what
/// was being written.
fn survives(disk: FakeDisk, acknowledged: u64, written: u64, note: &str) {
    let disk = Arc::new(disk);
    let clock = Arc::new(VirtualClock::at(Timestamp::UNIX_EPOCH));
    let options = SegmentOptions { segment_bytes: SEGMENT_BYTES, prepare_ahead: false, seed: 99 };
    let mut next = None;
    let theirs = Arc::<FakeDisk>::clone(&disk);
    let opened = SegmentLog::open(theirs, clock, options, None, &mut |_, lsn, bytes| {
        assert_eq!(bytes, record(lsn as usize), "{note}: record {lsn}");
        assert_eq!(*next.get_or_insert(lsn), lsn, "{note}: no gap");
        next = Some(lsn + 1);
    });
    let mut log = opened.unwrap_or_else(|error| panic!("{note}: {error}"));
    let end = log.end().lsn;
    assert!(acknowledged <= end && end <= written, "{note}: {acknowledged} <= {end} <= {written}");
    // And it goes on from there.
    fill(&mut log, end as usize, 4);
}

/// Batches, rolls and drops on a disk that remembers; after each act, how much was acknowledged by then.
fn life(seed: u64) -> (Arc<FakeDisk>, Vec<(usize, u64)>) {
    let mut random = StdRng::seed_from_u64(seed);
    let disk = Arc::new(FakeDisk::default());
    disk.remember();
    let (mut log, _) = open(&disk).unwrap();
    let mut acknowledged = Vec::new();
    while log.end().lsn < 80 {
        let next = log.end().lsn as usize;
        fill(&mut log, next, random.random_range(1..4));
        acknowledged.push((disk.acts(), log.end().lsn));
        if log.segments().len() > 3 && random.random_bool(0.3) {
            log.drop_oldest().unwrap();
        }
        if random.random_bool(0.1) {
            log.append(&[]).unwrap();
        }
    }
    (disk, acknowledged)
}

#[test]
fn every_prefix_of_what_was_done_reopens_with_all_that_was_acknowledged() {
    for seed in 0..3 {
        let (disk, acknowledged) = life(seed);
        let mut random = StdRng::seed_from_u64(1000 + seed);
        for acts in 0..=disk.acts() {
            let at = acknowledged.partition_point(|(by, _)| *by <= acts);
            let known = at.checked_sub(1).map_or(0, |at| acknowledged[at].1);
            let written = acknowledged.get(at).map_or(known, |(_, lsn)| *lsn);
            let prefix = disk.until(acts);
            let note = format!("seed {seed}, act {acts}");
            survives(prefix.after_power_cut(0), known, written, &note);
            survives(prefix.copy(), known, written, &note);
            for _ in 0..3 {
                survives(prefix.after_any_power_cut(&mut random), known, written, &note);
            }
        }
    }
}

/// The number of the record behind the last one, as a start finds it.
fn starts(disk: &Arc<FakeDisk>, note: &str) -> u64 {
    let clock = Arc::new(VirtualClock::at(Timestamp::UNIX_EPOCH));
    let options = SegmentOptions { segment_bytes: SEGMENT_BYTES, prepare_ahead: false, seed: 99 };
    let log = SegmentLog::open(Arc::<FakeDisk>::clone(disk), clock, options, None, &mut |_, _, _| {});
    log.unwrap_or_else(|error| panic!("{note}: {error}")).end().lsn
}

#[test]
fn what_a_start_after_a_kill_has_read_survives_a_power_cut_after_it() {
    for seed in 0..2 {
        let (disk, _) = life(seed);
        for acts in 0..=disk.acts() {
            // A killed process leaves in the system's memory what it wrote and named and did not sync.
            let killed = Arc::new(disk.until(acts));
            let note = format!("seed {seed}, act {acts}");
            let read = starts(&killed, &note);
            assert_eq!(starts(&Arc::new(killed.after_power_cut(0)), &note), read, "{note}");
        }
    }
}

#[test]
fn what_the_system_forgot_to_write_is_written_again_by_the_next_start() {
    for seed in 1..20 {
        let disk = Arc::new(FakeDisk::default());
        let (mut log, _) = open(&disk).unwrap();
        fill(&mut log, 0, 5);
        disk.faults.forgets.store(seed, Ordering::Relaxed);
        assert!(log.append(&[&record(5), &record(6)]).is_err());
        expect_records(&open(&disk).unwrap().1, 7);
        expect_records(&open(&Arc::new(disk.after_power_cut(0))).unwrap().1, 7);
    }
}

#[test]
fn a_flipped_bit_in_any_sealed_segment_is_refused_or_harmless() {
    let (disk, _) = life(7);
    let mut random = StdRng::seed_from_u64(7);
    let names: Vec<String> = disk.names().into_iter().filter(|name| name.starts_with('0')).collect();
    let (_, sealed) = names.split_last().unwrap();
    let mut refused = 0;
    for _ in 0..300 {
        let name = &sealed[random.random_range(0..sealed.len())];
        let mut bytes = disk.bytes_of(name);
        let bit = random.random_range(0..bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        let broken = Arc::new(disk.copy());
        broken.put(name, bytes);
        let clock = Arc::new(VirtualClock::at(Timestamp::UNIX_EPOCH));
        let options = SegmentOptions { segment_bytes: SEGMENT_BYTES, prepare_ahead: false, seed: 1 };
        let mut found = 0;
        match SegmentLog::open(broken, clock, options, None, &mut |_, lsn, bytes| {
            assert_eq!(bytes, record(lsn as usize));
            found += 1;
        }) {
            Err(JournalError::Damaged { file, offset, .. }) => {
                assert_eq!((&file, offset <= bit as u64 / 8), (name, true), "{file} {offset}, bit {bit}");
                refused += 1;
            }
            Err(error) => panic!("{error}"),
            // Padding, or the unused end of the segment.
            Ok(log) => assert!(found > 0 && log.end().lsn >= 80),
        }
    }
    assert!(refused > 100, "{refused}");
}

#[test]
fn a_failed_write_poisons_like_a_failed_sync() {
    let disk = Arc::new(FakeDisk::default());
    let (mut log, _) = open(&disk).unwrap();
    fill(&mut log, 0, 3);
    disk.faults.write_fails.store(true, Ordering::Relaxed);
    assert!(matches!(log.append(&[b"x"]), Err(JournalError::Io { doing: "writing", .. })));
    disk.faults.write_fails.store(false, Ordering::Relaxed);
    assert!(matches!(log.append(&[b"x"]), Err(JournalError::Poisoned)));
    expect_records(&open(&Arc::new(disk.after_power_cut(0))).unwrap().1, 3);
}

#[test]
fn a_short_read_is_an_error_and_never_an_end() {
    let disk = Arc::new(FakeDisk::default());
    let (mut log, _) = open(&disk).unwrap();
    fill(&mut log, 0, 30);
    let before: Vec<_> = disk.names().iter().map(|name| disk.bytes_of(name)).collect();
    disk.faults.read_is_short.store(true, Ordering::Relaxed);
    assert!(matches!(open(&disk).map(drop), Err(JournalError::Io { doing: "reading", .. })));
    let after: Vec<_> = disk.names().iter().map(|name| disk.bytes_of(name)).collect();
    assert_eq!(before, after, "nothing was truncated");
    disk.faults.read_is_short.store(false, Ordering::Relaxed);
    expect_records(&open(&disk).unwrap().1, 30);
}

fn prepared(disk: &Arc<FakeDisk>, journal_bytes_max: u64) -> (Writer<usize>, Told) {
    let told = Told::default();
    let limits = WriterLimits { queue_bytes_max: 4096, queue_records_max: 64, journal_bytes_max };
    let clock = Arc::new(crate::clock::SystemClock::default());
    let options = SegmentOptions { segment_bytes: SEGMENT_BYTES, prepare_ahead: true, seed: 7 };
    let log = SegmentLog::open(Arc::<FakeDisk>::clone(disk), clock, options, None, &mut |_, _, _| {});
    (Writer::start(Box::new(log.unwrap()), limits, told.clone()).unwrap(), told)
}

#[tokio::test]
async fn a_full_disk_refuses_events_and_still_writes_outcomes_into_the_reserve() {
    let disk = Arc::new(FakeDisk::default());
    let (writer, told) = prepared(&disk, 1 << 30);
    let mut number = 0;
    while disk.names().iter().filter(|name| name.starts_with('0')).count() < 3 {
        writer.submit(Class::Event, vec![entry(number)]).unwrap().await.unwrap();
        number += 1;
    }
    disk.faults.space.store(0, Ordering::Relaxed);
    let refusal = loop {
        match writer.submit(Class::Event, vec![entry(number)]) {
            Ok(durable) => durable.await.unwrap(),
            Err(refusal) => break refusal,
        }
        number += 1;
        assert!(number < 100, "the disk is full and nobody notices");
        tokio::time::sleep(Duration::from_millis(2)).await;
    };
    assert_eq!(refusal, Refusal::NoSpace);
    for _ in 0..3 {
        writer.submit(Class::Outcome, vec![entry(number)]).unwrap().await.unwrap();
        number += 1;
    }
    assert!(!told.failed.load(Ordering::Relaxed));
    // The oldest segment becomes the next one, and the disk need not give anything.
    told.droppable.store(true, Ordering::Relaxed);
    let mut tries = 0;
    while writer.submit(Class::Event, vec![entry(number)]).is_err() {
        tries += 1;
        assert!(tries < 600, "no room was made");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(told.dropped.lock().unwrap().first(), Some(&1));
    writer.close();
}

#[tokio::test]
async fn segments_that_are_too_old_go_even_where_there_is_room() {
    let disk = Arc::new(FakeDisk::default());
    let (writer, told) = writer(&disk, 1 << 30);
    let mut number = 0;
    let mut until_segments = async |count: usize| {
        while disk.names().len() < count && number < 500 {
            writer.submit(Class::Event, vec![entry(number)]).unwrap().await.unwrap();
            number += 1;
        }
    };
    until_segments(4).await;
    told.expired.store(true, Ordering::Relaxed);
    until_segments(5).await;
    assert!(told.dropped.lock().unwrap().is_empty(), "something in it is still owed");
    told.droppable.store(true, Ordering::Relaxed);
    until_segments(6).await;
    until_segments(7).await;
    writer.close();
    assert!(told.dropped.lock().unwrap().starts_with(&[1, 2, 3]), "{:?}", told.dropped.lock().unwrap());
    assert!(!disk.names().contains(&file_name(1)));
}

#[test]
fn records_between_two_marks_are_read_while_the_log_is_written() {
    let disk = Arc::new(FakeDisk::default());
    let (mut log, _) = open(&disk).unwrap();
    let mut marks = vec![log.end()];
    for batch in 0..20 {
        fill(&mut log, batch * 3, 3);
        marks.push(log.end());
    }
    let records = log.records();
    assert_eq!(records.begin().unwrap(), marks[0]);
    assert_eq!(records.end(), *marks.last().unwrap());
    for (from, first) in marks.iter().enumerate() {
        for (until, last) in marks.iter().enumerate().skip(from) {
            let mut found = Vec::new();
            records.replay(*first, *last, &|_| {}, &mut |_, lsn, _| found.push(lsn as usize)).unwrap();
            assert_eq!(found, (from * 3..until * 3).collect::<Vec<_>>());
        }
    }
    // A log that is opened at a mark reads the rest only, and goes on.
    for (from, mark) in marks.iter().enumerate() {
        let clock = Arc::new(VirtualClock::at(Timestamp::UNIX_EPOCH));
        let options = SegmentOptions { segment_bytes: SEGMENT_BYTES, prepare_ahead: false, seed: 3 };
        let mut found = 0;
        let copy = Arc::new(disk.copy());
        let log = SegmentLog::open(
            Arc::<FakeDisk>::clone(&copy),
            clock,
            options,
            Some(*mark),
            &mut |_, lsn, bytes| {
                assert_eq!(bytes, record(lsn as usize));
                found += 1;
            },
        );
        let mut log = log.unwrap();
        assert_eq!((found, log.end()), (60 - from * 3, *marks.last().unwrap()));
        fill(&mut log, 60, 5);
        expect_records(&open(&copy).unwrap().1, 65);
    }
    log.drop_oldest().unwrap();
    assert!(records.replay(marks[0], marks[20], &|_| {}, &mut |_, _, _| {}).is_err(), "it is gone");
}

/// Seen in a simulation: a node was killed between the write of its last batch and the sync, and a bit of it
/// flipped. Nobody was told of that batch; all that was told is before it, and nothing else may change.
#[test]
fn a_flip_in_a_batch_that_nobody_was_told_of_costs_that_batch_alone() {
    let disk = Arc::new(FakeDisk::default());
    let (mut log, _) = open(&disk).unwrap();
    fill(&mut log, 0, 9);
    let told = log.end();
    disk.sync_fails.store(true, Ordering::Relaxed);
    assert!(log.append(&[&record(9), &record(10)]).is_err());
    disk.sync_fails.store(false, Ordering::Relaxed);
    let name = file_name(told.segment);
    let bytes = disk.bytes_of(&name);
    let from = told.offset as usize;
    let until = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    assert!(from < until, "the system's memory has what was not synced");
    expect_records(&open(&Arc::new(disk.copy())).unwrap().1, 11);
    let first = super::super::format::SEGMENT_HEADER_BYTES;
    for bit in (first * 8..until * 8).step_by(5) {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let broken = Arc::new(disk.copy());
        broken.put(&name, flipped);
        match open(&broken) {
            Ok((mut log, found)) => {
                // Padding may be flipped anywhere; what counts is there, or the last batch is not at all.
                let cut = bit / 8 >= from && found.len() == 9;
                assert!(cut || found.len() == 11, "bit {bit}: {} records", found.len());
                expect_records(&found, found.len());
                fill(&mut log, found.len(), 3);
                expect_records(&open(&broken).unwrap().1, found.len() + 3);
            }
            Err(JournalError::Damaged { file, offset, .. }) => {
                assert_eq!((&file, offset <= bit as u64 / 8), (&name, true));
                assert!(bit / 8 < from, "bit {bit} of the last batch stops the start");
            }
            Err(error) => panic!("{error}"),
        }
    }
}
