//! Decides what is sent when, as a state machine: inputs and the time go in, effects come out.
//!
//! It does no IO, reads no clock and owns its random numbers, so a simulation drives it through days in
//! milliseconds and finds the same bug twice. A delivery is in one of three places: the wheel (not yet),
//! its connection's queue (as soon as it is its turn), or under way.

pub mod breaker;
pub mod decide;
pub mod pending;
pub mod queue;
pub mod slab;
#[cfg(test)]
mod tests;
pub mod wheel;

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use self::decide::{Next, Series, decide};
use self::pending::{Pending, Place};
use self::queue::Queues;
use self::slab::Slab;
use self::wheel::{TICK, Wheel};
use crate::id::{ConnectionId, DeliveryId, WorkspaceId};
use crate::journal::Position;
use crate::model::{DeadReason, Outcome, Policy, State};

pub use self::slab::Key;

/// Milliseconds since 1970, or a number of them.
pub type Millis = i64;

/// What may be under way at once.
#[derive(Clone, Copy, Debug)]
pub struct Caps {
    /// Attempts of the node.
    pub in_flight_max: u32,
    /// Attempts to one connection.
    pub connection_in_flight_max: u32,
}

/// One call moves, fires and gives up at most so many deliveries; the rest is for the next call.
const WORK_MAX: usize = 4_096;

/// A delivery that is owed.
#[derive(Clone, Debug)]
pub struct Owe {
    /// Its id.
    pub id: DeliveryId,
    /// Where it belongs.
    pub workspace: WorkspaceId,
    /// Where it goes.
    pub connection: ConnectionId,
    /// The journal's record with it.
    pub position: Position,
    /// Which of that record's deliveries it is.
    pub index: u32,
    /// How it is tried.
    pub policy: Policy,
    /// When it was owed.
    pub created_at: Millis,
    /// Not before this.
    pub due_at: Millis,
    /// Attempts made before.
    pub attempts: u32,
    /// Whether there is something to send.
    pub mapped: bool,
}

/// What happens to an engine.
#[derive(Debug)]
pub enum Input {
    /// Time has passed.
    Tick,
    /// Something is owed, durably.
    Owe(Box<Owe>),
    /// What was started is over.
    Finished {
        /// Which.
        key: Key,
        /// How.
        ending: Ending,
    },
    /// An operator gives a delivery up.
    Discard(DeliveryId),
    /// The journal has a delivery in a new place.
    Carried {
        /// Which.
        id: DeliveryId,
        /// The record with it.
        position: Position,
        /// Which of that record's deliveries it is.
        index: u32,
    },
    /// Nothing new is started any more.
    Drain,
}

/// How something that was started ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With an attempt.
    Attempt {
        /// What came of it.
        outcome: Outcome,
        /// How long the receiver asked to wait.
        retry_after: Option<Millis>,
        /// The receiver never wants to be called again.
        gone_for_good: bool,
    },
    /// There was no attempt: the connection is gone or disabled.
    Unusable,
}

/// What an engine wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Send it, and answer with [`Input::Finished`].
    Start {
        /// Its name until it is settled.
        key: Key,
        /// Its id.
        id: DeliveryId,
        /// Where it belongs.
        workspace: WorkspaceId,
        /// Where it goes.
        connection: ConnectionId,
        /// The journal's record with it.
        position: Position,
        /// Which of that record's deliveries it is.
        index: u32,
        /// Which try, from 1.
        attempt: u32,
    },
    /// It is in another state. Write it down.
    Moved {
        /// What was started, when this is its end.
        key: Option<Key>,
        /// Its id.
        id: DeliveryId,
        /// Where it belongs.
        workspace: WorkspaceId,
        /// The journal's record with it.
        position: Position,
        /// The state: again, delivered or dead letter.
        state: State,
    },
    /// Disable the connection: its receiver is gone for good.
    Disable {
        /// Where it belongs.
        workspace: WorkspaceId,
        /// Which.
        connection: ConnectionId,
    },
}

enum Timer {
    Delivery(Key),
    Connection(Key),
}

/// The engine of one node.
pub struct Engine {
    table: Slab<Pending>,
    by_id: HashMap<DeliveryId, Key>,
    queues: Queues,
    wheel: Wheel<Timer>,
    random: StdRng,
    now: Millis,
    draining: bool,
    /// The last call left work undone.
    behind: bool,
    /// Most deliveries have the policy of the one before.
    last_policy: Option<Arc<Policy>>,
}

impl Engine {
    /// An engine that owes nothing, at that time.
    #[must_use]
    pub fn new(caps: Caps, now: Millis, seed: u64) -> Self {
        Self {
            table: Slab::default(),
            by_id: HashMap::new(),
            queues: Queues::new(caps),
            wheel: Wheel::at(now),
            random: StdRng::seed_from_u64(seed),
            now,
            draining: false,
            behind: false,
            last_policy: None,
        }
    }

