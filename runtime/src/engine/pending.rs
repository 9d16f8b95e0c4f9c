//! The table of what is owed: one small entry a delivery, linked into the one list that it waits in.

use uuid::Uuid;

use super::Millis;
use super::owe::Owe;
use super::slab::{NONE, Slab};
use crate::journal::Position;

/// A delivery that is not settled. Its input stays in the journal. 72 bytes; ten million of them fit.
#[derive(Debug)]
pub struct Pending {
    /// The UUID of its id.
    pub id: Uuid,
    /// The journal's record with it.
    pub position: Position,
    /// Not before this; while it is under way, since when.
    pub due_at: Millis,
    /// After this second of Unix time it is given up.
    expires: u32,
    /// Which of that record's deliveries it is.
    pub index: u32,
    /// Its connection's number.
    pub connection: u32,
    /// Its terms' number.
    pub terms: u32,
    /// Its rate limit's number, or [`NONE`].
    pub bucket: u32,
    /// Its lane's number, or [`NONE`].
    pub lane: u32,
    next: u32,
    previous: u32,
    /// Attempts made or under way.
    pub attempts: u16,
    /// What a start costs in turns.
    pub cost: u16,
    /// Where it is.
    pub place: Place,
}

/// Where a pending delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the wheel, until its time.
    Timed,
    /// In its connection's queue.
    Queued,
    /// Under its rate limit, until there is room.
    Limited,
    /// In its lane, behind another one.
    Behind,
    /// Being sent.
    InFlight,
    /// Being sent, and to be given up when that fails.
    Discarding,
}

impl Place {
    /// Whether an attempt is under way.
    #[must_use]
    pub fn is_under_way(self) -> bool {
        matches!(self, Self::InFlight | Self::Discarding)
    }
}

impl Pending {
    /// A new entry, in no list.
    #[must_use]
    pub fn new(owe: &Owe, connection: u32, terms: u32) -> Self {
        let expires = owe.expires_at.max(0).unsigned_abs().div_ceil(1_000);
        Self {
            id: owe.id,
            position: owe.position,
            due_at: owe.due_at,
            expires: u32::try_from(expires).unwrap_or(u32::MAX),
            index: owe.index,
            connection,
            terms,
            bucket: NONE,
            lane: NONE,
            next: NONE,
            previous: NONE,
            attempts: u16::try_from(owe.attempts).unwrap_or(u16::MAX),
            cost: owe.cost,
            place: Place::Timed,
        }
    }

    /// After this it is given up.
    #[must_use]
    pub fn expires_at(&self) -> Millis {
        Millis::from(self.expires) * 1_000
    }
}

impl Pending {
    /// Its timer's number in the wheel, while it waits for its time. It is in no list then, and this is kept
    /// in the place of a link.
    #[must_use]
    pub fn timer(&self) -> Option<u32> {
        (self.place == Place::Timed && self.next != NONE).then_some(self.next)
    }

    /// Remembers the number of its timer.
    pub fn set_timer(&mut self, timer: u32) {
        self.next = timer;
    }
}

/// A first-in, first-out list through the table.
#[derive(Clone, Copy, Debug)]
pub struct List {
    head: u32,
    tail: u32,
}

impl Default for List {
    fn default() -> Self {
        Self { head: NONE, tail: NONE }
    }
}

impl List {
    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.head == NONE
    }

    /// The first one.
    #[must_use]
    pub fn first(&self) -> Option<u32> {
        (self.head != NONE).then_some(self.head)
    }

    /// Adds at the end.
    pub fn push_back(&mut self, table: &mut Slab<Pending>, index: u32) {
        let Some(entry) = table.at_mut(index) else { return };
        entry.next = NONE;
        entry.previous = self.tail;
        match table.at_mut(self.tail) {
            Some(last) => last.next = index,
            None => self.head = index,
        }
        self.tail = index;
    }

    /// Adds at the beginning.
    pub fn push_front(&mut self, table: &mut Slab<Pending>, index: u32) {
        let Some(entry) = table.at_mut(index) else { return };
        entry.previous = NONE;
        entry.next = self.head;
        match table.at_mut(self.head) {
            Some(first) => first.previous = index,
            None => self.tail = index,
        }
        self.head = index;
    }

    /// Takes the first one out.
    pub fn pop_front(&mut self, table: &mut Slab<Pending>) -> Option<u32> {
        let first = self.first()?;
        self.unlink(table, first);
        Some(first)
    }

    /// Takes one of its entries out, wherever it is.
    pub fn unlink(&mut self, table: &mut Slab<Pending>, index: u32) {
        let Some((previous, next)) = table.at(index).map(|entry| (entry.previous, entry.next)) else {
            return;
        };
        match table.at_mut(previous) {
            Some(entry) => entry.next = next,
            None => self.head = next,
        }
        match table.at_mut(next) {
            Some(entry) => entry.previous = previous,
            None => self.tail = previous,
        }
    }
}

/// The weights of low, normal and high priority.
pub const WEIGHTS: [i32; 3] = [1, 4, 16];

/// One list a priority, in the order of [`WEIGHTS`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Ranks {
    lists: [List; 3],
    /// Smooth weighted round robin between the lists: each turn adds the weights, the highest goes.
    turns: [i32; 3],
}

impl Ranks {
    /// Whether nothing is in them.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lists.iter().all(List::is_empty)
    }

    /// The weight of the best priority that waits, 1 when none does.
    #[must_use]
    pub fn weight(&self) -> i32 {
        let waiting = WEIGHTS.iter().zip(&self.lists).filter(|(_, list)| !list.is_empty());
        waiting.map(|(weight, _)| *weight).max().unwrap_or(1)
    }

    /// Adds a delivery of that weight at an end of its list.
    pub fn push(&mut self, table: &mut Slab<Pending>, index: u32, weight: u8, first: bool) {
        let Some(list) = self.lists.get_mut(rank_of(weight)) else { return };
        if first { list.push_front(table, index) } else { list.push_back(table, index) }
    }

    /// Takes a delivery of that weight out, wherever it is.
    pub fn unlink(&mut self, table: &mut Slab<Pending>, index: u32, weight: u8) {
        if let Some(list) = self.lists.get_mut(rank_of(weight)) {
            list.unlink(table, index);
        }
    }

    /// Takes the next one out: by weight between priorities, in order within one.
    pub fn pop(&mut self, table: &mut Slab<Pending>) -> Option<u32> {
        let mut total = 0;
        let mut best: Option<(&mut i32, &mut List)> = None;
        for ((list, turn), weight) in self.lists.iter_mut().zip(&mut self.turns).zip(WEIGHTS) {
            if list.is_empty() {
                continue;
            }
            *turn += weight;
            total += weight;
            if best.as_ref().is_none_or(|(highest, _)| *turn >= **highest) {
                best = Some((turn, list));
            }
        }
        let (turn, list) = best?;
        *turn -= total;
        list.pop_front(table)
    }
}

fn rank_of(weight: u8) -> usize {
    match weight {
        0..=1 => 0,
        2..=4 => 1,
        5.. => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What ten million pending deliveries take follows from this; see `engine/memory.rs`.
    #[test]
    fn an_entry_is_small() {
        assert_eq!(size_of::<Pending>(), 72);
    }
}
