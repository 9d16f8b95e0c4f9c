//! The log itself, without threads: opens and checks its files, appends batches, rolls, drops.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::JoinHandle;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::disk::{Disk, DiskFile};
use super::format::{
    BATCH_ALIGN, BATCH_HEADER_BYTES, BatchHeader, RECORD_HEADER_BYTES, SEGMENT_HEADER_BYTES, SegmentHeader,
    header_crc, put_record,
};
use super::reader::{End, OpenSegments, Thread, Visit, later_batch, read_all, scan};
use super::{Journal, JournalError, Lsn, Position, Records, SegmentInfo};
use crate::clock::Clock;

/// No batch has more bytes: it bounds what a crash can cut short, and what is zeroed after one.
const BATCH_BYTES_MAX: usize = 16 << 20;

/// The next segment, prepared while the present one is written.
const SPARE: &str = "spare.segment";

/// How a log is set up.
#[derive(Clone, Debug)]
pub struct SegmentOptions {
    /// Bytes of each file, at most 4 GiB − 1.
    pub segment_bytes: u64,
    /// Whether the next file is prepared by a thread of its own. Without it, rolling pays for it.
    pub prepare_ahead: bool,
    /// Where salts are drawn from; different at every start.
    pub seed: u64,
}

/// A log of segments in one folder.
pub struct SegmentLog {
    disk: Arc<dyn Disk>,
    clock: Arc<dyn Clock>,
    options: SegmentOptions,
    random: StdRng,
    /// Finished segments, oldest first.
    sealed: VecDeque<SegmentInfo>,
    active: Active,
    thread: Thread,
    readers: Arc<OpenSegments>,
    spare: Spare,
    poisoned: bool,
}

/// The segment being written.
struct Active {
    file: Arc<dyn DiskFile>,
    name: String,
    number: u32,
    salt: u64,
    bytes: u64,
    offset: u64,
}

enum Spare {
    None,
    Preparing(JoinHandle<std::io::Result<()>>),
    Ready,
}

fn file_name(number: u32) -> String {
    format!("{number:010}.segment")
}

fn failed(doing: &'static str, file: &str) -> impl FnOnce(std::io::Error) -> JournalError {
    let file = file.to_owned();
    move |source| JournalError::Io { doing, file, source }
}

impl SegmentLog {
    /// Opens the log of a folder and hands every record to `visit`, oldest first.
    ///
    /// # Errors
    /// The folder cannot be used, or the log is damaged; see [`JournalError`].
    pub fn open(
        disk: Arc<dyn Disk>,
        clock: Arc<dyn Clock>,
        options: SegmentOptions,
        visit: Visit<'_>,
    ) -> Result<Self, JournalError> {
        let mut random = StdRng::seed_from_u64(options.seed);
        let readers = Arc::new(OpenSegments::default());
        let (numbers, spare) = numbers(&*disk)?;
        let mut thread = Thread { lsn: 0, chain: 0, written_at: 0 };
        let mut sealed = VecDeque::new();
        let mut before: Option<(Active, End)> = None;
        for number in &numbers {
            let (next, end) = read_segment(&*disk, *number, before.as_ref(), &mut thread, visit)?;
            readers.add(*number, Arc::clone(&next.file));
            if let Some((full, _)) = before.replace((next, end)) {
                sealed.push_back(SegmentInfo {
                    number: full.number,
                    bytes: full.bytes,
                    written_at: thread.written_at,
                });
            }
        }
        if let Some((last, end)) = &before {
            truncate(last, end)?;
        }
        let active = before.map(|(active, _)| active);
        let spare = if spare { Spare::Ready } else { Spare::None };
        let active = match active {
            Some(active) => active,
            None => {
                let header = segment_header(1, &thread, &mut random, &*clock);
                let active = begin(&*disk, &header, options.segment_bytes, false)?;
                readers.add(active.number, Arc::clone(&active.file));
                active
            }
        };
        Ok(Self { disk, clock, options, random, sealed, active, thread, readers, spare, poisoned: false })
    }

    /// The number that the next record gets.
    #[must_use]
    pub fn next_lsn(&self) -> Lsn {
        self.thread.lsn
    }

