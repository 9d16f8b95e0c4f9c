//! Decides what is sent when, as a state machine: inputs and the time go in, effects come out.
//!
//! It does no IO, reads no clock and owns its random numbers, so a simulation drives it through days in
//! milliseconds and finds the same bug twice. A delivery is in one place at a time: the wheel (not yet), its
//! connection's queue (as soon as it is its turn), under its rate limit, behind another one in its lane,
//! or under way.

pub mod breaker;
pub mod decide;
mod finish;
mod ids;
mod lane;
mod limit;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod model;
pub mod owe;
pub mod pace;
pub mod pending;
pub mod queue;
pub mod slab;
#[cfg(test)]
mod tests;
mod turns;
pub mod view;
pub mod wheel;

use compiler::gate::Tally;
use jiff::Timestamp;
use rand::SeedableRng;
use rand::rngs::StdRng;
use uuid::Uuid;

use self::ids::Ids;
use self::lane::Lanes;
use self::limit::Limits;
use self::owe::TermsTable;
use self::pending::{Pending, Place};
use self::queue::Queues;
use self::slab::{NONE, Slab};
use self::wheel::{TICK, Wheel};
use crate::id::{ConnectionId, WorkspaceId};
use crate::journal::Position;
use crate::model::{DeadReason, Outcome, SkipReason, State};

pub use self::owe::Owe;
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

/// Every pending delivery is asked within this time whether it has expired, when there are not too many:
/// one call asks [`WORK_MAX`], so that ten million take some 25 seconds more.
const SWEEP: Millis = 30_000;

/// One call moves, fires and gives up at most so many deliveries; the rest is for the next call.
const WORK_MAX: usize = 4_096;

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
    Discard(Uuid),
    /// The journal has a delivery in a new place.
    Carried {
        /// Which.
        id: Uuid,
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
        /// The UUID of its id.
        id: Uuid,
        /// Where it belongs.
        workspace: WorkspaceId,
        /// The journal's record with it.
        position: Position,
        /// Which of that record's deliveries it is.
        index: u32,
        /// Which try, from 1.
        attempt: u32,
        /// The rate limit that it counts for.
        rate: Option<Tally>,
    },
    /// It is in another state. Write it down.
    Moved {
        /// What was started, when this is its end.
        key: Option<Key>,
        /// The UUID of its id.
        id: Uuid,
        /// Where it belongs.
        workspace: WorkspaceId,
        /// The journal's record with it.
        position: Position,
        /// The state: again, delivered, dead letter or skipped.
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
    Bucket(Key),
}

/// The engine of one node.
pub struct Engine {
    table: Slab<Pending>,
    ids: Ids,
    terms: TermsTable,
    limits: Limits,
    lanes: Lanes,
    queues: Queues,
    wheel: Wheel<Timer>,
    random: StdRng,
    now: Millis,
    draining: bool,
    /// The last call left work undone: the next step is due at once.
    behind: bool,
    /// The next entry to be asked whether it has expired, and when.
    swept: (u32, Millis),
}

impl Engine {
    /// An engine that owes nothing, at that time.
    #[must_use]
    pub fn new(caps: Caps, now: Millis, seed: u64) -> Self {
        Self {
            table: Slab::default(),
            ids: Ids::default(),
            terms: TermsTable::default(),
            limits: Limits::default(),
            lanes: Lanes::default(),
            queues: Queues::new(caps),
            wheel: Wheel::at(now),
            random: StdRng::seed_from_u64(seed),
            now,
            draining: false,
            behind: false,
            swept: (0, now.saturating_add(SWEEP)),
        }
    }

    /// Takes one input and appends what follows from it and from the time.
    pub fn step(&mut self, now: Millis, input: Input, effects: &mut Vec<Effect>) {
        self.now = self.now.max(now);
        self.behind = false;
        match input {
            Input::Tick => {}
            Input::Owe(owe) => self.owe(*owe, effects),
            Input::Finished { key, ending } => self.finished(key, ending, effects),
            Input::Discard(id) => self.discard(id, effects),
            Input::Carried { id, position, index } => {
                let entry = self.ids.get(&self.table, id).and_then(|at| self.table.at_mut(at));
                if let Some(entry) = entry {
                    (entry.position, entry.index) = (position, index);
                }
            }
            Input::Drain => self.draining = true,
        }
        self.fire();
        self.sweep(effects);
        self.start(effects);
    }

