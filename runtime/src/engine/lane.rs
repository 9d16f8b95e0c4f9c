//! Order by key: a lane per connection and key, in which one waits for the one before to be settled.
//!
//! Deliveries stand in the order in which they were owed, delayed ones too. The first holds its lane until
//! it is delivered or given up by its own policy: attempts, expiry, an operator. Then the next is first.

use std::collections::HashMap;

use super::pending::{List, Pending};
use super::slab::{NONE, Slab};

/// One lane.
#[derive(Debug)]
pub(super) struct Lane {
    connection: u32,
    order: u64,
    /// The one that may be sent, wherever it is.
    head: u32,
    behind: List,
}

/// All lanes with something in them.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    lanes: Slab<Lane>,
    numbers: HashMap<(u32, u64), u32>,
}

impl Lanes {
    /// Puts a delivery at the end of its lane. Returns whether it is the first.
    pub(super) fn join(&mut self, table: &mut Slab<Pending>, index: u32, order: u64) -> bool {
        let Some(connection) = table.at(index).map(|entry| entry.connection) else { return true };
        let number = *self.numbers.entry((connection, order)).or_insert_with(|| {
            self.lanes.insert(Lane { connection, order, head: NONE, behind: List::default() }).index()
        });
        if let Some(entry) = table.at_mut(index) {
            entry.lane = number;
        }
        let Some(lane) = self.lanes.at_mut(number) else { return true };
        if lane.head == NONE {
            lane.head = index;
            return true;
        }
        lane.behind.push_back(table, index);
        false
    }

    /// Takes a settled delivery out of its lane. Returns the one that is first now, if it was not before.
    pub(super) fn leave(&mut self, table: &mut Slab<Pending>, index: u32) -> Option<u32> {
        let number = table.at(index).map(|entry| entry.lane)?;
        let lane = self.lanes.at_mut(number)?;
        if lane.head != index {
            lane.behind.unlink(table, index);
            return None;
        }
        match lane.behind.pop_front(table) {
            Some(next) => {
                lane.head = next;
                Some(next)
            }
            None => {
                let key = (lane.connection, lane.order);
                self.numbers.remove(&key);
                self.lanes.remove(number);
                None
            }
        }
    }

    /// The delivery that holds a lane.
    #[must_use]
    pub(super) fn head(&self, number: u32) -> Option<u32> {
        self.lanes.at(number).map(|lane| lane.head)
    }

    /// What the lane is ordered by.
    #[cfg(test)]
    #[must_use]
    pub(super) fn order(&self, number: u32) -> Option<u64> {
        self.lanes.at(number).map(|lane| lane.order)
    }
}
