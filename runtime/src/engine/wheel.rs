//! A hierarchical timer wheel: constant-time inserts and cancels, expiry in small steps.
//!
//! Five levels of 256 slots; a tick is [`TICK`] milliseconds, so the levels reach 2.6 seconds, 11
//! minutes, 46 hours, 16 months and more. A timer sits in the slot of its tick on the lowest level that
//! reaches it and moves down as time comes closer (Varghese and Lauck, 1987). No call does more than the
//! work it is allowed, so a slot with a million timers does not hold up deliveries. A slot with anything
//! in it has a bit set, so that the next one is found in a few words and not by looking at each.

use super::Millis;

/// Milliseconds of a tick. Retries would do with a second; rate limits of many a second would not.
pub const TICK: Millis = 10;

const LEVELS: usize = 5;
const SLOTS: usize = 256;
const NONE: u32 = u32::MAX;

/// Words of a bit for each slot of a level.
const WORDS: usize = SLOTS / 64;

/// The lists behind those of the slots: what is put lower from each level, and what fires.
const MOVING: usize = LEVELS * SLOTS;
const FIRING: usize = MOVING + LEVELS;

/// Marks, in place of the node before, that a node is the first of the list with that number.
const FIRST: u32 = 1 << 31;

/// Timers that carry a value each.
#[derive(Debug)]
pub struct Wheel<T> {
    /// The first node of each list: the slots level by level, then [`MOVING`] and [`FIRING`].
    heads: Vec<u32>,
    /// Which slots have something, level by level.
    occupied: [[u64; WORDS]; LEVELS],
    nodes: Vec<Node<T>>,
    free: u32,
    /// The tick up to which time has passed.
    now: u64,
    timers: usize,
}

#[derive(Debug)]
struct Node<T> {
    next: u32,
    /// The node before, or [`FIRST`] and the list's number.
    previous: u32,
    tick: u64,
    value: Option<T>,
}

impl<T> Wheel<T> {
    /// A wheel at that time.
    #[must_use]
    pub fn at(now: Millis) -> Self {
        Self {
            heads: vec![NONE; FIRING + 1],
            occupied: [[0; WORDS]; LEVELS],
            nodes: Vec::new(),
            free: NONE,
            now: tick_of(now),
            timers: 0,
        }
    }

