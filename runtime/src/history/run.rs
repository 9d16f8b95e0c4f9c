//! A run: the rows of one finished segment in a file beside it, sorted, in checked blocks.
//!
//! `docs/history.md` has the bytes. A file is read block by block; a block whose checksum is wrong makes
//! the run [`Damaged`], and it is made again from the segment. Nothing of a run is kept in memory but
//! where its tables begin.

use std::io;
use std::sync::Arc;

use super::active::{Active, Kept, Totals, index};
use super::row::{
    AttemptRow, DeliveryRow, EventRow, FilterRow, KeyRow, LaterRow, Row, Standing, Take, WorkspaceRow,
};
use crate::journal::disk::DiskFile;

/// What a run begins with; the digits are the version of the format.
const MAGIC: u64 = u64::from_le_bytes(*b"FWHIST01");

/// Bytes of a block, its checksum included.
const BLOCK_BYTES: usize = 4_096;

/// Bytes of a block before its checksum.
const BODY_BYTES: usize = BLOCK_BYTES - 4;

/// Bits of the filter for each thing in it: some 1 % false answers.
const FILTER_BITS: usize = 10;

/// How many bits of a row of the filter stand for one thing.
const FILTER_PROBES: u32 = 5;

/// How many tables it has.
const TABLES: usize = 7;

/// First block and rows of each table.
type Tables = [(u32, u32); TABLES];

/// The tables in the order of the file.
#[derive(Clone, Copy)]
enum Table {
    Filter,
    Workspaces,
    Events,
    Deliveries,
    Keys,
    Later,
    Attempts,
}

/// The rows of one finished segment.
pub(super) struct Run {
    pub segment: u32,
    pub totals: Totals,
    /// First block and rows of each table.
    tables: Tables,
    bytes: Stored,
}

/// Where the bytes of a run are.
enum Stored {
    File(Arc<dyn DiskFile>),
    /// The file could not be written; it is tried again at the next start.
    Memory(Vec<u8>),
}

/// A run is not what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Damaged;

impl From<io::Error> for Damaged {
    fn from(_: io::Error) -> Self {
        Self
    }
}

/// Rows that a run lists by workspace.
pub(super) trait InRun: Kept {
    fn range(of: &WorkspaceRow) -> (u32, u32);
    fn read(run: &Run, from: u32, to: u32) -> Result<Vec<Self>, Damaged>;
}

impl InRun for EventRow {
    fn range(of: &WorkspaceRow) -> (u32, u32) {
        (of.events_from, of.events)
    }

    fn read(run: &Run, from: u32, to: u32) -> Result<Vec<Self>, Damaged> {
        run.table(Table::Events, from, to)
    }
}

impl InRun for DeliveryRow {
    fn range(of: &WorkspaceRow) -> (u32, u32) {
        (of.deliveries_from, of.deliveries)
    }

    fn read(run: &Run, from: u32, to: u32) -> Result<Vec<Self>, Damaged> {
        run.table(Table::Deliveries, from, to)
    }
}

/// A thing that rows of a run have, as its filter knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Term(u64);

impl Term {
    /// An id: of an event, of a delivery, or of a delivery that something happened to.
    pub(super) fn key(key: u64) -> Self {
        Self(key)
    }

    /// A field's value within a workspace.
    pub(super) fn field(workspace: u64, field: u64, value: u64) -> Self {
        let mixed = (workspace ^ field.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_add(value);
        let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        Self(mixed ^ (mixed >> 31))
    }

    fn bits(self) -> impl Iterator<Item = (usize, u64)> {
        (0..FILTER_PROBES).map(move |probe| {
            // The high bits choose the row, so these come from the low end.
            let bit = self.0.rotate_right(9 * probe) & 511;
            (usize::try_from(bit >> 6).unwrap_or(0), 1_u64 << (bit & 63))
        })
    }

    fn row(self, rows: u32) -> u32 {
        u32::try_from(((self.0 >> 32) * u64::from(rows.max(1))) >> 32).unwrap_or(0)
    }
}

/// The fields that a filter knows.
pub(super) mod field {
    pub(in super::super) const KIND: u64 = 1;
    pub(in super::super) const RESOURCE: u64 = 2;
    pub(in super::super) const RESOURCE_ID: u64 = 3;
    pub(in super::super) const REVISION: u64 = 4;
    pub(in super::super) const CONNECTION: u64 = 5;
    pub(in super::super) const RULE: u64 = 6;
    /// Deliveries of an event.
    pub(in super::super) const EVENT: u64 = 7;
}

impl Run {
    /// The bytes of the run of a segment. `salt` is the segment's, which ties the two together.
    pub(super) fn bytes_of(active: &Active, salt: u64) -> Vec<u8> {
        let mut keys: Vec<u64> = active.workspaces.keys().copied().collect();
        keys.sort_unstable();
        let mut found = Sorted::default();
        for workspace in keys {
            let Some(rows) = active.workspaces.get(&workspace) else { continue };
            found.workspaces.push(WorkspaceRow {
                workspace,
                events_from: index(found.events.len()),
                events: index(rows.events.len()),
                deliveries_from: index(found.deliveries.len()),
                deliveries: index(rows.deliveries.len()),
                copies: rows.copies,
            });
            found.events.extend(rows.events.iter().copied());
            found.deliveries.extend(rows.deliveries.iter().copied());
        }
        found.later = active.later_rows();
        let attempts = active.attempts.iter();
        found.attempts = attempts
            .map(|((delivery, offset), number)| AttemptRow {
                delivery: *delivery,
                offset: *offset,
                number: *number,
            })
            .collect();
        found.to_bytes(active.segment, salt, &active.totals)
    }

