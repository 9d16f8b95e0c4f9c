//! Every workspace of a server: found by id in memory, and read from the store at start.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dashmap::DashMap;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;

use super::change::{ChangeError, opened};
use super::record::{
    CONNECTIONS, ConnectionRecord, KEYS, RevisionRecord, WORKSPACES, WorkspaceRecord, key_key, revision_key,
    workspace_key,
};
use super::{Connection, ConnectionTable, Revision, Warm, Workspace};
use crate::control::{ConfigStore, Expect, Versioned};
use crate::deliver::target::{Connections, Target};
use crate::id::{ConnectionId, KeyId, WorkspaceId};
use crate::key::KeyRecord;
use crate::limits::LIST_CHANGES_AT_ONCE_MAX;
use crate::lists::WorkspaceLists;
use crate::secret::vault::{Vault, VaultError};

/// Values that are read from the store at once.
const PAGE: usize = 1_000;

/// Every workspace of a server.
pub struct Registry {
    /// A sharded map: control plane only, and no guard leaves a method.
    workspaces: DashMap<WorkspaceId, Arc<Workspace>>,
    pub(crate) store: Arc<dyn ConfigStore>,
    pub(super) vault: Vault,
    /// Events that each workspace may send in a second; 0 for no limit.
    events_per_second_max: AtomicU32,
    pub(super) warm: Arc<Warm>,
    /// Whoever changes a list holds one of these permits.
    pub(crate) list_changes: Semaphore,
}

impl Registry {
    /// Reads everything that was stored. Rules are text until an event asks for them.
    ///
    /// # Errors
    /// [`ChangeError`] when the store cannot be read.
    pub async fn load(
        store: Arc<dyn ConfigStore>,
        vault: Vault,
        warm: Arc<Warm>,
    ) -> Result<Arc<Self>, ChangeError> {
        let registry = Arc::new(Self {
            workspaces: DashMap::new(),
            store,
            vault,
            warm,
            list_changes: Semaphore::new(LIST_CHANGES_AT_ONCE_MAX),
            events_per_second_max: AtomicU32::new(0),
        });
        let records: Vec<WorkspaceRecord> = registry.all(WORKSPACES).await?;
        let (live, deleted): (Vec<_>, Vec<_>) =
            records.into_iter().partition(|record| record.deleted_at.is_none());
        // First: what is left of them need not be readable any more.
        for record in deleted.into_iter().filter(|record| !record.cleared) {
            registry.clear(record).await?;
        }
        let mut stored = Stored::read(&registry.store, &live).await?;
        for record in &live {
            registry.load_workspace(record, &mut stored)?;
        }
        Ok(registry)
    }

    fn load_workspace(&self, record: &WorkspaceRecord, stored: &mut Stored) -> Result<(), ChangeError> {
        let wrapped = STANDARD.decode(record.key.as_bytes()).map_err(|_| VaultError::Changed)?;
        let key = self.vault.unwrap(&record.id, &wrapped)?;
        let mut table = ConnectionTable::default();
        for connection in stored.connections.remove(&record.id).unwrap_or_default() {
            let credentials = opened(&key, &connection)?;
            table.insert(Arc::new(Connection::new(connection, credentials)));
        }
        let workspace = Arc::new(Workspace::new(record, key, table, self.lists_of(&record.id)));
        if let Some(number) = record.live {
            let missing = || ChangeError::NotFound { what: "revision", id: number.to_string() };
            let revision = stored.revisions.remove(&record.id).ok_or_else(missing)?;
            let revision = Revision::from_record(revision, workspace.world(), Arc::clone(&self.warm));
            workspace.set_live(Some(Arc::new(revision)));
        }
        self.show(workspace);
        Ok(())
    }

    /// The lists of a workspace, in the store until somebody asks.
    pub(super) fn lists_of(&self, id: &WorkspaceId) -> Arc<WorkspaceLists> {
        WorkspaceLists::stored(id, &self.store, Arc::clone(&self.warm))
    }

    /// A workspace that is not deleted.
    #[must_use]
    pub fn workspace(&self, id: &WorkspaceId) -> Option<Arc<Workspace>> {
        self.workspaces.get(id).map(|found| Arc::clone(&found))
    }

