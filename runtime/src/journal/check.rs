//! Checks a whole journal while nobody uses it, and goes on behind what is damaged.

use std::io;
use std::sync::Arc;

use super::disk::{Disk, DiskFile};
use super::format::{BATCH_ALIGN, BATCH_HEADER_BYTES, BatchHeader, SEGMENT_HEADER_BYTES, SegmentHeader};
use super::reader::{Pieces, Thread, Visit, failed, file_name, rest, scan};
use super::{JournalError, Lsn};

/// What is found in a journal.
#[derive(Debug, Default)]
pub struct Report {
    /// Segments that are there.
    pub segments: usize,
    /// Records that are whole.
    pub records: u64,
    /// The number of the first record.
    pub first_lsn: Lsn,
    /// The number that the next record gets.
    pub next_lsn: Lsn,
    /// Records that an earlier repair has put aside.
    pub put_aside: u64,
    /// What is damaged, in order.
    pub damage: Vec<Damage>,
    /// The end of the last segment holds a write that was cut short: nothing was promised about it.
    pub torn_at: Option<(String, u64)>,
}

/// A range that is not what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file.
    pub file: String,
    /// Where it begins.
    pub offset: u64,
    /// Where what is whole goes on; the file's end if nothing does.
    pub until: u64,
    /// The first record that is concerned.
    pub lsn: Lsn,
    /// The first record that is not.
    pub lsn_until: Lsn,
    /// What is wrong.
    pub what: &'static str,
    pub(super) place: Place,
}

/// What a repair needs to know about a damaged range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub number: u32,
    /// Of the segment; drawn anew when nothing of it is left.
    pub salt: Option<u64>,
    /// The CRC of the batch header before.
    pub chain: u32,
    /// The CRC that what is behind repeats.
    pub chain_until: u32,
    /// The segment's header must be written, too.
    pub header: bool,
}

/// One segment as far as it can be told.
struct Segment {
    number: u32,
    name: String,
    file: Option<Arc<dyn DiskFile>>,
    header: Option<SegmentHeader>,
    /// The number of its first record and the CRC before it, by its header or its first batch.
    begins: Option<Begins>,
}

/// Checks every byte that counts and hands every whole record to `visit`.
///
/// # Errors
/// A file cannot be read. Damage is no error: it is in the report.
pub fn check(disk: &dyn Disk, visit: Visit<'_>) -> Result<Report, JournalError> {
    let segments = segments(disk)?;
    let mut report = Report { segments: segments.len(), ..Report::default() };
    let mut thread: Option<Thread> = None;
    let mut counted = |position, lsn, bytes: &[u8]| {
        report.records += 1;
        visit(position, lsn, bytes);
    };
    let mut damage = Vec::new();
    for (at, segment) in segments.iter().enumerate() {
        let later = segments.get(at + 1..).unwrap_or_default();
        let next = later.first().and_then(|next| next.begins);
        let known = later.iter().find_map(|next| next.begins);
        let mut walk = Walk { segment, next, known, last: later.is_empty(), damage: &mut damage };
        let begun = segment.begins.map(|(lsn, chain)| Thread { lsn, chain, written_at: 0 }).or(thread);
        let begun = begun.unwrap_or(Thread { lsn: 0, chain: 0, written_at: 0 });
        if at == 0 {
            report.first_lsn = begun.lsn;
        }
        let (end, torn) = walk.segment(begun, &mut counted).map_err(failed("reading", &segment.name))?;
        report.torn_at = torn.map(|offset| (segment.name.clone(), offset));
        thread = Some(end);
    }
    report.next_lsn = thread.map_or(0, |thread| thread.lsn);
    report.damage = damage;
    let lost = report.damage.iter().map(|damage| damage.lsn_until.saturating_sub(damage.lsn)).sum::<u64>();
    report.put_aside =
        (report.next_lsn - report.first_lsn).saturating_sub(report.records).saturating_sub(lost);
    Ok(report)
}

/// The segments of a folder in order; those that are missing between two stand there without a file.
fn segments(disk: &dyn Disk) -> Result<Vec<Segment>, JournalError> {
    let names = disk.list().map_err(failed("listing", "."))?;
    let mut numbers: Vec<u32> =
        names.iter().filter_map(|name| name.strip_suffix(".segment")?.parse().ok()).collect();
    numbers.sort_unstable();
    let (Some(first), Some(last)) = (numbers.first(), numbers.last()) else { return Ok(Vec::new()) };
    let mut segments = Vec::new();
    for number in *first..=*last {
        let name = file_name(number);
        let mut segment = Segment { number, name, file: None, header: None, begins: None };
        if numbers.binary_search(&number).is_ok() {
            let file = disk.open(&segment.name).map_err(failed("opening", &segment.name))?;
            let looked = look(&*file, number).map_err(failed("reading", &segment.name))?;
            (segment.header, segment.begins) = looked;
            segment.file = Some(file);
        }
        segments.push(segment);
    }
    Ok(segments)
}

/// The number of a segment's first record and the CRC of the batch header before it.
type Begins = (Lsn, u32);

