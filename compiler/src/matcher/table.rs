//! Hashes of values, and a table from hashes to rules.

use std::hash::Hasher;

use crate::hir::RuleId;

const MIX: [u64; 3] = [0x9e37_79b9_7f4a_7c15, 0xe703_7ed1_a0b4_28db, 0x8ebc_6af0_9c88_c6e3];

/// The product of two numbers, its halves folded together (Wang Yi's wyhash), and the numbers with it:
/// bytes that make one of them 0 must not make the other say nothing.
#[inline(always)]
fn folded(one: u64, two: u64) -> u64 {
    let product = u128::from(one).wrapping_mul(u128::from(two));
    product as u64 ^ (product >> 64) as u64 ^ one ^ two
}

/// The hash of bytes.
#[inline]
pub(super) fn of_bytes(bytes: &[u8]) -> u64 {
    let [one, two, three] = MIX;
    let mut state = folded(bytes.len() as u64 ^ one, two);
    let mut rest = bytes;
    while let Some((chunk, after)) = rest.split_first_chunk::<16>() {
        let (low, high) = halves(chunk);
        state = folded(low ^ state, high ^ three);
        rest = after;
    }
    if rest.is_empty() {
        return state;
    }
    let (low, high) = ends(rest);
    folded(low ^ state, high ^ three)
}

/// One to fifteen bytes as two numbers, which overlap. Together with the length they tell bytes apart.
#[inline(always)]
fn ends(bytes: &[u8]) -> (u64, u64) {
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        return (u64::from_le_bytes(*first), u64::from_le_bytes(*last));
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        return (u64::from(u32::from_le_bytes(*first)), u64::from(u32::from_le_bytes(*last)));
    }
    let byte = |at: usize| u64::from(bytes.get(at).copied().unwrap_or(0));
    (byte(0) << 8 | byte(bytes.len() / 2), byte(bytes.len() - 1))
}

#[inline(always)]
fn halves(chunk: &[u8; 16]) -> (u64, u64) {
    let number = u128::from_le_bytes(*chunk);
    (number as u64, (number >> 64) as u64)
}

/// The hash of two hashes, in order.
#[inline(always)]
pub(super) fn of_both(one: u64, two: u64) -> u64 {
    let [first, second, _] = MIX;
    folded(one ^ first, two ^ second)
}

/// A short hash of short texts.
#[derive(Debug, Default)]
pub(super) struct Fast(u64);

impl Hasher for Fast {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        self.0 = of_both(self.0, of_bytes(bytes));
    }

    #[inline]
    fn write_u8(&mut self, _: u8) {}

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}

/// From hashes to rules. A rule is perhaps found under a hash that only looks like its own: whoever asks
/// looks at the rule itself.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// The upper half of a hash, and [`Found`] in the lower one; 0 where nothing is.
    slots: Box<[u64]>,
    /// Rules that share a hash, each row behind its length.
    rows: Box<[u32]>,
}

/// Of the lower half of a slot: a position among the rows and not a rule.
const ROW: u32 = 1 << 31;

impl Table {
    /// A table of pairs of hash and rule.
    pub(super) fn new(mut pairs: Vec<(u64, RuleId)>) -> Self {
        if pairs.is_empty() {
            return Self::default();
        }
        pairs.sort_unstable();
        pairs.dedup();
        let same = |one: &(u64, RuleId), two: &(u64, RuleId)| one.0 == two.0;
        let distinct = pairs.chunk_by(same).count();
        // At least one slot stays empty, where searching ends.
        let size = (distinct + distinct / 2 + 1).next_power_of_two();
        let mut slots = vec![0_u64; size].into_boxed_slice();
        let mut rows = Vec::new();
        for same in pairs.chunk_by(same) {
            let Some(&(hash, RuleId(first))) = same.first() else { continue };
            let found = if same.len() == 1 && first < ROW - 1 {
                first
            } else {
                let at = rows.len() as u32;
                rows.push(same.len() as u32);
                rows.extend(same.iter().map(|(_, rule)| rule.0));
                at | ROW
            };
            let mut at = hash as usize & (size - 1);
            while let Some(slot) = slots.get_mut(at) {
                if *slot == 0 {
                    // A slot is never 0: the least of what is found counts from 1.
                    *slot = hash >> 32 << 32 | u64::from(found.wrapping_add(1));
                    break;
                }
                at = (at + 1) & (size - 1);
            }
        }
        Self { slots, rows: rows.into() }
    }

    /// Adds the rules that are kept under a hash.
    #[inline]
    pub(super) fn find(&self, hash: u64, out: &mut Vec<RuleId>) {
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = hash as usize & mask;
        while let Some(&slot) = self.slots.get(at) {
            if slot == 0 {
                return;
            }
            if slot >> 32 == hash >> 32 {
                let found = (slot as u32).wrapping_sub(1);
                if found & ROW == 0 {
                    out.push(RuleId(found));
                } else {
                    self.row((found & !ROW) as usize, out);
                }
            }
            at = at.wrapping_add(1) & mask;
        }
    }

    fn row(&self, at: usize, out: &mut Vec<RuleId>) {
        let Some((&count, rules)) = self.rows.get(at..).and_then(|rest| rest.split_first()) else { return };
        out.extend(rules.iter().take(count as usize).map(|&rule| RuleId(rule)));
    }

    /// Bytes that it takes.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.slots) + size_of_val(&*self.rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_found_under_its_hashes() {
        for count in [0, 1, 2, 3, 100, 5_000_u32] {
            let hash = |at: u32| of_bytes(&(at / 3).to_le_bytes());
            let table = Table::new((0..count).map(|at| (hash(at), RuleId(at))).collect());
            for at in 0..count {
                let mut found = Vec::new();
                table.find(hash(at), &mut found);
                assert!(found.contains(&RuleId(at)), "{at} of {count}");
                assert!(found.len() <= 3, "{found:?}");
            }
            let mut found = Vec::new();
            table.find(of_bytes(b"something else"), &mut found);
            assert_eq!(found, []);
        }
    }

    #[test]
    fn different_bytes_have_different_hashes() {
        let mut seen = std::collections::HashSet::new();
        for length in 0..40 {
            for at in 0..=length {
                let mut bytes = vec![0; length];
                bytes.iter_mut().skip(at).for_each(|byte| *byte = 7);
                assert!(seen.insert(of_bytes(&bytes)) || at > 0 && at == length, "{bytes:?}");
            }
        }
    }
}
