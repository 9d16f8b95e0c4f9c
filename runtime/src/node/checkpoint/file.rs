//! A checkpoint's file: a header, blocks with their checksums, and an end that vouches for all of it.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use jiff::Timestamp;

use super::entry::{
    Before, SKIPPED, put_kept, put_name, put_pending, put_skipped, take_kept, take_name, take_pending,
    take_skipped,
};
use super::{NameEntry, PendingEntry, Tables};
use crate::journal::check::Damage;
use crate::journal::disk::{Disk, DiskFile};
use crate::journal::reader::{Pieces, file_name};
use crate::journal::{Lsn, Mark, Position};
use crate::node::gates::GateBook;
use crate::record::take::Take;
use crate::record::wire::Put;

/// What a checkpoint begins with; the digit is the version of the format. The one before is read as well.
const MAGIC: [u8; 8] = *b"FWCHECK3";
const MAGIC_BEFORE: [u8; 8] = *b"FWCHECK2";

/// Bytes of the header.
const HEADER_BYTES: usize = 64;

/// Bytes before each block: kind, items, length, CRC.
const BLOCK_HEADER_BYTES: usize = 16;

/// A block is written when it has so many bytes.
const BLOCK_BYTES: usize = 256 << 10;

/// No block is longer: one entry may make it longer than [`BLOCK_BYTES`], and one that makes it longer than this
/// ends the checkpoint with an error.
const BLOCK_BYTES_MAX: usize = 64 << 20;

/// The name while it is written.
const TEMPORARY: &str = "checkpoint.new";

const TABLES: u32 = 1;
const PENDING: u32 = 2;
const NAMES: u32 = 3;
const GATES: u32 = 4;
const END: u32 = 5;

/// Kinds of items of a block of tables.
const WORKSPACE: u8 = 0;
const CONNECTION: u8 = 1;
const TERMS: u8 = 2;

/// Whether a file of the journal's folder is a checkpoint.
pub(crate) fn is_checkpoint(name: &str) -> bool {
    name.strip_prefix("checkpoint-")
        .is_some_and(|lsn| lsn.len() == 20 && lsn.bytes().all(|b| b.is_ascii_digit()))
}

/// Whether a file is what a crash has left of one.
pub(crate) fn is_leftover(name: &str) -> bool {
    name == TEMPORARY
}

/// Removes one that was begun and will not be finished.
pub(crate) fn discard(disk: &dyn Disk) {
    if let Err(error) = disk.remove(TEMPORARY)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%error, "an unfinished checkpoint stays until the next start");
    }
}

/// A checkpoint whose every byte has been checked.
pub(crate) struct Checkpoint {
    pub name: String,
    /// It holds what the records before this place have led to.
    pub mark: Mark,
    /// The last record before that place.
    pub last: Option<Position>,
    pub pending: u64,
    pub names: u64,
    pub bytes: u64,
    file: Arc<dyn DiskFile>,
}

/// One thing in a checkpoint.
pub(crate) enum Item {
    Pending(PendingEntry),
    Name(NameEntry),
}

/// Why a checkpoint cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unusable {
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
    #[error("{what} at byte {offset}")]
    Damaged { offset: u64, what: &'static str },
}

impl Checkpoint {
    /// Opens a checkpoint, checks all of it, and reads its tables and gates.
    pub(crate) fn open(disk: &dyn Disk, name: &str) -> Result<(Self, Tables, GateBook), Unusable> {
        let file = disk.open(name)?;
        let mut pieces = Pieces::new(&*file)?;
        let damaged = |offset, what| Unusable::Damaged { offset, what };
        let header = pieces.get(0, HEADER_BYTES)?;
        let (mark, last) =
            header_fields(header).ok_or_else(|| damaged(0, "there is no header of this version"))?;
        let (mut tables, mut gates) = (Tables::default(), GateBook::default());
        let (mut all, mut pending, mut names) = (crc32c::crc32c(header), 0, 0);
        let mut offset = HEADER_BYTES as u64;
        let bytes = pieces.length;
        loop {
            let block = block(&mut pieces, offset)?;
            let wrong = || damaged(offset, "a block does not hold what it speaks of");
            match block.kind {
                TABLES => take_tables(block.payload, &mut tables).ok_or_else(wrong)?,
                PENDING => pending += u64::from(block.items),
                NAMES => names += u64::from(block.items),
                GATES => take_gates(block.payload, &tables, &mut gates).ok_or_else(wrong)?,
                END => {
                    let mut take = Take::new(block.payload);
                    let said = (take.number(), take.number(), take.array().map(u32::from_le_bytes));
                    if said != (Some(pending), Some(names), Some(all)) || !take.is_empty() {
                        return Err(damaged(offset, "the end does not fit the blocks before it"));
                    }
                    break;
                }
                _ => return Err(damaged(offset, "there is a block of a later version")),
            }
            all = crc32c::crc32c_append(all, &block.crc.to_le_bytes());
            offset += (BLOCK_HEADER_BYTES + block.payload.len()) as u64;
        }
        let name = name.to_owned();
        Ok((Self { name, mark, last, pending, names, bytes, file: Arc::clone(&file) }, tables, gates))
    }

