//! The parts of a slot and of a mailbox as loom sees them, and blocks that know of being freed.

pub(super) use loom::sync::Arc;
pub(super) use loom::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use loom::cell::UnsafeCell;
use loom::sync::{Condvar, Mutex};

use super::slot::Retired;

/// What arc-swap's type of that name looks like to its users.
pub(super) struct SwapOption<T>(Mutex<Option<Arc<T>>>);

impl<T> SwapOption<T> {
    pub(super) fn from(value: Option<Arc<T>>) -> Self {
        Self(Mutex::new(value))
    }

    pub(super) fn load(&self) -> Option<Arc<T>> {
        self.0.lock().unwrap().clone()
    }

    pub(super) fn swap(&self, value: Option<Arc<T>>) -> Option<Arc<T>> {
        std::mem::replace(&mut *self.0.lock().unwrap(), value)
    }
}

/// Stands for code. Whoever asks it reads its memory, and freeing writes it; loom fails a run in which
/// the two can meet.
pub(super) struct Block(UnsafeCell<()>);

impl Block {
    pub(super) fn new() -> Self {
        Self(UnsafeCell::new(()))
    }

    pub(super) fn ask(&self) {
        self.0.with(|_| ());
    }

    fn free(self) {
        self.0.with_mut(|_| ());
    }
}

/// Code on its way to be freed.
#[derive(Clone)]
pub(super) struct Outlet {
    waiting: Arc<Mutex<Vec<Retired<Block>>>>,
    /// Blocks that were sent and not freed. Only looked at when all is over, so loom need not see it.
    owed: std::sync::Arc<AtomicUsize>,
}

impl Default for Outlet {
    fn default() -> Self {
        Self { waiting: Arc::new(Mutex::new(Vec::new())), owed: std::sync::Arc::default() }
    }
}

impl Outlet {
    pub(super) fn send(&self, retired: Retired<Block>) {
        self.owed.fetch_add(1, Relaxed);
        self.waiting.lock().unwrap().push(retired);
    }

    /// Frees what waits and nobody asks, as the thread does whose work that is.
    pub(super) fn free_all(&self) {
        let waiting = std::mem::take(&mut *self.waiting.lock().unwrap());
        for retired in waiting {
            match retired.release() {
                Ok(block) => {
                    block.free();
                    self.owed.fetch_sub(1, Relaxed);
                }
                Err(still_asked) => self.waiting.lock().unwrap().push(still_asked),
            }
        }
    }

    /// How many blocks were sent and not freed.
    pub(super) fn owed(&self) -> usize {
        self.owed.load(Relaxed)
    }
}

/// Wakes the one thread that sleeps. Here no time ever is over.
#[derive(Default)]
pub(super) struct Bell {
    lock: Mutex<()>,
    some: Condvar,
}

impl Bell {
    pub(super) fn ring(&self) {
        drop(self.lock.lock().unwrap());
        self.some.notify_one();
    }

    pub(super) fn wait(&self, _: Option<Duration>, is_so: impl Fn() -> bool) -> bool {
        let mut lock = self.lock.lock().unwrap();
        while !is_so() {
            lock = self.some.wait(lock).unwrap();
        }
        true
    }
}

/// Loom lets others run at every step anyway.
pub(super) fn step() {}
