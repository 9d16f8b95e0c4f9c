//! The table of what is owed: one entry a delivery, linked into its connection's queue.

use std::sync::Arc;

use super::Millis;
use super::slab::{Key, Slab};
use crate::id::DeliveryId;
use crate::journal::Position;
use crate::model::Policy;

/// A delivery that is not settled. Its input stays in the journal.
#[derive(Debug)]
pub struct Pending {
    /// Its id.
    pub id: DeliveryId,
    /// The journal's record with it.
    pub position: Position,
    /// Which of that record's deliveries it is.
    pub index: u32,
    /// Its connection, in the engine's table.
    pub connection: Key,
    /// How it is tried.
    pub policy: Arc<Policy>,
    /// When it was owed.
    pub created_at: Millis,
    /// Not before this.
    pub due_at: Millis,
    /// Attempts made or under way.
    pub attempts: u32,
    /// Where it is.
    pub place: Place,
    next: Key,
    previous: Key,
}

/// Where a pending delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the wheel, until its time.
    Timed,
    /// In its connection's queue.
    Queued,
    /// Being sent.
    InFlight,
    /// Being sent, and to be given up when that fails.
    Discarding,
}

impl Pending {
    /// A new entry, in no queue.
    #[must_use]
    pub fn new(owe: &super::Owe, connection: Key, policy: Arc<Policy>) -> Self {
        Self {
            id: owe.id.clone(),
            position: owe.position,
            index: owe.index,
            connection,
            policy,
            created_at: owe.created_at,
            due_at: owe.due_at,
            attempts: owe.attempts,
            place: Place::Timed,
            next: Key::NONE,
            previous: Key::NONE,
        }
    }

    /// When it is given up.
    #[must_use]
    pub fn expires_at(&self) -> Millis {
        self.created_at.saturating_add(super::decide::millis(self.policy.expires))
    }
}

/// A first-in, first-out list through the table.
#[derive(Clone, Copy, Debug)]
pub struct List {
    head: Key,
    tail: Key,
}

impl Default for List {
    fn default() -> Self {
        Self { head: Key::NONE, tail: Key::NONE }
    }
}

impl List {
    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.head == Key::NONE
    }

    /// Adds at the end.
    pub fn push_back(&mut self, table: &mut Slab<Pending>, key: Key) {
        let Some(entry) = table.get_mut(key) else { return };
        entry.next = Key::NONE;
        entry.previous = self.tail;
        match table.get_mut(self.tail) {
            Some(last) => last.next = key,
            None => self.head = key,
        }
        self.tail = key;
    }

    /// Adds at the beginning.
    pub fn push_front(&mut self, table: &mut Slab<Pending>, key: Key) {
        let Some(entry) = table.get_mut(key) else { return };
        entry.previous = Key::NONE;
        entry.next = self.head;
        match table.get_mut(self.head) {
            Some(first) => first.previous = key,
            None => self.tail = key,
        }
        self.head = key;
    }

    /// Takes the first one out.
    pub fn pop_front(&mut self, table: &mut Slab<Pending>) -> Option<Key> {
        let key = self.head;
        table.get(key)?;
        self.unlink(table, key);
        Some(key)
    }

    /// Takes one of its entries out, wherever it is.
    pub fn unlink(&mut self, table: &mut Slab<Pending>, key: Key) {
        let Some((previous, next)) = table.get(key).map(|entry| (entry.previous, entry.next)) else { return };
        match table.get_mut(previous) {
            Some(entry) => entry.next = next,
            None => self.head = next,
        }
        match table.get_mut(next) {
            Some(entry) => entry.previous = previous,
            None => self.tail = previous,
        }
    }
}
