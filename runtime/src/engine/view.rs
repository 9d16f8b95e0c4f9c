//! Looking into an engine: its pending deliveries for a checkpoint, and why something is not sent.

use compiler::gate::{RateGate, Tally};
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::breaker::BreakerView;
use super::owe::{Owe, Terms};
use super::pending::{Pending, Place};
use super::{Effect, Engine, Key, Millis, timestamp};
use crate::id::{ConnectionId, DeliveryId, WorkspaceId};
use crate::journal::Position;

/// A pending delivery, for a checkpoint.
#[derive(Clone, Copy, Debug)]
pub struct PendingView<'a> {
    /// The UUID of its id.
    pub id: Uuid,
    /// Where it belongs.
    pub workspace: &'a WorkspaceId,
    /// Where it goes.
    pub connection: &'a ConnectionId,
    /// The connection's number in this engine, the same for all of its deliveries.
    pub connection_number: u32,
    /// The journal's record with it.
    pub position: Position,
    /// Which of that record's deliveries it is.
    pub index: u32,
    /// How it is tried.
    pub terms: &'a Terms,
    /// The terms' number in this engine, the same for all deliveries with equal ones.
    pub terms_number: u32,
    /// Its rate limit.
    pub rate: Option<Tally>,
    /// The hash of what it is ordered by.
    pub order: Option<u64>,
    /// What a start costs in turns.
    pub cost: u16,
    /// Not before this; for what is under way, since when.
    pub due_at: Millis,
    /// After this it is given up.
    pub expires_at: Millis,
    /// Attempts made, one under way included.
    pub attempts: u32,
    /// Whether an attempt is under way: after a crash nobody knows what came of it.
    pub under_way: bool,
}

impl PendingView<'_> {
    /// What [`Engine::restore`] takes.
    #[must_use]
    pub fn to_owe(&self) -> Owe {
        Owe {
            id: self.id,
            workspace: self.workspace.clone(),
            connection: self.connection.clone(),
            position: self.position,
            index: self.index,
            terms: self.terms.clone(),
            rate: self.rate,
            order: self.order,
            cost: self.cost,
            due_at: self.due_at,
            expires_at: self.expires_at,
            attempts: self.attempts,
            mapped: true,
        }
    }
}

/// Why a pending delivery is not being sent, or that it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "waits_for", rename_all = "snake_case")]
pub enum Standing {
    /// Its time.
    Time {
        /// Not before this.
        until: Timestamp,
    },
    /// Its turn: its connection or its workspace has as much under way as it may.
    Turn,
    /// Its connection: the receiver is down, or has asked to wait.
    Connection {
        /// Not before this.
        until: Timestamp,
    },
    /// Room under its rate limit.
    RateLimit {
        /// When there is room for one more.
        until: Timestamp,
    },
    /// Another one with its `order_by`, which is tried first.
    Order {
        /// That one's id.
        ahead: DeliveryId,
    },
    /// The answer to an attempt.
    Answer {
        /// When it began.
        since: Timestamp,
    },
}

/// How a connection with pending deliveries stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConnectionView {
    /// Whether its receiver is worth calling.
    pub breaker: BreakerView,
    /// Nothing is sent before, because the receiver asked to wait or is down.
    pub paused_until: Option<Timestamp>,
    /// Attempts under way.
    pub in_flight: u32,
    /// Attempts that may be under way at once now.
    pub in_flight_max: u32,
    /// Deliveries that are not settled.
    pub pending: u32,
}