    /// Takes one input and appends what follows from it and from the time.
    pub fn step(&mut self, now: Millis, input: Input, effects: &mut Vec<Effect>) {
        self.now = self.now.max(now);
        match input {
            Input::Tick => {}
            Input::Owe(owe) => self.owe(*owe, effects),
            Input::Finished { key, ending } => self.finished(key, ending, effects),
            Input::Discard(id) => self.discard(&id, effects),
            Input::Carried { id, position, index } => {
                let entry = self.by_id.get(&id).and_then(|key| self.table.get_mut(*key));
                if let Some(entry) = entry {
                    (entry.position, entry.index) = (position, index);
                }
            }
            Input::Drain => self.draining = true,
        }
        self.fire();
        self.start(effects);
    }

    /// When the next [`Input::Tick`] is wanted; `None` for not before something else happens.
    #[must_use]
    pub fn next_tick(&self) -> Option<Millis> {
        if self.behind {
            return Some(self.now);
        }
        (!self.wheel.is_empty()).then(|| (self.now / TICK + 1) * TICK)
    }

    /// The deliveries whose record is in a segment.
    #[must_use]
    pub fn owed_in(&self, segment: u32) -> Vec<Key> {
        let entries = self.table.iter().filter(|(_, entry)| entry.position.segment == segment);
        entries.map(|(key, _)| key).collect()
    }

    /// A delivery that waits, for a copy of its record. What is under way is not copied: its end comes first.
    #[must_use]
    pub fn waiting(&self, key: Key) -> Option<&Pending> {
        self.table.get(key).filter(|entry| matches!(entry.place, Place::Timed | Place::Queued))
    }

