//! The sends of the last while: at most so many in any stretch of that length.

use std::time::Duration;

use jiff::Timestamp;

use super::keyed::{Gate, Kind};
use super::{GateKey, length, millis};

/// So many different times are kept apart. Up to this many sends in a window the count is exact; beyond
/// it, sends that lie closest together count as sent at the later one's time, which lets through a
/// little less, never more.
pub const SENDS_KEPT_MAX: usize = 32;

/// The sends of the last while, oldest first, as times in milliseconds since 1970 and how many there
/// were.
///
/// A sliding window. The usual token bucket lets nearly twice its size through in one window (a full
/// bucket at once, and then what flows in), and both destinations' limits and people count the plain way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recent {
    sends: Vec<(i64, u32)>,
}

impl Recent {
    /// The earliest time from `now` on at which one more makes at most `allow` in any window of `every`
    /// milliseconds. A clock that went back is taken to have stood still.
    #[must_use]
    pub fn next(&self, allow: u32, every: i64, now: i64) -> i64 {
        let now = now.max(self.sends.last().map_or(now, |&(at, _)| at));
        let mut room = allow.max(1);
        for &(at, count) in self.sends.iter().rev() {
            let end = at.saturating_add(every);
            if end <= now {
                break;
            }
            match room.checked_sub(count) {
                Some(left) if left > 0 => room = left,
                _ => return end,
            }
        }
        now
    }

    /// The sends with these times and counts; `None` when they are not what [`Self::sends`] gives.
    #[must_use]
    pub fn of(sends: Vec<(i64, u32)>) -> Option<Self> {
        let in_order = sends.iter().zip(sends.iter().skip(1)).all(|(one, next)| one.0 < next.0);
        (in_order && sends.len() <= SENDS_KEPT_MAX).then_some(Self { sends })
    }

    /// Their times in milliseconds since 1970, oldest first, and how many there were at each.
    #[must_use]
    pub fn sends(&self) -> &[(i64, u32)] {
        &self.sends
    }

    /// Adds a send.
    pub fn push(&mut self, every: i64, now: i64) {
        let now = now.max(self.sends.last().map_or(now, |&(at, _)| at));
        self.sends.retain(|&(at, _)| at.saturating_add(every) > now);
        match self.sends.last_mut() {
            Some((at, count)) if *at == now => *count = count.saturating_add(1),
            _ => self.sends.push((now, 1)),
        }
        if self.sends.len() > SENDS_KEPT_MAX {
            self.merge_closest();
        }
    }

    /// The clock went back: what was sent later than now counts as sent now. How far the last one moved.
    pub(super) fn not_after(&mut self, now: i64) -> i64 {
        let last = self.sends.last().map_or(now, |&(at, _)| at);
        let later = self.sends.extract_if(.., |&mut (at, _)| at >= now);
        let count = later.fold(0_u32, |count, (_, more)| count.saturating_add(more));
        if count > 0 {
            self.sends.push((now, count));
        }
        last.saturating_sub(now).max(0)
    }

    /// When the last of them means nothing any more.
    #[must_use]
    pub fn until(&self, every: i64) -> i64 {
        self.sends.last().map_or(i64::MIN, |&(at, _)| at.saturating_add(every))
    }

    /// Moves the sends whose change matters least to the next later time: so many by so much.
    fn merge_closest(&mut self) {
        let pairs = self.sends.iter().zip(self.sends.iter().skip(1));
        let costs = pairs.map(|(a, b)| i128::from(a.1) * (i128::from(b.0) - i128::from(a.0)));
        let Some((at, _)) = costs.enumerate().min_by_key(|&(_, cost)| cost) else { return };
        let (_, count) = self.sends.remove(at);
        if let Some((_, later)) = self.sends.get_mut(at) {
            *later = later.saturating_add(count);
        }
    }
}

impl<K: Kind<State = Recent>> Gate<K> {
    /// Adds a send to a key's.
    pub(super) fn add(&mut self, key: GateKey, every: Duration, now: Timestamp) {
        let (now, every) = (millis(now), length(every));
        let mut recent = self.get(key, now).cloned().unwrap_or_default();
        recent.push(every, now);
        let until = recent.until(every);
        self.put(key, recent, until, now);
    }

    /// Takes over what an earlier run remembered. Its clock may have been ahead of ours: what it says to have
    /// been sent later than now counts as sent now, or nothing would pass until then.
    pub(super) fn not_after(&mut self, now: Timestamp) {
        let now = millis(now);
        for mut entry in self.beyond(now) {
            entry.until = entry.until.saturating_sub(entry.state.not_after(now));
            self.put_back(entry.key, Some(entry));
        }
    }
}
