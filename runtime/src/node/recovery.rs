//! Rebuilds a node's state from its journal.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use super::books::{Books, is_settled, millis, owes};
use crate::engine::Owe;
use crate::id::{DeliveryId, WorkspaceId};
use crate::journal::Position;
use crate::model::{AttemptRecord, Outcome, State, Timings};
use crate::record::{NotARecord, Record};

/// A journal that is being read.
pub(super) struct Recovery {
    books: Books,
    open: HashMap<Uuid, Open>,
    unreadable: Option<(Position, NotARecord)>,
}

/// A delivery that is not settled as far as has been read.
struct Open {
    owe: Owe,
    /// The attempt that has begun and not ended.
    started: Option<(u32, Timestamp)>,
}

/// What a journal left to do.
pub(super) struct Recovered {
    pub books: Books,
    /// What is owed, oldest first.
    pub owed: Vec<Owe>,
    /// Attempts of which nobody knows the end, as records that say so.
    pub unknown: Vec<Record>,
}

impl Recovery {
    pub(super) fn new(books: Books) -> Self {
        Self { books, open: HashMap::new(), unreadable: None }
    }

    /// Takes the next record.
    pub(super) fn visit(&mut self, position: Position, bytes: &[u8]) {
        let record = match Record::from_bytes(bytes) {
            Ok(record) => Arc::new(record),
            Err(error) => {
                self.unreadable.get_or_insert((position, error));
                return;
            }
        };
        self.books.apply(&record, position);
        self.books.gates.recall(&record);
        match &*record {
            Record::Accepted(_) | Record::Replayed(_) => {
                let mut owed = Vec::new();
                owes(&record, position, &mut owed);
                self.open.extend(owed.into_iter().map(|owe| (owe.id, Open { owe, started: None })));
            }
            Record::Carried(carried) => {
                let mut owed = Vec::new();
                owes(&record, position, &mut owed);
                for mut owe in owed {
                    (owe.attempts, owe.due_at) = (carried.attempts, millis(carried.due_at));
                    if let Some(old) = self.open.insert(owe.id, Open { owe, started: None }) {
                        self.books.unpin(old.owe.position.segment);
                    }
                }
            }
            Record::Started { delivery, attempt, at, .. } => {
                if let Some(open) = delivery.uuid().and_then(|id| self.open.get_mut(&id)) {
                    open.started = Some((*attempt, *at));
                }
            }
            Record::Finished { attempt, state, .. } => {
                self.moved(&attempt.delivery, Some(attempt.number), state)
            }
            Record::Settled { delivery, state, .. } => self.moved(delivery, None, state),
        }
    }

    fn moved(&mut self, delivery: &DeliveryId, attempt: Option<u32>, state: &State) {
        let Some(id) = delivery.uuid() else { return };
        if is_settled(state) {
            if let Some(open) = self.open.remove(&id) {
                self.books.unpin(open.owe.position.segment);
            }
            return;
        }
        let Some(open) = self.open.get_mut(&id) else { return };
        open.started = None;
        open.owe.attempts = attempt.unwrap_or(open.owe.attempts);
        if let State::Again { at } = state {
            open.owe.due_at = millis(*at);
        }
    }

    /// All records were read.
    pub(super) fn finish(mut self, now: Timestamp) -> Result<Recovered, (Position, NotARecord)> {
        if let Some(unreadable) = self.unreadable {
            return Err(unreadable);
        }
        let mut open: Vec<Open> = self.open.into_values().collect();
        open.sort_unstable_by_key(|open| (open.owe.position, open.owe.index));
        let mut unknown = Vec::new();
        let mut owed = Vec::with_capacity(open.len());
        for Open { mut owe, started } in open {
            self.books.pending.add(&owe.workspace, 1);
            if let Some((number, at)) = started {
                let id = DeliveryId::from_uuid(owe.id);
                unknown.push(nobody_knows(&owe.workspace, &id, number, at, now));
                owe.attempts = number;
                owe.due_at = millis(now);
            }
            owed.push(owe);
        }
        Ok(Recovered { books: self.books, owed, unknown })
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
    };
    Record::Finished { workspace: workspace.clone(), attempt, state: State::Again { at: now } }
}
