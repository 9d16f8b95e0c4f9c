//! Whether anything would be taken now, told before it is read.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Node;
use super::accept::Rejected;
use crate::id::WorkspaceId;

/// A queue this full has room again after a few syncs.
const CROWDED_RETRY: Duration = Duration::from_secs(1);

impl Node {
    /// Why an event would be refused whatever it is. A look and no promise: between it and the event's own
    /// turn things change in both directions.
    #[must_use]
    pub fn refuses(&self, workspace: Option<&WorkspaceId>) -> Option<Rejected> {
        if self.stopping.load(Ordering::Acquire) {
            return Some(Rejected::Stopping);
        }
        if self.writer.failing() {
            return Some(Rejected::Failing);
        }
        if self.writer.is_crowded() {
            return Some(Rejected::Busy { retry_after: CROWDED_RETRY });
        }
        self.shelf.pending.look(workspace?, 1).err()
    }
}
