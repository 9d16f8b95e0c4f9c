//! Reads finished segments again, slowly, so that damage is known before somebody needs them.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use crate::journal::{JournalError, Records};
use crate::sync::{Condvar, Mutex, spawn};

/// After all segments were read, the next round begins so much later.
const ROUND_EVERY: Duration = Duration::from_secs(6 * 3600);

/// A handle to the thread. It ends with the handle.
pub(super) struct Scrubber {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// A std mutex: held to read or set it.
    stopping: Mutex<bool>,
    some: Condvar,
    found: Mutex<Option<String>>,
}

impl Scrubber {
    /// Starts the thread, which reads at most so many bytes a second.
    pub(super) fn start(records: Arc<dyn Records>, bytes_per_second: u64) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        if bytes_per_second > 0 {
            let theirs = Arc::clone(&shared);
            let run = move || run(&*records, bytes_per_second, &theirs);
            spawn("scrub", run)?;
        }
        Ok(Self { shared })
    }

    /// What was found last, in words; `None` while nothing is damaged.
    pub(super) fn found(&self) -> Option<String> {
        self.shared.found.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Scrubber {
    fn drop(&mut self) {
        *self.shared.stopping.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.shared.some.notify_one();
    }
}

impl Shared {
    /// Waits; whether the thread has to end.
    fn wait(&self, how_long: Duration) -> bool {
        let stopping = self.stopping.lock().unwrap_or_else(PoisonError::into_inner);
        if *stopping {
            return true;
        }
        *self.some.wait_timeout(stopping, how_long).unwrap_or_else(PoisonError::into_inner).0
    }

    fn is_stopping(&self) -> bool {
        *self.stopping.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn run(records: &dyn Records, bytes_per_second: u64, shared: &Shared) {
    // The start has read the newest records, and whoever starts often should not read all others each time.
    if shared.wait(Duration::from_secs(60)) {
        return;
    }
    loop {
        let found = round(records, bytes_per_second, shared);
        if shared.is_stopping() {
            return;
        }
        let words = found.err().map(|error| error.to_string());
        if let Some(words) = &words {
            tracing::error!(
                damage = words,
                "a finished segment of the journal is damaged; stop the server and run \
                 `fanwise journal verify`, then `fanwise journal repair --quarantine`"
            );
        }
        *shared.found.lock().unwrap_or_else(PoisonError::into_inner) = words;
        if shared.wait(ROUND_EVERY) {
            return;
        }
    }
}

/// Reads every finished segment once.
fn round(records: &dyn Records, bytes_per_second: u64, shared: &Shared) -> Result<(), JournalError> {
    let pace = |bytes: usize| {
        let micros = (bytes as u64).saturating_mul(1_000_000) / bytes_per_second.max(1);
        shared.wait(Duration::from_micros(micros));
    };
    let mut at = records.begin()?;
    while at.segment < records.end().segment && !shared.is_stopping() {
        match records.next_segment(at, &pace, &mut |_, _, _| {}) {
            Ok(next) => at = next,
            Err(error) => {
                let first = records.begin()?;
                // A segment that was dropped meanwhile, and perhaps is another one by now, is no damage.
                if first.segment <= at.segment {
                    return Err(error);
                }
                at = first;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::clock::VirtualClock;
    use crate::journal::Journal;
    use crate::journal::disk::Disk;
    use crate::journal::fake::FakeDisk;
    use crate::journal::segment::{SegmentLog, SegmentOptions};

    #[test]
    fn damage_of_a_finished_segment_is_found_and_a_dropped_one_is_none() {
        let disk = Arc::new(FakeDisk::default());
        let clock = Arc::new(VirtualClock::at(Timestamp::UNIX_EPOCH));
        let options = SegmentOptions { segment_bytes: 2048, prepare_ahead: false, seed: 1 };
        let theirs = Arc::<FakeDisk>::clone(&disk);
        let mut log = SegmentLog::open(theirs, clock, options, None, &mut |_, _, _| {}).unwrap();
        while log.segments().len() < 5 {
            log.append(&[&[b'x'; 300]]).unwrap();
        }
        let (records, shared) = (log.records(), Shared::default());
        assert!(round(&*records, u64::MAX, &shared).is_ok());
        let file = disk.open("0000000003.segment").unwrap();
        file.write_at(500, &[1]).unwrap();
        match round(&*records, u64::MAX, &shared) {
            Err(JournalError::Damaged { file, offset, .. }) => {
                assert_eq!((file.as_str(), offset <= 500), ("0000000003.segment", true));
            }
            other => panic!("{other:?}"),
        }
        for _ in 0..3 {
            log.drop_oldest().unwrap();
        }
        assert!(round(&*records, u64::MAX, &shared).is_ok());
    }
}
