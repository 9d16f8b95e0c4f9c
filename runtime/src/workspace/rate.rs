//! How many events a workspace may send each second.
//!
//! A generic cell rate algorithm in one atomic: the time at which everything that was taken so far would have
//! come evenly spaced. A second's worth may come at once.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const SECOND: u64 = 1_000_000_000;

/// The limit's name.
pub const EVENTS_PER_SECOND_MAX: &str = "events_per_second_max";

/// A workspace's rate of events.
#[derive(Debug)]
pub struct EventRate {
    began: Instant,
    /// 0 for no limit.
    per_second: AtomicU32,
    /// Nanoseconds after `began`.
    even: AtomicU64,
}

/// What is left of a second's worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// The limit.
    pub per_second: u32,
    /// Events that may come at once.
    pub remaining: u32,
    /// When a whole second's worth may come again.
    pub reset: Duration,
}

/// The limit is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany {
    /// The limit.
    pub per_second: u32,
    /// When the next event may come.
    pub wait: Duration,
}

impl Default for EventRate {
    fn default() -> Self {
        Self { began: Instant::now(), per_second: AtomicU32::new(0), even: AtomicU64::new(0) }
    }
}

impl EventRate {
    /// Sets the limit, from the next event on.
    pub fn set(&self, per_second: Option<u32>) {
        self.per_second.store(per_second.unwrap_or(0), Ordering::Relaxed);
    }

    /// Takes one event.
    ///
    /// # Errors
    /// [`TooMany`]: it must not be taken now.
    pub fn take(&self) -> Result<(), TooMany> {
        self.take_at(self.now())
    }

    /// Takes one event as soon as it may be taken: at the time that the rate itself names, or later when
    /// others who wait were quicker.
    pub async fn taken(&self) {
        while let Err(TooMany { wait, .. }) = self.take() {
            tokio::time::sleep(wait.clamp(LOOK_FIRST, LOOK_AGAIN)).await;
        }
    }

    /// Looks whether an event could be taken, without taking it.
    ///
    /// # Errors
    /// [`TooMany`].
    pub fn look(&self) -> Result<(), TooMany> {
        let per_second = self.per_second.load(Ordering::Relaxed);
        let ahead = self.even.load(Ordering::Relaxed).saturating_sub(self.now());
        if per_second > 0 && ahead + each(per_second) > SECOND {
            return Err(too_many(per_second, ahead));
        }
        Ok(())
    }

    /// What is left; `None` without a limit.
    #[must_use]
    pub fn left(&self) -> Option<Left> {
        self.left_at(self.now())
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn take_at(&self, now: u64) -> Result<(), TooMany> {
        let per_second = self.per_second.load(Ordering::Relaxed);
        if per_second == 0 {
            return Ok(());
        }
        let each = each(per_second);
        let taken = self.even.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |even| {
            let even = even.max(now);
            (even - now + each <= SECOND).then_some(even + each)
        });
        taken.map(drop).map_err(|even| too_many(per_second, even.saturating_sub(now)))
    }

    fn left_at(&self, now: u64) -> Option<Left> {
        let per_second = self.per_second.load(Ordering::Relaxed);
        if per_second == 0 {
            return None;
        }
        let ahead = self.even.load(Ordering::Relaxed).saturating_sub(now);
        let remaining = u32::try_from(SECOND.saturating_sub(ahead) / each(per_second)).unwrap_or(u32::MAX);
        Some(Left { per_second, remaining: remaining.min(per_second), reset: Duration::from_nanos(ahead) })
    }
}

/// Whoever waits looks again after so long, at the earliest: timers are no finer.
const LOOK_FIRST: Duration = Duration::from_millis(1);

/// Whoever waits looks again after so long, at the latest: the limit may have been changed.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What one event takes of its second.
fn each(per_second: u32) -> u64 {
    SECOND / u64::from(per_second.max(1))
}

fn too_many(per_second: u32, ahead: u64) -> TooMany {
    let wait = (ahead + each(per_second)).saturating_sub(SECOND);
    TooMany { per_second, wait: Duration::from_nanos(wait) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_waits_for_room_looks_when_there_is_some() {
        let rate = EventRate::default();
        rate.set(Some(2));
        assert!(rate.take().is_ok() && rate.take().is_ok());
        let (began, mut looks) = (Instant::now(), 0);
        let mut taken = std::pin::pin!(rate.taken());
        std::future::poll_fn(|cx| {
            looks += 1;
            taken.as_mut().poll(cx)
        })
        .await;
        assert!(began.elapsed() >= Duration::from_millis(450), "{:?}", began.elapsed());
        assert!(looks <= 5, "{looks}");
        assert!(rate.take().is_err());
    }

    #[test]
    fn a_second_holds_so_many_events_and_they_come_back_evenly() {
        let rate = EventRate::default();
        assert_eq!((rate.take_at(0), rate.left_at(0)), (Ok(()), None), "without a limit");
        rate.set(Some(10));
        for taken in 0..10 {
            assert_eq!(rate.left_at(0).unwrap().remaining, 10 - taken);
            assert_eq!(rate.take_at(0), Ok(()));
        }
        let wait = Duration::from_millis(100);
        assert_eq!(rate.take_at(0), Err(TooMany { per_second: 10, wait }));
        let left = rate.left_at(SECOND / 2).unwrap();
        assert_eq!(left, Left { per_second: 10, remaining: 5, reset: Duration::from_millis(500) });
        let taken = (0..20).filter(|_| rate.take_at(SECOND / 2).is_ok()).count();
        assert_eq!(taken, 5);
        let taken = (0..20).filter(|_| rate.take_at(100 * SECOND).is_ok()).count();
        assert_eq!(taken, 10, "what was not used is not saved up");
    }
}
