//! The log itself, without threads: opens and checks its files, appends batches, rolls, drops.

use std::collections::VecDeque;
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::disk::{Disk, DiskFile};
use super::format::{
    BATCH_ALIGN, BATCH_HEADER_BYTES, BatchHeader, RECORD_HEADER_BYTES, SEGMENT_HEADER_BYTES, SegmentHeader,
    header_crc, put_record,
};
use super::open_segments::OpenSegments;
use super::reader::{
    End, Pieces, Thread, Visit, begins_at, failed, file_name, rest, scan, segment_header as header_of,
};
use super::{Journal, JournalError, Lsn, Mark, Position, Records, SegmentInfo};
use crate::clock::Clock;
use crate::crash;
use crate::sync::{JoinHandle, spawn};

/// No batch has more bytes: it bounds what a crash can cut short, and what is zeroed after one.
const BATCH_BYTES_MAX: usize = 16 << 20;

/// So much memory is kept between two batches.
const BUFFER_KEPT_BYTES: usize = 1 << 20;

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
    /// The last try to prepare the next file found no room.
    is_short: bool,
    poisoned: bool,
    /// The bytes of a batch; kept for the next one.
    buffer: Vec<u8>,
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
    /// The disk had no room for it, at that time.
    Failed(jiff::Timestamp),
}

/// A preparation that failed is tried again after so long.
const TRY_AGAIN: std::time::Duration = std::time::Duration::from_secs(1);

impl SegmentLog {
    /// Opens the log of a folder and hands every record from `from` on to `visit`, oldest first; without
    /// `from`, every record that there is. Of older segments only the headers are read.
    ///
    /// # Errors
    /// The folder cannot be used, or the log is damaged; see [`JournalError`].
    pub fn open(
        disk: Arc<dyn Disk>,
        clock: Arc<dyn Clock>,
        options: SegmentOptions,
        from: Option<Mark>,
        visit: Visit<'_>,
    ) -> Result<Self, JournalError> {
        let mut random = StdRng::seed_from_u64(options.seed);
        let readers = Arc::new(OpenSegments::new(options.segment_bytes));
        let numbers = numbers(&*disk)?;
        if let Some(from) = from
            && !numbers.contains(&from.segment)
        {
            return Err(JournalError::Missing { file: file_name(from.segment) });
        }
        let mut thread = Thread { lsn: 0, chain: 0, written_at: 0 };
        let mut sealed: VecDeque<SegmentInfo> = VecDeque::new();
        let mut before: Option<Found> = None;
        for number in &numbers {
            let next = match from {
                Some(from) if *number < from.segment => skim(&*disk, *number)?,
                from => {
                    let from = from.filter(|from| from.segment == *number);
                    read_segment(&*disk, *number, from, before.as_ref(), &mut thread, visit)?
                }
            };
            readers.add(*number, Arc::clone(&next.active.file));
            let begun_at = next.begun_at;
            if let Some(Found { active: full, .. }) = before.replace(next) {
                // The next segment is begun when this one has no room for a batch.
                let (number, bytes) = (full.number, full.bytes);
                sealed.push_back(SegmentInfo { number, bytes, written_at: begun_at });
            }
        }
        if let Some(found) = &before {
            settle(&*disk, found)?;
        }
        let active = match before {
            Some(found) => found.active,
            None => {
                let header = new_header(1, &thread, &mut random, &*clock);
                let active = begin(&*disk, &header, options.segment_bytes, false)?;
                readers.add(active.number, Arc::clone(&active.file));
                active
            }
        };
        let spare = Spare::None;
        let (is_short, poisoned, buffer) = (false, false, Vec::new());
        let log = Self {
            disk,
            clock,
            options,
            random,
            sealed,
            active,
            thread,
            readers,
            spare,
            is_short,
            poisoned,
            buffer,
        };
        log.readers.set_end(log.end());
        Ok(log)
    }

