//! Whose turn it is: deficit round robin with a list for newcomers.
//!
//! Everybody has a credit; being served costs, and with every round one gets a quantum. Who has used up
//! the credit, or owes, comes back in the round in which it is positive again: a calendar of rounds, so
//! that deep debts cost no empty rounds (Shreedhar and Varghese 1995). Who becomes active with credit left
//! goes before all others, as in FQ-CoDel (RFC 8290): the sparse do not wait behind the busy.

use std::collections::{BTreeSet, VecDeque};

/// Nobody owes more: about 30 seconds of one attempt under way. A receiver that was slow for hours is
/// forgiven for the rest when it is back.
pub(super) const DEBT_MAX: i64 = 1_200;

/// What one has at hand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Credit {
    left: i64,
    /// The round in which it last left.
    left_in: u64,
}

impl Credit {
    /// A newcomer's.
    #[must_use]
    pub(super) fn new(quantum: i64) -> Self {
        Self { left: quantum, left_in: 0 }
    }

    /// Pays for something.
    pub(super) fn pay(&mut self, cost: i64) {
        self.left = (self.left - cost).max(-DEBT_MAX);
    }

    /// Whether it may be served.
    #[must_use]
    pub(super) fn is_positive(&self) -> bool {
        self.left > 0
    }
}

/// Those who wait for a turn.
#[derive(Debug, Default)]
pub(super) struct Turns {
    round: u64,
    sequence: u64,
    new: VecDeque<u32>,
    old: BTreeSet<(u64, u64, u32)>,
}

/// A place among those who wait, valid until something changes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Turn {
    /// Among the newcomers.
    New(usize),
    /// In a round.
    Old((u64, u64, u32)),
}

impl Turns {
    /// Lets one wait. For each round that it was away it is credited up to one quantum.
    pub(super) fn join(&mut self, who: u32, credit: &mut Credit, quantum: i64) {
        let rounds = i64::try_from(self.round.saturating_sub(credit.left_in)).unwrap_or(i64::MAX);
        if credit.left < quantum {
            credit.left = credit.left.saturating_add(rounds.saturating_mul(quantum)).min(quantum);
        }
        if credit.is_positive() { self.new.push_back(who) } else { self.later(who, credit, quantum) }
    }

    fn later(&mut self, who: u32, credit: &mut Credit, quantum: i64) {
        let quantum = quantum.max(1);
        let rounds = (1 - credit.left).max(1).unsigned_abs().div_ceil(quantum.unsigned_abs());
        credit.left = credit.left.saturating_add(i64::try_from(rounds).unwrap_or(0).saturating_mul(quantum));
        self.sequence += 1;
        self.old.insert((self.round + rounds, self.sequence, who));
    }

    /// Those who wait, in the order of their turns.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Turn, u32)> {
        let new = self.new.iter().enumerate().map(|(at, who)| (Turn::New(at), *who));
        new.chain(self.old.iter().map(|place| (Turn::Old(*place), place.2)))
    }

    /// The one whose turn it is.
    #[must_use]
    pub(super) fn first(&self) -> Option<(Turn, u32)> {
        self.iter().next()
    }

    /// Begins the round of the one whose turn it is.
    pub(super) fn serve(&mut self, turn: Turn) {
        if let Turn::Old((round, ..)) = turn {
            self.round = self.round.max(round);
        }
    }

    /// Has one wait for the round in which its credit is positive.
    pub(super) fn put_off(&mut self, turn: Turn, who: u32, credit: &mut Credit, quantum: i64) {
        self.serve(turn);
        self.take(turn);
        self.later(who, credit, quantum);
    }

    /// Takes one out who has nothing to do.
    pub(super) fn leave(&mut self, turn: Turn, credit: &mut Credit) {
        self.take(turn);
        credit.left_in = self.round;
    }

    fn take(&mut self, turn: Turn) {
        match turn {
            Turn::New(at) => drop(self.new.remove(at)),
            Turn::Old(place) => drop(self.old.remove(&place)),
        }
    }

    /// How many wait.
    #[must_use]
    pub(super) fn len(&self) -> usize {
        self.new.len() + self.old.len()
    }
}