/// The header of a segment, and how it begins, by that or by its first batch.
fn look(file: &dyn DiskFile, number: u32) -> io::Result<(Option<SegmentHeader>, Option<Begins>)> {
    let mut pieces = Pieces::new(file)?;
    let header = SegmentHeader::from_bytes(pieces.get(0, SEGMENT_HEADER_BYTES)?);
    if let Some(header) = header.filter(|header| header.number == number) {
        return Ok((Some(header), Some((header.first_lsn, header.chain))));
    }
    let first = BatchHeader::from_bytes(pieces.get(SEGMENT_HEADER_BYTES as u64, BATCH_HEADER_BYTES)?);
    Ok((None, first.map(|(head, _)| (head.first_lsn, head.chain))))
}

/// The salt of a segment without a header: that of the first whole batch that can be of its present use,
/// because batches of earlier uses have lower numbers.
fn salt_of(pieces: &mut Pieces<'_>, lsn: Lsn) -> io::Result<Option<u64>> {
    let mut offset = SEGMENT_HEADER_BYTES as u64;
    while offset < pieces.length {
        let bytes = pieces.get(offset, BATCH_HEADER_BYTES)?;
        if let Some((head, _)) = BatchHeader::from_bytes(bytes)
            && head.first_lsn >= lsn
        {
            return Ok(Some(head.salt));
        }
        offset += BATCH_ALIGN as u64;
    }
    Ok(None)
}

struct Walk<'a> {
    segment: &'a Segment,
    /// How the next segment begins, if that is known.
    next: Option<Begins>,
    /// How the nearest one begins of which it is known.
    known: Option<Begins>,
    last: bool,
    damage: &'a mut Vec<Damage>,
}

impl Walk<'_> {
    /// Reads one segment; returns where the next one has to go on, and where a write was cut short.
    fn segment(&mut self, begun: Thread, visit: Visit<'_>) -> io::Result<(Thread, Option<u64>)> {
        let (mut thread, number) = (begun, self.segment.number);
        let start = SEGMENT_HEADER_BYTES as u64;
        let Some(file) = &self.segment.file else {
            return Ok((self.lost(thread, (0, 0), "the file is missing", self.known), None));
        };
        let mut pieces = Pieces::new(&**file)?;
        let length = pieces.length;
        let (lsn, chain) = (thread.lsn, thread.chain);
        let salt = match self.segment.header {
            Some(header) => header.salt,
            None => {
                let what = "it does not begin with a segment header of this version";
                let Some(salt) = salt_of(&mut pieces, lsn)? else {
                    return Ok((self.lost(thread, (0, length), what, self.known), None));
                };
                let place = Place { number, salt: Some(salt), chain, chain_until: chain, header: true };
                self.push(0, start, (lsn, lsn), what, place);
                salt
            }
        };
        let header = SegmentHeader { number, chain, salt, first_lsn: lsn, begun_at: 0 };
        let mut offset = start;
        loop {
            let end = scan(&mut pieces, &header, &mut thread, offset, length, visit)?;
            let behind = rest(&mut pieces, end.offset, salt)?;
            match behind.later {
                // What is behind says how it goes on.
                Some((at, later)) if later.first_lsn >= thread.lsn => {
                    let (chain, chain_until) = (thread.chain, later.chain);
                    let place = Place { number, salt: Some(salt), chain, chain_until, header: false };
                    self.push(end.offset, at, (thread.lsn, later.first_lsn), end.what, place);
                    (thread.lsn, thread.chain) = (later.first_lsn, later.chain);
                    offset = at;
                }
                Some(_) | None if self.last => return Ok((thread, behind.dirty.then_some(end.offset))),
                Some(_) | None => {
                    let next = self.next.filter(|next| *next != (thread.lsn, thread.chain));
                    let Some((lsn, chain)) = next else { return Ok((thread, None)) };
                    let place = Place {
                        number,
                        salt: Some(salt),
                        chain: thread.chain,
                        chain_until: chain,
                        header: false,
                    };
                    self.push(end.offset, length, (thread.lsn, lsn.max(thread.lsn)), end.what, place);
                    return Ok((Thread { lsn, chain, ..thread }, None));
                }
            }
        }
    }

    /// Nothing of this segment can be read; what is known of a later one says how the log goes on.
    fn lost(
        &mut self,
        thread: Thread,
        (offset, length): (u64, u64),
        what: &'static str,
        known: Option<Begins>,
    ) -> Thread {
        let (lsn, chain) = known.unwrap_or((thread.lsn, thread.chain));
        let (number, before) = (self.segment.number, thread.chain);
        let place = Place { number, salt: None, chain: before, chain_until: chain, header: true };
        self.push(offset, length, (thread.lsn, lsn.max(thread.lsn)), what, place);
        Thread { lsn, chain, ..thread }
    }

    fn push(&mut self, offset: u64, until: u64, lsns: (Lsn, Lsn), what: &'static str, place: Place) {
        let file = self.segment.name.clone();
        self.damage.push(Damage { file, offset, until, lsn: lsns.0, lsn_until: lsns.1, what, place });
    }
}
