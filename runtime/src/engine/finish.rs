//! What follows when an attempt is over, or when a delivery is given up.

use rand::Rng;
use uuid::Uuid;

use super::decide::{self, Next, Series, decide};
use super::pending::Place;
use super::{Effect, Ending, Engine, Key, Millis, Timer, dead, timestamp};
use crate::model::{DeadReason, Outcome, State};

impl Engine {
    pub(super) fn finished(&mut self, key: Key, ending: Ending, effects: &mut Vec<Effect>) {
        let Some(entry) = self.table.get(key).filter(|entry| entry.place.is_under_way()) else { return };
        let (index, connection, place, began_at) = (key.index(), entry.connection, entry.place, entry.due_at);
        let (made, expires_at, terms) = (u32::from(entry.attempts), entry.expires_at(), entry.terms);
        self.queues.release(connection, self.now - began_at, self.now);
        let (outcome, retry_after, gone_for_good) = match ending {
            Ending::Unusable => {
                return self.settle(index, Some(key), dead(DeadReason::ConnectionUnusable), effects);
            }
            Ending::Attempt { outcome, retry_after, gone_for_good } => (outcome, retry_after, gone_for_good),
        };
        let Some(terms) = self.terms.get(terms) else { return };
        let series = Series { made, expires_at, retry_after };
        let next = decide(outcome, &terms.terms, series, self.now, self.random.random());
        self.judge(connection, outcome, retry_after, began_at);
        if gone_for_good && let Some(queue) = self.queues.connection(connection) {
            let (workspace, connection) = (queue.workspace_id.clone(), queue.id.clone());
            effects.push(Effect::Disable { workspace, connection });
        }
        match next {
            Next::Done => self.settle(index, Some(key), State::Delivered, effects),
            Next::Again(_) if place == Place::Discarding => {
                self.settle(index, Some(key), dead(DeadReason::Discarded), effects);
            }
            Next::DeadLetter(reason) => self.settle(index, Some(key), dead(reason.into()), effects),
            Next::Again(at) => match self.opening(index, at) {
                Some(at) if at <= expires_at || at <= self.now => {
                    self.moved(index, Some(key), State::Again { at: timestamp(at) }, effects);
                    if let Some(entry) = self.table.at_mut(index) {
                        entry.due_at = at;
                    }
                    self.activate(index);
                }
                // Its hours begin again when its time is over.
                _ => self.settle(index, Some(key), dead(DeadReason::Expired), effects),
            },
        }
    }

    /// What an outcome says about its connection as a whole.
    fn judge(&mut self, connection: u32, outcome: Outcome, retry_after: Option<Millis>, began_at: Millis) {
        if let Some(wait) = retry_after.filter(|wait| *wait > 0) {
            self.block(connection, self.now.saturating_add(wait.min(decide::RETRY_AFTER_MAX)));
        }
        let max = self.queues.caps().connection_in_flight_max;
        let Some(queue) = self.queues.connection_mut(connection) else { return };
        match outcome {
            Outcome::Delivered | Outcome::DuplicateAccepted | Outcome::Rejected => {
                queue.pace.succeeded(queue.in_flight + 1, max);
            }
            Outcome::DestinationError | Outcome::RateLimited | Outcome::TimedOut | Outcome::Unreachable => {
                queue.pace.struggled(began_at, self.now);
            }
            Outcome::AddressRefused
            | Outcome::TlsFailed
            | Outcome::CredentialsRefused
            | Outcome::MappingFailed
            | Outcome::Unknown => {}
        }
        let open_until = match outcome {
            Outcome::Delivered | Outcome::DuplicateAccepted | Outcome::Rejected => {
                queue.breaker.succeeded();
                self.queues.list(connection, self.now);
                None
            }
            Outcome::DestinationError
            | Outcome::TimedOut
            | Outcome::Unreachable
            | Outcome::AddressRefused
            | Outcome::TlsFailed
            | Outcome::CredentialsRefused => queue.breaker.failed(self.now),
            Outcome::RateLimited | Outcome::MappingFailed | Outcome::Unknown => None,
        };
        if let Some(until) = open_until {
            if let Some(queue) = self.queues.connection_mut(connection) {
                queue.pace.restart(self.now);
            }
            self.block(connection, until);
        }
    }

    fn block(&mut self, connection: u32, until: Millis) {
        if self.queues.block(connection, until)
            && let Some(key) = self.queues.key(connection)
        {
            self.wheel.insert(until, Timer::Connection(key));
        }
    }

    pub(super) fn discard(&mut self, id: Uuid, effects: &mut Vec<Effect>) {
        let Some(index) = self.ids.get(&self.table, id) else { return };
        let Some(entry) = self.table.at_mut(index) else { return };
        if entry.place.is_under_way() {
            // It may be on the receiver's desk already; its own outcome decides, but nothing follows.
            entry.place = Place::Discarding;
            return;
        }
        self.withdraw(index);
        self.settle(index, None, dead(DeadReason::Discarded), effects);
    }

    /// Takes a delivery out of the list that it waits in; only its lane still knows it.
    pub(super) fn withdraw(&mut self, index: u32) {
        let weight = self.weight(index);
        let Some(entry) = self.table.at(index) else { return };
        let (place, bucket) = (entry.place, entry.bucket);
        match place {
            Place::Queued => {
                self.queues.unlink(&mut self.table, index, weight);
                self.out_of_queue(index);
            }
            Place::Limited => {
                if let Some(bucket) = self.limits.bucket_mut(bucket) {
                    bucket.waiting.unlink(&mut self.table, index, weight);
                }
            }
            // Or the timer would stay until a time that may be a month away.
            Place::Timed => {
                if let Some(timer) = entry.timer() {
                    self.wheel.cancel(timer);
                }
            }
            Place::Behind | Place::InFlight | Place::Discarding => {}
        }
    }

    pub(super) fn moved(
        &mut self,
        index: u32,
        started: Option<Key>,
        state: State,
        effects: &mut Vec<Effect>,
    ) {
        let Some(entry) = self.table.at(index) else { return };
        let Some(queue) = self.queues.connection(entry.connection) else { return };
        let (id, workspace, position) = (entry.id, queue.workspace_id.clone(), entry.position);
        effects.push(Effect::Moved { key: started, id, workspace, position, state });
    }

    /// Moves a delivery that is in no list into its last state and forgets it.
    pub(super) fn settle(
        &mut self,
        index: u32,
        started: Option<Key>,
        state: State,
        effects: &mut Vec<Effect>,
    ) {
        self.moved(index, started, state, effects);
        let next = self.lanes.leave(&mut self.table, index);
        let Some(id) = self.table.at(index).map(|entry| entry.id) else { return };
        self.ids.remove(&self.table, id);
        let Some(entry) = self.table.remove(index) else { return };
        self.terms.leave(entry.terms);
        self.limits.leave(entry.bucket);
        self.queues.leave(entry.connection, self.now);
        if let Some(next) = next {
            self.activate(next);
        }
    }
}
