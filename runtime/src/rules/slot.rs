//! The place of a revision's code: filled when it is ready, emptied when it is not trusted any more.
//!
//! Whoever asks the code holds a guard meanwhile, and neither waits for those who fill and empty, nor
//! makes them wait. Code that is taken out is sent to the thread that frees, which keeps it until nobody
//! asks it any more. So whoever asks is never the last one to let go, and neither frees nor sends.

use super::sync::{Arc, AtomicBool, Ordering, Outlet, SwapOption};

/// Something that can be sent to be freed: code, or what stands for it in a model.
pub(super) trait Sent: Sized {
    fn send(retired: Retired<Self>, outlet: &Outlet);
}

/// Code and where it goes when it is taken out.
struct Owned<C> {
    code: C,
    outlet: Outlet,
}

/// Code that was taken out. Some may still ask it; nobody begins to.
pub(super) struct Retired<C>(Arc<Owned<C>>);

impl<C: Sent> Retired<C> {
    /// Sends away what was taken out, if something was.
    fn send(taken: Option<Arc<Owned<C>>>) {
        if let Some(owned) = taken {
            let outlet = owned.outlet.clone();
            C::send(Self(owned), &outlet);
        }
    }

    /// The code, when nobody asks it any more.
    pub(super) fn release(self) -> Result<C, Self> {
        Arc::try_unwrap(self.0).map(|owned| owned.code).map_err(Self)
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
        let owned = Owned { code, outlet: outlet.clone() };
        Retired::send(self.current.swap(Some(Arc::new(owned))));
        // Whoever closed it meanwhile may have looked before the code was there. Both swap the same
        // place, so one of the two comes second and takes it out.
        if self.closed.load(Ordering::Acquire) {
            Retired::send(self.current.swap(None));
        }
    }

    /// Takes the code out and lets none in again. Those who are asking it go on until they are done.
    /// Says whether this call was the first.
    pub(super) fn close(&self) -> bool {
        let first = !self.closed.swap(true, Ordering::AcqRel);
        Retired::send(self.current.swap(None));
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
        current.as_ref().map(|owned| run(&owned.code))
    }
}

impl<C: Sent> Drop for Slot<C> {
    fn drop(&mut self) {
        Retired::send(self.current.swap(None));
    }
}