    fn write(&mut self, records: &[&[u8]]) -> Result<Vec<Position>, JournalError> {
        let payload_bytes = records.iter().map(|record| record.len() + RECORD_HEADER_BYTES).sum::<usize>();
        if payload_bytes > self.batch_bytes_max() {
            return Err(JournalError::TooLarge { bytes: payload_bytes, bytes_max: self.batch_bytes_max() });
        }
        let batch_bytes = (BATCH_HEADER_BYTES + payload_bytes).next_multiple_of(BATCH_ALIGN) as u64;
        if self.active.offset + batch_bytes > self.active.bytes {
            self.roll()?;
        }
        let mut payload = Vec::with_capacity(payload_bytes);
        let mut positions = Vec::with_capacity(records.len());
        let base = self.active.offset + BATCH_HEADER_BYTES as u64;
        for record in records {
            let offset = u32::try_from(base + payload.len() as u64).unwrap_or(u32::MAX);
            positions.push(Position { segment: self.active.number, offset });
            put_record(&mut payload, record);
        }
        let written_at = self.clock.now().as_microsecond();
        let header = BatchHeader {
            payload_bytes: u32::try_from(payload_bytes).unwrap_or(u32::MAX),
            salt: self.active.salt,
            first_lsn: self.thread.lsn,
            durable_lsn: self.thread.lsn,
            records: u32::try_from(records.len()).unwrap_or(u32::MAX),
            payload_crc: crc32c::crc32c(&payload),
            chain: self.thread.chain,
            written_at,
        };
        let mut bytes = header.to_bytes();
        let chain = header_crc(&bytes);
        bytes.append(&mut payload);
        self.active
            .file
            .write_at(self.active.offset, &bytes)
            .map_err(failed("writing", &self.active.name))?;
        self.active.file.sync().map_err(failed("syncing", &self.active.name))?;
        self.active.offset += batch_bytes;
        self.thread = Thread { lsn: self.thread.lsn + records.len() as u64, chain, written_at };
        self.prepare();
        Ok(positions)
    }

    /// Ends the present segment and begins the next.
    fn roll(&mut self) -> Result<(), JournalError> {
        let spare = match std::mem::replace(&mut self.spare, Spare::None) {
            Spare::None => false,
            Spare::Ready => true,
            // A preparation that failed is tried again by `begin`, which then has the error to tell.
            Spare::Preparing(thread) => matches!(thread.join(), Ok(Ok(()))),
        };
        let number = self.active.number + 1;
        let header = segment_header(number, &self.thread, &mut self.random, &*self.clock);
        let next = begin(&*self.disk, &header, self.options.segment_bytes, spare)?;
        self.readers.add(number, Arc::clone(&next.file));
        let old = std::mem::replace(&mut self.active, next);
        self.sealed.push_back(SegmentInfo {
            number: old.number,
            bytes: old.bytes,
            written_at: self.thread.written_at,
        });
        Ok(())
    }

    /// Has the next file prepared once half of this one is written.
    fn prepare(&mut self) {
        let due = self.active.offset > self.active.bytes / 2;
        if !self.options.prepare_ahead || !due || !matches!(self.spare, Spare::None) {
            return;
        }
        let (disk, bytes) = (Arc::clone(&self.disk), self.options.segment_bytes);
        let work = move || disk.create(SPARE, bytes).map(drop);
        // Without a thread, rolling does it.
        if let Ok(thread) = std::thread::Builder::new().name("journal-spare".into()).spawn(work) {
            self.spare = Spare::Preparing(thread);
        }
    }
}

impl Journal for SegmentLog {
    fn append(&mut self, records: &[&[u8]]) -> Result<Vec<Position>, JournalError> {
        if self.poisoned {
            return Err(JournalError::Poisoned);
        }
        let result = self.write(records);
        self.poisoned = matches!(&result, Err(error) if !matches!(error, JournalError::TooLarge { .. }));
        result
    }

    fn batch_bytes_max(&self) -> usize {
        let headers = (SEGMENT_HEADER_BYTES + BATCH_HEADER_BYTES + BATCH_ALIGN) as u64;
        let fits = self.options.segment_bytes.saturating_sub(headers);
        usize::try_from(fits).unwrap_or(usize::MAX).min(BATCH_BYTES_MAX)
    }

    fn segments(&self) -> Vec<SegmentInfo> {
        let active = SegmentInfo {
            number: self.active.number,
            bytes: self.active.bytes,
            written_at: self.thread.written_at,
        };
        self.sealed.iter().copied().chain([active]).collect()
    }

    fn drop_oldest(&mut self) -> Result<Option<u32>, JournalError> {
        let Some(oldest) = self.sealed.pop_front() else { return Ok(None) };
        let name = file_name(oldest.number);
        self.readers.remove(oldest.number);
        // A file that is written already is the best next one.
        if matches!(self.spare, Spare::None) && oldest.bytes == self.options.segment_bytes {
            self.disk.rename(&name, SPARE).map_err(failed("recycling", &name))?;
            self.spare = Spare::Ready;
        } else {
            self.disk.remove(&name).map_err(failed("removing", &name))?;
        }
        self.disk.sync_names().map_err(failed("removing", &name))?;
        Ok(Some(oldest.number))
    }