    /// The same, or that there is none.
    pub(super) fn existing(&self, id: &WorkspaceId) -> Result<Arc<Workspace>, ChangeError> {
        let gone = || ChangeError::NotFound { what: "workspace", id: id.to_string() };
        self.workspace(id).ok_or_else(gone)
    }

    /// Workspaces in the order of their ids, those after `after`, at most `limit`.
    #[must_use]
    pub fn list(&self, after: Option<&str>, limit: usize) -> Vec<Arc<Workspace>> {
        let wanted = |id: &WorkspaceId| after.is_none_or(|after| id.as_str() > after);
        let mut found: Vec<_> = self
            .workspaces
            .iter()
            .filter(|entry| wanted(entry.key()))
            .map(|entry| Arc::clone(entry.value()))
            .collect();
        found.sort_by(|a, b| a.id.cmp(&b.id));
        found.truncate(limit);
        found
    }

    /// What is held compiled.
    #[must_use]
    pub fn warm(&self) -> &Warm {
        &self.warm
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.workspaces.len()
    }

    /// Sets how many events each workspace may send in a second.
    pub fn set_events_per_second_max(&self, per_second: Option<u32>) {
        self.events_per_second_max.store(per_second.unwrap_or(0), Ordering::Release);
        for workspace in &self.workspaces {
            workspace.rate.set(per_second);
        }
    }

    pub(super) fn show(&self, workspace: Arc<Workspace>) {
        let per_second = self.events_per_second_max.load(Ordering::Acquire);
        workspace.rate.set((per_second > 0).then_some(per_second));
        self.workspaces.insert(workspace.id.clone(), workspace);
    }

    pub(super) fn hide(&self, id: &WorkspaceId) {
        self.workspaces.remove(id);
    }

    /// A stored revision, as text.
    ///
    /// # Errors
    /// [`ChangeError::NotFound`] when it was never there or is gone, or the store failed.
    pub async fn stored_revision(&self, workspace: &Workspace, number: u64) -> Result<Revision, ChangeError> {
        let key = revision_key(&workspace.id, number);
        let Some(stored) = self.store.get(&key).await? else {
            return Err(ChangeError::NotFound { what: "revision", id: number.to_string() });
        };
        let record: RevisionRecord = read(&stored)?;
        Ok(Revision::from_record(record, workspace.world(), Arc::clone(&self.warm)))
    }

    /// Stores a key of the API.
    ///
    /// # Errors
    /// Its workspace is gone, or the store failed.
    pub async fn store_key(&self, record: &KeyRecord) -> Result<(), ChangeError> {
        let workspace = self.existing(&record.workspace)?;
        let _turn = self.turn(&workspace).await?;
        self.put(&key_key(&record.id), record, Expect::Absent).await.map(|_| ())
    }

    /// Forgets a key of the API.
    ///
    /// # Errors
    /// The store failed.
    pub async fn forget_key(&self, id: &KeyId) -> Result<(), ChangeError> {
        Ok(self.store.delete(&key_key(id), Expect::Any).await?)
    }

    /// Every stored key of the API. What a workspace has left that was deleted goes.
    ///
    /// # Errors
    /// The store failed.
    pub async fn stored_keys(&self) -> Result<Vec<KeyRecord>, ChangeError> {
        let keys = self.all::<KeyRecord>(KEYS).await?;
        let (kept, left) = keys.into_iter().partition(|key| self.existing(&key.workspace).is_ok());
        let left: Vec<KeyRecord> = left;
        for key in left {
            self.forget_key(&key.id).await?;
        }
        Ok(kept)
    }