    /// How many timers there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.timers
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.timers == 0
    }

    /// Makes room for so many timers more.
    pub fn reserve(&mut self, timers: usize) {
        self.nodes.reserve_exact(timers);
    }

    /// Sets a timer. It fires at the first tick that is not before `at`, and never within this call. Gives its
    /// number, which is another timer's as soon as this one has fired or is cancelled.
    pub fn insert(&mut self, at: Millis, value: T) -> u32 {
        let tick = u64::try_from(at).unwrap_or(0).div_ceil(TICK.unsigned_abs());
        let node = Node { next: NONE, previous: NONE, tick, value: Some(value) };
        let index = match self.nodes.get_mut(self.free as usize) {
            Some(place) => {
                let index = self.free;
                self.free = place.next;
                *place = node;
                index
            }
            None => {
                self.nodes.push(node);
                u32::try_from(self.nodes.len() - 1).unwrap_or(NONE)
            }
        };
        self.timers += 1;
        self.place(index);
        index
    }

    /// Takes a timer back that has not fired.
    pub fn cancel(&mut self, timer: u32) -> Option<T> {
        // One without a value is in no list.
        self.nodes.get(timer as usize).filter(|node| node.value.is_some())?;
        self.unlink(timer);
        self.release(timer)
    }

    /// Lets time pass and hands what is due to `fire`, doing at most `work` steps: a tick, a moved timer
    /// or a fired one each. Returns whether it has caught up with `now`.
    pub fn advance(&mut self, now: Millis, mut work: usize, mut fire: impl FnMut(T)) -> bool {
        let target = tick_of(now);
        if self.timers == 0 {
            self.now = self.now.max(target);
            return true;
        }
        while work > 0 {
            work -= 1;
            if let Some(index) = self.pop_moving() {
                self.place(index);
            } else if let Some(index) = self.pop(FIRING) {
                if let Some(value) = self.release(index) {
                    fire(value);
                }
            } else {
                match self.next_turn().filter(|tick| *tick <= target) {
                    Some(tick) => self.turn(tick),
                    None => {
                        self.now = self.now.max(target);
                        return true;
                    }
                }
            }
        }
        false
    }

    /// When [`Self::advance`] has something to do, at the earliest.
    #[must_use]
    pub fn next(&self) -> Option<Millis> {
        if self.timers == 0 {
            return None;
        }
        let busy = self.heads.iter().skip(MOVING).any(|head| *head != NONE);
        let tick = if busy { Some(self.now) } else { self.next_turn() };
        tick.and_then(|tick| Millis::try_from(tick).ok()).map(|tick| tick.saturating_mul(TICK))
    }

    /// The next tick at which a slot is due: its timers fire, or move down.
    fn next_turn(&self) -> Option<u64> {
        let on = |(level, bits): (usize, &[u64; WORDS])| {
            let after = (self.now >> (8 * level)) + 1;
            Some((after + first_from(bits, after & 0xff)?) << (8 * level))
        };
        self.occupied.iter().enumerate().filter_map(on).min()
    }

    /// Lets time pass up to a tick, before which nothing is due.
    fn turn(&mut self, tick: u64) {
        self.now = tick;
        for level in 1..LEVELS {
            if self.now.is_multiple_of(1 << (8 * level)) {
                self.move_all(slot_of(self.now, level), MOVING + level);
            }
        }
        self.move_all(slot_of(self.now, 0), FIRING);
    }

    /// The next node to be put lower: the highest level first, since it may land in the next one.
    fn pop_moving(&mut self) -> Option<u32> {
        (MOVING..FIRING).rev().find_map(|list| self.pop(list))
    }

    /// Puts a node into the slot of its tick, or among those that fire.
    fn place(&mut self, index: u32) {
        let Some(node) = self.nodes.get(index as usize) else { return };
        let away = node.tick.saturating_sub(self.now);
        if away == 0 {
            return self.push(FIRING, index);
        }
        // Beyond the last level it waits in that level's farthest slot and is placed again from there.
        let level = (0..LEVELS).find(|level| away < 1 << (8 * (level + 1))).unwrap_or(LEVELS - 1);
        let reach = self.now + ((1 << (8 * LEVELS)) - 1);
        self.push(slot_of(node.tick.min(reach), level), index);
    }

    /// Adds a node to a list.
    fn push(&mut self, list: usize, index: u32) {
        let Some(head) = self.heads.get_mut(list) else { return };
        let next = std::mem::replace(head, index);
        self.mark(list, true);
        self.lead(next, index);
        let first = first_of(list);
        if let Some(node) = self.nodes.get_mut(index as usize) {
            (node.next, node.previous) = (next, first);
        }
    }

    /// Takes the first node of a list out.
    fn pop(&mut self, list: usize) -> Option<u32> {
        let index = self.heads.get(list).copied().filter(|index| *index != NONE)?;
        self.unlink(index);
        Some(index)
    }

    /// Takes a node out of its list.
    fn unlink(&mut self, index: u32) {
        let Some((next, previous)) = self.nodes.get(index as usize).map(|node| (node.next, node.previous))
        else {
            return;
        };
        self.lead(next, previous);
        if previous & FIRST == 0 {
            if let Some(node) = self.nodes.get_mut(previous as usize) {
                node.next = next;
            }
            return;
        }
        let list = (previous & !FIRST) as usize;
        if let Some(head) = self.heads.get_mut(list) {
            *head = next;
        }
        self.mark(list, next != NONE);
    }

    /// Has a node follow another one, or be the first.
    fn lead(&mut self, node: u32, previous: u32) {
        if let Some(node) = self.nodes.get_mut(node as usize) {
            node.previous = previous;
        }
    }

    /// Moves all of a slot to a list that is empty.
    fn move_all(&mut self, slot: usize, list: usize) {
        let Some(first) = self.heads.get_mut(slot).map(|head| std::mem::replace(head, NONE)) else { return };
        self.mark(slot, false);
        self.lead(first, first_of(list));
        if let Some(head) = self.heads.get_mut(list) {
            *head = first;
        }
    }

    /// Notes whether a slot has anything.
    fn mark(&mut self, list: usize, some: bool) {
        let (level, slot) = (list / SLOTS, list % SLOTS);
        if let Some(word) = self.occupied.get_mut(level).and_then(|level| level.get_mut(slot / 64)) {
            let bit = 1 << (slot % 64);
            *word = if some { *word | bit } else { *word & !bit };
        }
    }

    fn release(&mut self, index: u32) -> Option<T> {
        let node = self.nodes.get_mut(index as usize)?;
        let value = node.value.take();
        node.next = std::mem::replace(&mut self.free, index);
        self.timers -= usize::from(value.is_some());
        value
    }
}