    /// A run from bytes that could not be written to a file.
    pub(super) fn in_memory(bytes: Vec<u8>, salt: u64) -> Result<Self, Damaged> {
        Self::open(Stored::Memory(bytes), salt)
    }

    /// A run from its file. Only its head is read.
    pub(super) fn in_file(file: Arc<dyn DiskFile>, salt: u64) -> Result<Self, Damaged> {
        Self::open(Stored::File(file), salt)
    }

    fn open(bytes: Stored, salt: u64) -> Result<Self, Damaged> {
        let head = bytes.blocks(0, 1)?;
        Self::head(&head, salt)
            .map(|(segment, totals, tables)| Self { segment, totals, tables, bytes })
            .ok_or(Damaged)
    }

    fn head(head: &[u8], salt: u64) -> Option<(u32, Totals, Tables)> {
        let mut take = Take(head);
        if take.u64()? != MAGIC || take.u64()? != salt {
            return None;
        }
        let segment = take.u32()?;
        let totals = Totals {
            events: take.u64()?,
            deliveries: take.u64()?,
            dead_letters: take.u64()?,
            first_at: take.u64()?.cast_signed(),
            last_at: take.u64()?.cast_signed(),
        };
        let mut tables = [(0, 0); TABLES];
        for table in &mut tables {
            *table = (take.u32()?, take.u32()?);
        }
        Some((segment, totals, tables))
    }

    fn rows_in(&self, table: Table) -> u32 {
        self.tables.get(table as usize).map_or(0, |(_, rows)| *rows)
    }

    /// Rows `from..to` of a table.
    fn table<R: Row>(&self, table: Table, from: u32, to: u32) -> Result<Vec<R>, Damaged> {
        let (first, rows) = self.tables.get(table as usize).copied().ok_or(Damaged)?;
        let to = to.min(rows);
        if from >= to {
            return Ok(Vec::new());
        }
        let per_block = index(BODY_BYTES / R::BYTES);
        let (head, tail) = (from / per_block, (to - 1) / per_block);
        let bodies = self.bytes.blocks(first + head, tail - head + 1)?;
        let mut found = Vec::with_capacity((to - from) as usize);
        for row in from..to {
            let body = bodies.get((row / per_block - head) as usize * BODY_BYTES..).ok_or(Damaged)?;
            let at = (row % per_block) as usize * R::BYTES;
            let bytes = body.get(at..at + R::BYTES).ok_or(Damaged)?;
            found.push(R::take(Take(bytes)).ok_or(Damaged)?);
        }
        Ok(found)
    }

    /// The first row of `from..to` for which `reached` holds; they come in its order.
    fn search<R: Row>(
        &self,
        table: Table,
        (mut from, mut to): (u32, u32),
        reached: impl Fn(&R) -> bool,
    ) -> Result<u32, Damaged> {
        while from < to {
            let middle = from + (to - from) / 2;
            let row = self.table::<R>(table, middle, middle + 1)?;
            if reached(row.first().ok_or(Damaged)?) { to = middle } else { from = middle + 1 }
        }
        Ok(from)
    }

    /// The rows whose key is that one; they come in the order of their keys.
    fn with_key<R: Row>(&self, table: Table, key: u64, of: impl Fn(&R) -> u64) -> Result<Vec<R>, Damaged> {
        let mut at = self.search(table, (0, self.rows_in(table)), |row: &R| of(row) >= key)?;
        let mut found = Vec::new();
        // As many as a block has at a time: a delivery may have thousands of attempts.
        loop {
            let piece: Vec<R> = self.table(table, at, at.saturating_add(40))?;
            let (had, before) = (piece.len(), found.len());
            found.extend(piece.into_iter().take_while(|row| of(row) == key));
            if had == 0 || found.len() < before + had {
                return Ok(found);
            }
            at += index(had);
        }
    }

