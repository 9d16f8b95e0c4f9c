//! States by key, bounded in number, that forget themselves.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::GateKey;

/// The keys that one gate of one workspace remembers by default. A key takes about 150 bytes, so a
/// workspace that fills a gate costs 15 MB.
pub const KEYS_MAX: usize = 100_000;

/// One remembered key, as plain data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry<S> {
    /// The key.
    pub key: GateKey,
    /// When it is forgotten: milliseconds since 1970.
    pub until: i64,
    /// What is known about it.
    pub state: S,
}

/// States by key. Each has a time at which it means nothing any more. When there are too many, the one
/// with the nearest such time goes first: then a delivery passes that should have been stopped, never
/// the other way round.
#[derive(Clone, Debug)]
pub(super) struct Keyed<S> {
    states: HashMap<GateKey, (i64, S)>,
    /// The same keys by when they are forgotten.
    ends: BTreeSet<(i64, GateKey)>,
    keys_max: usize,
    /// How many were forgotten too early.
    forgotten: u64,
}

impl<S: Clone> Keyed<S> {
    pub(super) fn new(keys_max: usize) -> Self {
        Self { states: HashMap::new(), ends: BTreeSet::new(), keys_max: keys_max.max(1), forgotten: 0 }
    }

    pub(super) fn restore(entries: Vec<Entry<S>>, keys_max: usize) -> Self {
        let mut keyed = Self::new(keys_max);
        for entry in entries {
            keyed.put(entry.key, entry.state, entry.until, i64::MIN);
        }
        keyed.forgotten = 0;
        keyed
    }

    /// What is known about a key now.
    pub(super) fn get(&self, key: GateKey, now: i64) -> Option<&S> {
        self.states.get(&key).filter(|(until, _)| *until > now).map(|(_, state)| state)
    }

    /// Remembers a state until that time.
    pub(super) fn put(&mut self, key: GateKey, state: S, until: i64, now: i64) {
        while let Some(&(end, old)) = self.ends.first().filter(|(end, _)| *end <= now) {
            self.remove(old, end);
        }
        if let Some((end, _)) = self.states.get(&key) {
            self.remove(key, *end);
        } else if self.states.len() >= self.keys_max
            && let Some(&(end, old)) = self.ends.first()
        {
            self.remove(old, end);
            self.forgotten += 1;
        }
        self.states.insert(key, (until, state));
        self.ends.insert((until, key));
    }

    fn remove(&mut self, key: GateKey, end: i64) {
        self.ends.remove(&(end, key));
        self.states.remove(&key);
    }

    /// What is known about a key, past its time or not.
    pub(super) fn entry(&self, key: GateKey) -> Option<Entry<S>> {
        self.states.get(&key).map(|(until, state)| Entry { key, until: *until, state: state.clone() })
    }

    /// Makes that known about a key, or nothing.
    pub(super) fn put_back(&mut self, key: GateKey, before: Option<Entry<S>>) {
        if let Some((end, _)) = self.states.get(&key) {
            self.remove(key, *end);
        }
        if let Some(Entry { until, state, .. }) = before {
            self.put(key, state, until, i64::MIN);
        }
    }

    /// Whether everything is past its time.
    pub(super) fn is_over(&self, now: i64) -> bool {
        self.ends.last().is_none_or(|(end, _)| *end <= now)
    }

    pub(super) fn len(&self) -> usize {
        self.states.len()
    }

    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// In the order in which they are forgotten.
    pub(super) fn snapshot(&self, now: i64) -> Vec<Entry<S>> {
        let live = self.ends.iter().filter(|(until, _)| *until > now);
        let entry = |&(until, key): &(i64, GateKey)| {
            self.states.get(&key).map(|(_, state)| Entry { key, until, state: state.clone() })
        };
        live.filter_map(entry).collect()
    }
}
