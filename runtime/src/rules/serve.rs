//! A revision that is served: asked for code when it is hot, checked now and then.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::code::{Compiled, HOT_EVENTS, Shared};
use super::crash::Name;
use super::sync::Outlet;
use super::{Rules, Served};
use crate::id::WorkspaceId;

impl Rules {
    /// Says whose rules these are; only the first call counts.
    pub(super) fn serve(self: &Arc<Self>, code: &Arc<Shared>, workspace: &WorkspaceId, number: u64) {
        let rules = Arc::downgrade(self);
        let (code, workspace) = (Arc::clone(code), workspace.clone());
        drop(self.served.set(Served { code, workspace, number, rules }));
    }

    fn ask_for_code(&self, served: &Served, count: u64) {
        if count.is_multiple_of(HOT_EVENTS) && !self.is_settled() {
            served.code.ask(&served.workspace, &served.rules);
        }
    }

    /// Counts an event that was decided; says whether it is to be checked. Asks for code now and then.
    pub(super) fn count(&self) -> bool {
        let Some(served) = self.served.get() else { return false };
        let count = self.events.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        self.ask_for_code(served, count);
        let is_checked = served.code.is_checked(count);
        if is_checked {
            served.code.counted.checked.fetch_add(1, Ordering::Relaxed);
        }
        is_checked
    }

    /// Whether no code is to be waited for.
    pub(super) fn is_settled(&self) -> bool {
        self.is_settled.load(Ordering::Relaxed)
    }

    /// No code will come.
    pub(super) fn settle(&self) {
        self.is_settled.store(true, Ordering::Relaxed);
    }

    /// Has code answer from here on.
    pub(super) fn put(&self, code: Compiled, outlet: &Outlet) {
        self.settle();
        self.code.put(code, outlet);
    }

    /// Has no code answer any more. Says whether this call was the first.
    pub(super) fn quarantine(&self) -> bool {
        self.settle();
        self.code.close()
    }

    /// The name that threads bear while its code runs.
    pub(super) fn name(&self) -> Option<Name> {
        self.served.get().map(|served| Name::new(&served.workspace, served.number))
    }

    pub(super) fn distrust_code(&self) {
        if self.quarantine() {
            self.report("compiled code answered differently than the interpreter and is not used any more");
        }
    }

    pub(super) fn distrust_index(&self) {
        if !self.is_plain.swap(true, Ordering::Relaxed) {
            // Code finds its candidates by the same index.
            self.quarantine();
            self.report("the index answered differently than the interpreter and is not used any more");
        }
    }

    fn report(&self, what: &str) {
        let Some(served) = self.served.get() else { return };
        served.code.counted.differed.fetch_add(1, Ordering::Relaxed);
        tracing::error!(workspace = %served.workspace, number = served.number, "{what}");
    }
}
