//! Publishing: check everything, refuse all of it or store and swap.

use std::sync::Arc;

use compiler::world::Bundle;
use jiff::Timestamp;

use super::change::ChangeError;
use super::record::{RevisionRecord, revision_key, revisions_of, workspace_key};
use super::registry::{Registry, read};
use super::revision::bundle_of;
use super::{Revision, Workspace};
use crate::control::Expect;
use crate::id::WorkspaceId;
use crate::limits::REVISIONS_MAX;
use crate::rules::Rules;

/// A revision in a list.
#[derive(Clone, Debug)]
pub struct Listed {
    /// As it is stored.
    pub record: RevisionRecord,
    /// Whether it decides now.
    pub live: bool,
}

/// Whether the tests that stand in the files are run before a bundle goes live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tests {
    /// They are, and the workspace says what becomes of a bundle of which one fails.
    Run,
    /// They are not: the bundle was live before, or does not go live.
    Skip,
}

impl Registry {
    /// Compiles a bundle for a workspace without publishing it, one of a workspace at a time.
    ///
    /// # Errors
    /// [`ChangeError::Refused`] with every message when one of them is an error.
    pub async fn compile(
        &self,
        workspace: &Workspace,
        bundle: Arc<Bundle>,
        tests: Tests,
    ) -> Result<Arc<Rules>, ChangeError> {
        let (mut world, failing) = (workspace.world(), workspace.failing_tests());
        world.lists = Some(self.lists(&workspace.id).await?.into_iter().map(|list| list.name).collect());
        let compile = move || match tests {
            Tests::Run => Rules::compile_and_test(&bundle, &world, failing),
            Tests::Skip => Rules::compile(&bundle, &world),
        };
        let _alone = workspace.bundle_turn().await;
        let compiled = tokio::task::spawn_blocking(compile).await;
        let compiled = compiled.map_err(|_| ChangeError::CompilerDied)?;
        compiled.map(Arc::new).map_err(|refused| ChangeError::Refused(Box::new(refused)))
    }

    /// Publishes a bundle: when this returns, every later event is decided by it.
    ///
    /// # Errors
    /// [`ChangeError`]; then the revision that was live stays live.
    pub async fn publish(
        &self,
        workspace: &Workspace,
        bundle: Arc<Bundle>,
        now: Timestamp,
    ) -> Result<Arc<Revision>, ChangeError> {
        // The turn comes first: a connection must not go while rules that name it are checked.
        let _turn = self.turn(workspace).await?;
        let rules = self.compile(workspace, Arc::clone(&bundle), Tests::Run).await?;
        self.go_live(workspace, bundle, rules, now, None).await
    }

    /// Publishes the files of an earlier revision again, as a new one.
    ///
    /// # Errors
    /// [`ChangeError`]; then the revision that was live stays live.
    pub async fn rollback(
        &self,
        workspace: &Workspace,
        number: u64,
        now: Timestamp,
    ) -> Result<Arc<Revision>, ChangeError> {
        let _turn = self.turn(workspace).await?;
        let earlier = self.revision_record(workspace, number).await?;
        let bundle = Arc::new(bundle_of(earlier.files));
        // It was live before, and going back must not wait for a test.
        let rules = self.compile(workspace, Arc::clone(&bundle), Tests::Skip).await?;
        self.go_live(workspace, bundle, rules, now, Some(number)).await
    }

    async fn go_live(
        &self,
        workspace: &Workspace,
        bundle: Arc<Bundle>,
        rules: Arc<Rules>,
        now: Timestamp,
        rollback_of: Option<u64>,
    ) -> Result<Arc<Revision>, ChangeError> {
        let (mut record, stored_at) = self.workspace_record(&workspace.id).await?;
        let stored = self.revision_numbers(&workspace.id).await?;
        let number = stored.first().copied().unwrap_or(0).max(record.live.unwrap_or(0)) + 1;
        let warm = Arc::clone(&self.warm);
        let revision = Revision::new(number, bundle, workspace.world(), now, rollback_of, warm);
        // A crash between the two leaves a revision that was never live; its number is not used again.
        self.put(&revision_key(&workspace.id, number), &revision.record(), Expect::Absent).await?;
        record.live = Some(number);
        self.put(&workspace_key(&workspace.id), &record, Expect::Revision(stored_at)).await?;
        let revision = Arc::new(revision);
        revision.start(rules);
        workspace.set_live(Some(Arc::clone(&revision)));
        for old in stored.iter().skip(REVISIONS_MAX - 1) {
            self.store.delete(&revision_key(&workspace.id, *old), Expect::Any).await?;
        }
        Ok(revision)
    }

    /// The numbers of a workspace's stored revisions, newest first. Their texts, which may be large, are not
    /// read.
    async fn revision_numbers(&self, workspace: &WorkspaceId) -> Result<Vec<u64>, ChangeError> {
        let (store, prefix) = (Arc::clone(&self.store), revisions_of(workspace));
        let read = move || {
            let mut numbers = Vec::new();
            store.read(&[&prefix], &mut |key, _| {
                numbers.extend(key.strip_prefix(&*prefix).and_then(|number| number.parse::<u64>().ok()));
            })?;
            numbers.reverse();
            Ok(numbers)
        };
        tokio::task::spawn_blocking(read).await.map_err(|_| ChangeError::ReaderDied)?
    }

    /// The revisions of a workspace, newest first.
    ///
    /// # Errors
    /// The store failed.
    pub async fn revisions(&self, workspace: &Workspace) -> Result<Vec<Listed>, ChangeError> {
        let live = workspace.live().map(|live| live.number);
        let mut records: Vec<RevisionRecord> = self.all(&revisions_of(&workspace.id)).await?;
        records.reverse();
        Ok(records.into_iter().map(|record| Listed { live: live == Some(record.number), record }).collect())
    }

    /// One stored revision, not compiled.
    ///
    /// # Errors
    /// [`ChangeError::NotFound`], or the store failed.
    pub async fn revision_record(
        &self,
        workspace: &Workspace,
        number: u64,
    ) -> Result<RevisionRecord, ChangeError> {
        let stored = self.store.get(&revision_key(&workspace.id, number)).await?;
        let stored =
            stored.ok_or_else(|| ChangeError::NotFound { what: "revision", id: number.to_string() })?;
        read(&stored)
    }

    /// The revision with that id: the live one, or a stored one.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub async fn revision_with_id(
        &self,
        workspace: &Workspace,
        id: &str,
    ) -> Result<Arc<Revision>, ChangeError> {
        if let Some(live) = workspace.live().filter(|live| live.id.as_str() == id) {
            return Ok(live);
        }
        let stored = self.revisions(workspace).await?;
        let found = stored.iter().find(|one| one.record.id.as_str() == id);
        let number = found.map(|one| one.record.number);
        let number = number.ok_or_else(|| ChangeError::NotFound { what: "revision", id: id.to_owned() })?;
        Ok(Arc::new(self.stored_revision(workspace, number).await?))
    }
}