    /// Hands everything in it to `visit`, in its order.
    pub(crate) fn read(&self, visit: &mut dyn FnMut(Item)) -> Result<(), Unusable> {
        let mut pieces = Pieces::new(&*self.file)?;
        let mut offset = HEADER_BYTES as u64;
        loop {
            let block = block(&mut pieces, offset)?;
            let wrong = || Unusable::Damaged { offset, what: "a block does not hold what it speaks of" };
            let mut take = Take::new(block.payload);
            let mut before = Before::default();
            for _ in 0..block.items {
                match block.kind {
                    PENDING => visit(Item::Pending(take_pending(&mut take, &mut before).ok_or_else(wrong)?)),
                    NAMES => visit(Item::Name(take_name(&mut take).ok_or_else(wrong)?)),
                    _ => break,
                }
            }
            if block.kind == END {
                return Ok(());
            }
            offset += (BLOCK_HEADER_BYTES + block.payload.len()) as u64;
        }
    }
}

/// A checkpoint as a person wants to know it.
#[derive(Debug)]
pub struct Seen {
    /// The file.
    pub name: String,
    /// Pending deliveries, names, and the record that comes after it; or why it cannot be used.
    pub holds: Result<(u64, u64, Lsn), String>,
}

/// Looks at every checkpoint of a journal's folder.
///
/// # Errors
/// The folder cannot be read.
pub fn look(disk: &dyn Disk) -> io::Result<Vec<Seen>> {
    let mut names: Vec<String> = disk.list()?.into_iter().filter(|name| is_checkpoint(name)).collect();
    names.sort_unstable();
    let holds = |name: &str| match Checkpoint::open(disk, name) {
        Ok((found, ..)) => Ok((found.pending, found.names, found.mark.lsn)),
        Err(error) => Err(error.to_string()),
    };
    Ok(names.into_iter().map(|name| Seen { holds: holds(&name), name }).collect())
}

/// Removes checkpoints that a start could not go on from, damaged or of what was put aside or is gone; `next`
/// is the number that the journal's next record gets. Returns their names.
///
/// # Errors
/// The folder cannot be changed.
pub fn remove_unusable(disk: &dyn Disk, damage: &[&Damage], next: Lsn) -> io::Result<Vec<String>> {
    let mut removed = Vec::new();
    for name in disk.list()?.into_iter().filter(|name| is_checkpoint(name)) {
        let inside = |mark: Mark| {
            let offset = u64::from(mark.offset);
            let at = file_name(mark.segment);
            damage.iter().any(|range| range.file == at && range.offset < offset && offset < range.until)
        };
        let opened = Checkpoint::open(disk, &name);
        if opened.map_or(true, |(found, ..)| inside(found.mark) || found.mark.lsn > next) {
            disk.remove(&name)?;
            removed.push(name);
        }
    }
    disk.sync_names()?;
    Ok(removed)
}

struct Block<'a> {
    kind: u32,
    items: u32,
    crc: u32,
    payload: &'a [u8],
}

fn block<'a>(pieces: &'a mut Pieces<'_>, offset: u64) -> Result<Block<'a>, Unusable> {
    let damaged = |what| Unusable::Damaged { offset, what };
    let head = Take::new(pieces.get(offset, BLOCK_HEADER_BYTES)?).array::<BLOCK_HEADER_BYTES>();
    let head = head.ok_or_else(|| damaged("the file ends too early"))?;
    let mut take = Take::new(&head);
    let mut field = || take.array().map_or(0, u32::from_le_bytes);
    let (kind, items, length, crc) = (field(), field(), field() as usize, field());
    if length > BLOCK_BYTES_MAX {
        return Err(damaged("a block is too long"));
    }
    let payload = pieces.get(offset + BLOCK_HEADER_BYTES as u64, length)?;
    if payload.len() < length {
        return Err(damaged("the file ends too early"));
    }
    let fields = head.split_at_checked(BLOCK_HEADER_BYTES - 4).map_or(&[][..], |(fields, _)| fields);
    if crc32c::crc32c_append(crc32c::crc32c(fields), payload) != crc {
        return Err(damaged("a block's checksum is wrong"));
    }
    Ok(Block { kind, items, crc, payload })
}

