//! The parts of a slot as loom sees them, and blocks that know whether they were freed.

pub(super) use loom::sync::Arc;
pub(super) use loom::sync::atomic::{AtomicBool, Ordering};

use loom::cell::UnsafeCell;
use loom::sync::Mutex;

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
pub(super) struct Block(std::sync::Arc<Memory>);

struct Memory {
    cell: UnsafeCell<bool>,
}

impl Block {
    pub(super) fn new() -> Self {
        Self(std::sync::Arc::new(Memory { cell: UnsafeCell::new(false) }))
    }

    pub(super) fn ask(&self) {
        // loom's cell checks every access; a value of this type is only ever read through `with`.
        let freed = self.0.cell.with(|_| false);
        assert!(!freed);
    }

    fn free(self) -> bool {
        self.0.cell.with_mut(|_| ());
        true
    }
}

/// Code on its way to be freed.
#[derive(Clone)]
pub(super) struct Outlet {
    waiting: Arc<Mutex<Vec<Block>>>,
    freed: Arc<Mutex<usize>>,
    sent: Arc<Mutex<usize>>,
}

impl Default for Outlet {
    fn default() -> Self {
        Self {
            waiting: Arc::new(Mutex::new(Vec::new())),
            freed: Arc::new(Mutex::new(0)),
            sent: Arc::new(Mutex::new(0)),
        }
    }
}

impl Outlet {
    pub(super) fn send(&self, block: Block) {
        *self.sent.lock().unwrap() += 1;
        self.waiting.lock().unwrap().push(block);
    }

    /// Frees what waits, as the thread does whose only work that is.
    pub(super) fn free_all(&self) {
        let waiting = std::mem::take(&mut *self.waiting.lock().unwrap());
        let freed = waiting.into_iter().filter_map(|block| block.free().then_some(())).count();
        *self.freed.lock().unwrap() += freed;
    }

    pub(super) fn assert_everything_is_freed_once(&self) {
        assert_eq!(*self.freed.lock().unwrap(), *self.sent.lock().unwrap());
        assert!(self.waiting.lock().unwrap().is_empty());
    }
}