    /// Deliveries that are not settled.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.table.len()
    }

    /// Whether nothing is started any more and nothing is under way.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.draining && self.in_flight() == 0
    }

    /// Attempts under way.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        self.queues.in_flight()
    }

    fn owe(&mut self, owe: Owe, effects: &mut Vec<Effect>) {
        if !owe.mapped {
            let state = State::DeadLetter { reason: DeadReason::MappingFailed };
            let (id, workspace, position) = (owe.id, owe.workspace, owe.position);
            effects.push(Effect::Moved { key: None, id, workspace, position, state });
            return;
        }
        let policy = match &self.last_policy {
            Some(last) if **last == owe.policy => Arc::clone(last),
            _ => Arc::new(owe.policy.clone()),
        };
        self.last_policy = Some(Arc::clone(&policy));
        let connection = self.queues.join(&owe.workspace, &owe.connection);
        let key = self.table.insert(Pending::new(&owe, connection, policy));
        self.by_id.insert(owe.id, key);
        if owe.due_at > self.now {
            self.wheel.insert(owe.due_at, Timer::Delivery(key));
        } else {
            self.enqueue(key, owe.attempts > 0);
        }
    }

    fn finished(&mut self, key: Key, ending: Ending, effects: &mut Vec<Effect>) {
        let Some(entry) = self.table.get(key) else { return };
        let (connection, place) = (entry.connection, entry.place);
        self.queues.release(connection, self.now);
        let (outcome, retry_after, gone_for_good) = match ending {
            Ending::Unusable => {
                self.settle(key, Some(key), dead(DeadReason::ConnectionUnusable), effects);
                return;
            }
            Ending::Attempt { outcome, retry_after, gone_for_good } => (outcome, retry_after, gone_for_good),
        };
        let series = Series { made: entry.attempts, created_at: entry.created_at, retry_after };
        let next = decide(outcome, &entry.policy, series, self.now, self.random.random());
        self.judge(connection, outcome, retry_after);
        if gone_for_good && let Some(queue) = self.queues.connection(connection) {
            let (workspace, connection) = (queue.workspace_id.clone(), queue.id.clone());
            effects.push(Effect::Disable { workspace, connection });
        }
        match next {
            Next::Done => self.settle(key, Some(key), State::Delivered, effects),
            Next::Again(_) if place == Place::Discarding => {
                self.settle(key, Some(key), dead(DeadReason::Discarded), effects);
            }
            Next::DeadLetter(reason) => self.settle(key, Some(key), dead(reason.into()), effects),
            Next::Again(at) => {
                self.moved(key, Some(key), State::Again { at: timestamp(at) }, effects);
                if at > self.now {
                    if let Some(entry) = self.table.get_mut(key) {
                        entry.place = Place::Timed;
                        entry.due_at = at;
                    }
                    self.wheel.insert(at, Timer::Delivery(key));
                } else {
                    self.enqueue(key, true);
                }
            }
        }
    }

    /// What an outcome says about its connection as a whole.
    fn judge(&mut self, connection: Key, outcome: Outcome, retry_after: Option<Millis>) {
        if let Some(wait) = retry_after.filter(|wait| *wait > 0) {
            self.block(connection, self.now.saturating_add(wait.min(decide::RETRY_AFTER_MAX)));
        }
        let Some(breaker) = self.queues.breaker(connection) else { return };
        let open_until = match outcome {
            Outcome::Delivered | Outcome::DuplicateAccepted | Outcome::Rejected => {
                breaker.succeeded();
                self.queues.list(connection, self.now);
                None
            }
            Outcome::DestinationError
            | Outcome::TimedOut
            | Outcome::Unreachable
            | Outcome::AddressRefused
            | Outcome::TlsFailed
            | Outcome::CredentialsRefused => breaker.failed(self.now),
            Outcome::RateLimited | Outcome::MappingFailed | Outcome::Unknown => None,
        };
        if let Some(until) = open_until {
            self.block(connection, until);
        }
    }

    fn block(&mut self, connection: Key, until: Millis) {
        if self.queues.block(connection, until) {
            self.wheel.insert(until, Timer::Connection(connection));
        }
    }

    fn discard(&mut self, id: &DeliveryId, effects: &mut Vec<Effect>) {
        let Some(key) = self.by_id.get(id).copied() else { return };
        let Some(entry) = self.table.get_mut(key) else { return };
        match entry.place {
            // It may be on the receiver's desk already; its own outcome decides, but nothing follows.
            Place::InFlight | Place::Discarding => entry.place = Place::Discarding,
            Place::Queued => {
                self.queues.unlink(&mut self.table, key);
                self.settle(key, None, dead(DeadReason::Discarded), effects);
            }
            Place::Timed => self.settle(key, None, dead(DeadReason::Discarded), effects),
        }
    }

    /// Puts what is due into its queue.
    fn fire(&mut self) {
        let mut due = Vec::new();
        self.behind = !self.wheel.advance(self.now, WORK_MAX, |timer| due.push(timer));
        for timer in due {
            match timer {
                Timer::Delivery(key) => {
                    // A discarded one is gone or in another place by now.
                    if self.table.get(key).is_some_and(|entry| entry.place == Place::Timed) {
                        self.enqueue(key, true);
                    }
                }
                Timer::Connection(key) => self.queues.unblock(key, self.now),
            }
        }
    }

    /// Starts what may be started.
    fn start(&mut self, effects: &mut Vec<Effect>) {
        let mut work = WORK_MAX;
        while !self.draining && work > 0 {
            let Some(key) = self.queues.pick(&mut self.table, self.now) else { return };
            work -= 1;
            let Some(entry) = self.table.get_mut(key) else { continue };
            if self.now > entry.expires_at() {
                let connection = entry.connection;
                self.queues.release(connection, self.now);
                self.settle(key, None, dead(DeadReason::Expired), effects);
                continue;
            }
            entry.place = Place::InFlight;
            entry.attempts = entry.attempts.saturating_add(1);
            let Some(queue) = self.queues.connection(entry.connection) else { continue };
            effects.push(Effect::Start {
                key,
                id: entry.id.clone(),
                workspace: queue.workspace_id.clone(),
                connection: queue.id.clone(),
                position: entry.position,
                index: entry.index,
                attempt: entry.attempts,
            });
        }
        self.behind |= work == 0;
    }

    fn enqueue(&mut self, key: Key, comes_back: bool) {
        if let Some(entry) = self.table.get_mut(key) {
            entry.place = Place::Queued;
        }
        self.queues.enqueue(&mut self.table, key, comes_back, self.now);
    }

    fn moved(&mut self, key: Key, started: Option<Key>, state: State, effects: &mut Vec<Effect>) {
        let Some(entry) = self.table.get(key) else { return };
        let Some(queue) = self.queues.connection(entry.connection) else { return };
        let (id, workspace, position) = (entry.id.clone(), queue.workspace_id.clone(), entry.position);
        effects.push(Effect::Moved { key: started, id, workspace, position, state });
    }

    /// Moves a delivery into its last state and forgets it.
    fn settle(&mut self, key: Key, started: Option<Key>, state: State, effects: &mut Vec<Effect>) {
        self.moved(key, started, state, effects);
        if let Some(entry) = self.table.remove(key) {
            self.by_id.remove(&entry.id);
            self.queues.leave(entry.connection, self.now);
        }
    }
}

fn dead(reason: DeadReason) -> State {
    State::DeadLetter { reason }
}

/// A time in milliseconds as a timestamp.
#[must_use]
pub fn timestamp(at: Millis) -> Timestamp {
    Timestamp::from_millisecond(at).unwrap_or(Timestamp::MAX)
}
