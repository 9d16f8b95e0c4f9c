//! The entries of one list, in pieces of which a change copies only those that it touches.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, LazyLock};

use compiler::pattern::{OutsideSet, fold};

/// Entries of a piece when pieces are made.
const ENTRIES_OF_A_SHARD: usize = 512;

/// Pieces are made anew when they have so many entries on average.
const ENTRIES_OF_A_SHARD_MAX: usize = 2 * ENTRIES_OF_A_SHARD;

/// Fresh for each process, so that nobody can choose entries that fall into one piece.
static HASHING: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// A set of texts. What a piece holds follows from the folded text, so an entry is in the same piece with and
/// without its case.
#[derive(Clone, Debug)]
pub(super) struct Shards {
    /// As many as a power of two.
    shards: Box<[Arc<OutsideSet>]>,
    len: usize,
}

impl Shards {
    /// Takes entries; those that are there twice count once.
    pub(super) fn new(entries: Vec<Box<str>>) -> Self {
        let count = (entries.len() / ENTRIES_OF_A_SHARD).max(1).next_power_of_two();
        let mut shards: Vec<HashSet<Box<str>>> = Vec::new();
        shards.resize_with(count, || HashSet::with_capacity(entries.len() / count));
        for entry in entries {
            if let Some(shard) = shards.get_mut(place(&entry, count)) {
                shard.insert(entry);
            }
        }
        let len = shards.iter().map(HashSet::len).sum();
        Self {
            shards: shards.into_iter().map(|shard| Arc::new(OutsideSet::new(Arc::new(shard)))).collect(),
            len,
        }
    }

    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Whether a text is an entry.
    pub(super) fn contains(&self, text: &str, ignoring_case: bool) -> bool {
        let shard = self.shards.get(place(text, self.shards.len()));
        shard.is_some_and(|shard| shard.contains(text, ignoring_case))
    }

    /// All entries, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.shards.iter().flat_map(|shard| shard.entries()).map(|entry| &**entry)
    }

    /// The set with entries more and entries less.
    pub(super) fn with(&self, add: &[Box<str>], remove: &[Box<str>]) -> Self {
        let count = self.shards.len();
        let touched = add.len() + remove.len();
        if touched > self.len / 2 || self.len + add.len() > count * ENTRIES_OF_A_SHARD_MAX {
            let removed: HashSet<&str> = remove.iter().map(|entry| &**entry).collect();
            let kept = self.iter().filter(|entry| !removed.contains(entry)).map(Box::from);
            return Self::new(kept.chain(add.iter().cloned()).collect());
        }
        let mut copies: HashMap<usize, HashSet<Box<str>>> = HashMap::new();
        let mut copy = |entry: &str, change: &mut dyn FnMut(&mut HashSet<Box<str>>)| {
            let at = place(entry, count);
            if let Some(shard) = self.shards.get(at) {
                change(copies.entry(at).or_insert_with(|| shard.entries().clone()));
            }
        };
        for entry in remove {
            copy(entry, &mut |shard| {
                _ = shard.remove(entry);
            });
        }
        for entry in add {
            copy(entry, &mut |shard| {
                _ = shard.insert(entry.clone());
            });
        }
        let mut shards = self.shards.clone();
        for (at, entries) in copies {
            if let Some(shard) = shards.get_mut(at) {
                let was_folded = shard.is_folded();
                *shard = Arc::new(OutsideSet::new(Arc::new(entries)));
                if was_folded {
                    // Here, and not in the middle of an event.
                    shard.fold();
                }
            }
        }
        let len = shards.iter().map(|shard| shard.entries().len()).sum();
        Self { shards, len }
    }
}

fn place(text: &str, count: usize) -> usize {
    if count == 1 {
        return 0;
    }
    // Most texts are folded already, and that is quickly seen.
    let is_folded = text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
    let hash = if is_folded { HASHING.hash_one(text) } else { HASHING.hash_one(&*fold(text)) };
    // The mask keeps it below `count`, whatever a usize holds.
    hash as usize & (count - 1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn entry(number: usize) -> Box<str> {
        format!("Entry-{number}@x.example").into()
    }

    fn sorted(set: &Shards) -> BTreeSet<Box<str>> {
        set.iter().map(Box::from).collect()
    }

    #[test]
    fn a_changed_set_holds_what_a_plain_one_would() {
        let mut plain: BTreeSet<Box<str>> = (0..3_000).map(entry).collect();
        let mut set = Shards::new(plain.iter().cloned().collect());
        assert_eq!(set.shards.len(), 8);
        for (round, (add, remove)) in
            [(0, 1), (1, 0), (5, 5), (2_000, 10), (9_000, 0), (0, 9_000), (3, 0)].into_iter().enumerate()
        {
            let fresh = (0..add).map(|at| entry(10_000 * (round + 1) + at));
            let add: Vec<Box<str>> = fresh.filter(|entry| !plain.contains(entry)).collect();
            let remove: Vec<Box<str>> = plain.iter().take(remove).cloned().collect();
            let changed = set.with(&add, &remove);
            assert_eq!(sorted(&set), plain, "the set before stays as it was");
            plain.extend(add);
            plain.retain(|entry| !remove.contains(entry));
            set = changed;
            assert_eq!((sorted(&set), set.len()), (plain.clone(), plain.len()), "round {round}");
        }
        let some = plain.iter().next().unwrap();
        assert!(set.contains(some, false) && set.contains(&some.to_uppercase(), true));
        assert!(!set.contains(&some.to_uppercase(), false) && !set.contains("none", true));
    }

    #[test]
    fn a_small_change_shares_what_it_does_not_touch() {
        let set = Shards::new((0..10_000).map(entry).collect());
        assert!(set.contains(&entry(7).to_lowercase(), true));
        let changed = set.with(&["new".into()], &[entry(7)]);
        let pairs = set.shards.iter().zip(&changed.shards);
        let copied = pairs.filter(|(old, new)| !Arc::ptr_eq(old, new)).count();
        assert!((1..=2).contains(&copied), "{copied} copied of {}", set.shards.len());
        assert!(!changed.contains(&entry(7).to_lowercase(), true));
        assert!(changed.contains("NEW", true) && set.contains(&entry(7), false));
    }

    #[test]
    fn letters_that_fold_to_others_are_in_the_same_piece() {
        let many = (0..5_000).map(entry).chain(["\u{212a}elvin".into(), "STRASSE".into()]);
        let set = Shards::new(many.collect());
        assert!(
            set.contains("KELVIN", true) && set.contains("strasse", true) && !set.contains("kelvin", false)
        );
    }
}