fn header(mark: &Mark, last: Option<Position>, written_at: i64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&mark.lsn.to_le_bytes());
    bytes.extend_from_slice(&mark.segment.to_le_bytes());
    bytes.extend_from_slice(&mark.offset.to_le_bytes());
    bytes.extend_from_slice(&mark.chain.to_le_bytes());
    bytes.extend_from_slice(&0_u32.to_le_bytes());
    bytes.extend_from_slice(&written_at.to_le_bytes());
    let last = last.unwrap_or(Position { segment: 0, offset: 0 });
    bytes.extend_from_slice(&last.segment.to_le_bytes());
    bytes.extend_from_slice(&last.offset.to_le_bytes());
    bytes.resize(HEADER_BYTES - 4, 0);
    let crc = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes
}

fn header_fields(bytes: &[u8]) -> Option<(Mark, Option<Position>)> {
    let (body, crc) = bytes.get(..HEADER_BYTES)?.split_last_chunk::<4>()?;
    let known = body.starts_with(&MAGIC) || body.starts_with(&MAGIC_BEFORE);
    if crc32c::crc32c(body) != u32::from_le_bytes(*crc) || !known {
        return None;
    }
    let mut take = Take::new(body);
    take.array::<8>()?;
    let mark = Mark {
        lsn: u64::from_le_bytes(take.array()?),
        segment: u32::from_le_bytes(take.array()?),
        offset: u32::from_le_bytes(take.array()?),
        chain: u32::from_le_bytes(take.array()?),
    };
    take.array::<12>()?;
    let (segment, offset) = (u32::from_le_bytes(take.array()?), u32::from_le_bytes(take.array()?));
    Some((mark, (segment > 0).then_some(Position { segment, offset })))
}

/// A checkpoint being written. Names and policies are written when the first entry needs them.
pub(super) struct Draft {
    file: Arc<dyn DiskFile>,
    offset: u64,
    all: u32,
    mark: Mark,
    kind: u32,
    items: u32,
    block: Put,
    /// No block may be longer.
    pub(super) block_bytes_max: usize,
    table_items: u32,
    table: Put,
    workspaces: HashMap<u32, u32>,
    connections: HashMap<u32, u32>,
    terms: HashMap<u32, u32>,
    before: Before,
    pending: u64,
    names: u64,
}

impl Draft {
    pub(super) fn begin(
        disk: &dyn Disk,
        mark: Mark,
        last: Option<Position>,
        written_at: i64,
    ) -> io::Result<Self> {
        let file = disk.create(TEMPORARY, 0)?;
        let header = header(&mark, last, written_at);
        file.write_at(0, &header)?;
        Ok(Self {
            file,
            offset: HEADER_BYTES as u64,
            all: crc32c::crc32c(&header),
            mark,
            kind: PENDING,
            items: 0,
            block: Put::default(),
            block_bytes_max: BLOCK_BYTES_MAX,
            table_items: 0,
            table: Put::default(),
            workspaces: HashMap::new(),
            connections: HashMap::new(),
            terms: HashMap::new(),
            before: Before::default(),
            pending: 0,
            names: 0,
        })
    }

    pub(super) fn pending(&mut self, tables: &Tables, entry: &PendingEntry) -> io::Result<()> {
        self.switch(PENDING)?;
        let (connection, terms) =
            (self.connection(tables, entry.connection), self.terms(tables, entry.terms));
        put_pending(&mut self.block, &mut self.before, entry, connection, terms);
        self.pending += 1;
        self.added()
    }

    pub(super) fn name(&mut self, tables: &Tables, entry: &NameEntry) -> io::Result<()> {
        self.switch(NAMES)?;
        let workspace = self.workspace(tables, entry.workspace);
        put_name(&mut self.block, entry, workspace);
        self.names += 1;
        self.added()
    }

    /// What the gates remember, key by key, and how much they have skipped.
    pub(super) fn gates(&mut self, tables: &mut Tables, gates: &GateBook, now: Timestamp) -> io::Result<()> {
        self.switch(GATES)?;
        put_skipped(&mut self.block, &gates.skipped);
        self.added()?;
        for (workspace, kept) in gates.entries(now) {
            let number = tables.workspace(workspace.as_str());
            let number = self.workspace(tables, number);
            put_kept(&mut self.block, &kept, number);
            self.added()?;
        }
        Ok(())
    }

    fn switch(&mut self, kind: u32) -> io::Result<()> {
        if self.kind != kind {
            self.flush()?;
            self.kind = kind;
        }
        Ok(())
    }

