//! Rebuilds a node's state: the newest good checkpoint, and the journal's records since then.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::books::{Books, millis};
use super::checkpoint::{
    Changes, Checkpoint, Item, NameEntry, PendingEntry, Tables, is_checkpoint, is_leftover,
};
use super::{Identity, OpenError};
use crate::engine::owe::Owe;
use crate::engine::{Effect, Engine};
use crate::id::{DeliveryId, WorkspaceId};
use crate::journal::disk::Disk;
use crate::journal::reader::file_name;
use crate::journal::{JournalError, Mark, Position};
use crate::model::{AttemptRecord, Outcome, State, Timings};
use crate::record::Record;

/// A journal that is being read.
pub(super) struct Recovery {
    checkpoint: Option<Checkpoint>,
    changes: Changes,
}

/// What is left to do before the engine's thread starts.
#[derive(Default)]
pub(super) struct Left {
    /// Attempts of which nobody knows the end, as records that say so.
    pub unknown: Vec<Record>,
    /// What the engine does at once: it gives up deliveries without an input.
    pub effects: Vec<Effect>,
    /// The checkpoint that the node began with.
    pub checkpoint: Option<Checkpoint>,
}

impl Recovery {
    /// Chooses the checkpoint: the newest one that is whole and from which the journal still goes on.
    /// Without any, the whole journal is read.
    pub(super) fn choose(disk: &dyn Disk) -> Result<Self, JournalError> {
        let io = |source| JournalError::Io { doing: "listing", file: ".".into(), source };
        let files = disk.list().map_err(io)?;
        for leftover in files.iter().filter(|name| is_leftover(name)) {
            let io = |source| JournalError::Io { doing: "removing", file: leftover.clone(), source };
            disk.remove(leftover).map_err(io)?;
        }
        let newest = files.iter().filter_map(|name| name.strip_suffix(".segment")?.parse::<u32>().ok()).max();
        let mut names: Vec<&String> = files.iter().filter(|name| is_checkpoint(name)).collect();
        names.sort_unstable();
        for name in names.into_iter().rev() {
            match Checkpoint::open(disk, name) {
                Ok((checkpoint, tables, gates)) if files.contains(&file_name(checkpoint.mark.segment)) => {
                    return Ok(Self { checkpoint: Some(checkpoint), changes: Changes::over(tables, gates) });
                }
                // What was durable behind it is gone, and nobody would ever know.
                Ok((checkpoint, ..)) if newest.is_none_or(|newest| newest < checkpoint.mark.segment) => {
                    let Mark { segment, lsn, .. } = checkpoint.mark;
                    let (file, checkpoint) = (file_name(segment), name.clone());
                    return Err(JournalError::Ends { file, checkpoint, lsn });
                }
                Ok(_) => tracing::warn!(
                    checkpoint = name,
                    "the journal does not reach back to this checkpoint; it is passed over"
                ),
                Err(error) => tracing::warn!(
                    checkpoint = name,
                    %error,
                    "this checkpoint is damaged; the one before it and more of the journal are read instead"
                ),
            }
        }
        Ok(Self { checkpoint: None, changes: Changes::default() })
    }

    /// Where the journal has to be read from; `None` for its beginning.
    pub(super) fn mark(&self) -> Option<Mark> {
        self.checkpoint.as_ref().map(|checkpoint| checkpoint.mark)
    }

    /// Takes the next record.
    pub(super) fn visit(&mut self, position: Position, bytes: &[u8]) {
        self.changes.visit(position, bytes);
    }

    /// The journal's last record. A checkpoint remembers it for when nothing was written since.
    pub(super) fn last(&self) -> Option<Position> {
        self.changes.last.or(self.checkpoint.as_ref().and_then(|checkpoint| checkpoint.last))
    }

    /// What was read, for a test to look at.
    #[cfg(test)]
    pub(super) fn parts(self) -> (Option<Checkpoint>, Changes) {
        (self.checkpoint, self.changes)
    }

    /// All records were read: fills the engine and the books.
    pub(super) fn restore(
        self,
        engine: &mut Engine,
        books: &mut Books,
        now: Timestamp,
    ) -> Result<Left, OpenError> {
        let Self { checkpoint, mut changes } = self;
        if let Some(Position { segment, offset }) = changes.unreadable {
            return Err(OpenError::Record { segment, offset });
        }
        books.gates = std::mem::take(&mut changes.gates);
        engine.restore_rates(books.gates.take_rates(now));
        let tables = &changes.tables;
        let (left, counts) = (Left::default(), Counts::new(tables));
        let known = vec![None; tables.connections()];
        let pending = checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.pending);
        engine.restoring(usize::try_from(pending).unwrap_or(0).saturating_add(changes.born().count()));
        let mut rest = Restoring { tables, engine, books, now, left, counts, owed: Vec::new(), known };
        if let Some(checkpoint) = &checkpoint {
            let read = checkpoint.read(&mut |item| match item {
                Item::Pending(entry) => rest.pending(changes.amend(entry)),
                Item::Name(name) => rest.name(&name),
            });
            let io = |source| JournalError::Io { doing: "reading", file: checkpoint.name.clone(), source };
            read.map_err(|error| io(std::io::Error::other(error)))?;
        }
        for entry in changes.born() {
            rest.pending(Some(entry.clone()));
        }
        for name in &changes.names {
            rest.name(name);
        }
        rest.hand_over();
        rest.engine.restored();
        let Restoring { mut left, mut counts, .. } = rest;
        counts.turn();
        for (workspace, count) in (0..).zip(counts.pending).filter(|(_, count)| *count > 0) {
            if let Some(workspace) = tables.workspace_of(workspace) {
                books.pending.add(workspace, count);
            }
        }
        for (segment, (deliveries, bytes)) in counts.pins {
            books.pin_many(segment, deliveries, bytes);
        }
        left.checkpoint = checkpoint;
        Ok(left)
    }
}