    /// Whether it may have that; `false` is certain.
    pub(super) fn may_have(&self, term: Term) -> Result<bool, Damaged> {
        let row = term.row(self.rows_in(Table::Filter));
        let rows: Vec<FilterRow> = self.table(Table::Filter, row, row + 1)?;
        let Some(FilterRow(words)) = rows.first() else { return Ok(false) };
        Ok(term.bits().all(|(word, bit)| words.get(word).is_some_and(|word| word & bit != 0)))
    }

    /// What a workspace has in it.
    pub(super) fn workspace(&self, workspace: u64) -> Result<Option<WorkspaceRow>, Damaged> {
        let rows = self.with_key(Table::Workspaces, workspace, |row: &WorkspaceRow| row.workspace)?;
        Ok(rows.first().copied())
    }

    /// Rows of a workspace with places below `below`, newest first.
    pub(super) fn rows<R: InRun>(
        &self,
        of: &WorkspaceRow,
        below: u32,
        at_most: usize,
    ) -> Result<Vec<R>, Damaged> {
        let (from, rows) = R::range(of);
        let (mut low, mut high) = (from, from + rows);
        while low < high {
            let middle = low + (high - low) / 2;
            let row = R::read(self, middle, middle + 1)?;
            if row.first().ok_or(Damaged)?.at() >= below { high = middle } else { low = middle + 1 }
        }
        let start = low.saturating_sub(index(at_most)).max(from);
        let mut rows = R::read(self, start, low)?;
        rows.reverse();
        Ok(rows)
    }

    fn keyed(&self, key: u64, delivery: bool) -> Result<Option<u32>, Damaged> {
        if !self.may_have(Term::key(key))? {
            return Ok(None);
        }
        let rows = self.with_key(Table::Keys, key, |row: &KeyRow| row.key)?;
        Ok(rows.iter().find(|row| row.delivery == delivery).map(|row| row.row))
    }

    pub(super) fn event_row(&self, event: u64) -> Result<Option<EventRow>, Damaged> {
        let Some(row) = self.keyed(event, false)? else { return Ok(None) };
        Ok(self.table(Table::Events, row, row + 1)?.first().copied())
    }

    pub(super) fn delivery_row(&self, delivery: u64) -> Result<Option<DeliveryRow>, Damaged> {
        let Some(row) = self.keyed(delivery, true)? else { return Ok(None) };
        Ok(self.table(Table::Deliveries, row, row + 1)?.first().copied())
    }

    /// Where a delivery stood at the end of the segment, by what the segment knows.
    pub(super) fn standing(&self, delivery: u64) -> Result<Option<Standing>, Damaged> {
        if !self.may_have(Term::key(delivery))? {
            return Ok(None);
        }
        let later = self.with_key(Table::Later, delivery, |row: &LaterRow| row.delivery)?;
        if let Some(row) = later.first() {
            return Ok(Some(row.standing));
        }
        Ok(self.delivery_row(delivery)?.filter(|row| !row.copy).map(|row| row.standing))
    }

    /// The attempts of a delivery that ended in the segment.
    pub(super) fn attempts_of(&self, delivery: u64) -> Result<Vec<AttemptRow>, Damaged> {
        if !self.may_have(Term::key(delivery))? {
            return Ok(Vec::new());
        }
        self.with_key(Table::Attempts, delivery, |row: &AttemptRow| row.delivery)
    }
}

impl Stored {
    /// The bodies of blocks, each with its checksum verified.
    fn blocks(&self, first: u32, count: u32) -> Result<Vec<u8>, Damaged> {
        let (start, length) = (first as usize * BLOCK_BYTES, count as usize * BLOCK_BYTES);
        let mut bytes = vec![0; length];
        match self {
            Self::File(file) => file.read_at(start as u64, &mut bytes)?,
            Self::Memory(all) => bytes.copy_from_slice(all.get(start..start + length).ok_or(Damaged)?),
        }
        let mut bodies = Vec::with_capacity(count as usize * BODY_BYTES);
        for block in bytes.chunks(BLOCK_BYTES) {
            let (body, crc) = block.split_last_chunk::<4>().ok_or(Damaged)?;
            if crc32c::crc32c(body) != u32::from_le_bytes(*crc) {
                return Err(Damaged);
            }
            bodies.extend_from_slice(body);
        }
        Ok(bodies)
    }
}

/// Rows in the order of the file.
#[derive(Default)]
struct Sorted {
    workspaces: Vec<WorkspaceRow>,
    events: Vec<EventRow>,
    deliveries: Vec<DeliveryRow>,
    later: Vec<LaterRow>,
    attempts: Vec<AttemptRow>,
}

impl Sorted {
    fn keys(&self) -> Vec<KeyRow> {
        let events = self.events.iter().enumerate();
        let events = events.map(|(row, event)| KeyRow { key: event.id, row: index(row), delivery: false });
        let deliveries = self.deliveries.iter().enumerate();
        let deliveries =
            deliveries.map(|(row, delivery)| KeyRow { key: delivery.id, row: index(row), delivery: true });
        let mut keys: Vec<KeyRow> = events.chain(deliveries).collect();
        // Of several events with one id the last one answers, as in memory.
        keys.sort_unstable_by_key(|row| (row.key, std::cmp::Reverse(row.row)));
        keys
    }