impl Engine {
    /// All pending deliveries, in no order. To look at some millions in pieces, use [`Self::entries_from`].
    pub fn entries(&self) -> impl Iterator<Item = PendingView<'_>> {
        self.entries_from(0, usize::MAX)
    }

    /// The pending deliveries in `most` places from that one on; there are [`Self::places`]. What stays
    /// pending stays in its place, so a walk in pieces sees everything that is pending from its
    /// beginning to its end, each as it is at that moment.
    pub fn entries_from(&self, place: u32, most: usize) -> impl Iterator<Item = PendingView<'_>> {
        self.table.range(place, most).filter_map(|(_, entry)| self.view(entry))
    }

    /// How many places there are to walk through.
    #[must_use]
    pub fn places(&self) -> usize {
        self.table.places()
    }

    fn view<'a>(&'a self, entry: &Pending) -> Option<PendingView<'a>> {
        let queue = self.queues.connection(entry.connection)?;
        Some(PendingView {
            id: entry.id,
            workspace: &queue.workspace_id,
            connection: &queue.id,
            connection_number: entry.connection,
            position: entry.position,
            index: entry.index,
            terms: &self.terms.get(entry.terms)?.terms,
            terms_number: entry.terms,
            rate: self.limits.bucket(entry.bucket).map(|bucket| bucket.tally),
            order: self.lanes.order(entry.lane),
            cost: entry.cost,
            due_at: entry.due_at,
            expires_at: entry.expires_at(),
            attempts: u32::from(entry.attempts),
            under_way: entry.place.is_under_way(),
        })
    }

    /// Takes what was owed before a restart, in any order. Nothing is started before the next step; what
    /// has no input becomes a dead letter here. Lanes are in the order of ids, which is that of their
    /// making, whatever was copied within the journal since.
    pub fn restore(&mut self, owed: impl IntoIterator<Item = Owe>, effects: &mut Vec<Effect>) {
        let mut ordered = Vec::new();
        // What is due stands in its queue already, and no timer would wake anybody for it.
        self.behind = true;
        for owe in owed {
            if owe.order.is_some() { ordered.push(owe) } else { self.owe(owe, effects) }
        }
        ordered.sort_by_key(|owe| owe.id);
        for owe in ordered {
            self.owe(owe, effects);
        }
    }

    /// The same of one delivery without an order, faster: `known` is the number of its connection, found at
    /// the first one and good while the engine takes nothing else.
    pub fn restore_one(&mut self, owe: Owe, known: &mut Option<u32>, effects: &mut Vec<Effect>) {
        self.behind = true;
        self.owe_to(owe, known, effects);
    }

    /// Makes room for so many deliveries more.
    pub fn reserve(&mut self, deliveries: usize) {
        self.table.reserve(deliveries);
        self.ids.reserve(&self.table, deliveries);
        self.wheel.reserve(deliveries);
    }

    /// What was started lately under rate limits, by workspace, for a checkpoint.
    pub fn rates(&self) -> impl Iterator<Item = (&WorkspaceId, &RateGate)> {
        self.limits.gates()
    }

    /// Remembers what was started before a restart.
    pub fn restore_rates(&mut self, rates: impl IntoIterator<Item = (WorkspaceId, RateGate)>) {
        for (workspace, gate) in rates {
            self.limits.remember(workspace, gate);
        }
    }

    /// The deliveries whose record is in a segment.
    #[must_use]
    pub fn owed_in(&self, segment: u32) -> Vec<Key> {
        let entries = self.table.range(0, usize::MAX).filter(|(_, entry)| entry.position.segment == segment);
        entries.filter_map(|(index, _)| self.table.key_at(index)).collect()
    }

    /// A delivery that waits, for a copy of its record. What is under way is not copied: its end comes first.
    #[must_use]
    pub fn waiting(&self, key: Key) -> Option<&Pending> {
        self.table.get(key).filter(|entry| !entry.place.is_under_way())
    }

    /// Why a delivery is not being sent; `None` when it is not pending.
    #[must_use]
    pub fn standing(&self, id: Uuid) -> Option<Standing> {
        let entry = self.table.at(self.ids.get(&self.table, id)?)?;
        let queue = self.queues.connection(entry.connection)?;
        Some(match entry.place {
            Place::Timed => Standing::Time { until: timestamp(entry.due_at) },
            Place::Queued if queue.blocked_until > self.now => {
                Standing::Connection { until: timestamp(queue.blocked_until) }
            }
            Place::Queued => Standing::Turn,
            Place::Limited => {
                let tally = self.limits.bucket(entry.bucket)?.tally;
                let at = self.limits.start_at(&queue.workspace_id, tally, self.now);
                Standing::RateLimit { until: timestamp(at) }
            }
            Place::Behind => {
                let head = self.table.at(self.lanes.head(entry.lane)?)?;
                Standing::Order { ahead: DeliveryId::from_uuid(head.id) }
            }
            Place::InFlight | Place::Discarding => Standing::Answer { since: timestamp(entry.due_at) },
        })
    }

    /// How a connection stands; `None` when nothing is pending for it, and it is not paused.
    #[must_use]
    pub fn connection(&self, workspace: &WorkspaceId, connection: &ConnectionId) -> Option<ConnectionView> {
        let queue = self.queues.connection(self.queues.find(workspace, connection)?)?;
        Some(ConnectionView {
            breaker: queue.breaker.view(self.now),
            paused_until: (queue.blocked_until > self.now).then(|| timestamp(queue.blocked_until)),
            in_flight: queue.in_flight,
            in_flight_max: queue.allowed(self.now, self.queues.caps()),
            pending: queue.pending,
        })
    }
}
