//! Looking into an engine, what it takes over at start, and why something is not sent.

use compiler::gate::RateGate;
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::breaker::BreakerView;
use super::owe::Owe;
use super::pending::{Pending, Place};
use super::{Effect, Engine, Key, timestamp};
use crate::id::{ConnectionId, DeliveryId, WorkspaceId};
use crate::journal::Position;

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
    /// Takes what was owed before a restart, in any order. Nothing is started before the next step; what
    /// has no input becomes a dead letter here. Lanes are in the order in which it was owed first, whatever
    /// was copied within the journal since.
    pub fn restore(&mut self, owed: impl IntoIterator<Item = Owe>, effects: &mut Vec<Effect>) {
        let mut ordered = Vec::new();
        // What is due stands in its queue already, and no timer would wake anybody for it.
        self.behind = true;
        for owe in owed {
            if owe.order.is_some() { ordered.push(owe) } else { self.owe(owe, effects) }
        }
        // Ids say the order of what earlier versions have copied: they follow the time.
        ordered.sort_by_key(|owe| (owe.origin, owe.id));
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

    /// A restart begins to hand over so many deliveries, no two of them the same; [`Self::restored`] says that
    /// it has.
    pub fn restoring(&mut self, deliveries: usize) {
        self.table.reserve(deliveries);
        self.wheel.reserve(deliveries);
        self.ids.wait();
    }

    /// The restart has handed over everything. Before this nothing is found by its id.
    pub fn restored(&mut self) {
        self.ids.place_all(&self.table);
    }

    /// Remembers what was started before a restart.
    pub fn restore_rates(&mut self, rates: impl IntoIterator<Item = (WorkspaceId, RateGate)>) {
        for (workspace, gate) in rates {
            self.limits.remember(workspace, gate);
        }
    }

    /// How many places there are to walk through.
    #[must_use]
    pub fn places(&self) -> usize {
        self.table.places()
    }

    /// The deliveries whose record is in a segment, among those in `most` places from that one on. What stays
    /// pending stays in its place, so a walk in pieces sees all that is pending from its beginning to its end.
    pub fn owed_in(&self, segment: u32, place: u32, most: usize) -> impl Iterator<Item = (Position, Key)> {
        let entries = self.table.range(place, most);
        let owed = entries.filter(move |(_, entry)| entry.position.segment == segment);
        owed.filter_map(|(index, entry)| Some((entry.position, self.table.key_at(index)?)))
    }

    /// Whether an attempt of a delivery is under way.
    #[must_use]
    pub fn is_under_way(&self, key: Key) -> bool {
        self.table.get(key).is_some_and(|entry| entry.place.is_under_way())
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
