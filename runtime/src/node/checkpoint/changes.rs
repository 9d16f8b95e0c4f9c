//! What the records since a checkpoint change about it.

use std::collections::HashMap;

use uuid::Uuid;

use super::{IdState, NameEntry, PendingEntry, ShortId, Tables};
use crate::engine::Millis;
use crate::engine::owe::{Terms, cost_of, expires_at};
use crate::journal::Position;
use crate::model::State;
use crate::node::books::{copy_bytes, millis};
use crate::node::gates::GateBook;
use crate::record::Origin;
use crate::record::glance::{DeliveryGlance, Glance, OwedGlance};

/// A fold over records: entries of the checkpoint before go through [`Changes::amend`], and what is new
/// comes behind them. Its size is that of the records, not of everything that is owed.
#[derive(Default)]
pub(crate) struct Changes {
    pub tables: Tables,
    /// By the number of the UUID.
    fates: HashMap<u128, Fate, IdState>,
    born: Vec<Option<PendingEntry>>,
    pub names: Vec<NameEntry>,
    pub gates: GateBook,
    /// The last record.
    pub last: Option<Position>,
    /// A record that this version cannot read.
    pub unreadable: Option<Position>,
}

/// What became of a delivery.
enum Fate {
    /// It is in the checkpoint, if it is owed at all.
    Moved(Moved),
    /// It is the one at that place of `born`, and no longer the checkpoint's.
    Born(usize),
    /// It is settled.
    Gone,
}

#[derive(Default)]
struct Moved {
    attempts: Option<u32>,
    due_at: Option<Millis>,
    started: Option<Started>,
}

type Started = Option<(u32, jiff::Timestamp)>;

impl Changes {
    /// Over a checkpoint with those tables and gates.
    pub(crate) fn over(tables: Tables, gates: GateBook) -> Self {
        Self { tables, gates, ..Self::default() }
    }

    /// Takes the next record.
    pub(crate) fn visit(&mut self, position: Position, bytes: &[u8]) {
        self.last = Some(position);
        match Glance::of(bytes) {
            None => {
                self.unreadable.get_or_insert(position);
            }
            Some(Glance::Owed(owed)) => self.owed(&owed, position),
            Some(Glance::Started { workspace, delivery, attempt, at, rate }) => {
                if let Some(rate) = rate {
                    self.gates.recall_start(workspace, &rate, at);
                }
                self.moved(delivery, |moved| moved.started = Some(Some((attempt, at))));
            }
            Some(Glance::Moved { delivery, state, .. }) if state.is_settled() => {
                let Some(id) = ShortId::uuid_of(delivery) else { return };
                if let Some(Fate::Born(place)) = self.fates.insert(id, Fate::Gone)
                    && let Some(born) = self.born.get_mut(place)
                {
                    *born = None;
                }
            }
            Some(Glance::Moved { delivery, attempt, state }) => self.moved(delivery, |moved| {
                moved.started = Some(None);
                moved.attempts = attempt.or(moved.attempts);
                if let State::Again { at } = state {
                    moved.due_at = Some(millis(at));
                }
            }),
        }
    }

    fn owed(&mut self, owed: &OwedGlance<'_>, position: Position) {
        let workspace = self.tables.workspace(owed.event.workspace);
        if owed.is_accepted {
            self.gates.recall_accepted(owed);
        }
        let mut waits = owed.carried.iter();
        for (index, delivery) in (0..).zip(&owed.deliveries) {
            let waits = waits.next();
            let Some(mut entry) = self.entry(delivery, workspace) else { continue };
            (entry.position, entry.index) = (position, index);
            entry.origin = Origin { position, index };
            let input_bytes = delivery.input.map_or(0, str::len);
            entry.bytes =
                u32::try_from(copy_bytes(owed.event.payload.len(), input_bytes)).unwrap_or(u32::MAX);
            if let Some(waits) = waits {
                (entry.attempts, entry.due_at) = (waits.attempts, millis(waits.due_at));
                if entry.order.is_some() {
                    entry.origin = waits.origin;
                }
            }
            let (id, place) = (entry.id.as_u128(), self.born.len());
            self.born.push(Some(entry));
            if let Some(Fate::Born(before)) = self.fates.insert(id, Fate::Born(place))
                && let Some(before) = self.born.get_mut(before)
            {
                // It was carried.
                *before = None;
            }
        }
        if owed.is_accepted && (owed.key.is_some() || owed.app_chose_id) {
            self.names.push(NameEntry {
                workspace,
                key: owed.key.map(Into::into),
                app_chose_id: owed.app_chose_id,
                body_hash: owed.body_hash,
                event: crate::id::EventId::from_text(owed.event.id),
                deliveries: owed.deliveries.iter().map(|delivery| ShortId::of(delivery.id)).collect(),
                at: owed.event.received_at,
            });
        }
    }

    /// What the engine is told about a delivery (see [`crate::engine::owe::Owe::of`]), in short.
    fn entry(&mut self, delivery: &DeliveryGlance<'_>, workspace: u32) -> Option<PendingEntry> {
        if delivery.skipped.is_some() {
            return None;
        }
        let policy = &delivery.policy;
        let due_at = millis(delivery.due_at);
        Some(PendingEntry {
            id: Uuid::from_u128(ShortId::uuid_of(delivery.id)?),
            connection: self.tables.connection(workspace, delivery.connection),
            terms: self.tables.terms(&Terms::of(policy)),
            position: Position { segment: 0, offset: 0 },
            index: 0,
            origin: Origin::default(),
            bytes: 0,
            expires_at: expires_at(due_at, policy),
            due_at,
            attempts: 0,
            cost: cost_of(delivery.input.map_or(0, str::len)),
            rate: policy.rate,
            order: policy.order,
            mapped: delivery.input.is_ok(),
            started: None,
        })
    }

    fn moved(&mut self, delivery: &str, change: impl FnOnce(&mut Moved)) {
        let Some(id) = ShortId::uuid_of(delivery) else { return };
        let fate = self.fates.entry(id).or_insert(Fate::Moved(Moved::default()));
        match fate {
            Fate::Moved(moved) => change(moved),
            Fate::Born(place) => {
                let mut moved = Moved::default();
                change(&mut moved);
                if let Some(Some(born)) = self.born.get_mut(*place) {
                    moved.apply(born);
                }
            }
            Fate::Gone => {}
        }
    }

    /// An entry of the checkpoint as it is now; `None` when it is settled or comes among the new ones.
    pub(crate) fn amend(&self, mut entry: PendingEntry) -> Option<PendingEntry> {
        if self.fates.is_empty() {
            return Some(entry);
        }
        match self.fates.get(&entry.id.as_u128()) {
            None => {}
            Some(Fate::Moved(moved)) => moved.apply(&mut entry),
            Some(Fate::Born(_) | Fate::Gone) => return None,
        }
        Some(entry)
    }

    /// What is new and still owed, oldest first.
    pub(crate) fn born(&self) -> impl Iterator<Item = &PendingEntry> {
        self.born.iter().flatten()
    }
}

impl Moved {
    fn apply(&self, entry: &mut PendingEntry) {
        entry.attempts = self.attempts.unwrap_or(entry.attempts);
        entry.due_at = self.due_at.unwrap_or(entry.due_at);
        entry.started = self.started.unwrap_or(entry.started);
    }
}