struct Restoring<'a> {
    tables: &'a Tables,
    engine: &'a mut Engine,
    books: &'a mut Books,
    now: Timestamp,
    left: Left,
    counts: Counts,
    /// What has an order of its own: the engine wants all of it together.
    owed: Vec<Owe>,
    /// The engine's numbers of connections, by ours.
    known: Vec<Option<u32>>,
}

/// Counts of ten million entries are added up here before the books hear of them.
struct Counts {
    /// By the number of the workspace.
    pending: Vec<u32>,
    /// Deliveries and bytes by segment.
    pins: BTreeMap<u32, (u64, u64)>,
    /// Those of the segment that was counted last.
    last: (u32, (u64, u64)),
}

impl Counts {
    fn new(tables: &Tables) -> Self {
        Self { pending: vec![0; tables.workspaces()], pins: BTreeMap::new(), last: (0, (0, 0)) }
    }

    fn add(&mut self, workspace: u32, entry: &PendingEntry) {
        if let Some(count) = self.pending.get_mut(workspace as usize) {
            *count += 1;
        }
        if entry.position.segment != self.last.0 {
            self.turn();
            self.last.0 = entry.position.segment;
        }
        let (deliveries, bytes) = &mut self.last.1;
        (*deliveries, *bytes) = (*deliveries + 1, *bytes + u64::from(entry.bytes));
    }

    fn turn(&mut self) {
        let (segment, (deliveries, bytes)) = std::mem::take(&mut self.last);
        if deliveries > 0 {
            let pin = self.pins.entry(segment).or_default();
            *pin = (pin.0 + deliveries, pin.1 + bytes);
        }
    }
}

impl Restoring<'_> {
    fn pending(&mut self, entry: Option<PendingEntry>) {
        let Some(mut entry) = entry else { return };
        let Some((number, connection)) = self.tables.connection_of(entry.connection) else { return };
        let Some(workspace) = self.tables.workspace_of(*number) else { return };
        let Some(terms) = self.tables.terms_of(entry.terms) else { return };
        self.counts.add(*number, &entry);
        if let Some((attempt, at)) = entry.started {
            let id = DeliveryId::from_uuid(entry.id);
            self.left.unknown.push(nobody_knows(workspace, &id, attempt, at, self.now));
            entry.attempts = attempt;
            entry.due_at = millis(self.now);
        }
        let owe = Owe {
            id: entry.id,
            workspace: workspace.clone(),
            connection: connection.clone(),
            position: entry.position,
            index: entry.index,
            origin: entry.origin,
            terms: terms.clone(),
            rate: entry.rate,
            order: entry.order,
            cost: entry.cost,
            due_at: entry.due_at,
            expires_at: entry.expires_at,
            attempts: entry.attempts,
            mapped: entry.mapped,
        };
        if owe.order.is_some() {
            self.owed.push(owe);
        } else if let Some(known) = self.known.get_mut(entry.connection as usize) {
            self.engine.restore_one(owe, known, &mut self.left.effects);
        }
    }

    fn hand_over(&mut self) {
        self.engine.restore(std::mem::take(&mut self.owed), &mut self.left.effects);
    }

    fn name(&mut self, name: &NameEntry) {
        let Some(workspace) = self.tables.workspace_of(name.workspace) else { return };
        let identity =
            Identity { key: name.key.clone(), app_chose_id: name.app_chose_id, body_hash: name.body_hash };
        let deliveries = name.deliveries.iter().map(super::checkpoint::ShortId::delivery);
        self.books.window.committed(workspace, &identity, &name.event, deliveries, name.at);
    }
}

/// The server stopped while an attempt was under way. It may have arrived; it is sent again.
fn nobody_knows(
    workspace: &WorkspaceId,
    delivery: &DeliveryId,
    number: u32,
    started_at: Timestamp,
    now: Timestamp,
) -> Record {
    let attempt = AttemptRecord {
        delivery: delivery.clone(),
        number,
        started_at,
        took_micros: 0,
        outcome: Outcome::Unknown,
        status: None,
        address: None,
        response: None,
        error: Some("the server stopped during the attempt; it is sent again with the same id".into()),
        timings: Timings::default(),
        connection_version: 0,
    };
    Record::Finished { workspace: workspace.clone(), attempt, state: State::Again { at: now } }
}
