//! A gate: states by key, bounded in number, that forget themselves.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Debug;

use jiff::Timestamp;

use super::{GateKey, millis};

/// The keys that one gate of one workspace remembers by default.
pub const KEYS_MAX: usize = 100_000;

/// One of the gates. What they share is in [`Gate`]; what they ask stands in a file for each.
pub trait Kind {
    /// What is known about a key.
    type State: Clone + Debug + PartialEq + Eq;
}

/// One remembered key, as plain data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<S> {
    /// The key.
    pub key: GateKey,
    /// When it is forgotten: milliseconds since 1970.
    pub until: i64,
    /// What is known about it.
    pub state: S,
}

/// States by key. Each has a time at which it means nothing any more. When there are too many, the one
/// with the nearest such time goes first: then a delivery passes that should have been stopped, or
/// starts that should have waited, never the other way round.
#[derive(Clone, Debug)]
pub struct Gate<K: Kind> {
    states: HashMap<GateKey, (i64, K::State)>,
    /// The same keys by when they are forgotten.
    ends: BTreeSet<(i64, GateKey)>,
    keys_max: usize,
    /// How many were forgotten too early.
    forgotten: u64,
}

impl<K: Kind> Gate<K> {
    /// An empty gate of at most so many keys.
    #[must_use]
    pub fn new(keys_max: usize) -> Self {
        Self { states: HashMap::new(), ends: BTreeSet::new(), keys_max: keys_max.max(1), forgotten: 0 }
    }

    /// What is known about a key now.
    pub(super) fn get(&self, key: GateKey, now: i64) -> Option<&K::State> {
        self.states.get(&key).filter(|(until, _)| *until > now).map(|(_, state)| state)
    }

    /// Remembers a state until that time.
    pub(super) fn put(&mut self, key: GateKey, state: K::State, until: i64, now: i64) {
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
    pub(super) fn entry(&self, key: GateKey) -> Option<Entry<K::State>> {
        self.states.get(&key).map(|(until, state)| Entry { key, until: *until, state: state.clone() })
    }

    /// Makes that known about a key, or nothing.
    pub(super) fn put_back(&mut self, key: GateKey, before: Option<Entry<K::State>>) {
        if let Some((end, _)) = self.states.get(&key) {
            self.remove(key, *end);
        }
        if let Some(entry) = before {
            self.keep(entry);
        }
    }

    /// Whether nothing that it remembers counts any more.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.ends.last().is_none_or(|(end, _)| *end <= millis(now))
    }

    /// How many keys it remembers.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.states.len()
    }

    /// How many keys it forgot early, because there were too many.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// What still counts at that time, in the order in which it is forgotten.
    pub fn entries(&self, now: Timestamp) -> impl Iterator<Item = Entry<K::State>> {
        let live = self.ends.range((millis(now).saturating_add(1), GateKey::FIRST)..);
        live.filter_map(|(_, key)| self.entry(*key))
    }

    /// What is forgotten later than then.
    pub(super) fn beyond(&self, then: i64) -> Vec<Entry<K::State>> {
        let live = self.ends.range((then.saturating_add(1), GateKey::FIRST)..);
        live.filter_map(|(_, key)| self.entry(*key)).collect()
    }

    /// Remembers what one of [`Self::entries`] says. Of more keys than allowed the longest-lived stay.
    pub fn keep(&mut self, entry: Entry<K::State>) {
        self.put(entry.key, entry.state, entry.until, i64::MIN);
    }
}
