//! From ids to entries of the table, in four bytes a place.
//!
//! A hash map would keep the ids a second time; here only the entry's number is kept, and the id is read
//! in the table. Ids are UUIDs whose low half is random (RFC 9562, version 7), so that half is the hash.

use uuid::Uuid;

use super::pending::Pending;
use super::slab::{NONE, Slab};

/// Open addressing with linear probing; never more than half full.
#[derive(Debug, Default)]
pub(super) struct Ids {
    places: Vec<u32>,
    len: usize,
    /// Entries come that are all different; they get their places together.
    waits: bool,
}

impl Ids {
    /// The entry with that id.
    #[must_use]
    pub(super) fn get(&self, table: &Slab<Pending>, id: Uuid) -> Option<u32> {
        let place = self.find(table, id)?;
        self.places.get(place).copied().filter(|index| *index != NONE)
    }

    /// Adds an entry whose id is in the table and not in here.
    pub(super) fn insert(&mut self, table: &Slab<Pending>, index: u32) {
        self.len += 1;
        if self.waits {
            return;
        }
        if self.len * 2 <= self.places.len() {
            return self.put(table, index);
        }
        self.grow(table, self.places.len() * 2);
    }

    /// From now on the entries that come are all different, and get their places from [`Self::place_all`].
    /// Until then nothing is found.
    pub(super) fn wait(&mut self) {
        self.waits = true;
    }

    /// Gives every entry of the table its place, in the order of the places: ten million random places,
    /// one after the other, are ten million times something that is in no cache.
    pub(super) fn place_all(&mut self, table: &Slab<Pending>) {
        self.waits = false;
        self.places = vec![NONE; (table.len() * 2).next_power_of_two().max(16)];
        let home = |id| u32::try_from(self.home(id)).unwrap_or(u32::MAX);
        let mut homes: Vec<(u32, u32)> =
            table.range(0, usize::MAX).map(|(index, entry)| (home(entry.id), index)).collect();
        homes.sort_unstable();
        let mut free = 0;
        for (home, index) in homes {
            // From its home to its place nothing is empty, as if it had been looked for.
            let place = free.max(home as usize);
            match self.places.get_mut(place) {
                Some(at) => *at = index,
                // Past the end it goes on at the beginning.
                None => self.put(table, index),
            }
            free = place + 1;
        }
    }

    /// In the table's order: that reads it once from end to end, and has a new entry, too.
    fn grow(&mut self, table: &Slab<Pending>, places: usize) {
        self.places = vec![NONE; places.max(16)];
        for (index, _) in table.range(0, usize::MAX) {
            self.put(table, index);
        }
    }

    fn put(&mut self, table: &Slab<Pending>, index: u32) {
        let Some(entry) = table.at(index) else { return };
        if let Some(place) = self.find(table, entry.id).and_then(|place| self.places.get_mut(place)) {
            *place = index;
        }
    }

    /// Takes an id out. The table must still have its entry, and those of all others.
    pub(super) fn remove(&mut self, table: &Slab<Pending>, id: Uuid) {
        let Some(mut gap) = self.find(table, id) else { return };
        if self.places.get(gap).is_none_or(|index| *index == NONE) {
            return;
        }
        self.len -= 1;
        let mut place = gap;
        loop {
            place = self.after(place);
            let index = self.places.get(place).copied().unwrap_or(NONE);
            if index == NONE {
                break;
            }
            let Some(home) = table.at(index).map(|entry| self.home(entry.id)) else { continue };
            // It may close the gap unless its home lies behind the gap on the way to its place.
            let (way, to_gap) = (self.distance(home, place), self.distance(gap, place));
            if way >= to_gap {
                self.set(gap, index);
                gap = place;
            }
        }
        self.set(gap, NONE);
    }

    /// The place of an id, or the empty one where it belongs.
    fn find(&self, table: &Slab<Pending>, id: Uuid) -> Option<usize> {
        if self.places.is_empty() {
            return None;
        }
        let mut place = self.home(id);
        loop {
            let index = *self.places.get(place)?;
            if index == NONE || table.at(index).is_some_and(|entry| entry.id == id) {
                return Some(place);
            }
            place = self.after(place);
        }
    }

    /// The number of places is a power of two.
    fn home(&self, id: Uuid) -> usize {
        let (_, low) = id.as_u64_pair();
        usize::try_from(low).unwrap_or(0) & (self.places.len() - 1)
    }

    fn after(&self, place: usize) -> usize {
        (place + 1) & (self.places.len() - 1)
    }

    fn distance(&self, from: usize, to: usize) -> usize {
        to.wrapping_sub(from) & (self.places.len() - 1)
    }

    fn set(&mut self, place: usize, index: u32) {
        if let Some(at) = self.places.get_mut(place) {
            *at = index;
        }
    }
}
