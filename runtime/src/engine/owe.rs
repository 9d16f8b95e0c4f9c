//! What the engine is told about a delivery, as plain data, and the terms that many share.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use compiler::gate::Tally;
use compiler::hir::Schedule;
use uuid::Uuid;

use super::slab::{NONE, Slab};
use super::{Millis, decide};
use crate::id::{ConnectionId, WorkspaceId};
use crate::journal::Position;
use crate::model::{DeliveryRecord, Hours, Policy};
use crate::record::Origin;

/// A delivery that is owed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owe {
    /// The UUID of its id.
    pub id: Uuid,
    /// Where it belongs.
    pub workspace: WorkspaceId,
    /// Where it goes.
    pub connection: ConnectionId,
    /// The journal's record with it.
    pub position: Position,
    /// Which of that record's deliveries it is.
    pub index: u32,
    /// Where it was owed first, if it is not that record: a restart puts lanes in this order.
    pub origin: Origin,
    /// How it is tried.
    pub terms: Terms,
    /// So many start in so long, under this key.
    pub rate: Option<Tally>,
    /// The hash of what it is ordered by on its connection.
    pub order: Option<u64>,
    /// What a start costs in turns: 1, and 1 for each 4 KiB of its input.
    pub cost: u16,
    /// Not before this.
    pub due_at: Millis,
    /// After this it is given up.
    pub expires_at: Millis,
    /// Attempts made before.
    pub attempts: u32,
    /// Whether there is something to send.
    pub mapped: bool,
}

impl Owe {
    /// What a record makes the engine owe. `None` for what is skipped, and for an id that no server made.
    #[must_use]
    pub fn of(delivery: &DeliveryRecord, position: Position, index: u32) -> Option<Self> {
        if delivery.skipped.is_some() {
            return None;
        }
        let Some(id) = delivery.id.uuid() else {
            tracing::error!(delivery = %delivery.id, "a delivery whose id no server made is not sent");
            return None;
        };
        let bytes = delivery.input.as_ref().map_or(0, |input| input.len());
        let due_at = delivery.due_at.as_millisecond();
        Some(Self {
            id,
            workspace: delivery.workspace.clone(),
            connection: delivery.connection.clone(),
            position,
            index,
            origin: Origin { position, index },
            terms: Terms::of(&delivery.policy),
            rate: delivery.policy.rate,
            order: delivery.policy.order,
            cost: cost_of(bytes),
            due_at,
            expires_at: expires_at(due_at, &delivery.policy),
            attempts: 0,
            mapped: delivery.input.is_ok(),
        })
    }
}

/// What a start costs in turns, with an input of so many bytes.
#[must_use]
pub fn cost_of(input_bytes: usize) -> u16 {
    u16::try_from(1 + input_bytes / 4_096).unwrap_or(u16::MAX)
}

/// When a delivery that was due at that time is given up.
#[must_use]
pub fn expires_at(due_at: Millis, policy: &Policy) -> Millis {
    due_at.saturating_add(decide::millis(policy.expires))
}

/// How deliveries are tried: what the engine needs of a policy, and many deliveries share.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Terms {
    /// Attempts in all.
    pub attempts: u32,
    /// The wait after the first attempt.
    pub first_wait: Duration,
    /// No wait is longer.
    pub longest_wait: Duration,
    /// Each wait is the one before times this, in thousandths.
    pub growth_thousandths: u32,
    /// A wait is changed at random by up to this share, in thousandths.
    pub jitter_thousandths: u32,
    /// Its weight under pressure: 1, 4 or 16.
    pub weight: u8,
    /// Only in these hours.
    pub hours: Option<Arc<Hours>>,
}

impl Terms {
    /// The terms of a policy.
    #[must_use]
    pub fn of(policy: &Policy) -> Self {
        Self {
            attempts: policy.attempts,
            first_wait: policy.first_wait,
            longest_wait: policy.longest_wait,
            growth_thousandths: policy.growth_thousandths,
            jitter_thousandths: policy.jitter_thousandths,
            weight: policy.weight,
            hours: policy.hours.clone(),
        }
    }
}

/// Terms that are in use.
#[derive(Debug)]
pub struct Shared {
    /// The terms.
    pub terms: Terms,
    /// Their hours, ready to be asked.
    pub schedule: Option<Schedule>,
    deliveries: u32,
}

/// All terms in use, each once.
#[derive(Debug, Default)]
pub struct TermsTable {
    table: Slab<Shared>,
    numbers: HashMap<Terms, u32>,
    /// Most deliveries have the terms of the one before.
    last: Option<(Terms, u32)>,
}

impl TermsTable {
    /// The number of terms, counted as used once more.
    pub fn join(&mut self, terms: &Terms) -> u32 {
        let number = match &self.last {
            Some((last, number)) if last == terms => *number,
            _ => match self.numbers.get(terms) {
                Some(number) => *number,
                None => self.add(terms),
            },
        };
        if let Some(shared) = self.table.at_mut(number) {
            shared.deliveries += 1;
        }
        if self.last.as_ref().is_none_or(|(_, last)| *last != number) {
            self.last = Some((terms.clone(), number));
        }
        number
    }

    fn add(&mut self, terms: &Terms) -> u32 {
        let schedule = terms.hours.as_deref().map(Hours::schedule);
        let number = self.table.insert(Shared { terms: terms.clone(), schedule, deliveries: 0 }).index();
        self.numbers.insert(terms.clone(), number);
        number
    }

    /// Counts a use out.
    pub fn leave(&mut self, number: u32) {
        let Some(shared) = self.table.at_mut(number) else { return };
        shared.deliveries -= 1;
        if shared.deliveries > 0 {
            return;
        }
        self.last.take_if(|(_, last)| *last == number);
        if let Some(shared) = self.table.remove(number) {
            self.numbers.remove(&shared.terms);
        }
    }

    /// The terms with that number.
    #[must_use]
    pub fn get(&self, number: u32) -> Option<&Shared> {
        self.table.at(number).filter(|_| number != NONE)
    }
}