    /// Everything below a prefix.
    pub(crate) async fn all<T: DeserializeOwned>(&self, prefix: &str) -> Result<Vec<T>, ChangeError> {
        let mut found = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = self.store.list(prefix, after.as_deref(), PAGE).await?;
            let full = page.len() == PAGE;
            after = page.last().map(|last| last.key.clone());
            for value in &page {
                found.push(read(value)?);
            }
            if !full {
                return Ok(found);
            }
        }
    }

    pub(super) async fn put<T: Serialize + Sync>(
        &self,
        key: &str,
        value: &T,
        expect: Expect,
    ) -> Result<u64, ChangeError> {
        let bytes = serde_json::to_vec(value)
            .map_err(|source| ChangeError::Record { key: key.to_owned(), source })?;
        Ok(self.store.put(key, bytes, expect).await?)
    }

    pub(super) async fn workspace_record(
        &self,
        id: &WorkspaceId,
    ) -> Result<(WorkspaceRecord, u64), ChangeError> {
        let stored = self.store.get(&workspace_key(id)).await?;
        let gone = || ChangeError::NotFound { what: "workspace", id: id.to_string() };
        let stored = stored.ok_or_else(gone)?;
        let record: WorkspaceRecord = read(&stored)?;
        if record.deleted_at.is_some() { Err(gone()) } else { Ok((record, stored.revision)) }
    }
}

/// What workspaces have in the store, read together: ten thousand of them are two questions and not twenty
/// thousand.
#[derive(Default)]
struct Stored {
    connections: HashMap<WorkspaceId, Vec<ConnectionRecord>>,
    /// The live one of each.
    revisions: HashMap<WorkspaceId, RevisionRecord>,
}

impl Stored {
    async fn read(store: &Arc<dyn ConfigStore>, records: &[WorkspaceRecord]) -> Result<Self, ChangeError> {
        let live = records.iter().filter_map(|record| Some((record.id.clone(), record.live?)));
        let live: HashMap<String, WorkspaceId> =
            live.map(|(id, number)| (revision_key(&id, number), id)).collect();
        let store = Arc::clone(store);
        tokio::task::spawn_blocking(move || Self::read_now(&*store, &live))
            .await
            .map_err(|_| ChangeError::ReaderDied)?
    }

    /// `live` has the workspaces by the keys of their live revisions. Blocks.
    fn read_now(store: &dyn ConfigStore, live: &HashMap<String, WorkspaceId>) -> Result<Self, ChangeError> {
        let (mut found, mut wrong) = (Self::default(), None);
        let mut note = |key: &str, source| {
            wrong.get_or_insert(ChangeError::Record { key: key.to_owned(), source });
        };
        store.read(
            &[CONNECTIONS],
            &mut |key, value| match serde_json::from_slice::<ConnectionRecord>(value) {
                Ok(record) => found.connections.entry(record.workspace.clone()).or_default().push(record),
                Err(source) => note(key, source),
            },
        )?;
        // In the store's order, which is how it lies on the disk.
        let mut keys: Vec<&str> = live.keys().map(String::as_str).collect();
        keys.sort_unstable();
        store.read(&keys, &mut |key, value| match (live.get(key), serde_json::from_slice(value)) {
            (Some(id), Ok(record)) => drop(found.revisions.insert(id.clone(), record)),
            (_, Err(source)) => note(key, source),
            (None, Ok(_)) => {}
        })?;
        wrong.map_or(Ok(found), Err)
    }
}

pub(crate) fn read<T: DeserializeOwned>(stored: &Versioned) -> Result<T, ChangeError> {
    serde_json::from_slice(&stored.value)
        .map_err(|source| ChangeError::Record { key: stored.key.clone(), source })
}

/// The registry as deliveries see it.
pub struct Targets {
    registry: Arc<Registry>,
    runtime: tokio::runtime::Handle,
}

impl Targets {
    /// Must be called inside the runtime that changes are to run on.
    #[must_use]
    pub fn new(registry: Arc<Registry>) -> Self {
        Self { registry, runtime: tokio::runtime::Handle::current() }
    }
}

impl Connections for Targets {
    fn target(&self, workspace: &WorkspaceId, connection: &ConnectionId) -> Option<Target> {
        let workspace = self.registry.workspace(workspace)?;
        workspace.connections.load().get(connection).map(|found| found.target())
    }

    fn disable(&self, workspace: &WorkspaceId, connection: &ConnectionId) {
        let Some(workspace) = self.registry.workspace(workspace) else { return };
        let (registry, connection) = (Arc::clone(&self.registry), connection.clone());
        self.runtime.spawn(async move {
            let because = "the receiver answered 410 Gone";
            if let Err(error) = registry.disable(&workspace, &connection, because, Timestamp::now()).await {
                tracing::error!(workspace = %workspace.id, %connection, %error, "a connection could not be disabled");
            }
        });
    }
}
