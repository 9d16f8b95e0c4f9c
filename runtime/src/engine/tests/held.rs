//! What an engine holds, as another one would be told of it.

use super::*;
use crate::engine::pending::Pending;

impl Engine {
    /// All that is pending, by the places of the table.
    pub(super) fn held(&self) -> Vec<Owe> {
        self.table.range(0, usize::MAX).filter_map(|(_, entry)| self.held_as(entry)).collect()
    }

    fn held_as(&self, entry: &Pending) -> Option<Owe> {
        let queue = self.queues.connection(entry.connection)?;
        Some(Owe {
            id: entry.id,
            workspace: queue.workspace_id.clone(),
            connection: queue.id.clone(),
            position: entry.position,
            index: entry.index,
            origin: Origin { position: entry.position, index: entry.index },
            terms: self.terms.get(entry.terms)?.terms.clone(),
            rate: self.limits.bucket(entry.bucket).map(|bucket| bucket.tally),
            order: self.lanes.order(entry.lane),
            cost: entry.cost,
            due_at: entry.due_at,
            expires_at: entry.expires_at(),
            attempts: u32::from(entry.attempts),
            mapped: true,
        })
    }
}