    /// Up to where everything is durable.
    #[must_use]
    pub fn end(&self) -> Mark {
        let offset = u32::try_from(self.active.offset).unwrap_or(u32::MAX);
        Mark { segment: self.active.number, offset, lsn: self.thread.lsn, chain: self.thread.chain }
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
        let mut bytes = std::mem::take(&mut self.buffer);
        bytes.clear();
        bytes.resize(BATCH_HEADER_BYTES, 0);
        let mut positions = Vec::with_capacity(records.len());
        for record in records {
            let offset = u32::try_from(self.active.offset + bytes.len() as u64).unwrap_or(u32::MAX);
            positions.push(Position { segment: self.active.number, offset });
            put_record(&mut bytes, record);
        }
        let written_at = self.clock.now().as_microsecond();
        let header = BatchHeader {
            payload_bytes: u32::try_from(payload_bytes).unwrap_or(u32::MAX),
            salt: self.active.salt,
            first_lsn: self.thread.lsn,
            durable_lsn: self.thread.lsn,
            records: u32::try_from(records.len()).unwrap_or(u32::MAX),
            payload_crc: crc32c::crc32c(bytes.get(BATCH_HEADER_BYTES..).unwrap_or_default()),
            chain: self.thread.chain,
            written_at,
        };
        let header = header.to_bytes();
        let chain = header_crc(&header);
        if let Some(front) = bytes.first_chunk_mut::<BATCH_HEADER_BYTES>() {
            front.copy_from_slice(&header);
        }
        let name = &self.active.name;
        self.active.file.write_at(self.active.offset, &bytes).map_err(failed("writing", name))?;
        crash::point("journal.written");
        let synced = match crash::hit("journal.sync") {
            true => Err(std::io::Error::other("a test wants it to fail")),
            false => self.active.file.sync(),
        };
        synced.map_err(failed("syncing", name))?;
        crash::point("journal.synced");
        bytes.shrink_to(BUFFER_KEPT_BYTES);
        self.buffer = bytes;
        self.active.offset += batch_bytes;
        self.thread = Thread { lsn: self.thread.lsn + records.len() as u64, chain, written_at };
        self.readers.set_end(self.end());
        self.prepare();
        Ok(positions)
    }

    /// Ends the present segment and begins the next.
    fn roll(&mut self) -> Result<(), JournalError> {
        let spare = match std::mem::replace(&mut self.spare, Spare::None) {
            Spare::None | Spare::Failed(_) => false,
            Spare::Ready => true,
            // A preparation that failed is tried again by `begin`, which then has the error to tell.
            Spare::Preparing(thread) => matches!(thread.join(), Ok(Ok(()))),
        };
        let number = self.active.number + 1;
        let header = new_header(number, &self.thread, &mut self.random, &*self.clock);
        let next = begin(&*self.disk, &header, self.options.segment_bytes, spare)?;
        self.readers.add(number, Arc::clone(&next.file));
        let old = std::mem::replace(&mut self.active, next);
        let (number, bytes, written_at) = (old.number, old.bytes, self.thread.written_at);
        self.sealed.push_back(SegmentInfo { number, bytes, written_at });
        self.readers.set_end(self.end());
        Ok(())
    }