    /// When the next [`Input::Tick`] is wanted; `None` for not before something else happens.
    #[must_use]
    pub fn next_tick(&self) -> Option<Millis> {
        if self.behind {
            return Some(self.now);
        }
        let sweep = (!self.table.is_empty()).then_some(self.swept.1);
        let next = self.wheel.next().into_iter().chain(sweep).min();
        next.map(|at| at.max(self.now))
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

    /// Takes something that is owed, once.
    fn owe(&mut self, owe: Owe, effects: &mut Vec<Effect>) {
        self.owe_to(owe, &mut None, effects);
    }

    /// The same; `known` is the number of the connection, if something of it is pending, and is set when
    /// it was not known.
    fn owe_to(&mut self, owe: Owe, known: &mut Option<u32>, effects: &mut Vec<Effect>) {
        if !owe.mapped {
            let state = State::DeadLetter { reason: DeadReason::MappingFailed };
            let (id, workspace, position) = (owe.id, owe.workspace, owe.position);
            effects.push(Effect::Moved { key: None, id, workspace, position, state });
            return;
        }
        if self.ids.get(&self.table, owe.id).is_some() {
            return;
        }
        let connection = match *known {
            Some(number) => {
                self.queues.join_again(number);
                number
            }
            None => *known.insert(self.queues.join(&owe.workspace, &owe.connection)),
        };
        let terms = self.terms.join(&owe.terms);
        let mut entry = Pending::new(&owe, connection, terms);
        if let Some(tally) = owe.rate {
            entry.bucket = self.limits.join(connection, tally);
        }
        let index = self.table.insert(entry).index();
        self.ids.insert(&self.table, index);
        if owe.order.is_none_or(|order| self.lanes.join(&mut self.table, index, order)) {
            self.activate(index);
        } else {
            self.put(index, Place::Behind);
        }
    }

    /// Has a delivery wait for its time or for its turn.
    fn activate(&mut self, index: u32) {
        let Some(entry) = self.table.at(index) else { return };
        let (due_at, comes_back) = (entry.due_at, entry.attempts > 0);
        if due_at > self.now { self.time(index, due_at) } else { self.enqueue(index, comes_back) }
    }

    /// Puts a delivery into the wheel.
    fn time(&mut self, index: u32, at: Millis) {
        let Some(key) = self.table.key_at(index) else { return };
        let timer = self.wheel.insert(at, Timer::Delivery(key));
        if let Some(entry) = self.table.at_mut(index) {
            (entry.place, entry.due_at) = (Place::Timed, at);
            entry.set_timer(timer);
        }
    }

    /// Puts a delivery into its connection's queue, or under its rate limit.
    fn enqueue(&mut self, index: u32, first: bool) {
        let weight = self.weight(index);
        let Some(bucket) = self.table.at(index).map(|entry| entry.bucket) else { return };
        if bucket == NONE {
            self.put(index, Place::Queued);
            return self.queues.enqueue(&mut self.table, index, weight, first, self.now);
        }
        self.put(index, Place::Limited);
        if let Some(bucket) = self.limits.bucket_mut(bucket) {
            bucket.waiting.push(&mut self.table, index, weight, first);
        }
        self.admit(bucket);
    }

    /// Lets the next delivery under a rate limit into its connection's queue, if there is room for it.
    fn admit(&mut self, number: u32) {
        let Some(bucket) = self.limits.bucket(number) else { return };
        if bucket.out || bucket.waiting.is_empty() {
            return;
        }
        let (tally, timed) = (bucket.tally, bucket.timed);
        let Some(connection) = self.queues.connection(bucket.connection()) else { return };
        let at = self.limits.start_at(&connection.workspace_id, tally, self.now);
        let key = self.limits.key(number);
        let Some(bucket) = self.limits.bucket_mut(number) else { return };
        if at > self.now {
            bucket.timed = true;
            if let Some(key) = key.filter(|_| !timed) {
                self.wheel.insert(at, Timer::Bucket(key));
            }
            return;
        }
        let Some(index) = bucket.waiting.pop(&mut self.table) else { return };
        bucket.out = true;
        let weight = self.weight(index);
        self.put(index, Place::Queued);
        // It has waited long enough not to stand behind what came later.
        self.queues.enqueue(&mut self.table, index, weight, true, self.now);
    }

    /// One under a rate limit has left its connection's queue: the next may come in.
    fn out_of_queue(&mut self, index: u32) {
        let Some(number) = self.table.at(index).map(|entry| entry.bucket) else { return };
        if let Some(bucket) = self.limits.bucket_mut(number) {
            bucket.out = false;
            self.admit(number);
        }
    }

    /// Lets what is due go on.
    fn fire(&mut self) {
        let mut due = Vec::new();
        self.behind |= !self.wheel.advance(self.now, WORK_MAX, |timer| due.push(timer));
        for timer in due {
            match timer {
                // Who is withdrawn takes its timer along, so this is about one that waits for its time.
                Timer::Delivery(key) => {
                    let due = |entry: &&Pending| entry.place == Place::Timed && entry.due_at <= self.now;
                    if let Some(comes_back) = self.table.get(key).filter(due).map(|entry| entry.attempts > 0)
                    {
                        self.enqueue(key.index(), comes_back);
                    }
                }
                Timer::Connection(key) => self.queues.unblock(key, self.now),
                Timer::Bucket(key) => {
                    let Some(number) = self.limits.number(key) else { continue };
                    if let Some(bucket) = self.limits.bucket_mut(number) {
                        bucket.timed = false;
                    }
                    self.admit(number);
                }
            }
        }
    }

    /// Gives up what has expired, wherever it waits, a part of the table at a time.
    fn sweep(&mut self, effects: &mut Vec<Effect>) {
        let (from, at) = self.swept;
        if self.now < at {
            return;
        }
        let places = self.table.places();
        let expired = |entry: &Pending| self.now > entry.expires_at() && !entry.place.is_under_way();
        let found = self.table.range(from, WORK_MAX).filter(|(_, entry)| expired(entry));
        let expired: Vec<u32> = found.map(|(index, _)| index).collect();
        for index in expired {
            self.withdraw(index);
            self.settle(index, None, dead(DeadReason::Expired), effects);
        }
        let next = (from as usize).saturating_add(WORK_MAX);
        let calls = Millis::try_from(places.div_ceil(WORK_MAX).max(1)).unwrap_or(Millis::MAX);
        let wait = (SWEEP / calls).max(TICK);
        let next = u32::try_from(next).unwrap_or(0);
        self.swept = (if (next as usize) < places { next } else { 0 }, self.now.saturating_add(wait));
    }

    /// Starts what may be started.
    fn start(&mut self, effects: &mut Vec<Effect>) {
        let mut work = WORK_MAX;
        while !self.draining && work > 0 {
            let Some(picked) = self.queues.pick(&mut self.table, self.now) else { return };
            work -= 1;
            let index = picked.index;
            let Some(entry) = self.table.at_mut(index) else { continue };
            // For now it is in no list.
            entry.place = Place::Timed;
            if self.now > entry.expires_at() {
                self.out_of_queue(index);
                self.settle(index, None, dead(DeadReason::Expired), effects);
                continue;
            }
            let Some(opening) = self.opening(index, self.now) else {
                self.out_of_queue(index);
                let state = State::Skipped { reason: SkipReason::OutsideHours };
                self.settle(index, None, state, effects);
                continue;
            };
            if opening > self.now {
                self.out_of_queue(index);
                self.time(index, opening);
                continue;
            }
            self.launch(picked, effects);
        }
        self.behind |= work == 0;
    }

    fn launch(&mut self, picked: queue::Picked, effects: &mut Vec<Effect>) {
        let Some(key) = self.table.key_at(picked.index) else { return };
        let Some(entry) = self.table.at_mut(picked.index) else { return };
        entry.place = Place::InFlight;
        entry.due_at = self.now;
        entry.attempts = entry.attempts.saturating_add(1);
        self.queues.started(picked, entry.cost);
        let Some(queue) = self.queues.connection(entry.connection) else { return };
        let rate = self.limits.bucket(entry.bucket).map(|bucket| bucket.tally);
        effects.push(Effect::Start {
            key,
            id: entry.id,
            workspace: queue.workspace_id.clone(),
            position: entry.position,
            index: entry.index,
            attempt: u32::from(entry.attempts),
            rate,
        });
        if let Some(tally) = rate {
            self.limits.started(&queue.workspace_id, tally, timestamp(self.now));
            self.out_of_queue(picked.index);
        }
    }

    /// When a delivery's hours allow it, from `at` on; `None` for never.
    fn opening(&self, index: u32, at: Millis) -> Option<Millis> {
        let terms = self.table.at(index).and_then(|entry| self.terms.get(entry.terms));
        let Some(schedule) = terms.and_then(|terms| terms.schedule.as_ref()) else { return Some(at) };
        // Parts of a millisecond are cut off here, so an opening is never before its hours.
        schedule.next_opening(timestamp(at)).map(|opening| opening.as_millisecond())
    }

    fn put(&mut self, index: u32, place: Place) {
        if let Some(entry) = self.table.at_mut(index) {
            entry.place = place;
        }
    }

    fn weight(&self, index: u32) -> u8 {
        let terms = self.table.at(index).and_then(|entry| self.terms.get(entry.terms));
        terms.map_or(4, |terms| terms.terms.weight)
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
