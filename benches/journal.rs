//! How many events a second the journal makes durable.
//!
//! `cargo run --release -p fanwise-benches --bin journal`: closed loops of 1, 64 and 1,024 writers, 1 KiB each, against the same bytes written by a bare loop of
//! `pwrite` and `fdatasync` with batches of the size that the writer made: the distance between the two is
//! what our own code costs, the rest is the disk.
#![allow(clippy::unwrap_used, reason = "a measurement that fails ends")]
#![allow(clippy::print_stdout, reason = "a program for people who measure")]

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use runtime::clock::SystemClock;
use runtime::journal::disk::{Disk, Folder};
use runtime::journal::segment::{SegmentLog, SegmentOptions};
use runtime::journal::writer::{Class, Committed, Entry, Writer, WriterLimits};
use runtime::journal::{JournalError, Position, SegmentInfo};

const RECORD_BYTES: usize = 1 << 10;
const LASTS: Duration = Duration::from_secs(4);

#[derive(Clone, Default)]
struct Count {
    batches: Arc<AtomicU64>,
}

impl Committed<()> for Count {
    fn committed(&mut self, _entries: Vec<(Position, ())>) {
        self.batches.fetch_add(1, Ordering::Relaxed);
    }

    fn may_drop(&mut self, _segment: &SegmentInfo) -> bool {
        true
    }

    fn is_expired(&mut self, _segment: &SegmentInfo) -> bool {
        false
    }

    fn needed_soon(&mut self, _segment: &SegmentInfo, _bytes: u64) {}

    fn dropped(&mut self, _segment: u32) {}

    fn failed(&mut self, error: &JournalError) {
        println!("{error}");
    }
}

fn main() {
    let folder = tempfile::tempdir_in(".").unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    println!(
        "in flight  durable/s     p50        p99     records/sync   syncs/s   bare syncs/s of that size"
    );
    for in_flight in [1, 64, 1_024] {
        let (events, mut waits, batches) =
            runtime.block_on(load(&folder.path().join(in_flight.to_string()), in_flight));
        waits.sort_unstable();
        let at = |share: f64| waits.get((waits.len() as f64 * share) as usize).copied().unwrap_or_default();
        let seconds = LASTS.as_secs_f64();
        let batch = events as f64 / batches as f64;
        let bare = bare(&folder.path().join("bare"), (batch * (RECORD_BYTES + 8) as f64) as usize + 64);
        println!(
            "{in_flight:>9} {:>10.0} {:>8.2} ms {:>7.2} ms {batch:>13.1} {:>10.0} {bare:>14.0}",
            events as f64 / seconds,
            at(0.5).as_secs_f64() * 1e3,
            at(0.99).as_secs_f64() * 1e3,
            batches as f64 / seconds,
        );
    }
}

async fn load(folder: &Path, in_flight: usize) -> (u64, Vec<Duration>, u64) {
    let disk = Arc::new(Folder::take(folder).unwrap());
    let options = SegmentOptions { segment_bytes: 64 << 20, prepare_ahead: true, seed: 1 };
    let log = SegmentLog::open(disk, Arc::new(SystemClock::default()), options, None, &mut |_, _, _| {});
    let limits =
        WriterLimits { queue_bytes_max: 64 << 20, queue_records_max: 65_536, journal_bytes_max: 512 << 20 };
    let count = Count::default();
    let writer = Arc::new(Writer::start(Box::new(log.unwrap()), limits, count.clone()).unwrap());
    // Files are written once before they are used again; that is not what is measured.
    let (over, waits) = (Arc::new(AtomicU64::new(0)), Arc::new(Mutex::new(Vec::new())));
    let tasks: Vec<_> = (0..in_flight)
        .map(|_| {
            let (writer, over, waits) = (Arc::clone(&writer), Arc::clone(&over), Arc::clone(&waits));
            tokio::spawn(async move {
                let mut own = Vec::new();
                while over.load(Ordering::Relaxed) == 0 {
                    let began = Instant::now();
                    let entry = Entry { bytes: vec![7; RECORD_BYTES], value: () };
                    match writer.submit(Class::Event, vec![entry]) {
                        Ok(durable) => durable.await.unwrap(),
                        Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
                    }
                    own.push(began.elapsed());
                }
                waits.lock().unwrap().append(&mut own);
            })
        })
        .collect();
    tokio::time::sleep(LASTS).await;
    let batches = count.batches.load(Ordering::Relaxed);
    over.store(1, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    writer.close();
    let waits = std::mem::take(&mut *waits.lock().unwrap());
    (waits.len() as u64, waits, batches.max(1))
}

/// Writes and syncs a second of batches of that size into a file that was written before.
fn bare(folder: &Path, bytes: usize) -> f64 {
    let disk = Folder::take(folder).unwrap();
    let file = disk.create("bare", 64 << 20).unwrap();
    let batch = vec![7; bytes];
    let (mut offset, mut syncs, began) = (0, 0, Instant::now());
    while began.elapsed() < Duration::from_secs(1) {
        if offset + bytes as u64 > 64 << 20 {
            offset = 0;
        }
        file.write_at(offset, &batch).unwrap();
        file.sync().unwrap();
        offset += bytes as u64;
        syncs += 1;
    }
    f64::from(syncs) / began.elapsed().as_secs_f64()
}
