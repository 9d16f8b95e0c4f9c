//! Deleting a workspace, and clearing up what it leaves in the control store.

use jiff::Timestamp;

use super::Workspace;
use super::change::ChangeError;
use super::record::{WorkspaceRecord, connections_of, key_key, revisions_of, workspace_key};
use super::registry::Registry;
use super::replay::replays_of;
use crate::control::{Change, Expect};
use crate::key::KeyRecord;
use crate::lists::{all_entries_of, lists_of};

/// Values of a deleted workspace that are read at once: a revision may be as large as a bundle.
const CLEARED_AT_ONCE: usize = 8;

impl Registry {
    /// Deletes a workspace: no request sees it any more, and what is still to be delivered there is
    /// given up at its next attempt. Its id stays taken, so that its history never becomes another's. Nothing
    /// else of it stays in the control store; what the journal holds goes as the journal's oldest does.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub async fn delete(
        &self,
        workspace: &Workspace,
        keys: &[KeyRecord],
        now: Timestamp,
    ) -> Result<(), ChangeError> {
        let _turn = self.turn(workspace).await?;
        let (mut record, revision) = self.workspace_record(&workspace.id).await?;
        record.deleted_at = Some(now);
        // Without its key whatever was sealed stays sealed, in copies of the store, too.
        record.key = "".into();
        record.live = None;
        self.put(&workspace_key(&workspace.id), &record, Expect::Revision(revision)).await?;
        self.hide(&workspace.id);
        for key in keys {
            self.store.delete(&key_key(&key.id), Expect::Any).await?;
        }
        self.clear(record).await
    }

    /// Removes what a deleted workspace left in the control store, and notes that nothing is left.
    pub(super) async fn clear(&self, mut record: WorkspaceRecord) -> Result<(), ChangeError> {
        for prefix in [connections_of(&record.id), revisions_of(&record.id), replays_of(&record.id)] {
            loop {
                let found = self.store.list(&prefix, None, CLEARED_AT_ONCE).await?;
                for value in &found {
                    self.store.delete(&value.key, Expect::Any).await?;
                }
                if found.len() < CLEARED_AT_ONCE {
                    break;
                }
            }
        }
        // In one step each: a list may have a million entries.
        let lists = [lists_of(&record.id), all_entries_of(&record.id)].map(|prefix| Change::Clear { prefix });
        self.store.apply(lists.into()).await?;
        record.cleared = true;
        self.put(&workspace_key(&record.id), &record, Expect::Any).await.map(drop)
    }
}
