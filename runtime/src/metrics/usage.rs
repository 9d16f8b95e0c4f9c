//! What each workspace used since the start, for billing by others and for finding who is noisy.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::id::WorkspaceId;
use crate::limits::WORKSPACES_MAX;
use crate::model::State;

/// What one workspace used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Events that were accepted.
    pub events: u64,
    /// Bytes of their payloads.
    pub event_bytes: u64,
    /// Deliveries that came to be owed, replays included.
    pub deliveries: u64,
    /// Attempts that ended.
    pub attempts: u64,
    /// Deliveries that arrived.
    pub delivered: u64,
    /// Deliveries that were given up.
    pub dead_letters: u64,
}

impl Counts {
    pub(super) fn accepted(&mut self, bytes: u64, deliveries: u64) {
        self.events += 1;
        self.event_bytes += bytes;
        self.deliveries += deliveries;
    }

    pub(super) fn replayed(&mut self, deliveries: u64) {
        self.deliveries += deliveries;
    }

    pub(super) fn settled(&mut self, state: &State) {
        self.delivered += u64::from(matches!(state, State::Delivered));
        self.dead_letters += u64::from(matches!(state, State::DeadLetter { .. }));
    }
}

/// By what the noisiest are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// [`Counts::events`].
    Events,
    /// [`Counts::event_bytes`].
    Bytes,
    /// [`Counts::deliveries`].
    Deliveries,
    /// [`Counts::attempts`].
    Attempts,
}

/// Counts of all workspaces. A workspace has its counts from its first event on; ids are never given
/// twice, and when there are more than [`WORKSPACES_MAX`], further ones are counted together.
#[derive(Debug, Default)]
pub struct Usage {
    /// A std mutex: taken once per batch of the journal's writer, and while somebody reads.
    book: Mutex<Book>,
}

/// The counts while they are written.
#[derive(Debug, Default)]
pub struct Book {
    by_workspace: HashMap<WorkspaceId, Counts>,
    others: Counts,
}

impl Book {
    /// The counts of one workspace.
    pub fn of(&mut self, workspace: &WorkspaceId) -> &mut Counts {
        if !self.by_workspace.contains_key(workspace) {
            if self.by_workspace.len() >= WORKSPACES_MAX {
                return &mut self.others;
            }
            self.by_workspace.insert(workspace.clone(), Counts::default());
        }
        self.by_workspace.get_mut(workspace).unwrap_or(&mut self.others)
    }
}

impl Usage {
    pub(super) fn open(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What one workspace used.
    #[must_use]
    pub fn of(&self, workspace: &WorkspaceId) -> Counts {
        self.open().by_workspace.get(workspace).copied().unwrap_or_default()
    }

    /// Those that used most, most first.
    #[must_use]
    pub fn noisiest(&self, by: By, limit: usize) -> Vec<(WorkspaceId, Counts)> {
        let key = |counts: &Counts| match by {
            By::Events => counts.events,
            By::Bytes => counts.event_bytes,
            By::Deliveries => counts.deliveries,
            By::Attempts => counts.attempts,
        };
        let mut all: Vec<(WorkspaceId, Counts)> =
            self.open().by_workspace.iter().map(|(id, counts)| (id.clone(), *counts)).collect();
        all.sort_unstable_by(|(left, a), (right, b)| key(b).cmp(&key(a)).then_with(|| left.cmp(right)));
        all.truncate(limit);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_noisiest_come_first_and_equal_ones_by_name() {
        let usage = Usage::default();
        for (name, events) in [("ws_b", 2), ("ws_a", 2), ("ws_c", 5)] {
            let id = WorkspaceId::from_text(name);
            (0..events).for_each(|_| usage.open().of(&id).accepted(10, 1));
        }
        let names = |by, limit| -> Vec<String> {
            usage.noisiest(by, limit).into_iter().map(|(id, _)| id.to_string()).collect()
        };
        assert_eq!(names(By::Events, 9), ["ws_c", "ws_a", "ws_b"]);
        assert_eq!(names(By::Bytes, 1), ["ws_c"]);
        let counted = usage.of(&WorkspaceId::from_text("ws_a"));
        assert_eq!(counted, Counts { events: 2, event_bytes: 20, deliveries: 2, ..Counts::default() });
        assert_eq!(usage.of(&WorkspaceId::from_text("ws_none")), Counts::default());
    }
}
