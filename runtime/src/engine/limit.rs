//! Rate limits: deliveries wait under theirs and come into their connection's queue one by one.
//!
//! A *bucket* is what waits under one key. Only its first one stands in the connection's queue, and only
//! when the limit has room, so that what must wait never stands in the way of what need not.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use compiler::gate::{GateKey, KEYS_MAX, RateGate, Tally};
use jiff::Timestamp;

use super::pending::Ranks;
use super::slab::{Key, Slab};
use super::{Millis, timestamp};
use crate::id::WorkspaceId;

/// The deliveries under one limit.
#[derive(Debug)]
pub(super) struct Bucket {
    connection: u32,
    /// The limit.
    pub(super) tally: Tally,
    deliveries: u32,
    /// What waits, in order.
    pub(super) waiting: Ranks,
    /// One of them is in the connection's queue.
    pub(super) out: bool,
    /// A timer will ask again.
    pub(super) timed: bool,
}

/// All limits that something waits under, and what was started lately.
#[derive(Debug, Default)]
pub(super) struct Limits {
    buckets: Slab<Bucket>,
    numbers: HashMap<(u32, GateKey), u32>,
    /// What was started under which key, of each workspace at most [`KEYS_MAX`].
    started: HashMap<WorkspaceId, RateGate>,
    /// Starts until gates that remember nothing are looked for.
    until_swept: u32,
}

/// So many starts pass between two looks for gates that can go.
const SWEEP_EVERY: u32 = 4_096;

impl Bucket {
    /// The number of the connection whose deliveries these are.
    #[must_use]
    pub(super) fn connection(&self) -> u32 {
        self.connection
    }
}

impl Limits {
    /// Counts a delivery of a connection in.
    pub(super) fn join(&mut self, connection: u32, tally: Tally) -> u32 {
        let number = *self.numbers.entry((connection, tally.key)).or_insert_with(|| {
            let (waiting, out, timed) = (Ranks::default(), false, false);
            self.buckets.insert(Bucket { connection, tally, deliveries: 0, waiting, out, timed }).index()
        });
        if let Some(bucket) = self.buckets.at_mut(number) {
            bucket.deliveries += 1;
        }
        number
    }

    /// Counts a delivery out.
    pub(super) fn leave(&mut self, number: u32) {
        let Some(bucket) = self.buckets.at_mut(number) else { return };
        bucket.deliveries -= 1;
        if bucket.deliveries == 0 {
            let key = (bucket.connection, bucket.tally.key);
            self.numbers.remove(&key);
            self.buckets.remove(number);
        }
    }

    /// A bucket.
    #[must_use]
    pub(super) fn bucket(&self, number: u32) -> Option<&Bucket> {
        self.buckets.at(number)
    }

    /// A bucket, to change.
    pub(super) fn bucket_mut(&mut self, number: u32) -> Option<&mut Bucket> {
        self.buckets.at_mut(number)
    }

    /// A bucket's name, for timers that may outlive it.
    #[must_use]
    pub(super) fn key(&self, number: u32) -> Option<Key> {
        self.buckets.key_at(number)
    }

    /// A bucket's number, if it is still there.
    #[must_use]
    pub(super) fn number(&self, key: Key) -> Option<u32> {
        self.buckets.get(key).map(|_| key.index())
    }

    /// When one more may start.
    #[must_use]
    pub(super) fn start_at(&self, workspace: &WorkspaceId, tally: Tally, now: Millis) -> Millis {
        let Some(gate) = self.started.get(workspace) else { return now };
        gate.start_at(tally.key, tally.allow, tally.every, timestamp(now)).as_millisecond()
    }

    /// One starts.
    pub(super) fn started(&mut self, workspace: &WorkspaceId, tally: Tally, now: Timestamp) {
        let gate = match self.started.entry(workspace.clone()) {
            Entry::Occupied(gate) => gate.into_mut(),
            Entry::Vacant(free) => free.insert(RateGate::new(KEYS_MAX)),
        };
        gate.started(tally.key, tally.every, now);
        match self.until_swept.checked_sub(1) {
            Some(left) => self.until_swept = left,
            None => {
                self.until_swept = SWEEP_EVERY;
                self.started.retain(|_, gate| !gate.is_over(now));
            }
        }
    }

    /// What was started lately, by workspace.
    #[cfg(test)]
    pub(super) fn gates(&self) -> impl Iterator<Item = (&WorkspaceId, &RateGate)> {
        self.started.iter()
    }

    /// Remembers what was started before a restart.
    pub(super) fn remember(&mut self, workspace: WorkspaceId, gate: RateGate) {
        self.started.insert(workspace, gate);
    }
}
