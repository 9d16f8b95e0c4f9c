//! What a mailbox is made of. A model of it puts loom's parts in their place.

use std::sync::PoisonError;
use std::time::Duration;

pub(super) use std::sync::atomic::{AtomicPtr, Ordering};

pub(super) use crate::sync::step;
use crate::sync::{Condvar, Mutex};

/// Wakes the one thread that sleeps.
#[derive(Default)]
pub(super) struct Bell {
    /// A std mutex: held to fall asleep, and to wake who has.
    lock: Mutex<()>,
    some: Condvar,
}

impl Bell {
    /// Wakes the thread, when what it waits for is so.
    pub(super) fn ring(&self) {
        // Whoever looked before it was so sleeps by now, and whoever has not looked yet will see it.
        drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner));
        self.some.notify_one();
    }

    /// Sleeps until something is so; says whether it is. Without `at_most` there is no other end.
    pub(super) fn wait(&self, at_most: Option<Duration>, is_so: impl Fn() -> bool) -> bool {
        let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        while !is_so() {
            let Some(at_most) = at_most else {
                lock = self.some.wait(lock).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let waited = self.some.wait_timeout(lock, at_most);
            let (again, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            lock = again;
            if timeout.timed_out() {
                return is_so();
            }
        }
        true
    }
}