    fn terms(&self) -> Vec<Term> {
        let about = |workspace, about: &super::row::About| {
            let fields = [
                (field::KIND, about.kind),
                (field::RESOURCE, about.resource),
                (field::RESOURCE_ID, about.resource_id),
                (field::REVISION, about.revision),
            ];
            fields.map(|(field, value)| Term::field(workspace, field, u64::from(value)))
        };
        let mut terms = Vec::new();
        for row in &self.events {
            terms.push(Term::key(row.id));
            terms.extend(about(row.workspace, &row.about));
        }
        for row in &self.deliveries {
            terms.push(Term::key(row.id));
            terms.extend(about(row.workspace, &row.about));
            terms.push(Term::field(row.workspace, field::CONNECTION, u64::from(row.connection)));
            terms.push(Term::field(row.workspace, field::RULE, u64::from(row.rule)));
            terms.push(Term::field(row.workspace, field::EVENT, row.event));
        }
        terms.extend(self.later.iter().map(|row| Term::key(row.delivery)));
        terms.extend(self.attempts.iter().map(|row| Term::key(row.delivery)));
        terms.sort_unstable_by_key(|term| term.0);
        terms.dedup();
        terms
    }

    fn filter(&self) -> Vec<FilterRow> {
        let terms = self.terms();
        let rows = index((terms.len() * FILTER_BITS).div_ceil(512).max(1));
        let mut filter = vec![FilterRow([0; 8]); rows as usize];
        for term in terms {
            if let Some(FilterRow(words)) = filter.get_mut(term.row(rows) as usize) {
                for (word, bit) in term.bits() {
                    if let Some(word) = words.get_mut(word) {
                        *word |= bit;
                    }
                }
            }
        }
        filter
    }

    fn to_bytes(&self, segment: u32, salt: u64, totals: &Totals) -> Vec<u8> {
        let mut blocks = Blocks::default();
        let tables = [
            blocks.table(&self.filter()),
            blocks.table(&self.workspaces),
            blocks.table(&self.events),
            blocks.table(&self.deliveries),
            blocks.table(&self.keys()),
            blocks.table(&self.later),
            blocks.table(&self.attempts),
        ];
        let mut head = Vec::with_capacity(BLOCK_BYTES);
        head.extend_from_slice(&MAGIC.to_le_bytes());
        head.extend_from_slice(&salt.to_le_bytes());
        head.extend_from_slice(&segment.to_le_bytes());
        let times = [totals.first_at.cast_unsigned(), totals.last_at.cast_unsigned()];
        for number in [totals.events, totals.deliveries, totals.dead_letters].into_iter().chain(times) {
            head.extend_from_slice(&number.to_le_bytes());
        }
        for (first, rows) in tables {
            head.extend_from_slice(&first.to_le_bytes());
            head.extend_from_slice(&rows.to_le_bytes());
        }
        let mut all = Blocks::default();
        all.block(&head);
        all.bytes.append(&mut blocks.bytes);
        all.bytes
    }
}

/// Blocks behind each other.
#[derive(Default)]
struct Blocks {
    bytes: Vec<u8>,
}

impl Blocks {
    fn block(&mut self, body: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(body);
        self.bytes.resize(start + BODY_BYTES, 0);
        let crc = crc32c::crc32c(self.bytes.get(start..).unwrap_or_default());
        self.bytes.extend_from_slice(&crc.to_le_bytes());
    }

    /// Writes a table and says where it is, counted with the head's block before it.
    fn table<R: Row>(&mut self, rows: &[R]) -> (u32, u32) {
        let first = index(self.bytes.len() / BLOCK_BYTES) + 1;
        let mut body = Vec::with_capacity(BODY_BYTES);
        for chunk in rows.chunks(BODY_BYTES / R::BYTES) {
            body.clear();
            chunk.iter().for_each(|row| row.put(&mut body));
            self.block(&body);
        }
        (first, index(rows.len()))
    }
}