    fn records(&self) -> Arc<dyn Records> {
        Arc::<OpenSegments>::clone(&self.readers)
    }
}

/// The numbers of the segments in a folder, in order, and whether there is a spare file.
fn numbers(disk: &dyn Disk) -> Result<(Vec<u32>, bool), JournalError> {
    let names = disk.list().map_err(failed("listing", "."))?;
    let mut numbers: Vec<u32> =
        names.iter().filter_map(|name| name.strip_suffix(".segment")?.parse().ok()).collect();
    numbers.sort_unstable();
    for (before, after) in numbers.iter().zip(numbers.iter().skip(1)) {
        if before + 1 != *after {
            return Err(JournalError::Missing { file: file_name(before + 1) });
        }
    }
    // What a crash left half prepared cannot be told from a whole one by its name; it is made again.
    let spare = names.iter().any(|name| name == SPARE);
    if spare {
        disk.remove(SPARE).map_err(failed("removing", SPARE))?;
    }
    Ok((numbers, false))
}

/// Reads one segment and checks that it follows the one before and that its end is an end.
fn read_segment(
    disk: &dyn Disk,
    number: u32,
    before: Option<&(Active, End)>,
    thread: &mut Thread,
    visit: Visit<'_>,
) -> Result<(Active, End), JournalError> {
    let name = file_name(number);
    let file = disk.open(&name).map_err(failed("opening", &name))?;
    let bytes = read_all(&*file, &name)?;
    let Some(header) = SegmentHeader::from_bytes(&bytes).filter(|header| header.number == number) else {
        let what = "it does not begin with a segment header of this version";
        return Err(JournalError::Damaged { file: name, offset: 0, lsn: thread.lsn, what });
    };
    match before {
        None => (thread.lsn, thread.chain) = (header.first_lsn, header.chain),
        // The segment before was read to its last good batch; this one begins later, so that was no end.
        Some((full, end)) if (header.first_lsn, header.chain) != (thread.lsn, thread.chain) => {
            let offset = end.offset as u64;
            return Err(JournalError::Damaged {
                file: full.name.clone(),
                offset,
                lsn: thread.lsn,
                what: end.what,
            });
        }
        Some(_) => {}
    }
    let end = scan(&bytes, &header, thread, visit);
    // The bad batch's own header may be whole; what counts is one behind it.
    if later_batch(&bytes, end.offset + BATCH_ALIGN, header.salt).is_some() {
        let offset = end.offset as u64;
        return Err(JournalError::Damaged { file: name, offset, lsn: thread.lsn, what: end.what });
    }
    let (bytes, offset) = (bytes.len() as u64, end.offset as u64);
    Ok((Active { file, name, number, salt: header.salt, bytes, offset }, end))
}

/// Wipes what a write that was cut short has left behind the last batch.
fn truncate(last: &Active, end: &End) -> Result<(), JournalError> {
    if !end.dirty {
        return Ok(());
    }
    let room = usize::try_from(last.bytes - last.offset).unwrap_or(usize::MAX);
    let zeroes = vec![0; room.min(BATCH_BYTES_MAX + BATCH_HEADER_BYTES + BATCH_ALIGN)];
    last.file.write_at(last.offset, &zeroes).map_err(failed("truncating", &last.name))?;
    last.file.sync().map_err(failed("truncating", &last.name))
}

fn segment_header(number: u32, thread: &Thread, random: &mut StdRng, clock: &dyn Clock) -> SegmentHeader {
    SegmentHeader {
        number,
        chain: thread.chain,
        salt: random.random(),
        first_lsn: thread.lsn,
        begun_at: clock.now().as_microsecond(),
    }
}

/// Makes a segment. It gets its name when its header is durable, so a named segment always has one.
fn begin(disk: &dyn Disk, header: &SegmentHeader, bytes: u64, spare: bool) -> Result<Active, JournalError> {
    let name = file_name(header.number);
    let file = match spare {
        true => disk.open(SPARE),
        false => disk.create(SPARE, bytes),
    };
    let file = file.map_err(failed("preparing", &name))?;
    file.write_at(0, &header.to_bytes()).map_err(failed("beginning", &name))?;
    file.sync().map_err(failed("beginning", &name))?;
    disk.rename(SPARE, &name).map_err(failed("naming", &name))?;
    disk.sync_names().map_err(failed("naming", &name))?;
    let bytes = file.bytes().map_err(failed("beginning", &name))?;
    Ok(Active {
        file,
        name,
        number: header.number,
        salt: header.salt,
        bytes,
        offset: SEGMENT_HEADER_BYTES as u64,
    })
}