/// How far it is from a bit to the next one that is set, itself included, around the end.
fn first_from(bits: &[u64; WORDS], from: u64) -> Option<u64> {
    let (first, shift) = (usize::try_from(from / 64).ok()?, from % 64);
    let from_bit = u64::MAX << shift;
    for step in 0..=WORDS {
        let at = (first + step) % WORDS;
        let word = bits.get(at)?;
        let word = match step {
            0 => word & from_bit,
            WORDS => word & !from_bit,
            _ => *word,
        };
        if word != 0 {
            let found = u64::try_from(at).ok()? * 64 + u64::from(word.trailing_zeros());
            return Some(found.wrapping_sub(from) & 0xff);
        }
    }
    None
}

/// What stands before the first node of a list.
fn first_of(list: usize) -> u32 {
    FIRST | u32::try_from(list).unwrap_or(0)
}

fn tick_of(at: Millis) -> u64 {
    u64::try_from(at).unwrap_or(0) / TICK.unsigned_abs()
}

fn slot_of(tick: u64, level: usize) -> usize {
    let slot = (tick >> (8 * level)) & 0xff;
    level * SLOTS + usize::try_from(slot).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    use super::*;

    /// The wheel fires exactly what an ordered map would, at every step, over seconds to decades; a part of the
    /// timers is cancelled.
    #[test]
    fn it_fires_what_an_ordered_map_fires() {
        for seed in 0..6 {
            let mut random = StdRng::seed_from_u64(seed);
            let mut now: Millis = random.random_range(0..2_000_000_000_000);
            let mut wheel = Wheel::at(now);
            // To each timer's number.
            let mut map: BTreeMap<(u64, u32), u32> = BTreeMap::new();
            let mut next = 0;
            for _ in 0..800 {
                for _ in 0..random.random_range(0..4) {
                    let reach = 10_i64.pow(random.random_range(0..10));
                    let at = now + random.random_range(-500..=reach);
                    let timer = wheel.insert(at, next);
                    map.insert((at.max(0).unsigned_abs().div_ceil(TICK.unsigned_abs()), next), timer);
                    next += 1;
                }
                if random.random_range(0..3) == 0
                    && let Some((key, timer)) =
                        map.iter().nth(random.random_range(0..8)).map(|(k, t)| (*k, *t))
                {
                    assert_eq!(wheel.cancel(timer), Some(key.1));
                    map.remove(&key);
                }
                now += 10_i64.pow(random.random_range(0..7));
                let mut fired = Vec::new();
                while !wheel.advance(now, 100_000, |value| fired.push(value)) {}
                let mut expected = Vec::new();
                while let Some((&(tick, value), _)) = map.first_key_value()
                    && tick <= tick_of(now)
                {
                    expected.push(value);
                    map.remove(&(tick, value));
                }
                fired.sort_unstable();
                expected.sort_unstable();
                assert_eq!(fired, expected, "seed {seed} at {now}");
                assert_eq!(wheel.len(), map.len());
                let first = map.first_key_value().map(|((tick, _), _)| *tick);
                let next = wheel.next().map(tick_of);
                assert_eq!(next.is_some(), first.is_some());
                assert!(next <= first, "it wakes up in time");
                assert!(next.is_none_or(|next| next > tick_of(now)), "and not for nothing");
            }
            assert!(next > 800);
        }
    }

    #[test]
    fn no_call_does_more_work_than_it_may() {
        let mut wheel = Wheel::at(0);
        for number in 0..10_000 {
            wheel.insert(60_000, number);
        }
        let mut calls = 0;
        let mut fired = 0;
        loop {
            let before = fired;
            let done = wheel.advance(60_000, 100, |_| fired += 1);
            assert!(fired - before <= 100);
            calls += 1;
            if done {
                break;
            }
        }
        assert_eq!(fired, 10_000);
        assert!(calls >= 200, "each timer is moved once and fired once");
        assert!(wheel.is_empty());
    }

    #[test]
    fn a_long_silence_is_one_step() {
        let mut wheel = Wheel::at(0);
        wheel.insert(365 * 86_400_000, ());
        let (mut steps, mut fired) = (0, 0);
        while let Some(at) = wheel.next() {
            assert!(wheel.advance(at, 10, |()| fired += 1));
            steps += 1;
        }
        assert_eq!(fired, 1);
        assert!(steps <= 5, "one a level: {steps}");
    }
    #[test]
    fn what_is_cancelled_leaves_nothing_behind() {
        let mut wheel = Wheel::at(0);
        let day = 86_400_000;
        for round in 0..100 {
            let timers: Vec<u32> = (0..100).map(|number| wheel.insert(30 * day, number)).collect();
            for (number, timer) in timers.iter().enumerate() {
                assert_eq!(wheel.cancel(*timer), Some(number), "in round {round}");
                assert_eq!(wheel.cancel(*timer), None, "only once");
            }
            assert_eq!((wheel.len(), wheel.next(), wheel.nodes.len()), (0, None, 100));
        }
    }
}
