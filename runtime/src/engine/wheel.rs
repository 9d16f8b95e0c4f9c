//! A hierarchical timer wheel: constant-time inserts, expiry in small steps, 24 bytes of links a timer.
//!
//! Five levels of 256 slots; a tick is [`TICK`] milliseconds, so the levels reach 2.6 seconds, 11
//! minutes, 46 hours, 16 months and more. A timer sits in the slot of its tick on the lowest level that
//! reaches it and moves down as time comes closer (Varghese and Lauck, 1987). No call does more than the
//! work it is allowed, so a slot with a million timers does not hold up deliveries. Timers are not
//! cancelled: what they name is checked when they fire.

use super::Millis;

/// Milliseconds of a tick. Retries would do with a second; rate limits of many a second would not.
pub const TICK: Millis = 10;

const LEVELS: usize = 5;
const SLOTS: usize = 256;
const NONE: u32 = u32::MAX;

/// Timers that carry a value each.
#[derive(Debug)]
pub struct Wheel<T> {
    /// The first node of each slot, level by level.
    slots: Vec<u32>,
    nodes: Vec<Node<T>>,
    free: u32,
    /// The tick up to which time has passed.
    now: u64,
    /// Nodes of each level's slot that are to be put lower.
    moving: [u32; LEVELS],
    /// Nodes that fire.
    firing: u32,
    timers: usize,
}

#[derive(Debug)]
struct Node<T> {
    next: u32,
    tick: u64,
    value: Option<T>,
}

impl<T> Wheel<T> {
    /// A wheel at that time.
    #[must_use]
    pub fn at(now: Millis) -> Self {
        let slots = vec![NONE; LEVELS * SLOTS];
        Self {
            slots,
            nodes: Vec::new(),
            free: NONE,
            now: tick_of(now),
            moving: [NONE; LEVELS],
            firing: NONE,
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

    /// Sets a timer. It fires at the first tick that is not before `at`, and never within this call.
    pub fn insert(&mut self, at: Millis, value: T) {
        let tick = u64::try_from(at).unwrap_or(0).div_ceil(TICK.unsigned_abs());
        let node = Node { next: NONE, tick, value: Some(value) };
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
            } else if self.firing != NONE {
                let index = self.firing;
                self.firing = self.next_of(index);
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
        let busy = self.firing != NONE || self.moving.iter().any(|head| *head != NONE);
        let tick = if busy { Some(self.now) } else { self.next_turn() };
        tick.and_then(|tick| Millis::try_from(tick).ok()).map(|tick| tick.saturating_mul(TICK))
    }

    /// The next tick at which a slot is due: its timers fire, or move down.
    fn next_turn(&self) -> Option<u64> {
        let on = |level: usize| {
            let block = self.now >> (8 * level);
            let slots = (block + 1..=block + 256).map(|tick| tick << (8 * level));
            slots
                .into_iter()
                .find(|tick| self.slots.get(slot_of(*tick, level)).is_some_and(|head| *head != NONE))
        };
        (0..LEVELS).filter_map(on).min()
    }

    /// Lets time pass up to a tick, before which nothing is due.
    fn turn(&mut self, tick: u64) {
        self.now = tick;
        for level in 1..LEVELS {
            if self.now.is_multiple_of(1 << (8 * level)) {
                let list = self.take(slot_of(self.now, level));
                if let Some(moving) = self.moving.get_mut(level) {
                    *moving = list;
                }
            }
        }
        self.firing = self.take(slot_of(self.now, 0));
    }

    /// The next node to be put lower: the highest level first, since it may land in the next one.
    fn pop_moving(&mut self) -> Option<u32> {
        let index = self.moving.iter().rev().copied().find(|head| *head != NONE)?;
        let next = self.next_of(index);
        let head = self.moving.iter_mut().rev().find(|head| **head == index)?;
        *head = next;
        Some(index)
    }

    /// Puts a node into the slot of its tick, or among those that fire.
    fn place(&mut self, index: u32) {
        let Some(node) = self.nodes.get_mut(index as usize) else { return };
        let away = node.tick.saturating_sub(self.now);
        let head = if away == 0 {
            &mut self.firing
        } else {
            // Beyond the last level it waits in that level's farthest slot and is placed again from there.
            let level = (0..LEVELS).find(|level| away < 1 << (8 * (level + 1))).unwrap_or(LEVELS - 1);
            let reach = self.now + ((1 << (8 * LEVELS)) - 1);
            match self.slots.get_mut(slot_of(node.tick.min(reach), level)) {
                Some(slot) => slot,
                None => return,
            }
        };
        node.next = std::mem::replace(head, index);
    }

    fn next_of(&self, index: u32) -> u32 {
        self.nodes.get(index as usize).map_or(NONE, |node| node.next)
    }

    fn take(&mut self, slot: usize) -> u32 {
        self.slots.get_mut(slot).map_or(NONE, |head| std::mem::replace(head, NONE))
    }

    fn release(&mut self, index: u32) -> Option<T> {
        let node = self.nodes.get_mut(index as usize)?;
        let value = node.value.take();
        node.next = std::mem::replace(&mut self.free, index);
        self.timers -= usize::from(value.is_some());
        value
    }
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

    /// The wheel fires exactly what an ordered map would, at every step, over seconds to decades.
    #[test]
    fn it_fires_what_an_ordered_map_fires() {
        for seed in 0..6 {
            let mut random = StdRng::seed_from_u64(seed);
            let mut now: Millis = random.random_range(0..2_000_000_000_000);
            let mut wheel = Wheel::at(now);
            let mut map: BTreeMap<(u64, u32), ()> = BTreeMap::new();
            let mut next = 0;
            for _ in 0..800 {
                for _ in 0..random.random_range(0..4) {
                    let reach = 10_i64.pow(random.random_range(0..10));
                    let at = now + random.random_range(-500..=reach);
                    wheel.insert(at, next);
                    map.insert((at.max(0).unsigned_abs().div_ceil(TICK.unsigned_abs()), next), ());
                    next += 1;
                }
                now += 10_i64.pow(random.random_range(0..7));
                let mut fired = Vec::new();
                while !wheel.advance(now, 100_000, |value| fired.push(value)) {}
                let mut expected = Vec::new();
                while let Some((&(tick, value), ())) = map.first_key_value()
                    && tick <= tick_of(now)
                {
                    expected.push(value);
                    map.remove(&(tick, value));
                }
                fired.sort_unstable();
                expected.sort_unstable();
                assert_eq!(fired, expected, "seed {seed} at {now}");
                assert_eq!(wheel.len(), map.len());
                let first = map.first_key_value().map(|((tick, _), ())| *tick);
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
        let mut steps = 0;
        let mut fired = 0;
        while let Some(at) = wheel.next() {
            assert!(wheel.advance(at, 10, |()| fired += 1));
            steps += 1;
        }
        assert_eq!(fired, 1);
        assert!(steps <= 5, "one a level: {steps}");
    }
}