    /// Writes the end, and gives the file its name when all of it stays. Returns the name and the bytes.
    pub(super) fn finish(mut self, disk: &dyn Disk) -> io::Result<(String, u64)> {
        self.flush()?;
        let mut end = Put::default();
        end.number(self.pending);
        end.number(self.names);
        end.0.extend_from_slice(&self.all.to_le_bytes());
        self.write(END, 0, &end.0)?;
        self.file.sync()?;
        crate::crash::point("checkpoint.written");
        let name = format!("checkpoint-{:020}", self.mark.lsn);
        disk.rename(TEMPORARY, &name)?;
        crate::crash::point("checkpoint.named");
        disk.sync_names()?;
        Ok((name, self.offset))
    }

    fn added(&mut self) -> io::Result<()> {
        self.items += 1;
        if self.block.0.len() >= BLOCK_BYTES.min(self.block_bytes_max / 2) { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.table_items > 0 {
            let table = std::mem::take(&mut self.table.0);
            self.write(TABLES, self.table_items, &table)?;
            self.table_items = 0;
        }
        if self.items > 0 {
            let mut block = std::mem::take(&mut self.block.0);
            self.write(self.kind, self.items, &block)?;
            block.clear();
            self.block.0 = block;
            self.items = 0;
        }
        self.before = Before::default();
        Ok(())
    }

    fn write(&mut self, kind: u32, items: u32, payload: &[u8]) -> io::Result<()> {
        // A file with such a block could be written and never read.
        if payload.len() > self.block_bytes_max {
            return Err(io::Error::other("one entry is larger than a block may be"));
        }
        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        let mut bytes = Vec::with_capacity(BLOCK_HEADER_BYTES + payload.len());
        for field in [kind, items, length] {
            bytes.extend_from_slice(&field.to_le_bytes());
        }
        let crc = crc32c::crc32c_append(crc32c::crc32c(&bytes), payload);
        bytes.extend_from_slice(&crc.to_le_bytes());
        bytes.extend_from_slice(payload);
        self.file.write_at(self.offset, &bytes)?;
        self.offset += bytes.len() as u64;
        self.all = crc32c::crc32c_append(self.all, &crc.to_le_bytes());
        Ok(())
    }

    /// The number of a workspace in this file.
    fn workspace(&mut self, tables: &Tables, number: u32) -> u32 {
        let here = self.workspaces.len() as u32;
        if let Some(known) = self.workspaces.get(&number) {
            return *known;
        }
        self.workspaces.insert(number, here);
        self.table.byte(WORKSPACE);
        self.table.text(tables.workspace_of(number).map_or("", |id| id.as_str()));
        self.table_items += 1;
        here
    }

    fn connection(&mut self, tables: &Tables, number: u32) -> u32 {
        if let Some(known) = self.connections.get(&number) {
            return *known;
        }
        let (workspace, id) = match tables.connection_of(number) {
            Some((workspace, id)) => (*workspace, id.as_str()),
            None => (0, ""),
        };
        let workspace = self.workspace(tables, workspace);
        let here = self.connections.len() as u32;
        self.connections.insert(number, here);
        self.table.byte(CONNECTION);
        self.table.number(u64::from(workspace));
        self.table.text(id);
        self.table_items += 1;
        here
    }

    fn terms(&mut self, tables: &Tables, number: u32) -> u32 {
        let here = self.terms.len() as u32;
        if let Some(known) = self.terms.get(&number) {
            return *known;
        }
        let Some(terms) = tables.terms_of(number) else { return here };
        self.terms.insert(number, here);
        self.table.byte(TERMS);
        self.table.terms(terms);
        self.table_items += 1;
        here
    }
}

fn take_gates(payload: &[u8], tables: &Tables, gates: &mut GateBook) -> Option<()> {
    let mut take = Take::new(payload);
    while !take.is_empty() {
        match take.byte()? {
            SKIPPED => gates.skipped = take_skipped(&mut take)?,
            gate => {
                let (workspace, kept) = take_kept(&mut take, gate)?;
                gates.keep(tables.workspace_of(workspace)?, kept);
            }
        }
    }
    Some(())
}

fn take_tables(payload: &[u8], tables: &mut Tables) -> Option<()> {
    let mut take = Take::new(payload);
    while !take.is_empty() {
        match take.byte()? {
            WORKSPACE => {
                tables.workspace(take.text()?);
            }
            CONNECTION => {
                let workspace = take.number_32()?;
                tables.workspace_of(workspace)?;
                tables.connection(workspace, take.text()?);
            }
            TERMS => {
                tables.terms(&take.terms()?);
            }
            _ => return None,
        }
    }
    Some(())
}