    /// Has the next file prepared once half of this one is written: if the disk has no room for it, there
    /// is half a segment left for what must still be written.
    fn prepare(&mut self) {
        let due = self.active.offset > self.active.bytes / 2;
        if !self.options.prepare_ahead || !due {
            return;
        }
        match &self.spare {
            Spare::None => {}
            Spare::Failed(at) if self.clock.now().duration_since(*at).unsigned_abs() >= TRY_AGAIN => {}
            Spare::Preparing(_) | Spare::Ready | Spare::Failed(_) => return,
        }
        let (disk, bytes) = (Arc::clone(&self.disk), self.options.segment_bytes);
        let work = move || disk.create(SPARE, bytes).map(drop);
        // Without a thread, rolling does it.
        if let Ok(thread) = spawn("journal-spare", work) {
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

    fn newest(&self) -> u32 {
        self.active.number
    }

    fn has_room(&mut self) -> bool {
        if let Spare::Preparing(thread) = &self.spare
            && thread.is_finished()
            && let Spare::Preparing(thread) = std::mem::replace(&mut self.spare, Spare::Ready)
        {
            let failed = !matches!(thread.join(), Ok(Ok(())));
            if failed && !self.is_short {
                tracing::error!("the disk has no room for the journal's next segment");
            }
            self.is_short = failed;
            if failed {
                // What was written of it goes, or nothing else could use the room either.
                let _ = self.disk.remove(SPARE);
                self.spare = Spare::Failed(self.clock.now());
            }
        }
        self.is_short &= !matches!(self.spare, Spare::Ready);
        self.prepare();
        !self.is_short
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
        let Some(oldest) = self.sealed.front().copied() else { return Ok(None) };
        let name = file_name(oldest.number);
        if self.is_short
            && let Spare::Preparing(thread) = std::mem::replace(&mut self.spare, Spare::None)
        {
            // It found no room before; the file that goes is the better one.
            let _ = thread.join();
        }
        // A file that is written already is the best next one.
        if matches!(self.spare, Spare::None | Spare::Failed(_)) && oldest.bytes == self.options.segment_bytes
        {
            self.disk.rename(&name, SPARE).map_err(failed("recycling", &name))?;
            self.spare = Spare::Ready;
        } else {
            self.disk.remove(&name).map_err(failed("removing", &name))?;
        }
        // Only now: if the file had stayed, the next try must be about it and not about the one behind it.
        self.sealed.pop_front();
        self.readers.remove(oldest.number);
        crash::point("segment.dropped");
        if let Err(error) = self.disk.sync_names() {
            // After a crash it may be there again, and is dropped again.
            tracing::warn!(segment = oldest.number, %error, "the folder was not synced");
        }
        Ok(Some(oldest.number))
    }

    fn records(&self) -> Arc<dyn Records> {
        Arc::<OpenSegments>::clone(&self.readers)
    }
}

/// The numbers of the segments in a folder, in order.
fn numbers(disk: &dyn Disk) -> Result<Vec<u32>, JournalError> {
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
    if names.iter().any(|name| name == SPARE) {
        disk.remove(SPARE).map_err(failed("removing", SPARE))?;
    }
    Ok(numbers)
}

/// A segment that is there.
struct Found {
    active: Active,
    begun_at: i64,
    /// Where its batches end, if they were read.
    end: Option<End>,
    /// Whether there is anything but zeroes behind that.
    dirty: bool,
}

/// Takes a segment whose records are not wanted.
fn skim(disk: &dyn Disk, number: u32) -> Result<Found, JournalError> {
    let name = file_name(number);
    let file = disk.open(&name).map_err(failed("opening", &name))?;
    let mut pieces = Pieces::new(&*file).map_err(failed("reading", &name))?;
    let header = header_of(&mut pieces, &name, number, 0)?;
    let (bytes, salt) = (pieces.length, header.salt);
    let active = Active { file, name, number, salt, bytes, offset: bytes };
    Ok(Found { active, begun_at: header.begun_at, end: None, dirty: false })
}

/// Reads one segment and checks that it follows the one before and that its end is an end.
fn read_segment(
    disk: &dyn Disk,
    number: u32,
    from: Option<Mark>,
    before: Option<&Found>,
    thread: &mut Thread,
    visit: Visit<'_>,
) -> Result<Found, JournalError> {
    let name = file_name(number);
    let file = disk.open(&name).map_err(failed("opening", &name))?;
    let mut pieces = Pieces::new(&*file).map_err(failed("reading", &name))?;
    let header = header_of(&mut pieces, &name, number, thread.lsn)?;
    let mut start = SEGMENT_HEADER_BYTES as u64;
    match (from, before) {
        (Some(mark), _) if begins_at(&header, &mark) => {
            *thread = Thread { lsn: mark.lsn, chain: mark.chain, written_at: header.begun_at };
            start = u64::from(mark.offset);
        }
        (Some(mark), _) => {
            let what = "it is another segment than the one that the checkpoint speaks of";
            return Err(JournalError::Damaged { file: name, offset: 0, lsn: mark.lsn, what });
        }
        (None, Some(Found { active: full, end: Some(end), .. }))
            if (header.first_lsn, header.chain) != (thread.lsn, thread.chain) =>
        {
            // The segment before was read to its last good batch; this one begins later, so that was no end.
            let (file, offset) = (full.name.clone(), end.offset);
            return Err(JournalError::Damaged { file, offset, lsn: thread.lsn, what: end.what });
        }
        (None, _) => (thread.lsn, thread.chain) = (header.first_lsn, header.chain),
    }
    let length = pieces.length;
    let end = scan(&mut pieces, &header, thread, start, length, visit).map_err(failed("reading", &name))?;
    let behind = rest(&mut pieces, end.offset, header.salt).map_err(failed("reading", &name))?;
    if behind.later.is_some() {
        return Err(JournalError::Damaged {
            file: name,
            offset: end.offset,
            lsn: thread.lsn,
            what: end.what,
        });
    }
    let active = Active { file, name, number, salt: header.salt, bytes: length, offset: end.offset };
    Ok(Found { active, begun_at: header.begun_at, end: Some(end), dirty: behind.dirty })
}

/// Makes durable what was read, and wipes what a write that was cut short has left behind it.
///
/// A process that died between its last write and the sync has left a batch that may be in the system's
/// memory alone, and so may the name of the last segment; somebody would soon be told that they are durable.
/// After a sync that failed, the system may even believe that the batch is written, so it is written again.
fn settle(disk: &dyn Disk, Found { active: last, end, dirty, .. }: &Found) -> Result<(), JournalError> {
    if *dirty {
        let room = usize::try_from(last.bytes - last.offset).unwrap_or(usize::MAX);
        let zeroes = vec![0; room.min(BATCH_BYTES_MAX + BATCH_HEADER_BYTES + BATCH_ALIGN)];
        last.file.write_at(last.offset, &zeroes).map_err(failed("truncating", &last.name))?;
    }
    if let Some(End { last_batch, offset, .. }) = end {
        let mut batch = vec![0; usize::try_from(offset - last_batch).unwrap_or(0)];
        last.file.read_at(*last_batch, &mut batch).map_err(failed("reading", &last.name))?;
        last.file.write_at(*last_batch, &batch).map_err(failed("writing", &last.name))?;
    }
    last.file.sync().map_err(failed("syncing", &last.name))?;
    disk.sync_names().map_err(failed("naming", &last.name))
}

fn new_header(number: u32, thread: &Thread, random: &mut StdRng, clock: &dyn Clock) -> SegmentHeader {
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
    crash::point("segment.begun");
    disk.rename(SPARE, &name).map_err(failed("naming", &name))?;
    crash::point("segment.named");
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
