//! What each workspace used since the start, for billing by others and for finding who is noisy.

use std::collections::{HashMap, HashSet};
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

    fn add(&mut self, more: Self) {
        let Self { events, event_bytes, deliveries, attempts, delivered, dead_letters } = more;
        self.events += events;
        self.event_bytes += event_bytes;
        self.deliveries += deliveries;
        self.attempts += attempts;
        self.delivered += delivered;
        self.dead_letters += dead_letters;
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

/// Counts of all workspaces. A workspace has its counts from its first event on. Those that were deleted, and
/// those that come when there are [`WORKSPACES_MAX`] already, are counted together.
#[derive(Debug, Default)]
pub struct Usage {
    /// A std mutex: taken once per batch of the journal's writer, and while somebody reads.
    book: Mutex<Book>,
}

/// The counts while they are written.
#[derive(Debug, Default)]
pub struct Book {
    by_workspace: HashMap<WorkspaceId, Counts>,
    /// Deleted ones, whose last attempts may still end. Ids are never given twice. At most
    /// [`WORKSPACES_MAX`]; then all are forgotten, and one of which something comes has a place again.
    deleted: HashSet<WorkspaceId>,
    others: Counts,
}

impl Book {
    /// The counts of one workspace.
    pub fn of(&mut self, workspace: &WorkspaceId) -> &mut Counts {
        if !self.by_workspace.contains_key(workspace) {
            if self.by_workspace.len() >= WORKSPACES_MAX || self.deleted.contains(workspace) {
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

    /// What those used that have no counts of their own (any more).
    #[must_use]
    pub fn others(&self) -> Counts {
        self.open().others
    }

    /// A workspace was deleted: it gives up its place, and what it used is counted with the others.
    pub fn deleted(&self, workspace: &WorkspaceId) {
        let mut book = self.open();
        if let Some(counts) = book.by_workspace.remove(workspace) {
            book.others.add(counts);
        }
        if book.deleted.len() >= WORKSPACES_MAX {
            book.deleted.clear();
        }
        book.deleted.insert(workspace.clone());
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

    #[test]
    fn a_deleted_workspace_gives_up_its_place_and_its_counts_are_still_there() {
        let usage = Usage::default();
        let (gone, stays) = (WorkspaceId::from_text("ws_gone"), WorkspaceId::from_text("ws_stays"));
        for id in [&gone, &gone, &stays] {
            usage.open().of(id).accepted(10, 1);
        }
        usage.deleted(&gone);
        // What was under way when it was deleted.
        usage.open().of(&gone).attempts += 1;
        assert_eq!(usage.noisiest(By::Events, 9).len(), 1);
        assert_eq!(usage.of(&gone), Counts::default());
        let others = Counts { events: 2, event_bytes: 20, deliveries: 2, attempts: 1, ..Counts::default() };
        assert_eq!(usage.others(), others);
    }
}
