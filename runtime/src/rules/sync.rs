//! What a [`Slot`](super::slot::Slot) is made of. A model of it puts loom's parts in their place.

use std::sync::mpsc::SyncSender;

pub(super) use std::sync::Arc;
pub(super) use std::sync::atomic::{AtomicBool, Ordering};

pub(super) use arc_swap::ArcSwapOption as SwapOption;

use super::code::{Compiled, Work};
use super::slot::Retired;

/// Where code goes that was taken out.
#[derive(Clone, Default)]
pub(super) struct Outlet(Option<SyncSender<Work>>);

impl Outlet {
    pub(super) fn new(sender: SyncSender<Work>) -> Self {
        Self(Some(sender))
    }

    /// Sends code away. Without a receiver, or when it has ended, the last one who asks frees it.
    pub(super) fn send(&self, code: Retired<Compiled>) {
        if let Some(sender) = &self.0 {
            // There is room for every module that there may be (`MODULES_MAX`), so only one that has
            // ended refuses.
            drop(sender.try_send(Work::Free(code)));
        }
    }
}
