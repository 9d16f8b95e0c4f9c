//! The place of a revision's code: filled when it is ready, emptied when it is not trusted any more.
//!
//! Whoever asks the code holds a guard meanwhile, and neither waits for those who fill and empty, nor
//! makes them wait. The last one to let go of code does not free it: it is sent to the thread that does.

use super::sync::{Arc, AtomicBool, Ordering, Outlet, SwapOption};

/// Something that can be sent to be freed: code, or what stands for it in a model.
pub(super) trait Sent: Sized {
    fn send(self, outlet: &Outlet);
}

/// Code that is sent away when it is let go.
struct Owned<C: Sent> {
    code: Option<C>,
    outlet: Outlet,
}

impl<C: Sent> Drop for Owned<C> {
    fn drop(&mut self) {
        if let Some(code) = self.code.take() {
            code.send(&self.outlet);
        }
    }
}

/// The code of a revision, when there is some.
pub(super) struct Slot<C: Sent> {
    current: SwapOption<Owned<C>>,
    closed: AtomicBool,
}

impl<C: Sent> Slot<C> {
    pub(super) fn new() -> Self {
        Self { current: SwapOption::from(None), closed: AtomicBool::new(false) }
    }

    /// Puts code in, unless it was closed.
    pub(super) fn put(&self, code: C, outlet: &Outlet) {
        let owned = Owned { code: Some(code), outlet: outlet.clone() };
        drop(self.current.swap(Some(Arc::new(owned))));
        // Whoever closed it meanwhile may have looked before the code was there. Both swap the same
        // place, so one of the two comes second and takes it out.
        if self.closed.load(Ordering::Acquire) {
            drop(self.current.swap(None));
        }
    }

    /// Takes the code out and lets none in again. Those who are asking it go on until they are done.
    /// Says whether this call was the first.
    pub(super) fn close(&self) -> bool {
        let first = !self.closed.swap(true, Ordering::AcqRel);
        drop(self.current.swap(None));
        first
    }

    /// Whether it lets no code in.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Whether there is code.
    pub(super) fn is_filled(&self) -> bool {
        self.current.load().is_some()
    }

    /// Asks the code, which stays until `run` returns.
    #[inline]
    pub(super) fn with<R>(&self, run: impl FnOnce(&C) -> R) -> Option<R> {
        let current = self.current.load();
        current.as_ref()?.code.as_ref().map(run)
    }
}
